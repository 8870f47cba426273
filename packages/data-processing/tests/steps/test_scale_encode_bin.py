"""Columns made ready for models: scaled, encoded and binned."""

import json
import math
import re
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_processing import clean
from util_services.errors import ConfigurationError, DatasetError


def do(step, column="x", **rule):
    return {"step": step, "columns": {column: rule}}


def table(values, kind=None, **others):
    return pa.table({"x": pa.array(values, kind), **others})


@pytest.mark.parametrize(
    ("method", "centre", "spread"),
    [
        ("standard", np.mean, lambda x: np.std(x, ddof=1)),
        ("min_max", np.min, np.ptp),
        ("robust", np.median, lambda x: np.quantile(x, 0.75) - np.quantile(x, 0.25)),
    ],
)
@pytest.mark.parametrize("kind", [pa.float64(), pa.int64(), pa.decimal128(9, 2), pa.float32()])
def test_a_column_is_scaled_by_its_statistics(cleaned, method, centre, spread, kind):
    values = [3, 1, None, 4, 1, 5, 9, 2, 6]
    known = np.array([value for value in values if value is not None], float)
    expected = (known - centre(known)) / spread(known)

    done = cleaned(table(values, kind), do("scale", method=method))

    assert done.table.schema.field("x").type == pa.float64()
    assert done.column("x")[2] is None
    found = [value for value in done.column("x") if value is not None]
    assert found == pytest.approx(expected, rel=1e-15, abs=1e-15)


def test_groups_have_a_scale_of_their_own(cleaned):
    """DP-20: a missing key makes a group too."""
    given = table([0.0, 5.0, 10.0, 0.0, 50.0, 7.0, 8.0], g=["a", "a", "a", "b", "b", None, None])

    done = cleaned(given, do("scale", method="min_max", by=["g"]))

    assert done.column("x") == [0.0, 0.5, 1.0, 0.0, 1.0, 0.0, 1.0]


@pytest.mark.parametrize("method", ["standard", "min_max", "robust"])
def test_values_without_a_spread_become_zero_and_are_warned_of(cleaned, method):
    """DP-27."""
    done = cleaned(table([5.0, None, 5.0]), do("scale", method=method))
    grouped = cleaned(
        table([5.0, 1.0, 2.0], g=["a", "b", "b"]), do("scale", method=method, by=["g"])
    )

    assert done.column("x") == [0.0, None, 0.0]
    assert done.note.warnings == ("The column 'x' has no spread, so that values became 0.",)
    assert grouped.note.warnings == (
        "The column 'x' has no spread in 1 of 2 groups, so that values became 0.",
    )


def test_infinities_have_no_part_in_a_scale_and_stay(cleaned):
    """DP-26."""
    done = cleaned(table([0.0, math.inf, 4.0, -math.inf]), do("scale", method="min_max"))

    assert done.column("x") == [0.0, math.inf, 1.0, -math.inf]


def test_the_greatest_doubles_are_scaled_without_overflow(cleaned):
    greatest = 1.7976931348623157e308

    done = cleaned(table([-greatest, 0.0, greatest]), do("scale", method="min_max"))

    assert done.column("x") == [0.0, 0.5, 1.0]


@pytest.mark.parametrize("values", [[], [None, None]])
def test_a_column_without_values_is_not_scaled(cleaned, values):
    """DP-23."""
    done = cleaned(table(values, pa.float64()), do("scale"))

    assert done.column("x") == values
    assert done.note.warnings == ("The column 'x' has no values to scale.",)


def test_declared_categories_become_columns(cleaned):
    given = table(["red", "blue", None, "pink", "red"], id=range(5))

    done = cleaned(given, do("encode", method="one_hot", categories=["red", "blue"]))

    assert done.table.schema.names == ["id", "x_red", "x_blue"]
    assert done.table.schema.types == [pa.int64(), pa.int8(), pa.int8()]
    assert done.column("x_red") == [1, 0, 0, 0, 1]
    assert done.column("x_blue") == [0, 1, 0, 0, 0]
    assert dict(done.note.counts) == {"x: unknown": 1}


def test_values_that_were_not_declared_never_become_names(cleaned):
    given = table(["hush", "c", "b", "c", "hush", "a", None])

    done = cleaned(given, do("encode", method="one_hot", limit=2, into="seen"))

    assert done.table.schema.names == ["seen_1", "seen_2"]
    assert done.column("seen_1") == [0, 1, 0, 1, 0, 0, 0]  # of equally frequent ones the smaller
    assert done.column("seen_2") == [1, 0, 0, 0, 1, 0, 0]
    assert "hush" not in json.dumps(done.note.to_dict())


def test_columns_are_as_many_as_asked_for_however_few_values_there_are(cleaned):
    done = cleaned(table(["a", "a"]), do("encode", method="one_hot", limit=3))

    assert done.rows() == [{"x_1": 1, "x_2": 0, "x_3": 0}] * 2


@pytest.mark.parametrize(
    ("values", "categories", "expected"),
    [
        (["low", "high", None, "odd"], ["low", "mid", "high"], [0, 2, None, None]),
        (["b", "a", None, "\U0001f600", "\uffff"], [], [1, 0, None, 3, 2]),
        ([10, 9, None, -1], [], [2, 1, None, 0]),
        ([10, 9, None, -1], ["9", "10"], [1, 0, None, None]),
        ([True, False, None], ["true", "false"], [0, 1, None]),
    ],
)
def test_a_category_becomes_its_place(cleaned, values, categories, expected):
    done = cleaned(table(values), do("encode", method="ordinal", categories=categories))

    assert done.column("x") == expected
    assert done.table.schema.field("x").type == pa.int64()


def test_a_category_becomes_the_number_of_its_rows(cleaned):
    done = cleaned(table(["a", "b", None, "a"]), do("encode", method="count", into="rows"))

    assert done.column("rows") == [2, 1, None, 2]
    assert done.column("x") == ["a", "b", None, "a"]


def test_a_value_that_is_no_category_may_be_an_error():
    frame = pd.DataFrame({"x": ["a", None, "hush", "b", "hush"]})
    recipe = [do("encode", method="ordinal", categories=["a", "b"], unknown="error")]

    with pytest.raises(DatasetError) as caught:
        clean(frame, recipe)

    assert str(caught.value) == (
        "steps[0] (encode): "
        "The column 'x' holds what is none of its categories in rows 2, 4 (the first row is 0); "
        "declare it, or set 'unknown' to missing."
    )


def test_rows_are_named_where_a_condition_limits_the_step():
    frame = pd.DataFrame({"x": ["b", "a", "b", "a"], "y": [1, 2, 3, 4]})
    step = do("encode", method="ordinal", categories=["a"], unknown="error", into="place")

    with pytest.raises(DatasetError, match=r"in row 2 \(the first row is 0\)"):
        clean(frame, [{"step": "filter_rows", "keep": "y < 4"}, step | {"where": "y > 1"}])


@pytest.mark.parametrize("method", ["one_hot", "ordinal", "count"])
def test_a_table_without_rows_has_the_columns_of_codes(cleaned, method):
    rule = {"method": method} | ({"limit": 2} if method == "one_hot" else {})

    done = cleaned(table([], pa.string()), do("encode", **rule))

    assert done.rows() == []


def widths(values, kind=None, **rule):
    return table(values, kind), do("bin", method="width", **rule)


@pytest.mark.parametrize(
    ("values", "kind", "rule", "expected"),
    [
        ([20, 29, 30, -1, None], pa.int64(), {"width": 10}, "[20, 30) [20, 30) [30, 40) [-10, 0)"),
        ([20, 29, -1], pa.int8(), {"width": 10, "closed": "right"}, "(10, 20] (20, 30] (-10, 0]"),
        ([0.3, 0.6, 0.7], None, {"width": 0.1}, "[0.3, 0.4) [0.6, 0.7) [0.7, 0.8)"),
        ([0.5, 1.0], None, {"width": 1, "origin": 0.5}, "[0.5, 1.5) [0.5, 1.5)"),
        ([1, 2, 3], pa.int64(), {"width": 2.5}, "[0, 2.5) [0, 2.5) [2.5, 5)"),
        (["0.30", "0.29"], pa.decimal128(9, 2), {"width": 0.1}, "[0.3, 0.4) [0.2, 0.3)"),
        ([2**63 - 1], pa.int64(), {"width": 0.5}, "[9223372036854775807, 9223372036854775807.5)"),
        ([2**64 - 1], pa.uint64(), {"width": 1}, "[18446744073709551615, 18446744073709551616)"),
    ],
)  # fmt: skip
def test_numbers_become_intervals_of_one_width(cleaned, values, kind, rule, expected):
    if isinstance(values[0], str):
        values = [Decimal(value) for value in values]

    done = cleaned(*widths(values, kind, **rule))

    labels = re.findall(r"[\[(][^\[(]*[\])]", expected)
    assert [label for label in done.column("x") if label is not None] == labels


@pytest.mark.parametrize("closed", ["left", "right"])
def test_numbers_become_intervals_between_edges(cleaned, closed):
    values = [-math.inf, -1.0, 0.0, 17.5, 18.0, 64.0, 65.0, math.inf, None]

    done = cleaned(
        table(values), do("bin", method="edges", edges=[0, 18, 65], closed=closed, into="ages")
    )

    left = ["[-inf, 0)"] * 2 + ["[0, 18)"] * 2 + ["[18, 65)"] * 2 + ["[65, inf]"] * 2
    right = ["[-inf, 0]"] * 3 + ["(0, 18]"] * 2 + ["(18, 65]"] * 2 + ["(65, inf]"]
    assert done.column("ages") == [*(left if closed == "left" else right), None]
    assert done.column("x") == values


def test_numbers_become_intervals_between_quantiles(cleaned):
    """DP-24: the quartiles of 1 to 8 are 2.75, 4.5 and 6.25, as numpy has them."""
    done = cleaned(table([8, 1, 7, 2, 6, 3, 5, 4]), do("bin", method="quantile", bins=4))

    labels = ["[-inf, 2.75)", "[2.75, 4.5)", "[4.5, 6.25)", "[6.25, inf]"]
    assert done.column("x") == [labels[n] for n in (3, 0, 3, 0, 2, 1, 2, 1)]
    assert done.note.facts == {"x": {"bins": 4}}


def test_quantiles_that_are_equal_make_one_edge(cleaned):
    done = cleaned(table([1.0] * 9 + [2.0]), do("bin", method="quantile", bins=4))

    assert set(done.column("x")) == {"[1, inf]"}
    assert done.note.warnings == (
        "Quantiles of the column 'x' are equal, so that it has 2 intervals instead of 4.",
    )


@pytest.mark.parametrize("values", [[], [None, None]])
def test_a_column_without_values_is_not_binned(cleaned, values):
    """DP-23."""
    done = cleaned(table(values, pa.float64()), do("bin", method="quantile", bins=2))

    assert done.column("x") == values
    assert done.note.warnings == ("The column 'x' has no values to bin.",)


def test_infinities_are_in_no_interval_of_one_width_and_counted(cleaned):
    done = cleaned(*widths([math.inf, 1.0, -math.inf], width=10))

    assert done.column("x") == [None, "[0, 10)", None]
    assert dict(done.note.counts) == {"x: infinite": 2}


@pytest.mark.parametrize(
    ("values", "rule"),
    [
        ([1e300], {"width": 1}),
        ([0.0], {"width": 1, "origin": 1e17}),
        (np.arange(100_001.0), {"width": 0.5}),
        (np.arange(100_001), {"width": 0.5}),
    ],
)
def test_intervals_too_narrow_for_the_values_are_an_error(values, rule):
    frame = pd.DataFrame({"x": values})
    with pytest.raises(DatasetError, match="too narrow for its values to be told apart; choose a"):
        clean(frame, [do("bin", method="width", **rule)], batch_rows=200_000)


LABEL = re.compile(r"([\[(])(.+), (.+)([\])])")


def lies_in(value, label):
    """Whether the decimal of a value lies in the interval that a label writes."""
    begins, low, high, ends = LABEL.fullmatch(label).groups()
    number, low, high = Decimal(str(value)), Decimal(low), Decimal(high)
    return (low <= number if begins == "[" else low < number) and (
        number <= high if ends == "]" else number < high
    )


@settings(max_examples=150, deadline=None)
@given(
    values=st.lists(st.floats(-1e6, 1e6) | st.integers(-50, 50).map(lambda n: n / 10), max_size=20)
    | st.lists(st.integers(-(10**6), 10**6), max_size=20)
    | st.lists(st.decimals(-1000, 1000, places=3), max_size=20),
    closed=st.sampled_from(["left", "right"]),
    rule=st.sampled_from(
        [
            {"method": "width", "width": 0.1},
            {"method": "width", "width": 0.7, "origin": 0.05},
            {"method": "width", "width": 1000, "origin": -3},
            {"method": "edges", "edges": [-0.3, 0.1, 0.2, 0.3, 5]},
            {"method": "quantile", "bins": 5},
        ]
    ),
)
def test_a_value_always_lies_in_its_interval(values, closed, rule):
    frame = pa.table({"x": values, "y": values}).to_pandas(types_mapper=pd.ArrowDtype)

    result, _ = clean(frame, [do("bin", "y", closed=closed, **rule)]) if values else (frame, None)

    assert all(lies_in(row.x, row.y) for row in result.itertuples())


@pytest.mark.parametrize(
    ("step", "rule", "message"),
    [
        ("encode", {"method": "one_hot"}, "one_hot needs either 'categories' or 'limit'."),
        (
            "encode",
            {"method": "one_hot", "categories": ["a"], "limit": 1},
            "one_hot needs either 'categories' or 'limit'.",
        ),
        (
            "encode",
            {"method": "count", "categories": ["a"]},
            "'categories' has no meaning for count",
        ),
        (
            "encode",
            {"method": "ordinal", "limit": 2},
            "'limit' has no meaning for ordinal; take it",
        ),
        (
            "encode",
            {"method": "ordinal", "categories": ["a", "a"]},
            "each entry may stand here once",
        ),
        ("bin", {"method": "width"}, "give the 'width' of an interval."),
        ("bin", {"method": "quantile"}, "give the number of 'bins'."),
        ("bin", {"method": "edges"}, "give the 'edges' of intervals."),
        ("bin", {"method": "edges", "edges": [1, 1]}, "'edges' must be ascending, each once."),
        ("bin", {"method": "edges", "edges": [1], "width": 1}, "'width' has no meaning for edges"),
    ],
)
def test_options_without_meaning_are_refused(cleaned, step, rule, message):
    with pytest.raises(ConfigurationError) as caught:
        cleaned(table(["a"]), do(step, **rule))

    assert str(caught.value).startswith(f"steps[0] ({step}).columns.x: {message}")


@pytest.mark.parametrize(
    ("step", "column", "rule", "message"),
    [
        (
            "scale",
            "t",
            {},
            "The column 't' holds string, and scaling needs numbers; cast it first.",
        ),
        (
            "bin",
            "t",
            {"method": "width", "width": 1},
            "The column 't' holds string, and binning needs numbers; cast it first.",
        ),
        (
            "encode",
            "x",
            {"method": "count"},
            "The column 'x' holds double, and categories are texts, whole numbers or booleans; "
            "cast it first.",
        ),
        (
            "encode",
            "t",
            {"method": "one_hot", "categories": ["a", "A"]},
            "'columns' names the new column 't_A', but there is one already or the name is empty; "
            "choose another name.",
        ),
        (
            "bin",
            "x",
            {"method": "width", "width": 1, "into": "T"},
            "'into' names the new column 'T', but there is one already or the name is empty; "
            "choose another name.",
        ),
    ],
)
def test_columns_that_a_step_has_no_meaning_for_are_refused(cleaned, step, column, rule, message):
    with pytest.raises(ConfigurationError) as caught:
        cleaned(table([1.0], t=["a"]), do(step, column, **rule))

    assert str(caught.value) == f"steps[0] ({step}): {message}"


def test_spark_prepares_columns_alike(cleaned, cleaned_on_spark):
    random = np.random.default_rng(11)
    given = pa.table(
        {
            "a": random.lognormal(0, 3, 100),
            "b": random.choice(["x", "y", "\U0001f600", "\uffff"], 100),
            "c": pa.array(random.normal(size=100), mask=random.random(100) < 0.2),
            "g": random.choice(["p", "q"], 100),
        }
    )
    recipe = [
        do("scale", "a", by=["g"]),
        do("encode", "b", method="one_hot", limit=3),
        do("encode", "g", method="ordinal", into="place"),
        do("bin", "c", method="quantile", bins=3),
    ]

    there, here = cleaned_on_spark(given, *recipe), cleaned(given, *recipe)

    assert there.table.equals(here.table)
    assert there.notes == here.notes
