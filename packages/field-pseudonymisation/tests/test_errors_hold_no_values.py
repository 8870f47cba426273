"""What goes wrong is told in a sentence of this package that holds no value."""

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from field_pseudonymisation import PseudonymisationPolicy, pseudonymise
from field_pseudonymisation.errors import CellsError, PolicyError
from field_pseudonymisation.plan import compile_policy
from util_services.errors import DataServicesError
from util_services.keys import Keyset

KEYS = Keyset.generate("k")
NEEDLE = 9_223_372_036_854_775_817


def done(values, **rule):
    policy = PseudonymisationPolicy("k", "d", {"a": rule})
    return pseudonymise(pa.table({"a": values}), policy, KEYS)[0]["a"].to_pylist()


@pytest.mark.parametrize(
    ("values", "rule", "sentence"),
    [
        (
            pa.array([1, NEEDLE], pa.uint64()),
            {"technique": "format_preserving_encrypt", "width": 10},
            "row 1",
        ),
        (pa.array([b"\xff 817"]), {"technique": "hash", "as": "text"}, "bytes that are no text"),
        (pa.array([1]), {"technique": "replace", "value": NEEDLE << 7}, "not of the type int64"),
        (pa.array([1]), {"technique": "replace", "value": 1.817}, "not of the type int64"),
        (pa.array([817]), {"technique": "replace", "value": "1"}, "not of the type int64"),
    ],
)
def test_errors_are_sentences_and_quote_nothing(values, rule, sentence):
    with pytest.raises(DataServicesError, match=sentence) as refusal:
        done(values, **rule)

    assert "817" not in str(refusal.value)


def test_a_constant_of_the_type_of_its_column_is_taken():
    assert done(pa.array([1, 2], pa.uint8()), technique="replace", value=7) == [7, 7]
    assert done(pa.array([1.5]), technique="replace", value=2) == [2.0]


@pytest.mark.parametrize(
    "error", [pa.ArrowInvalid("817"), ValueError("817"), TypeError("817"), OverflowError("817")]
)
def test_what_nobody_foresaw_is_told_without_its_text(error):
    policy = PseudonymisationPolicy("", "", {"a": "redact"})
    plan = compile_policy(policy, [("a", pa.string())], None)

    class Broken:
        output = pa.string()
        needs = ()

        def apply(self, *_):
            raise error

    plan.columns[0].transform = Broken()

    with pytest.raises(CellsError, match=r"'a': values that the technique.*unexpected") as told:
        plan.apply({"a": pa.array(["x"])}, 1)
    assert "817" not in str(told.value)
    assert f"{type(error).__name__} in {Path(__file__).name}, line" in str(told.value)


def test_a_type_of_pandas_that_cannot_hold_the_result_is_told():
    days = pd.to_datetime(["2262-04-11", "1677-09-22"]).as_unit("ns")  # one leaves either way
    frame = pd.DataFrame({"who": ["a", "a"], "day": days})
    rules = {"who": "retain", "day": {"technique": "date_shift", "entity": "who"}}

    with pytest.raises((CellsError, PolicyError)) as refusal:
        pseudonymise(frame, PseudonymisationPolicy("k", "d", rules), KEYS)

    assert "2262" not in str(refusal.value)
