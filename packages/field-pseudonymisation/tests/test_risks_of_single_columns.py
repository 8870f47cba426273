"""Singling out, linkability and inference, as a report measures them column by column."""

import pandas as pd
import pytest

from field_pseudonymisation import PseudonymisationPolicy, pseudonymise
from util_services.keys import Keyset

KEYS = Keyset.generate("clinic")
VALUES = ["a", "a", "a", "b", "c", None]  # of five, three are one value and two stand alone


@pytest.mark.parametrize(("policy", "linkability"), [("deterministic", 0.4), ("per_dataset", 0.0)])
def test_the_three_risks_are_shares_of_the_values(policy, linkability):
    rules = {"a": {"technique": "hash", "policy": policy}}

    _, report = pseudonymise(
        pd.DataFrame({"a": VALUES}), PseudonymisationPolicy("clinic", "d", rules), KEYS
    )

    assert report["risks"] == [
        {
            "column": "a",
            "singling_out_share": 0.4,
            "linkability_share": linkability,
            "inference_share": 0.6,
        }
    ]


def test_columns_without_equal_values_or_without_values_have_none():
    frame = pd.DataFrame(
        {"a": ["x", "x"], "b": ["y", "z"], "c": pd.Series([None, None], dtype="str")}
    )
    rules = {
        "a": {"technique": "encrypt", "mode": "random"},
        "b": {"technique": "redact"},
        "c": {"technique": "hash"},
    }

    _, report = pseudonymise(frame, PseudonymisationPolicy("clinic", "d", rules), KEYS)

    assert report["risks"] == []


def test_values_that_became_missing_do_not_count():
    rule = {"technique": "format_preserving_encrypt", "on_unencryptable": "null"}
    frame = pd.DataFrame({"a": ["123456", "123456", "1", "654321"]})

    _, report = pseudonymise(frame, PseudonymisationPolicy("clinic", "d", {"a": rule}), KEYS)

    (told,) = report["risks"]
    assert (told["singling_out_share"], told["inference_share"]) == (0.3333, 0.6667)
