"""Missing values filled from constants, statistics and other rows."""

import json
import math
import statistics
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data_processing import clean
from util_services.errors import ConfigurationError, DatasetError

at = datetime.fromisoformat


def fill(column="x", strategy="mean", **options):
    return {"step": "fill_missing_values", "columns": {column: {"strategy": strategy, **options}}}


def filled(cleaned, values, strategy="mean", kind=None, **options):
    table = pa.table({"x": pa.array(values, kind)})
    return cleaned(table, fill(strategy=strategy, **options))


@pytest.mark.parametrize(
    ("strategy", "values", "expected"),
    [
        ("mean", [1.0, None, 2.0, 6.0], 3.0),
        ("median", [1.0, None, 2.0, 3.0, 10.0], 2.5),  # median(c(1, 2, 3, 10)) of R
        ("median", [10.0, None, 2.0, 3.0], 3.0),
        ("mode", ["b", None, "a", "b"], "b"),
        ("mode", [True, None, False, True], True),
        ("mean", [date(2024, 2, 27), None, date(2024, 3, 1)], date(2024, 2, 29)),
        ("median", [at("2024-01-01"), None, at("2024-01-02")], at("2024-01-01T12:00")),
        ("median", [Decimal("0.01"), None, Decimal("0.04")], Decimal("0.02")),  # 0.025, to even
        ("mean", [Decimal("1e30"), None, Decimal("2e30")], Decimal("1.5e30")),
    ],
)
def test_a_missing_value_becomes_the_statistic_of_its_column(cleaned, strategy, values, expected):
    done = filled(cleaned, values, strategy)

    assert done.column("x") == [expected if value is None else value for value in values]
    assert dict(done.note.changed) == {"x": 1}
    assert dict(done.note.counts) == {"x: filled": 1}
    assert done.note.warnings == ()


def test_each_row_gets_the_statistic_of_its_group(cleaned):
    """DP-20: a missing key makes a group of its own."""
    table = pa.table(
        {
            "x": [1.0, None, 10.0, None, 100.0, None],
            "g": ["a", "a", "b", "b", None, None],
        }
    )

    done = cleaned(table, fill(by=["g"]))

    assert done.column("x") == [1.0, 1.0, 10.0, 10.0, 100.0, 100.0]
    assert done.note.facts == {"x": {"groups": 3, "groups_without_value": 0}}


@pytest.mark.parametrize("strategy", ["mean", "median", "mode"])
def test_a_group_without_a_value_gets_the_statistic_of_all_rows(cleaned, strategy):
    """DP-20: and the report says so."""
    table = pa.table({"x": [3, 3, None, None], "g": ["a", "a", "b", None], "h": [1, 1, 1, 1]})

    done = cleaned(table, fill(strategy=strategy, by=["g", "h"], rounding="float"))

    assert done.column("x") == [3, 3, 3, 3]
    assert dict(done.note.counts) == {"x: filled": 2, "x: filled from all rows": 2}
    assert done.note.warnings == (
        f"2 of 3 groups have no value of 'x'; the {strategy} of all rows was used for them.",
    )


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["b", "a", None, "a", "b"], "a"),
        (["Z", "a", None], "Z"),
        (["é", "z", None], "z"),
        (["\U0001f600", "\uffff", None], "\uffff"),  # by code points, not by UTF-16
        ([2.0, -0.0, None, 0.0, 2.0], 0.0),
        ([3, 1, None, 2], 1),
        ([True, False, None], False),
    ],
)
def test_of_several_most_frequent_values_the_smallest_is_taken(cleaned, values, expected):
    """DP-22."""
    found = filled(cleaned, values, "mode").column("x")[values.index(None)]

    assert repr(found) == repr(expected)


@pytest.mark.parametrize("strategy", ["mean", "median", "mode"])
@pytest.mark.parametrize("by", [[], ["g"]])
def test_a_column_without_values_stays_and_is_warned_of(cleaned, strategy, by):
    """DP-23."""
    table = pa.table({"x": pa.array([None, None], pa.float64()), "g": ["a", "b"]})

    done = cleaned(table, fill(strategy=strategy, by=by))

    assert done.column("x") == [None, None]
    assert done.note.warnings == ("The column 'x' has no value, so that nothing could be filled.",)


@pytest.mark.parametrize(
    ("rounding", "kind", "expected"),
    [("float", pa.float64(), 2.5), ("round", pa.int64(), 2)],
)
def test_a_median_between_whole_numbers_is_by_policy(cleaned, rounding, kind, expected):
    """DP-28."""
    done = filled(cleaned, [1, None, 4, 2, 3], "median", rounding=rounding)

    assert done.table.schema.field("x").type == kind
    assert done.column("x") == [1, expected, 4, 2, 3]


def test_a_median_between_whole_numbers_is_an_error_if_it_must_be_none():
    """DP-28."""
    frame = pd.DataFrame({"x": pd.array([1, 2, None], "Int64")})

    with pytest.raises(DatasetError) as caught:
        clean(frame, [fill(strategy="median", rounding="error")])

    assert str(caught.value) == (
        "steps[0] (fill_missing_values): "
        "The column 'x' holds whole numbers, and its median is none; set 'rounding' to float or "
        "round."
    )


@pytest.mark.parametrize("strategy", ["mean", "median"])
def test_whole_numbers_that_floats_do_not_hold_stay_whole_numbers(cleaned, strategy):
    """DP-04: never through float."""
    odd = 2**53 + 1

    done = filled(cleaned, [odd, None, odd], strategy, rounding="round")
    with pytest.raises(DatasetError) as caught:
        filled(cleaned, [odd, None], strategy)

    assert done.column("x") == [odd, odd, odd]
    assert str(caught.value) == (
        "steps[0] (fill_missing_values): "
        "The column 'x' holds whole numbers beyond 2^53, which floats do not hold exactly; set "
        "'rounding' to round or error."
    )


def test_a_column_of_whole_numbers_keeps_its_type_where_nothing_else_is_asked(cleaned):
    """DP-06."""
    table = pa.table({"x": pa.array([1, None, 1], pa.int8()), "y": pa.array([1, None, 2])})

    done = cleaned(table, fill(strategy="mode"))

    assert done.table.schema.types == [pa.int8(), pa.int64()]
    assert done.column("y") == [1, None, 2]


def test_infinities_have_no_part_in_statistics(cleaned):
    """DP-26."""
    done = filled(cleaned, [1.0, math.inf, None, 3.0, -math.inf, math.inf], "median")
    mode = filled(cleaned, [math.inf, math.inf, None, 3.0], "mode")

    assert done.column("x")[2] == 2.0
    assert mode.column("x")[2] == 3.0


@pytest.mark.parametrize(
    ("kind", "given", "expected"),
    [
        (pa.string(), "none", "none"),
        (pa.string(), 7, "7"),
        (pa.int32(), 7, 7),
        (pa.float64(), 7, 7.0),
        (pa.float64(), 0.5, 0.5),
        (pa.bool_(), False, False),
        (pa.decimal128(5, 2), 0.1, Decimal("0.10")),
        (pa.decimal128(38, 2), "12345678901234567890123.45", Decimal("12345678901234567890123.45")),
        (pa.date32(), "2024-02-29", date(2024, 2, 29)),
        (pa.timestamp("us"), "2024-02-29T10:00:00.000001", at("2024-02-29T10:00:00.000001")),
        (pa.timestamp("us", "UTC"), "2024-02-29T10:00+02:00", at("2024-02-29T08:00+00:00")),
    ],
)
def test_a_constant_is_a_value_of_the_column_s_type(cleaned, kind, given, expected):
    done = filled(cleaned, [None, None], "constant", kind, value=given)

    assert done.column("x") == [expected, expected]
    assert done.table.schema.field("x").type == kind


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        (pa.int32(), 2.5),
        (pa.int32(), "2"),
        (pa.int32(), True),
        (pa.int8(), 128),
        (pa.bool_(), 1),
        (pa.decimal128(5, 2), "0.001"),
        (pa.decimal128(5, 2), "10000"),
        (pa.decimal128(5, 2), "a"),
        (pa.date32(), "29.02.2024"),
        (pa.date32(), 3),
        (pa.timestamp("us"), "2024-02-29T10:00+02:00"),
        (pa.timestamp("us", "UTC"), "2024-02-29T10:00"),
        (pa.string(), [1]),
        (pa.float64(), math.nan),
        (pa.null(), "a"),
    ],
)
def test_a_constant_of_another_kind_is_refused_before_a_row_is_read(cleaned, kind, given):
    with pytest.raises(ConfigurationError) as caught:
        filled(cleaned, [None, None], "constant", kind, value=given)

    assert str(caught.value) == (
        "steps[0] (fill_missing_values): The constant for the column 'x' is no value of its type, "
        f"{kind}; correct it, or cast the column first."
    )


TIMES = pa.table(
    {
        "x": [None, 1.0, None, None, 4.0, None],
        "t": [1, 2, 3, 6, 6, 7],
        "g": ["a", "a", "a", "b", "b", "b"],
    }
)


@pytest.mark.parametrize(
    ("strategy", "options", "expected"),
    [
        ("ffill", {}, [None, 1.0, 1.0, 1.0, 4.0, 4.0]),
        ("bfill", {}, [1.0, 1.0, 4.0, 4.0, 4.0, None]),
        ("ffill", {"by": ["g"]}, [None, 1.0, 1.0, None, 4.0, 4.0]),
        ("interpolate", {}, [None, 1.0, 2.0, 3.0, 4.0, None]),
        ("interpolate", {"spacing": "values"}, [None, 1.0, 1.75, 4.0, 4.0, None]),
        ("interpolate", {"by": ["g"]}, [None, 1.0, None, None, 4.0, None]),
    ],
)
def test_a_missing_value_becomes_that_of_other_rows_in_an_order(
    cleaned, strategy, options, expected
):
    mixed = TIMES.append_column("id", pa.array(range(6))).take([5, 0, 3, 1, 4, 2])
    mixed = mixed.sort_by([("t", "descending")])

    order_by = ["t"] if "spacing" in options else ["t", "id"]
    done = cleaned(mixed, fill(strategy=strategy, order_by=order_by, **options))

    found = dict(zip(done.column("id"), done.column("x"), strict=True))
    assert [found[n] for n in range(6)] == expected
    assert done.column("id") == mixed["id"].to_pylist()
    assert done.table.schema.names == ["x", "t", "g", "id"]


def test_equal_rows_are_in_the_order_of_the_input_however_many_there_are():
    random = np.random.default_rng(6)
    values = np.where(random.random(300_000) < 0.5, np.nan, np.arange(300_000.0))
    frame = pd.DataFrame({"x": values, "t": random.integers(0, 3, 300_000)})

    result, _ = clean(frame, [fill(strategy="ffill", order_by=["t"])])

    expected = frame.sort_values("t", kind="stable")["x"].ffill().sort_index()
    pd.testing.assert_series_equal(result["x"], expected)


def test_rows_without_a_value_to_order_by_come_last_and_equal_ones_as_in_the_input(cleaned):
    table = pa.table({"x": [5, None, None, 1, None], "t": [None, 1, None, 1, 1]})

    done = cleaned(table, fill(strategy="ffill", order_by=["t"]))

    assert done.column("x") == [5, None, 5, 1, 1]


@pytest.mark.parametrize(
    ("kind", "values", "expected", "given"),
    [
        (pa.int64(), [0, None, None, 1], [0.0, 1 / 3, 2 / 3, 1.0], "float"),
        (pa.int64(), [0, None, None, 1], [0, 0, 1, 1], "round"),
        (pa.int64(), [2**53, None, 2**53 + 4], [2**53, 2**53 + 2, 2**53 + 4], "error"),
        (pa.decimal128(5, 2), [Decimal("0.00"), None, Decimal("0.03")], "0.02", "float"),
        (pa.date32(), [date(2024, 2, 28), None, date(2024, 3, 1)], date(2024, 2, 29), "float"),
        (pa.float64(), [-1.7e308, None, 1.7e308], [-1.7e308, 0.0, 1.7e308], "float"),
        (pa.float64(), [1.0, None, math.inf], [1.0, None, math.inf], "float"),
        (pa.float64(), [1.0, math.inf, None, 4.0], [1.0, math.inf, 3.0, 4.0], "float"),
    ],
)
def test_what_lies_between_two_rows_is_of_the_column_s_kind(cleaned, kind, values, expected, given):
    table = pa.table({"x": pa.array(values, kind), "t": range(len(values))})
    if not isinstance(expected, list):
        between = Decimal(expected) if isinstance(expected, str) else expected
        expected = [values[0], between, values[2]]

    done = cleaned(table, fill(strategy="interpolate", order_by=["t"], rounding=given))

    assert done.column("x") == expected


def test_a_value_between_whole_numbers_is_an_error_if_it_must_be_none():
    frame = pd.DataFrame({"x": pd.array([0, None, 1], "Int64"), "t": [1, 2, 3]})

    with pytest.raises(DatasetError, match="its value in between is none; set 'rounding' to"):
        clean(frame, [fill(strategy="interpolate", order_by=["t"], rounding="error")])


def test_the_distance_between_rows_may_be_one_of_time(cleaned):
    days = [at(day) for day in ("2024-01-01", "2024-01-02T12:00", "2024-01-04")]
    table = pa.table({"x": [0.0, None, 6.0], "t": days})

    done = cleaned(table, fill(strategy="interpolate", order_by=["t"], spacing="values"))

    assert done.column("x") == [0.0, 3.0, 6.0]


def test_rows_without_a_value_may_be_dropped(cleaned):
    table = pa.table({"x": [1, None, 3], "y": [None, 2, 3]})

    done = cleaned(table, fill(strategy="drop_row"))

    assert done.column("y") == [None, 3]
    assert done.counts() == [(3, 2, 1, 0)]


def test_texts_may_stand_for_missing_values(cleaned):
    table = pa.table({"x": ["N/A", "a", "a", "", None, "n/a"]})
    step = fill(strategy="mode") | {"missing_tokens": {"x": ["N/A", ""]}}

    done = cleaned(table, step)

    assert done.column("x") == ["a", "a", "a", "a", "a", "n/a"]


def test_an_indicator_tells_where_a_value_was_missing(cleaned):
    table = pa.table({"x": [1.0, None], "t": [1, 2]})

    done = cleaned(table, fill(strategy="ffill", order_by=["t"], indicator="x was missing"))

    assert done.rows() == [
        {"x": 1.0, "t": 1, "x was missing": False},
        {"x": 1.0, "t": 2, "x was missing": True},
    ]


def test_all_rules_see_the_rows_as_they_come(cleaned):
    table = pa.table(
        {
            "x": [1.0, None, 3.0],
            "y": [4.0, None, 8.0],
            "z": [None, "a", "a"],
            "t": [1, 2, 3],
            "u": [None, 1, 1],
        }
    )
    step = {
        "step": "fill_missing_values",
        "columns": {
            "u": {"strategy": "drop_row"},
            "z": {"strategy": "mode"},
            "y": {"strategy": "ffill", "order_by": ["t"]},
            "x": {"strategy": "mean"},
        },
    }

    assert cleaned(table, step).rows() == [
        {"x": 2.0, "y": 4.0, "z": "a", "t": 2, "u": 1},
        {"x": 3.0, "y": 8.0, "z": "a", "t": 3, "u": 1},
    ]


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"strategy": "constant"}, "a constant needs a 'value'."),
        ({"strategy": "mean", "value": 3}, "'value' has no meaning for mean; take it out."),
        (
            {"strategy": "mode", "order_by": ["t"]},
            "'order_by' has no meaning for mode; take it out.",
        ),
        ({"strategy": "ffill"}, "ffill needs 'order_by', since rows have no order in time."),
        (
            {"strategy": "interpolate", "order_by": ["t", "g"], "spacing": "values"},
            "spacing by values needs one column in 'order_by'.",
        ),
    ],
)
def test_options_without_meaning_are_refused(cleaned, rule, message):
    with pytest.raises(ConfigurationError) as caught:
        cleaned(TIMES, {"step": "fill_missing_values", "columns": {"x": rule}})

    assert str(caught.value) == f"steps[0] (fill_missing_values).columns.x: {message}"


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (
            {"g": {"strategy": "mean"}},
            "The column 'g' holds string, and the mean needs numbers, dates or timestamps; cast it "
            "first.",
        ),
        (
            {"g": {"strategy": "interpolate", "order_by": ["t"]}},
            "The column 'g' holds string, and interpolate needs numbers, dates or timestamps; cast "
            "it first.",
        ),
        (
            {"x": {"strategy": "interpolate", "order_by": ["g"], "spacing": "values"}},
            "The column 'g' holds string, and spacing by values needs numbers, dates or "
            "timestamps; cast it first.",
        ),
        (
            {"b": {"strategy": "mode"}},
            "The column 'b' holds binary, of which no most frequent value is taken; cast it first, "
            "or choose another strategy.",
        ),
        (
            {"x": {"strategy": "mode", "by": ["b"]}},
            "The column 'b' holds binary, which makes no groups; take it out of 'by', or cast it "
            "first.",
        ),
        (
            {"x": {"strategy": "mode", "by": ["g"]}, "g": {"strategy": "mode"}},
            "The rule of 'x' looks at 'g', which the step changes itself; put one of the two "
            "into a fill_missing_values step of its own.",
        ),
        (
            {"x": {"strategy": "mean", "indicator": "T"}},
            "'indicator' names the new column 'T', but there is one already or the name is empty; "
            "choose another name.",
        ),
        (
            {"x": {"strategy": "mean", "by": ["no"]}},
            "'columns.x.by' names columns that the dataset does not have: 'no'. The dataset has "
            "'x', 't', 'g', 'b'.",
        ),
    ],
)
def test_columns_that_a_rule_has_no_meaning_for_are_refused(cleaned, columns, message):
    table = TIMES.append_column("b", pa.array([b""] * 6))

    with pytest.raises(ConfigurationError) as caught:
        cleaned(table, {"step": "fill_missing_values", "columns": columns})

    assert str(caught.value) == f"steps[0] (fill_missing_values): {message}"


def test_texts_for_missing_values_are_refused_where_there_are_no_texts(cleaned):
    with pytest.raises(ConfigurationError, match="The column 't' holds int64, not texts"):
        cleaned(TIMES, fill() | {"missing_tokens": {"t": ["-"]}})


@pytest.mark.parametrize("strategy", ["mean", "median", "mode", "drop_row"])
def test_a_table_without_rows_stays_one(cleaned, strategy):
    done = filled(cleaned, [], strategy, pa.float64())

    assert done.rows() == []
    assert done.counts() == [(0, 0, 0, 0)]


def test_a_state_is_plain_data_and_fills_another_table_alike(cleaned):
    table = pa.table(
        {
            "d": [Decimal("1.50"), None, Decimal("2.50")],
            "s": ["a", None, "a"],
            "m": [at("2024-01-01"), None, at("2024-01-03")],
            "g": [date(2024, 1, 1), date(2024, 1, 1), None],
        }
    )
    step = {
        "step": "fill_missing_values",
        "columns": {
            "d": {"strategy": "mean", "by": ["g"]},
            "s": {"strategy": "mode", "by": ["g"]},
            "m": {"strategy": "median"},
        },
    }

    (state,) = cleaned(table, step).states.values()

    plain = (str, int, float, Decimal, date, bool, type(None))
    assert all(isinstance(value, plain) for group in state for value in group.values())
    assert {group["value"] for group in state} == {
        Decimal("1.50"), Decimal("2.50"), Decimal("2.00"), "a", at("2024-01-02"),
    }  # fmt: skip


def test_no_value_stands_in_what_is_reported(cleaned):
    secret = 7_415_926
    table = pa.table({"x": [secret, None, secret], "g": ["hush", "hush", "hush"]})

    done = cleaned(table, fill(strategy="mode", by=["g"]))

    told = json.dumps(done.note.to_dict())
    assert str(secret) not in told
    assert "hush" not in told


NUMBERS = st.integers(-5, 5) | st.none()
GROUPS = st.sampled_from(["a", "b", None])


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=st.lists(st.tuples(NUMBERS, GROUPS), min_size=1, max_size=15))
@pytest.mark.parametrize("strategy", ["mean", "median", "mode"])
def test_the_fill_is_that_of_the_standard_library(strategy, rows):
    function = {
        "mean": statistics.mean,
        "median": statistics.median,
        "mode": lambda values: min(statistics.multimode(values)),
    }[strategy]

    def expected(value, key):
        if value is not None:
            return value
        own = [Fraction(v) for v, g in rows if g == key and v is not None]
        known = own or [Fraction(v) for v, _ in rows if v is not None]
        return float(function(known)) if known else None

    frame = pd.DataFrame(
        {
            "x": pd.array([value for value, _ in rows], "Int64"),
            "g": pd.array([key for _, key in rows], "str"),
        }
    )

    result, report = clean(frame, [fill(strategy=strategy, by=["g"])], batch_rows=4)

    assert [None if pd.isna(x) else x for x in result["x"]] == [expected(*row) for row in rows]
    assert report["rows"]["out"] == len(rows)
    again, _ = clean(result, [fill(strategy=strategy, by=["g"])])
    pd.testing.assert_series_equal(again["x"], result["x"])


@settings(max_examples=25, deadline=None)
@given(
    rows=st.lists(
        st.tuples(st.floats(-1e6, 1e6) | st.none(), st.integers(0, 9), GROUPS), max_size=15
    )
)
@pytest.mark.parametrize("strategy", ["ffill", "bfill", "interpolate"])
def test_an_ordered_fill_is_that_of_pandas(strategy, rows):
    frame = pd.DataFrame(
        {
            "x": np.array([np.nan if x is None else x for x, *_ in rows], float),
            "t": [t for _, t, _ in rows],
            "g": pd.array([g for *_, g in rows], "str"),
        }
    )
    ordered = frame.sort_values("t", kind="stable").groupby("g", dropna=False)["x"]
    if strategy == "interpolate":
        theirs = ordered.transform(lambda one: one.interpolate(limit_area="inside"))
    else:
        theirs = getattr(ordered, strategy)()

    result, _ = clean(frame, [fill(strategy=strategy, by=["g"], order_by=["t"])], batch_rows=4)

    np.testing.assert_allclose(result["x"], theirs.sort_index(), rtol=1e-9, atol=1e-9)


def test_spark_fills_alike(cleaned, cleaned_on_spark):
    random = np.random.default_rng(5)
    size = 60
    x = random.lognormal(10, 5, size)
    table = pa.table(
        {
            "mean": pa.array(x, mask=random.random(size) < 0.3),
            "median": pa.array(x[::-1].copy(), mask=random.random(size) < 0.3),
            "mode": pa.array(random.choice(["a", "é", "😀"], size), mask=x > 10**6),
            "line": pa.array(random.integers(0, 100, size), mask=random.random(size) < 0.5),
            "t": random.permutation(size),
            "g": pa.array(random.choice(["p", "q"], size), mask=random.random(size) < 0.2),
        }
    )
    columns = {name: {"strategy": name, "by": ["g"]} for name in ("mean", "median", "mode")}
    columns["line"] = {"strategy": "interpolate", "by": ["g"], "order_by": ["t"]}
    step = {"step": "fill_missing_values", "columns": columns}

    there, here = cleaned_on_spark(table, step), cleaned(table, step)

    assert there.table.equals(here.table)
    assert there.notes == here.notes
