"""What a report on few suppressed rows does not tell of them."""

import json

import pandas as pd
import pytest

from dataframe_anonymisation import (
    AnonymisationPolicy,
    BetaLikeness,
    DeltaDisclosure,
    Hierarchy,
    KAnonymity,
    TCloseness,
    anonymise,
)

MODELS = {
    "k": [KAnonymity(k=3)],
    "t": [KAnonymity(k=3), TCloseness(t=1)],
    "delta": [KAnonymity(k=3), DeltaDisclosure(delta=9)],
    "beta": [KAnonymity(k=3), BetaLikeness(beta=9)],
    "enhanced": [KAnonymity(k=3), BetaLikeness(beta=9, enhanced=True)],
}


def report_of(secrets, *, models="t", **options):
    frame = pd.DataFrame(
        {
            "a": ["x"] * 30 + [f"alone {n}" for n in range(len(secrets))],
            "s": [*"pqr" * 10, *secrets],
            "person": range(30 + len(secrets)),
        }
    )
    policy = AnonymisationPolicy(
        models=MODELS[models],
        quasi_identifiers=["a"],
        sensitive_attributes=["s"],
        identifiers=["person"],
        hierarchies={"a": Hierarchy.suppression()},
        suppression_limit=0.5,
        algorithm="optimal",
        **options,
    )
    return anonymise(frame, policy)[1]


@pytest.mark.parametrize("suppressed", ["drop", "mask"])
@pytest.mark.parametrize("models", MODELS)
def test_the_report_is_the_same_whatever_the_value_of_the_suppressed_row_was(models, suppressed):
    reports = [
        json.dumps(report_of([secret], models=models, suppressed=suppressed)) for secret in "pqr"
    ]

    assert reports[0] == reports[1] == reports[2]


@pytest.mark.parametrize(("number", "is_told"), [(0, True), (1, False), (9, False), (10, True)])
def test_distances_to_the_original_table_are_told_from_ten_suppressed_rows_on(number, is_told):
    found = report_of(["p"] * number)

    assert found["rows_suppressed"] == number
    assert found["distances_withheld"] is not is_told
    assert (found["models"][1]["achieved"] is not None) is is_told
    assert (found["verified"]["models"][1]["measured"] is not None) is is_told
    assert list(found["shift_of_sensitive_attributes"]) == ["s"] * is_told
    assert found["models"][0]["achieved"] == 30


def test_what_is_told_has_four_digits():
    found = report_of(["p"] * 12)

    assert found["models"][1]["achieved"] == 0.1905
    assert found["verified"]["models"][1]["measured"] == 0.1905
    assert found["shift_of_sensitive_attributes"] == {"s": 0.1905}


def test_the_column_of_persons_has_no_shift():
    assert list(report_of(["p"] * 12, entity="person")["shift_of_sensitive_attributes"]) == ["s"]
