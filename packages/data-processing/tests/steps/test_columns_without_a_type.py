"""Columns of which Arrow knows no type, since every value of them is missing."""

import pandas as pd
import pyarrow as pa
import pytest

from data_processing import clean

TABLE = pa.table({"x": pa.nulls(3), "k": ["a", "b", None]})
TYPES = {
    "integer": pa.int64(),
    "decimal": pa.decimal128(38, 2),
    "float": pa.float64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
    "time": pa.time64("us"),
    "text": pa.string(),
}


@pytest.mark.parametrize("kind", TYPES)
def test_a_cast_gives_them_a_type(cleaned, kind):
    rule = {"type": kind, "on_error": "flag"}

    done = cleaned(TABLE, {"step": "cast_types", "columns": {"x": rule}})

    assert done.table.schema.field("x").type == TYPES[kind]
    assert done.column("x") == [None] * 3
    assert done.column("x_invalid") == [False] * 3


def test_what_is_cast_goes_through_all_other_steps(cleaned):
    cast = {"step": "cast_types", "columns": {"x": {"type": "text"}}}

    done = cleaned(TABLE, cast, {"step": "normalise_text", "columns": ["x"]})

    assert done.column("x") == [None] * 3


@pytest.mark.parametrize("by", [[], ["k"]], ids=["all rows", "groups"])
@pytest.mark.parametrize("strategy", ["mean", "median", "mode"])
def test_dp_23_they_have_no_statistic_and_stay_as_they_are(cleaned, strategy, by):
    done = cleaned(
        TABLE,
        {"step": "fill_missing_values", "columns": {"x": {"strategy": strategy, "by": by}}},
    )

    assert done.table.equals(TABLE)
    assert done.note.warnings == ("The column 'x' has no value, so that nothing could be filled.",)


@pytest.mark.parametrize("action", ["cap", "drop", "flag", "null"])
@pytest.mark.parametrize("method", ["iqr", "z_score", "mad", "percentile", "bounds"])
def test_dp_23_they_have_no_outliers(cleaned, method, action):
    limits = {"lower": 0.1, "upper": 0.9} if method in ("percentile", "bounds") else {}
    rule = {"method": method, "action": action, **limits}

    done = cleaned(TABLE, {"step": "handle_outliers", "columns": {"x": rule}})

    assert done.table.select(["x", "k"]).equals(TABLE)
    told = ("The column 'x' has no values, so that nothing is an outlier.",)
    assert done.note.warnings == (() if method == "bounds" else told)


@pytest.mark.parametrize(
    "step",
    [
        {"step": "scale", "columns": {"x": {"method": "standard"}}},
        {"step": "bin", "columns": {"x": {"method": "quantile", "bins": 3}}},
    ],
)
def test_dp_23_they_have_no_scale_and_no_bins(cleaned, step):
    done = cleaned(TABLE, step)

    assert done.column("x") == [None] * 3
    assert done.note.warnings


def test_a_column_of_objects_that_are_all_missing_is_one_of_them():
    frame = pd.DataFrame({"x": [None, None]})

    whole, _ = clean(frame, [{"step": "cast_types", "columns": {"x": {"type": "integer"}}}])

    assert whole["x"].dtype == pd.ArrowDtype(pa.int64())
