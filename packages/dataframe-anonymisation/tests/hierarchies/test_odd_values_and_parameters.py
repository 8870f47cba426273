"""Hierarchies over values and parameters that are odd, large, or of several kinds."""

import datetime as dt
import uuid
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataframe_anonymisation import (
    AnonymisationPolicy,
    Hierarchy,
    HierarchyError,
    KAnonymity,
    PolicyError,
    TCloseness,
    UncoveredValuesError,
    anonymise,
)
from dataframe_anonymisation.hierarchies.rows import RowHierarchy
from dataframe_anonymisation.values import canonical_number
from util_services.errors import DatasetError


def published(values, hierarchy=None, **options):
    known = {"models": [KAnonymity(k=1)], "quasi_identifiers": ["a"], "suppression_limit": 0.0}
    hierarchies = {} if hierarchy is None else {"a": hierarchy}
    policy = AnonymisationPolicy(**(known | {"hierarchies": hierarchies} | options))
    return anonymise(pd.DataFrame({"a": values}), policy)


def test_periods_are_published_as_they_are_written():
    values = pd.Series(pd.PeriodIndex(["2021-01", "2021-01", None], freq="M"))

    result, report = published(values)

    assert result["a"].tolist()[:2] == ["2021-01", "2021-01"]
    assert result["a"].isna().sum() == 1
    assert report["verified"]["holds"]


@pytest.mark.parametrize("kind", ["object", "arrow"])
def test_uuids_are_published_as_they_are_written(kind):
    number = uuid.UUID(int=5)
    values = pd.Series([number, number], dtype=object)
    if kind == "arrow":
        storage = pa.array([number.bytes] * 2, pa.binary(16))
        array = pa.ExtensionArray.from_storage(pa.uuid(), storage)
        values = pd.Series(pd.arrays.ArrowExtensionArray(array))

    result, report = published(values)

    assert result["a"].tolist() == [str(number)] * 2
    assert report["verified"]["holds"]


@pytest.mark.parametrize("kind", [pa.binary(2), pa.binary_view(), pa.bool8()])
def test_columns_whose_values_have_no_text_are_refused(kind):
    array = pa.array([1, 0] if kind == pa.bool8() else [b"ab", b"ab"], kind)

    with pytest.raises(DatasetError, match="'a' is of the type"):
        published(pd.Series(pd.arrays.ArrowExtensionArray(array)))


@pytest.mark.parametrize("text", ["1e5000000", "1e-5000000", "1_000", " 1", "٣", "nan", "inf", ""])
def test_texts_that_only_look_like_numbers_are_none(text):
    assert canonical_number(text) is None


@pytest.mark.parametrize(
    ("text", "plain"),
    [("1e3", "1000"), ("-0.0", "0"), ("+7.50", "7.5"), (".5", "0.5"), ("1E-7", "0.0000001")],
)
def test_numbers_have_one_text(text, plain):
    assert canonical_number(text) == plain


def test_codes_with_an_e_are_no_numbers():
    codes = [f"{n:02}e{n % 10}" for n in range(10, 40)]

    taxonomy = Hierarchy.auto().over("a", codes)

    assert not taxonomy.is_numeric
    assert "***" in {label[1:] for label in taxonomy.labels[-2]}


def test_texts_of_hundreds_of_digits_are_no_numbers():
    assert not Hierarchy.auto().over("a", ["1" * 400, "2" * 400, "3" * 400]).is_numeric


@given(
    st.decimals(allow_nan=False, allow_infinity=False, places=8, min_value=-(10**40)),
    st.sampled_from(["left", "right"]),
)
def test_a_value_of_many_digits_lies_in_its_label(number, closed):
    text = canonical_number(str(number))
    (label,) = Hierarchy.intervals([10], closed=closed).labels(text)

    low, high = map(Decimal, label[1:-1].split(", "))
    assert low <= number < high if closed == "left" else low < number <= high


def test_rounding_whole_numbers_warns_of_nothing():
    taxonomy = Hierarchy.rounding([5, 10]).over("a", [str(n) for n in range(-9, 40)])

    assert taxonomy.misplaced == 0


@pytest.mark.parametrize("closed", ["left", "right"])
def test_bottom_and_top_coding_warn_of_nothing(closed):
    hierarchy = Hierarchy.intervals([10], bottom=10, top=30, closed=closed)

    assert hierarchy.over("a", [str(n) for n in range(50)]).misplaced == 0


@pytest.mark.parametrize("number", [np.float64(5), np.int64(5), np.int8(5), np.float32(5)])
def test_numbers_of_numpy_are_numbers(number):
    hierarchy = Hierarchy.intervals([number], origin=np.int64(0), top=np.float64(20))

    assert hierarchy.labels("7") == ["[5, 10)"]
    assert hierarchy.labels("20") == [">= 20"]


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Hierarchy.intervals([float("nan")]), "'widths' of intervals must be finite"),
        (lambda: Hierarchy.intervals([float("inf")]), "'widths' of intervals must be finite"),
        (lambda: Hierarchy.intervals(["5"]), "'widths' of intervals must be finite"),
        (lambda: Hierarchy.intervals([True]), "'widths' of intervals must be finite"),
        (lambda: Hierarchy.intervals([5], origin=float("nan")), "'origin' of intervals"),
        (lambda: Hierarchy.intervals([5], top=float("inf")), "'top' of intervals"),
        (lambda: Hierarchy.intervals([5], bottom=20, top=10), "'bottom' of intervals must not"),
        (lambda: Hierarchy.rounding([float("nan")]), "'widths' of intervals must be finite"),
        (lambda: Hierarchy.mask([3.5]), "'keep' of a mask must be whole numbers"),
        (lambda: RowHierarchy.parse(b"a;b\n", delimiter=";;"), "must be one character"),
        (lambda: RowHierarchy.parse(b"a;b\n", delimiter=""), "must be one character"),
        (lambda: RowHierarchy.parse(b"a;b\n", delimiter='"'), "must be one character"),
    ],
)
def test_parameters_that_are_none_are_refused_in_a_sentence(make, sentence):
    with pytest.raises(HierarchyError, match=sentence):
        make()


@pytest.mark.parametrize("weight", [float("inf"), float("nan"), 0, -1, True, "1"])
def test_weights_are_finite_and_above_nothing(weight):
    with pytest.raises(PolicyError, match="'weights' must be finite numbers above 0"):
        published(["x"], weights={"a": weight})


def test_a_period_loses_its_length_and_not_that_of_the_days_in_the_data():
    """One day of January stands for 31 days of 365."""
    days = [dt.date(2021, 1, 1), dt.date(2021, 1, 15), dt.date(2021, 12, 31)]
    texts = [day.isoformat() for day in days]

    taxonomy = Hierarchy.date(["month", "year"]).over("a", texts)

    assert taxonomy.misplaced == 0
    assert taxonomy.ncp[1].tolist() == [30 / 364, 30 / 364]
    assert taxonomy.ncp[2].tolist() == [1.0]


@pytest.mark.parametrize("level", ["day", "month", "quarter", "year", "decade"])
@given(moment=st.datetimes(), is_day=st.booleans())
def test_a_moment_lies_in_the_days_of_its_label(level, moment, is_day):
    text = moment.date().isoformat() if is_day else moment.isoformat()

    taxonomy = Hierarchy.date([level]).over("a", list({text, f"2000-01-01{text[10:]}"}))

    assert taxonomy.misplaced == 0


def test_a_text_of_one_character_is_masked_by_the_root_alone():
    values = ["abc", "abd", "x", "y"]

    taxonomy = Hierarchy.mask([2, 0]).over("a", values)

    assert taxonomy.paths()["x"] == ["x", "x", "x", "*"]
    assert taxonomy.paths()["abc"] == ["abc", "ab*", "***", "*"]


def test_blanks_are_ignored_in_hierarchies_as_in_columns():
    rows = Hierarchy.from_rows([[" x", "letter", "*"], ["y ", "letter", "*"]])

    result, _ = published([" x ", "y"], rows, strip=True, models=[KAnonymity(k=2)])

    assert set(result["a"]) == {"letter"}
    with pytest.raises(UncoveredValuesError):
        published([" x ", "y"], rows)


@pytest.mark.parametrize("given_by", ["found", "declared"])
def test_the_delimiter_of_a_hierarchy_file_is_reported(tmp_path, given_by):
    (tmp_path / "a.csv").write_text("x,letter,*\n")
    delimiter = "," if given_by == "declared" else None
    hierarchy = Hierarchy.from_file(str(tmp_path / "a.csv"), delimiter=delimiter)

    _, report = published(["x"], hierarchy)

    assert report["hierarchy_delimiters"] == {"a": ","}


def close(hierarchies, **options):
    known = {
        "models": [TCloseness(t=1, attribute="s", distance="hierarchical")],
        "quasi_identifiers": ["a"],
        "sensitive_attributes": ["s"],
        "hierarchies": hierarchies,
    }
    return AnonymisationPolicy(**(known | options))


@pytest.mark.parametrize("unknown", ["error", "suppress"])
def test_sensitive_values_that_lack_in_the_hierarchy_of_their_distances_are_counted(unknown):
    frame = pd.DataFrame({"a": ["x"] * 3, "s": ["flu", "hush1", "hush2"]})
    tree = Hierarchy.mapping({"flu": ["lung", "*"]})

    with pytest.raises(UncoveredValuesError) as caught:
        anonymise(frame, close({"s": tree}, unknown_values=unknown))

    assert caught.value.counts == {"s": 2}
    assert len(anonymise(frame, close({"s": tree}, unknown_values="own_leaf"))[0]) == 3


def test_the_hierarchical_distance_without_a_hierarchy_is_refused_by_the_policy():
    with pytest.raises(PolicyError, match="needs a hierarchy of 's'"):
        close({})
