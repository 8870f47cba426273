"""Outliers by bounds that are exact, named by their definitions, and the same everywhere."""

import json
import math
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data_processing import clean
from util_services.errors import ConfigurationError

# Rosner 1983, as the NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.5.17.3, has it.
ROSNER = [
    -0.25, 0.68, 0.94, 1.15, 1.20, 1.26, 1.26, 1.34, 1.38, 1.43, 1.49, 1.49, 1.55, 1.56, 1.58, 1.65,
    1.69, 1.70, 1.76, 1.77, 1.81, 1.91, 1.94, 1.96, 1.99, 2.06, 2.09, 2.10, 2.14, 2.15, 2.23, 2.24,
    2.26, 2.35, 2.37, 2.40, 2.47, 2.54, 2.62, 2.64, 2.90, 2.92, 2.92, 2.93, 3.21, 3.26, 3.30, 3.59,
    3.68, 4.30, 4.64, 5.34, 5.42, 6.01,
]  # fmt: skip


def handle(column="x", **rule):
    return {"step": "handle_outliers", "columns": {column: rule}}


def handled(cleaned, values, kind=None, **rule):
    return cleaned(pa.table({"x": pa.array(values, kind)}), handle(**rule))


def outliers(done):
    return [row["x"] for row in done.rows() if row["x_outlier"]]


@pytest.mark.parametrize(
    ("method", "bounds"),
    [
        ("iqr", lambda x: (np.quantile(x, 0.25), np.quantile(x, 0.75), 1.5)),
        ("z_score", lambda x: (np.mean(x), np.mean(x), 3 * np.std(x, ddof=1))),
        ("mad", lambda x: (np.median(x), np.median(x), 3.5 / 0.6745 * mad(x))),
    ],
)
def test_bounds_are_those_of_their_definitions(cleaned, method, bounds):
    """DP-24, DP-25: numpy as the oracle."""
    low, high, reach = bounds(np.array(ROSNER))
    if method == "iqr":
        reach *= high - low
    expected = [x for x in ROSNER if not low - reach <= x <= high + reach]

    done = handled(cleaned, ROSNER, method=method)

    assert outliers(done) == expected != []
    (state,) = done.states.values()
    assert [state[0]["lower"], state[0]["upper"]] == pytest.approx([low - reach, high + reach])
    assert dict(done.note.counts) == {"x: outliers": len(expected)}


def mad(x):
    return np.median(np.abs(x - np.median(x)))


def test_quartiles_are_linear(cleaned):
    """DP-24: of 1, 2, 3, 10 they are 1.75 and 4.75, so that the bounds are -2.75 and 9.25."""
    done = handled(cleaned, [1.0, 2.0, 3.0, 10.0], action="cap")

    assert done.column("x") == [1.0, 2.0, 3.0, 9.25]


def test_the_deviation_has_one_degree_of_freedom_less(cleaned):
    """DP-25: the z-score of 10 in six values is 2.04 by n - 1, and would be 2.236 by n."""
    values = [0.0] * 5 + [10.0]

    assert outliers(handled(cleaned, values, method="z_score", factor=2.04)) == [10.0]
    assert outliers(handled(cleaned, values, method="z_score", factor=2.05)) == []


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        ("cap", [1.0, None, 2.0, 3.0, 4.0, 6.0, -1.0]),
        ("null", [1.0, None, 2.0, 3.0, 4.0, None, None]),
        ("drop", [1.0, None, 2.0, 3.0, 4.0]),
        ("flag", [1.0, None, 2.0, 3.0, 4.0, 99.0, -99.0]),
    ],
)
def test_each_action_does_what_it_says(cleaned, action, expected):
    values = [1.0, None, 2.0, 3.0, 4.0, 99.0, -99.0]

    done = handled(cleaned, values, method="bounds", lower=-1, upper=6, action=action)

    assert done.column("x") == expected
    changed = {"cap": {"x": 2}, "null": {"x": 2}}
    assert dict(done.note.changed) == changed.get(action, {})
    assert done.counts() == [(7, len(expected), 7 - len(expected), 0)]
    if action == "flag":
        assert done.column("x_outlier") == [False] * 5 + [True, True]


def test_groups_have_bounds_of_their_own(cleaned):
    """DP-20: a missing key makes a group too."""
    few, many = [1.0, 2.0, 3.0, 2.0, 50.0], [100.0, 110.0, 120.0, 110.0, 50.0]
    table = pa.table({"x": few + many + few, "g": ["a"] * 5 + ["b"] * 5 + [None] * 5})

    done = cleaned(table, handle(by=["g"], flag="odd"))

    assert [row for row in done.rows() if row["odd"]] == [
        {"x": 50.0, "g": key, "odd": True} for key in ("a", "b", None)
    ]


def test_infinities_are_outliers_and_left_out_of_bounds(cleaned):
    """DP-26."""
    values = [1.0, 2.0, math.inf, 3.0, 10.0, -math.inf]

    capped = handled(cleaned, values, action="cap")

    assert capped.column("x") == [1.0, 2.0, 9.25, 3.0, 9.25, -2.75]
    for method in ("iqr", "z_score", "mad"):
        assert {math.inf, -math.inf} <= set(outliers(handled(cleaned, values, method=method)))


def test_infinities_are_outliers_where_there_is_no_bound(cleaned):
    """DP-26, DP-27: they have none to be capped at."""
    values = [5.0, 5.0, 5.0, 5.0, math.inf, -math.inf]
    one_sided = {"method": "bounds", "upper": 9}

    assert handled(cleaned, values, action="drop").column("x") == values[:4]
    assert handled(cleaned, values, action="cap").column("x") == values
    assert handled(cleaned, values, action="null", **one_sided).column("x")[4:] == [None, None]


@pytest.mark.parametrize("method", ["iqr", "z_score", "mad"])
@pytest.mark.parametrize("action", ["cap", "drop", "null"])
def test_values_without_a_spread_have_no_outliers(cleaned, method, action):
    """DP-27: zero range, zero deviation, constant column."""
    values = [5.0] * 9 + ([9.0] if method != "z_score" else [])

    done = handled(cleaned, values, method=method, action=action)

    assert done.column("x") == values
    assert done.note.warnings == (
        "The column 'x' has no spread, so that no finite value is an outlier.",
    )


def test_quantiles_that_are_equal_bound_nothing(cleaned):
    """DP-27."""
    done = handled(
        cleaned, [1, *[5] * 99, 9], method="percentile", lower=0.1, upper=0.9, action="cap"
    )

    assert done.column("x") == [1, *[5] * 99, 9]
    assert len(done.note.warnings) == 1


def test_groups_without_a_spread_or_values_are_counted(cleaned):
    """DP-27."""
    table = pa.table({"x": [1.0, 1.0, None, 1.0, 2.0, 3.0], "g": ["a", "a", "b", "c", "d", "d"]})

    done = cleaned(table, handle(by=["g"], action="drop"))

    assert done.note.warnings == (
        "The column 'x' has no values in 1 of 4 groups, so that nothing is an outlier there.",
        "The column 'x' has no spread in 2 of 4 groups, so that no finite value is an outlier "
        "there.",
    )


@pytest.mark.parametrize("by", [[], ["g"]])
def test_a_column_without_values_is_warned_of(cleaned, by):
    """DP-23."""
    table = pa.table({"x": pa.array([None, None], pa.float64()), "g": ["a", "a"]})

    done = cleaned(table, handle(by=by, action="cap"))

    assert done.column("x") == [None, None]
    assert len(done.note.warnings) == 1


@pytest.mark.parametrize(
    ("lower", "upper", "expected"),
    [
        (0.1, 0.9, [0.9, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 8.1]),
        (None, 0.5, [0.0, 1.0, 2.0, 3.0, 4.0, 4.5, 4.5, 4.5, 4.5, 4.5]),
        (0, 1, [float(n) for n in range(10)]),
    ],
)
def test_quantiles_may_be_the_bounds(cleaned, lower, upper, expected):
    """As numpy.quantile(range(10), [0.1, 0.5, 0.9]) has them: 0.9, 4.5 and 8.1."""
    values = [float(n) for n in range(10)]

    done = handled(cleaned, values, method="percentile", lower=lower, upper=upper, action="cap")

    assert done.column("x") == expected


@pytest.mark.parametrize(
    ("kind", "values", "expected"),
    [
        (pa.int64(), [1, 2, 3, 10, 2**53 + 1], None),
        (pa.int64(), [1, 2, 3, 10], [1, 2, 3, 9]),
        (pa.int8(), [1, 2, 3, 10], [1, 2, 3, 9]),
        (pa.uint8(), [1, 2, 3, 10], [1, 2, 3, 9]),
        (pa.decimal128(4, 1), [Decimal(n) for n in ("0.1", "0.2", "0.3", "1.0")], "0.9"),
        (pa.float32(), [1.0, 2.0, 3.0, 10.0], [1.0, 2.0, 3.0, 9.25]),
    ],
)
def test_a_capped_value_is_one_of_the_column_s_type_inside_the_bounds(
    cleaned, kind, values, expected
):
    """DP-28: 9.25 is no whole number, and 0.925 has too many digits."""
    done = handled(cleaned, values, kind, action="cap")

    assert done.table.schema.field("x").type == kind
    if expected is None:  # the bounds are 2 - 1.5 * 8 and 10 + 1.5 * 8
        expected = [1, 2, 3, 10, 22]
    if isinstance(expected, str):
        expected = [*values[:3], Decimal(expected)]
    assert done.column("x") == expected
    again = cleaned(done.table, handle(method="bounds", upper=float(expected[-1])))
    assert not any(again.column("x_outlier"))


def test_bounds_between_two_whole_numbers_are_widened_to_them(cleaned):
    done = handled(cleaned, [1, 2, 3, 4], method="percentile", lower=0.4, upper=0.6, action="cap")

    assert done.column("x") == [2, 2, 3, 3]  # between 2.2 and 2.8 there is none


def test_a_bound_that_the_type_cannot_hold_bounds_nothing(cleaned):
    done = handled(cleaned, [-100, 0, 100], pa.int8(), method="bounds", lower=-300, action="cap")
    doubles = handled(cleaned, [-1.7e308, 0.0, 1.7e308], factor=1e10, action="cap")
    spread = handled(cleaned, [-1.7e308, 1.7e308], method="z_score", action="cap")

    assert done.column("x") == [-100, 0, 100]
    assert doubles.column("x") == [-1.7e308, 0.0, 1.7e308]
    assert spread.column("x") == [-1.7e308, 1.7e308]


def test_all_rules_see_the_rows_as_they_come(cleaned):
    table = pa.table({"x": [1.0, 2.0, 3.0, 99.0], "y": [99, 1, 2, 3]})
    step = {
        "step": "handle_outliers",
        "columns": {
            "x": {"method": "bounds", "upper": 10, "action": "drop"},
            "y": {"action": "cap", "factor": 0},
        },
    }

    done = cleaned(table, step)

    assert done.rows() == [{"x": 1.0, "y": 27}, {"x": 2.0, "y": 2}, {"x": 3.0, "y": 2}]


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"method": "percentile"}, "percentile needs 'lower', 'upper' or both."),
        ({"method": "bounds"}, "bounds needs 'lower', 'upper' or both."),
        ({"lower": 1}, "'lower' has no meaning for iqr; take it out."),
        ({"method": "bounds", "upper": 1, "factor": 2}, "'factor' has no meaning for bounds; take"),
        ({"method": "bounds", "upper": 1, "by": ["g"]}, "'by' has no meaning for bounds; take"),
        ({"action": "cap", "flag": "f"}, "'flag' has no meaning for cap; take it out."),
        ({"method": "bounds", "lower": 2, "upper": 1}, "'lower' must not be above 'upper'."),
        (
            {"method": "percentile", "upper": 95},
            "the bounds of percentile are shares from 0 to 1.",
        ),
    ],
)
def test_options_without_meaning_are_refused(cleaned, rule, message):
    with pytest.raises(ConfigurationError) as caught:
        handled(cleaned, [1.0], **rule)

    assert str(caught.value).startswith(f"steps[0] (handle_outliers).columns.x: {message}")


@pytest.mark.parametrize("factor", [-1, math.nan, math.inf])
def test_a_factor_is_a_number_that_is_not_negative(cleaned, factor):
    with pytest.raises(ConfigurationError, match=r"columns\.x\.factor: input should be"):
        handled(cleaned, [1.0], factor=factor)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (
            {"g": {}},
            "The column 'g' holds string, and the search for outliers needs numbers; cast it "
            "first.",
        ),
        (
            {"x": {"by": ["y"]}, "y": {}},
            "The rule of 'x' looks at 'y', which the step changes itself; put one of the two into "
            "a handle_outliers step of its own.",
        ),
        (
            {"x": {"flag": "Y"}},
            "'flag' names the new column 'Y', but there is one already or the name is empty; "
            "choose another name.",
        ),
    ],
)
def test_columns_that_a_rule_has_no_meaning_for_are_refused(cleaned, columns, message):
    table = pa.table({"x": [1.0], "y": [1.0], "g": ["a"]})

    with pytest.raises(ConfigurationError) as caught:
        cleaned(table, {"step": "handle_outliers", "columns": columns})

    assert str(caught.value) == f"steps[0] (handle_outliers): {message}"


@pytest.mark.parametrize("action", ["cap", "drop", "flag", "null"])
@pytest.mark.parametrize("by", [[], ["g"]])
def test_a_table_without_rows_stays_one(cleaned, action, by):
    table = pa.table({"x": pa.array([], pa.int64()), "g": pa.array([], pa.string())})

    done = cleaned(table, handle(action=action, by=by))

    assert done.rows() == []


def test_no_value_stands_in_what_is_reported(cleaned):
    values = [7_415_926.0, 7_415_927.0, 7_415_928.0, 9_999_999.0]
    table = pa.table({"x": values, "g": ["hush"] * 4})

    done = cleaned(table, handle(by=["g"], action="cap"))

    told = json.dumps(done.note.to_dict())
    assert "hush" not in told
    assert "74159" not in told


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    values=st.lists(st.floats(-1e9, 1e9) | st.none() | st.just(math.inf), min_size=1, max_size=20),
    method=st.sampled_from(["iqr", "z_score", "mad"]),
    batch_rows=st.sampled_from([1, 3, 100]),
)
def test_capping_leaves_rows_order_and_inner_values_and_bounds_all_others(
    values, method, batch_rows
):
    frame = pd.DataFrame({"x": pd.array(values, dtype=pd.ArrowDtype(pa.float64()))})
    recipe = [handle(method=method, action=action) for action in ("flag", "cap")]

    flagged, _ = clean(frame, recipe[:1], batch_rows=batch_rows)
    capped, _ = clean(frame, recipe[1:], batch_rows=batch_rows)

    before, after = flagged["x"], capped["x"]
    is_outlier = flagged["x_outlier"].astype(bool)
    pd.testing.assert_series_equal(after[~is_outlier], before[~is_outlier])
    inner = before[~is_outlier].dropna()
    if len(inner) and after[is_outlier].map(math.isfinite).all():
        assert (after[is_outlier & (before > inner.max())] >= inner.max()).all()
        assert (after[is_outlier & (before < inner.min())] <= inner.min()).all()
    assert after.isna().equals(before.isna())


def test_spark_finds_the_same_outliers(cleaned, cleaned_on_spark):
    random = np.random.default_rng(7)
    table = pa.table(
        {
            "a": random.lognormal(0, 2, 200),
            "b": random.integers(0, 50, 200) ** 3,
            "c": pa.array(random.normal(size=200), mask=random.random(200) < 0.2),
            "g": random.choice(["p", "q"], 200),
        }
    )
    step = {
        "step": "handle_outliers",
        "columns": {
            "a": {"action": "cap", "by": ["g"]},
            "b": {"method": "mad", "factor": 1, "action": "null"},
            "c": {"method": "z_score", "factor": 2, "action": "drop"},
        },
    }

    there, here = cleaned_on_spark(table, step), cleaned(table, step)

    assert there.table.equals(here.table)
    assert there.notes == here.notes
    assert there.states == here.states
