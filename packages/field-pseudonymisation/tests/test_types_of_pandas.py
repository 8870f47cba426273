"""Types of pandas that cannot hold what comes out of a technique, or would lose a part of it."""

import pandas as pd
import pytest

from field_pseudonymisation import PseudonymisationPolicy, pseudonymise
from field_pseudonymisation.errors import CellsError, PolicyError
from util_services.keys import Keyset

KEYS = Keyset.generate("clinic")


def done(values, **rule):
    frame = pd.DataFrame({"a": values, "b": range(len(values))})
    policy = PseudonymisationPolicy("clinic", "d", {"a": rule}, unmatched="keep")
    return pseudonymise(frame, policy, KEYS)[0]["a"]


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [
        ("bool", "boolean"),
        ("int64", "Int64"),
        ("int8", "Int8"),
        ("uint16", "UInt16"),
        ("float32", "float32"),
        ("boolean", "boolean"),
        ("Int32", "Int32"),
    ],
)
def test_what_was_nullified_is_missing_and_nothing_else(dtype, expected):
    found = done(pd.Series([1, 0, 1], dtype=dtype), technique="nullify")

    assert found.isna().all()
    assert str(found.dtype) == expected


@pytest.mark.parametrize("dtype", ["bool", "int64", "uint16"])
def test_types_stay_where_nothing_is_missing(dtype):
    found = done(pd.Series([1, 0, 1], dtype=dtype), technique="replace", value=dtype == "bool" or 1)

    assert str(found.dtype) == dtype


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ([pd.Timestamp(0), pd.Timestamp(1)], "row 1 .*nanoseconds, .*datetime64"),
        ([pd.Timestamp(0), pd.Timestamp(0, tz="UTC")], "row 1 .*several kinds"),
        ([pd.Timestamp(0, tz="Europe/Oslo"), pd.Timestamp(0, tz="UTC")], "row 1 .*several kinds"),
    ],
    ids=["nanoseconds", "aware and naive", "zones"],
)
def test_moments_as_objects_that_would_change_are_refused(values, reason):
    with pytest.raises(CellsError, match=reason):
        done(pd.Series(values, dtype=object), technique="encrypt")


@pytest.mark.parametrize(
    "values",
    [pd.period_range("1980-02", periods=2, freq="M"), pd.interval_range(1980, 1982)],
    ids=["period", "interval"],
)
def test_types_that_cannot_be_made_anew_are_refused_without_a_value_unless_they_stay(values):
    with pytest.raises(PolicyError, match=r"'a' is of the type|cannot be keyed") as refusal:
        done(values, technique="hash")

    assert "1980" not in str(refusal.value)
    assert done(values, technique="retain").tolist() == list(values)
