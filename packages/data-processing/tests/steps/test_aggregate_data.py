"""Groups of rows: exact results that no order, batch or thread has a part in."""

import datetime as dt
import math
import statistics
from decimal import Decimal, localcontext
from fractions import Fraction

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from odd_names import ODD

from data_processing import clean
from data_processing.cleaning.exact_sums import Grid, deviation
from util_services.errors import ConfigurationError, DatasetError

NAN, INF = float("nan"), float("inf")
FUNCTIONS = [
    "count", "count_distinct", "count_missing", "sum", "mean", "median", "std", "min", "max",
    "first", "last", "any",
]  # fmt: skip


def aggregate(columns, **options):
    wanted = {
        name: {"function": one} if isinstance(one, str) else {"of": one[0], "function": one[1]}
        for name, one in columns.items()
    }
    return {"step": "aggregate_data", "columns": wanted, **options}


def each(of, functions=FUNCTIONS, **options):
    return aggregate({one: (of, one) for one in functions}, **options)


def refused(cleaned, table, step, error=ConfigurationError):
    with pytest.raises(error) as raised:
        cleaned(table, step)
    return str(raised.value)


# --- known answers -------------------------------------------------------------------------------

# The first ten speeds of R's data set `cars`; the squares of their deviations from 8 add up to 56.
SPEED = [4, 4, 7, 7, 8, 9, 10, 10, 10, 11]


@pytest.mark.parametrize("kind", [pa.int64(), pa.int8(), pa.uint64(), pa.float64(), pa.float32()])
def test_results_of_numbers_are_those_worked_out_by_hand(cleaned, kind):
    (row,) = cleaned({"v": pa.array([*SPEED, None], kind)}, each("v")).rows()

    assert row == {
        "count": 10, "count_distinct": 6, "count_missing": 1, "sum": 80, "mean": 8.0,
        "median": 8.5, "std": math.sqrt(56 / 9), "min": 4, "max": 11, "first": 4, "last": None,
        "any": 4,
    }  # fmt: skip


def test_results_of_decimals_are_exact(cleaned):
    values = [Decimal("0.10"), Decimal("0.20"), None, Decimal("-0.70")]

    done = cleaned({"v": pa.array(values, pa.decimal128(9, 2))}, each("v"))

    (row,) = done.rows()
    assert row["sum"] == Decimal("-0.40")
    assert row["mean"] == float(Fraction(-4, 30))
    assert row["median"] == 0.1
    assert (row["min"], row["max"]) == (Decimal("-0.70"), Decimal("0.20"))
    assert [str(done.table.schema.field(name).type) for name in ("sum", "mean", "min")] == [
        "decimal128(38, 2)", "double", "decimal128(9, 2)",
    ]  # fmt: skip


def test_results_are_of_types_that_do_not_depend_on_values(cleaned):
    done = cleaned({"v": pa.array([1], pa.uint8())}, each("v"))

    assert [str(kind) for kind in done.table.schema.types] == [
        "int64", "int64", "int64", "int64", "double", "double", "double", "uint8", "uint8",
        "uint8", "uint8", "uint8",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("values", "least", "greatest"),
    [
        (["b", "a", None, "é", "B"], "B", "é"),
        ([True, None, False], False, True),
        ([dt.date(2024, 1, 2), dt.date(1, 1, 1)], dt.date(1, 1, 1), dt.date(2024, 1, 2)),
        (pa.array([2, 1], pa.timestamp("us", "UTC")), 1, 2),
        (pa.array([2, 1], pa.time64("us")), 1, 2),
        ([2**63 - 1, -(2**63)], -(2**63), 2**63 - 1),
        ([INF, -INF, 0.0], -INF, INF),
    ],
    ids=str,
)
def test_least_and_greatest_are_of_every_ordered_type(cleaned, values, least, greatest):
    table = pa.table({"v": values})
    kind = table.schema.field("v").type

    (row,) = cleaned(table, each("v", ["min", "max", "count_distinct"])).rows()

    expected = [
        one
        if not isinstance(one, int) or pa.types.is_boolean(kind)
        else pa.scalar(one, kind).as_py()
        for one in (least, greatest)
    ]
    assert [row["min"], row["max"]] == expected
    assert row["count_distinct"] == len({str(one) for one in table["v"].to_pylist()} - {"None"})


def test_rows_are_picked_by_their_places(cleaned):
    table = {
        "g": ["x", "y", "x", "y", "z"],
        "v": pa.array([None, [1], [2], None, None], pa.list_(pa.int8())),
        "w": ["a", None, None, "d", None],
    }
    wanted = {f"{one} {of}": (of, one) for one in ("first", "last", "any") for of in "vw"}

    done = cleaned(table, aggregate(wanted, by=["g"]))

    assert [tuple(row.values()) for row in done.rows()] == [
        ("x", None, "a", [2], None, [2], "a"),
        ("y", [1], None, None, "d", [1], "d"),
        ("z", None, None, None, None, None, None),
    ]


# --- groups --------------------------------------------------------------------------------------


def test_dp_20_a_missing_key_is_a_group_of_its_own_and_groups_stand_as_they_appear(cleaned):
    table = {"g": ["b", None, "a", "b", None], "h": [1, 1, None, 1, 1], "v": [1, 2, 3, 4, None]}

    done = cleaned(table, aggregate({"n": "count", "total": ("v", "sum")}, by=["g", "h"]))

    assert [tuple(row.values()) for row in done.rows()] == [
        ("b", 1, 2, 5), (None, 1, 2, 2), ("a", None, 1, 3),
    ]  # fmt: skip
    assert done.counts() == [(5, 3, 0, 0)]


def test_dp_18_19_nan_is_missing_and_zeros_are_one_key_and_one_value(cleaned):
    table = {"g": [-0.0, 0.0, NAN, None], "v": [0.0, -0.0, 1.0, NAN]}

    done = cleaned(table, each("v", ["count_distinct", "min", "max", "sum"], by=["g"]))

    assert str([tuple(row.values()) for row in done.rows()]) == str(
        [(0.0, 1, 0.0, 0.0, 0.0), (None, 1, 1.0, 1.0, 1.0)]
    )


def test_dp_21_lists_and_structs_make_groups(cleaned):
    table = {"g": [[1, None], [1, None], None, []], "s": [{"x": 1}, {"x": 1}, {"x": 1}, None]}

    done = cleaned(table, aggregate({"n": "count"}, by=["g", "s"]))

    assert done.column("n") == [2, 1, 1]


def test_a_group_without_values_has_no_result_and_counts_of_none(cleaned):
    table = {"g": ["x", "y"], "v": pa.array([None, 1], pa.int64())}

    first, _ = cleaned(table, each("v", by=["g"])).rows()

    assert first == {"g": "x"} | dict.fromkeys(FUNCTIONS) | {
        "count": 0, "count_distinct": 0, "count_missing": 1,
    }  # fmt: skip


@pytest.mark.parametrize("kind", [pa.int64(), pa.float64(), pa.decimal128(5, 2), pa.null()])
@pytest.mark.parametrize("rows", [0, 3])
def test_columns_without_values_are_reduced(cleaned, kind, rows):
    table = pa.table({"g": pa.array(["x"] * rows, pa.string()), "v": pa.nulls(rows, kind)})

    whole = cleaned(table, each("v"))
    groups = cleaned(table, each("v", by=["g"]))

    counts = {"count": 0, "count_distinct": 0, "count_missing": rows}
    expected = dict.fromkeys(FUNCTIONS) | counts
    assert whole.rows() == [expected]
    assert groups.rows() == ([{"g": "x"} | expected] if rows else [])


def test_std_of_one_value_is_missing_and_of_equal_ones_zero(cleaned):
    table = {"g": ["x", "y", "y"], "v": [0.1, 0.1, 0.1]}

    assert cleaned(table, each("v", ["std"], by=["g"])).column("std") == [None, 0.0]


@pytest.mark.parametrize("name", ODD)
def test_dp_44_columns_of_any_name_are_grouped_and_reduced(cleaned, name):
    table = {name: ["a", "a"], "value_0": [1, 2], "key_0": [3, 4]}

    done = cleaned(
        table, aggregate({"n of " + name: (name, "count"), "result_0": ("key_0", "sum")}, by=[name])
    )

    assert done.rows() == [{name: "a", "n of " + name: 2, "result_0": 7}]


# --- exact sums ----------------------------------------------------------------------------------

finite = st.floats(allow_nan=False, allow_infinity=False)
usual = st.floats(-1e9, 1e9) | st.sampled_from([0.1, 1e16, -1e16, 1.0, 5e-324, -1.5])


def reduced(values, functions):
    frame = pd.DataFrame({"v": pd.array(values, pd.ArrowDtype(pa.float64()))})
    found, _ = clean(frame, [each("v", functions)], batch_rows=3)
    return [None if pd.isna(one) else float(one) for one in found.iloc[0]]


@given(st.lists(st.none() | usual, max_size=30))
@settings(max_examples=60, deadline=None)
def test_sums_of_floats_are_rounded_once(values):
    present = [one for one in values if one is not None]

    assert reduced(values, ["sum", "mean"]) == (
        [math.fsum(present), float(sum(map(Fraction, present)) / len(present))]
        if present
        else [None, None]
    )


@given(st.lists(usual, min_size=2, max_size=12))
@settings(max_examples=20, deadline=None)
@example([5e-324, 1e16, 0.1, -1.5])
@example([5e-324, 0.0, 5e-324, 5e-324])  # half the least float, which is rounded to even
def test_deviations_of_floats_are_rounded_once(values):
    (found,) = reduced(values, ["std"])

    assert found == exact_deviation(values)


@pytest.mark.parametrize("bits", [26, 52])
@pytest.mark.parametrize("exponent", range(-3, 60))
def test_all_parts_of_a_square_are_of_limbs_that_are_near(bits, exponent):
    """Floats of 53 ones, at all places that limbs may begin at."""
    value = math.ldexp(2**53 - 1, exponent - 1000)
    grid = Grid.of(math.ldexp(1.0, -1003), math.ldexp(1.0, -800), bits)
    digits = int(Fraction(value) / Fraction(2) ** grid.exponent)
    limbs = [digits >> (bits * n) & ((1 << bits) - 1) for n in range(grid.limbs)]

    squares = grid.squares([limbs[one] * limbs[other] for one, other in grid.pairs])

    assert squares == Fraction(value) ** 2
    assert len(grid.pairs) <= 3 * grid.limbs


def exact_deviation(values):
    """Return the deviation by fractions, and a root that is exact where it lies between floats."""
    exact = [Fraction(one) for one in values]
    mean = sum(exact) / len(exact)
    variance = sum((one - mean) ** 2 for one in exact) / (len(exact) - 1)
    with localcontext() as context:
        context.prec = 2000  # a power of two of the least floats' squares has 1500 digits
        return float((Decimal(variance.numerator) / Decimal(variance.denominator)).sqrt())


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1e308, 1e308, -1e308], 1e308),
        ([1e308, 1e308], INF),
        ([5e-324, 1e308, -1e308], 5e-324),
        ([2.0**52, 2.0**-1074, -(2.0**52)], 2.0**-1074),
        ([0.1] * 10, 1.0),
        ([-0.0], 0.0),
        ([1e16, 1.0, 1.0, -1e16], 2.0),
    ],
)
def test_sums_over_the_whole_range_of_floats_are_exact(values, expected):
    assert reduced(values, ["sum"]) == [expected]


@pytest.mark.parametrize(
    ("values", "total", "mean"),
    [
        ([INF, 1.0], INF, INF),
        ([-INF, 1.0, None], -INF, -INF),
        ([INF, -INF], None, None),
        ([INF, INF], INF, INF),
    ],
)
def test_infinite_values_make_infinite_sums(values, total, mean):
    assert reduced(values, ["sum", "mean", "std"]) == [total, mean, None]


def test_a_group_without_infinities_is_not_touched_by_those_of_another(cleaned):
    table = {"g": ["x", "y", "x"], "v": [0.1, INF, 0.2]}

    done = cleaned(table, each("v", ["sum", "std"], by=["g"]))

    assert done.column("sum") == [math.fsum([0.1, 0.2]), INF]
    assert done.column("std") == [statistics.stdev([0.1, 0.2]), None]


def test_neither_order_nor_batches_nor_threads_have_a_part_in_sums(tmp_path):
    rng = np.random.default_rng(7)
    values = rng.lognormal(size=200_000) * 10.0 ** rng.integers(-8, 8, 200_000)
    groups = rng.integers(0, 5, 200_000)
    order = rng.permutation(200_000)
    step = each("v", ["sum", "mean", "std"], by=["g"])

    def done(places, batch_rows):
        frame = pd.DataFrame({"g": groups[places], "v": values[places]})
        found, _ = clean(frame, [step], batch_rows=batch_rows)
        return found.sort_values("g").to_numpy().tolist()

    first = done(np.arange(200_000), 100_000)

    assert done(order, 7_000) == first
    assert [row[1] for row in first] == [math.fsum(values[groups == g]) for g in range(5)]


def test_sums_of_whole_numbers_do_not_wrap(cleaned):
    big = pa.array([2**62, 2**62, -1], pa.int64())

    assert cleaned({"v": big[1:]}, each("v", ["sum", "mean"])).rows() == [
        {"sum": 2**62 - 1, "mean": (2**62 - 1) / 2}
    ]
    assert refused(cleaned, {"v": [2**62] * 2}, each("v", ["sum"]), DatasetError) == (
        "steps[0] (aggregate_data): "
        "A sum of the column 'v' has more than 64 bits; cast it to a decimal in a step before."
    )


def test_means_of_large_whole_numbers_are_exact_though_sums_do_not_fit(cleaned):
    values = pa.array([2**64 - 1, 2**64 - 3], pa.uint64())

    assert cleaned({"v": values}, each("v", ["mean"])).column("mean") == [float(2**64 - 2)]


@given(st.lists(st.integers(-(2**70), 2**70), min_size=2, max_size=6), st.integers(-60, 60))
def test_roots_are_rounded_once(units, exponent):
    values = [one * Fraction(2) ** exponent for one in units]

    found = deviation(len(values), sum(values), sum(one * one for one in values))

    assert found == exact_deviation(values)


def test_a_grid_spans_its_floats():
    assert Grid.of(None, None, 52) == Grid(0, 52, 1)
    assert Grid.of(5e-324, 5e-324, 52).exponent == -1074
    assert Grid.of(5e-324, 1.7e308, 52).limbs == math.ceil((1024 + 1074) / 52)


# --- refused -------------------------------------------------------------------------------------

TABLE = {
    "t": ["a"],
    "l": [[1]],
    "m": pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int8())),
    "n": [1],
    "b": [True],
}


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        (aggregate({"x": ("t", "sum")}), "The column 't' holds string, of which there is no 'sum'; "
                                         "cast it in a step before, or choose another."),
        (aggregate({"x": ("b", "mean")}), "The column 'b' holds bool, of which there is no 'mean'; "
                                          "cast it in a step before, or choose another."),
        (aggregate({"x": ("l", "min")}), "The column 'l' holds list<l: int64>, of which there is "
                                         "no 'min'; cast it in a step before, or choose another."),
        (aggregate({"x": ("m", "count_distinct")}),
         "The column 'm' holds map<string, int8>, of which there is no 'count_distinct'; "
         "cast it in a step before, or choose another."),
        (aggregate({"x": "sum"}), "'sum' needs a column; name it under 'of'."),
        (aggregate({"x": "count"}, by=["m"]), "The column 'm' holds maps, which make no groups; "
                                              "leave it out."),
        (aggregate({"N": "count"}, by=["n"]), "The columns 'n' and 'N' differ in case alone, and "
                                              "engines cannot tell such apart; choose another "
                                              "name."),
        (aggregate({"x": ("y", "sum")}), "'columns.x.of' names columns that the dataset does not "
                                         "have: 'y'. The dataset has 't', 'l', 'm', 'n', 'b'."),
    ],
)  # fmt: skip
def test_what_has_no_meaning_is_refused(cleaned, step, reason):
    assert refused(cleaned, TABLE, step) == f"steps[0] (aggregate_data): {reason}"


def test_an_unknown_function_is_refused_with_those_that_are_known(cleaned):
    sentence = refused(cleaned, TABLE, aggregate({"x": ("n", "avg")}))

    assert sentence.startswith("steps[0] (aggregate_data).columns.x.function: input should be")


def test_spark_gives_the_same(cleaned, cleaned_on_spark):
    table = pa.table(
        {
            "a.b": ["x", None, "y", "x", "z", None] * 7,
            "f": pa.array([0.1, 1e16, -1e16, None, INF, 0.3] * 7),
            "d": pa.array([Decimal("0.10"), None, Decimal("2.25")] * 14, pa.decimal128(9, 2)),
            "u": pa.array([2**64 - 1, None, 3] * 14, pa.uint64()),
            "i": [2**62, 5, None, -(2**62), 7, 1] * 7,
            "w": pa.array([3, None, 1] * 14, pa.time64("us")),
            "l": [[1], None, []] * 14,
        }
    )
    wanted = {f"{one} {of}": (of, one) for of in "fd" for one in FUNCTIONS}
    wanted |= {f"{one} i": ("i", one) for one in ("sum", "mean", "std", "count_distinct")}
    wanted |= {f"{one} u": ("u", one) for one in ("mean", "min", "first", "any")}
    wanted |= {f"{one} w": ("w", one) for one in ("max", "last", "count")}
    wanted |= {f"{one} l": ("l", one) for one in ("any", "count_missing")}
    step = aggregate({"n": "count", **wanted}, by=["a.b"])

    there, here = cleaned_on_spark(table, step), cleaned(table, step)

    assert there.table.to_pylist() == here.table.to_pylist()
    assert there.table.equals(here.table)
    assert there.notes == here.notes
