import datetime as dt
import math
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import data_processing
from data_processing import remove_duplicates
from data_processing.cleaning.duplicates import LIMIT
from util_services.errors import ConfigurationError, DatasetError

NAN = float("nan")
SECRET = "s3cr3t"  # noqa: S105


def kept(values, **options):
    """Return the numbers of the rows that stay of a frame with one key column."""
    frame = pd.DataFrame({"row": range(len(values)), "key": values})
    return remove_duplicates(frame, subset=["key"], **options)[0]["row"].tolist()


def objects(*values):
    series = pd.Series([None] * len(values), dtype=object)
    for n, value in enumerate(values):
        series.iat[n] = value
    return series


def test_rows_dtypes_and_report():
    frame = pd.DataFrame(
        {
            "name": ["Ann", "ANN ", None, "Bo", None],
            "age": pd.array([1, 1, None, 2, None], dtype="Int64"),
            "group": pd.Categorical(["x", "x", None, "y", None], categories=["y", "x", "z"]),
        },
        index=[9, 9, 4, 2, 0],
    )
    before = frame.copy()

    result, report = remove_duplicates(frame, ignore=["case", "whitespace"], keep="last")

    expected = before.iloc[[1, 3, 4]].reset_index(drop=True)
    pd.testing.assert_frame_equal(result, expected, check_index_type="exact")
    pd.testing.assert_frame_equal(frame, before)
    assert isinstance(result.index, pd.RangeIndex)
    assert report == {
        "operation": "remove_duplicates",
        "engine": "local",
        "configuration": {
            "subset": [],
            "keep": "last",
            "order_by": [],
            "ignore": ["case", "whitespace"],
        },
        "rows": {"in": 5, "out": 3, "dropped": 2},
        "facts": {
            "duplicate_groups": 2,
            "rows_in_duplicate_groups": 4,
            "largest_groups": [2, 2],
        },
        "columns": {"added": [], "removed": [], "retyped": []},
        "warnings": [],
        "limits": [LIMIT],
        "sections": [],
    }


def test_the_result_does_not_share_values_with_the_input():
    frame = pd.DataFrame({"a": [1, 2]})

    result, _ = remove_duplicates(frame)
    result.loc[0, "a"] = 7

    assert frame["a"].tolist() == [1, 2]


def test_dp_17_all_kinds_of_missing_are_equal_in_an_object_column():
    assert kept(objects(None, NAN, pd.NA, pd.NaT, np.float32("nan"), "x", "nan")) == [0, 5, 6]
    assert kept(objects(None, NAN, pd.NA, pd.NaT)) == [0]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pd.Series([NAN, None, -0.0, 0.0]), [0, 2]),
        (pd.array([1.0, None, 1.0, None], "Float64"), [0, 1]),
        (pd.array([NAN, None, NAN], pd.ArrowDtype(pa.float64())), [0]),
        (pd.Series([1, 2, 1], dtype="uint8"), [0, 1]),
        (pd.array([2**53, 2**53 + 1, None, None], "Int64"), [0, 1, 2]),
        (pd.array([True, None, True, None], "boolean"), [0, 1]),
        (pd.Series([1, 2, 1], dtype="float16"), [0, 1]),
        (pd.arrays.SparseArray([0, 1, 0, 1]), [0, 1]),
        (pd.Categorical(["a", None, "a", None]), [0, 1]),
        (pd.Categorical([2, 1, 2]), [0, 1]),
        (pd.Series(pd.to_datetime([1, 2, 1, None], unit="ns")), [0, 1, 3]),
        (pd.Series(pd.to_datetime([1, 2, 1], unit="ns", utc=True)), [0, 1]),
        (pd.Series(pd.to_timedelta([1, 2, 1, None], unit="ns")), [0, 1, 3]),
        (pd.Series(pd.period_range("2020-01", periods=2, freq="M")).take([0, 1, 0]), [0, 1]),
        (pd.Series(pd.interval_range(0, 2)).take([0, 1, 0]), [0, 1]),
        (pd.array(["a", None, "a"], "string"), [0, 1]),
        (
            pd.array([Decimal("1.1"), Decimal("1.10")], pd.ArrowDtype(pa.decimal256(50, 2))),
            [0],
        ),
        (objects([1.0, NAN], [1.0, None], np.array([1.0, NAN]), None, []), [0, 3, 4]),
        (objects((1, 2), [1, 2], (2, 1)), [0, 2]),
        (objects({"a": 1, "b": "x"}, {"a": 1, "b": "x"}, {"a": 1, "b": None}), [0, 2]),
        (objects([{"a": [1]}], [{"a": [1]}], [{"a": []}]), [0, 2]),
        (objects(1, 1.0, 2.5, np.int8(1)), [0, 2]),
        (objects(Decimal("1.0"), Decimal("1.00"), 1), [0]),
        (objects(pd.Timestamp(1), pd.Timestamp(2), None, pd.Timestamp(1)), [0, 1, 2]),
        (objects(dt.date(2020, 1, 1), dt.date(2020, 1, 1), None), [0, 2]),
        (objects(dt.time(1), dt.time(1), dt.time(2)), [0, 2]),
        (objects(b"a", b"a", b"\xff"), [0, 2]),
        (objects(True, None, True, False), [0, 1, 3]),
        (objects(None, 2**53, 2**53 + 1, 2**53), [0, 1, 2]),
        (objects(), []),
    ],
    ids=lambda value: None if isinstance(value, list) else str(value.dtype),
)
def test_columns_of_every_dtype(values, expected):
    assert kept(values) == expected


@pytest.mark.parametrize(
    "values",
    [
        (1, SECRET),
        (SECRET, b"s3cr3t"),
        (True, 1),
        (dt.date(2020, 1, 1), dt.datetime(2020, 1, 1, 12)),  # noqa: DTZ001
        (pd.Timestamp("2020-01-01"), pd.Timestamp("2020-01-01", tz="UTC")),
        ([dt.datetime(2020, 1, 1)], [dt.date(2020, 1, 1)]),  # noqa: DTZ001
        ([1], SECRET),
        ([1], [SECRET]),
        ({"a": 1}, {"a": SECRET}),
        ({1, 2}, {2, 1}),
        (2**64, 1),
        (Decimal("Infinity"), Decimal(1)),
        (1 + 2j, 1),
        (object(), object()),
        ("\ud800", SECRET),
        (Decimal(1), 1.5),
        (Decimal(10**45), Decimal("0.1")),
    ],
    ids=lambda pair: ", ".join(type(value).__name__ for value in pair),
)
def test_values_that_cannot_be_compared_are_refused_without_showing_them(values):
    with pytest.raises(DatasetError) as refused:
        kept(objects(*values))

    assert str(refused.value) == (
        "The column 'key' holds values of several kinds, or of a kind that cannot be compared "
        "exactly; cast it to one type."
    )
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__


def test_a_column_that_is_not_compared_may_hold_anything():
    frame = pd.DataFrame({"id": [1, 1], "any": objects(1, "x")})

    assert len(remove_duplicates(frame, subset=["id"])[0]) == 1


@pytest.mark.parametrize(
    "columns",
    [
        [1, "1"],
        ["a", "A"],
        [("a", "x"), ("a", "y")],
        [None, 0.5],
        ["number", "column_0"],
        [dt.date(2020, 1, 1), "*"],
    ],
    ids=lambda pair: ", ".join(type(value).__name__ for value in pair),
)
def test_labels_of_columns_may_be_anything(columns):
    frame = pd.DataFrame([[1, 2], [1, 3], [1, 2]])
    frame.columns = pd.Index(columns, dtype=object, tupleize_cols=False)

    whole, _ = remove_duplicates(frame)
    part, report = remove_duplicates(frame, subset=[columns[0]], order_by=[columns[1]], keep="last")

    assert whole.to_numpy().tolist() == [[1, 2], [1, 3]]
    assert part.to_numpy().tolist() == [[1, 3]]
    assert part.columns.equals(frame.columns)
    assert report["configuration"]["subset"] == [str(columns[0])]
    assert report["configuration"]["order_by"] == [str(columns[1])]


def test_several_levels_of_columns():
    frame = pd.DataFrame(
        [[1, 2], [1, 2]], columns=pd.MultiIndex.from_tuples([("a", "x"), ("a", "y")])
    )

    assert len(remove_duplicates(frame, subset=[("a", "x")])[0]) == 1
    with pytest.raises(ConfigurationError, match=r"^'subset' names columns that the dataset does"):
        remove_duplicates(frame, subset=["a"])


def test_order_by_goes_by_the_order_of_categories():
    sizes = pd.Categorical(["S", "XL", None, "M"], categories=["S", "M", "XL"], ordered=True)
    frame = pd.DataFrame({"key": 1, "size": sizes})

    result, report = remove_duplicates(frame, subset=["key"], order_by=["size"], keep="last")

    assert result["size"].tolist() == ["XL"]
    assert report["warnings"] == []


def test_ordering_by_text_is_warned_about_under_the_label_of_the_column():
    frame = pd.DataFrame({"key": [1, 1], "n": ["9", "10"]})

    result, report = remove_duplicates(frame, subset=["key"], order_by=["n"])

    assert result["n"].tolist() == ["10"]
    assert report["warnings"] == [
        "'n' holds text, so 'order_by' ordered it as text: '10' comes before '9'."
    ]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            {"subset": ["emial"]},
            "'subset' names columns that the dataset does not have: 'emial'. Did you mean "
            "'email'? The dataset has 'email', 'id'.",
        ),
        (
            {"order_by": [7]},
            "'order_by' names columns that the dataset does not have: '7'. The dataset has "
            "'email', 'id'.",
        ),
        ({"subset": "id"}, "'subset' must be a list of columns, such as ['id']."),
        ({"subset": None}, "'subset' must be a list of columns, such as ['NAME']."),
        ({"order_by": 7}, "'order_by' must be a list of columns, such as ['NAME']."),
        ({"ignore": "case"}, "'ignore' must be a list of differences, such as ['case']."),
        ({"ignore": None}, "'ignore' must be a list of differences, such as ['case']."),
        ({"subset": ["id", "id"]}, "remove_duplicates.subset: each entry may stand here once."),
        (
            {"keep": "middle"},
            "remove_duplicates.keep: input should be 'first', 'last', 'none' or 'any'.",
        ),
        (
            {"ignore": ["colour"]},
            "remove_duplicates.ignore.0: input should be 'case', 'whitespace' or 'accents'.",
        ),
    ],
)
def test_a_wrong_option_is_one_sentence(options, sentence):
    frame = pd.DataFrame({"email": ["a"], "id": [1]})

    with pytest.raises(ConfigurationError) as refused:
        remove_duplicates(frame, **options)

    assert str(refused.value) == sentence


@pytest.mark.parametrize(
    ("given", "name"),
    [(None, "NoneType"), ([{"a": 1}], "list"), (pd.Series([1]), "Series")],
)
def test_anything_but_a_frame_is_refused_in_a_sentence(given, name):
    with pytest.raises(ConfigurationError) as refused:
        remove_duplicates(given)

    assert str(refused.value) == (
        f"'frame' must be a pandas DataFrame, not {name}; convert it first."
    )


def test_columns_of_one_label_are_refused():
    frame = pd.DataFrame([[1, 2, 3]], columns=["a", "b", "a"])

    with pytest.raises(DatasetError) as refused:
        remove_duplicates(frame)

    assert str(refused.value) == "The frame has several columns of one label: 'a'; rename them."


def test_a_frame_without_columns_is_refused():
    with pytest.raises(DatasetError) as refused:
        remove_duplicates(pd.DataFrame(index=range(3)))

    assert str(refused.value) == "The frame has no columns, so its rows cannot be compared."


@pytest.mark.parametrize("rows", [0, 1, 1000])
def test_frames_of_any_length(rows):
    frame = pd.DataFrame({"a": range(rows), "b": 1.5})

    result, report = remove_duplicates(frame)

    pd.testing.assert_frame_equal(result, frame)
    assert report["rows"] == {"in": rows, "out": rows, "dropped": 0}


def test_infinite_values_are_values():
    assert kept(pd.Series([math.inf, -math.inf, math.inf])) == [0, 1]


def test_only_public_names_are_offered():
    assert data_processing.__all__ == ["__version__", "clean", "remove_duplicates"]
    with pytest.raises(
        AttributeError, match=r"^module 'data_processing' has no attribute 'secret'"
    ):
        _ = data_processing.secret


def test_adult_loses_the_rows_that_pandas_drops(test_data):
    adult = pd.read_csv(test_data / "adult" / "adult.csv", sep=";", dtype=str)

    result, report = remove_duplicates(adult)

    expected = adult.drop_duplicates(ignore_index=True)
    pd.testing.assert_frame_equal(result, expected)
    assert report["rows"] == {
        "in": len(adult),
        "out": len(expected),
        "dropped": len(adult) - len(expected),
    }
