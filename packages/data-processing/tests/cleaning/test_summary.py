"""Statistics of columns and groups: exact, whatever the batches are."""

import json
import math
import statistics
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_processing.cleaning import exact
from data_processing.cleaning.groups import Grouping
from data_processing.cleaning.numbers import Measure, measure_of
from data_processing.cleaning.summary import HALF, Ask, summaries
from util_services.engines.stage_fits import Fold

at = datetime.fromisoformat
QUARTERS = (Fraction(1, 4), HALF, Fraction(3, 4))


def worked_out(table, *asks, splits=()):
    """Return the summaries of a table that comes in batches, and the number of passes."""
    found = []

    def finish(summarised):
        found.append(list(summarised))
        return []

    step, passes = summaries(asks, finish), 0
    frame = table.to_pandas(types_mapper=pd.ArrowDtype)
    borders = [0, *sorted(splits), len(frame)]
    while isinstance(step, Fold):
        passes += 1
        told = [
            json.loads(json.dumps(step.summarise(frame.iloc[a:b].reset_index(drop=True))))
            for a, b in pairwise(borders)
        ]
        step = step.combine(told)
    return found[-1], passes


def ask(table, column="x", by=(), **wanted):
    measure = measure_of(table.schema.field(column).type, column, "it")
    return Ask(column, measure, Grouping.of(table.schema, by), **wanted)


def type_7(share, values):
    """Return a quantile as Hyndman and Fan define type 7, in fractions."""
    ordered = sorted(map(Fraction, values))
    height = (len(ordered) - 1) * share
    low = math.floor(height)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (height - low) * (ordered[high] - ordered[low])


def deviation(values):
    """Return the median absolute deviation in doubles, as floats have it."""
    centre = statistics.median(map(Fraction, values))
    if any(isinstance(value, float) for value in values):
        return statistics.median(Fraction(abs(value - float(centre))) for value in values)
    return statistics.median(abs(Fraction(value) - centre) for value in values)


NUMBERS = {
    pa.float64(): st.floats(-1e300, 1e300) | st.sampled_from([math.inf, -math.inf, -0.0]),
    pa.float32(): st.floats(width=32, allow_nan=False),
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.int8(): st.integers(-3, 3),
    pa.uint64(): st.integers(0, 2**64 - 1),
    pa.decimal128(38, 4): st.decimals(
        min_value=-(10**33), max_value=10**33, places=4, allow_nan=False
    ),
    pa.decimal128(10, 2): st.decimals(-(10**7), 10**7, places=2, allow_nan=False),
}


@st.composite
def tables(draw):
    """A table with a column of numbers, two that make groups, and where batches begin."""
    kind = draw(st.sampled_from(list(NUMBERS)))
    size = draw(st.integers(0, 40))
    column = draw(st.lists(NUMBERS[kind] | st.none(), min_size=size, max_size=size))
    few = st.lists(st.sampled_from(["a", "b", None]), min_size=size, max_size=size)
    table = pa.table(
        {
            "x": pa.array(column, kind),
            "g": pa.array(draw(few), pa.string()),
            "h": pa.array([bool(n % 3) for n in range(size)], pa.bool_()),
        }
    )
    return table, draw(st.lists(st.integers(0, size), max_size=6))


def finite(values):
    return [v for v in values if v is not None and not (isinstance(v, float) and math.isinf(v))]


@settings(max_examples=250, deadline=None)
@given(tables(), st.sampled_from([(), ("g",), ("g", "h")]))
def test_statistics_of_groups_are_those_of_fractions(problem, by):
    table, splits = problem
    groups = {}
    for row in table.to_pylist():
        groups.setdefault(tuple(row[name] for name in by), []).append(row["x"])

    (found,), passes = worked_out(
        table, ask(table, by=by, moments=2, shares=QUARTERS, deviation=True), splits=splits
    )

    unit = measure_of(table.schema.field("x").type, "x", "it").unit
    assert found.keys() == groups.keys()
    assert passes <= 4
    for key, column in groups.items():
        values = finite(column)
        one = found[key]
        assert one.count == len(values)
        assert one.total * unit == sum(map(Fraction, values))
        assert one.squared * unit**2 == sum(Fraction(value) ** 2 for value in values)
        if values:
            assert {share: one.quantiles[share] * unit for share in QUARTERS} == {
                share: type_7(share, values) for share in QUARTERS
            }
            assert one.deviation * unit == deviation(values)


@pytest.mark.parametrize("size", [1, 2, 1000, 30_000])
@pytest.mark.parametrize("pieces", [1, 7])
def test_quantiles_of_many_values_are_those_of_numpy(size, pieces):
    random = np.random.default_rng(size)
    values = random.lognormal(size=size)
    groups = random.integers(0, 5, size)
    table = pa.table({"x": values, "g": groups})
    splits = random.integers(0, size, pieces - 1).tolist()

    (whole, grouped), passes = worked_out(
        table, ask(table, shares=QUARTERS), ask(table, by=["g"], shares=QUARTERS), splits=splits
    )

    assert passes == (2 if size > 100 else 1)
    parts = {(): values} | {(n,): values[groups == n] for n in set(groups.tolist())}
    for key, found in {**whole, **grouped}.items():
        assert [found.quantiles[share] for share in QUARTERS] == [
            type_7(share, parts[key].tolist()) for share in QUARTERS
        ]
        np.testing.assert_allclose(
            [float(found.quantiles[share]) for share in QUARTERS],
            np.quantile(parts[key], [0.25, 0.5, 0.75], method="linear"),
            rtol=1e-15,
        )


@pytest.mark.parametrize("values", [[5] * 3000, [1] * 1000 + [9] * 2001, [0, *[7] * 3000, 9**20]])
def test_values_that_repeat_are_found_at_their_ranks(values):
    table = pa.table({"x": pa.array(values, pa.decimal128(38, 0))})

    (found,), _ = worked_out(table, ask(table, shares=QUARTERS), splits=[10, 2000])

    assert found[()].quantiles == {share: type_7(share, values) for share in QUARTERS}


def test_few_values_are_kept_for_the_second_pass():
    size = 100_000
    table = pa.table({"x": np.random.default_rng(3).normal(size=size)})
    kept = []

    step = summaries([ask(table, shares=(HALF,))], lambda _: [])
    frame = table.to_pandas(types_mapper=pd.ArrowDtype)
    while isinstance(step, Fold):
        told = [step.summarise(frame.iloc[n : n + 10_000]) for n in range(0, size, 10_000)]
        kept.append(sum(len(str(one)) for one in told))
        step = step.combine(told)

    assert len(kept) == 2
    assert max(kept) < 0.05 * 20 * size  # of what all values take in digits


def test_no_rows_make_no_groups():
    table = pa.table({"x": pa.array([], pa.int64()), "g": pa.array([], pa.string())})

    found, _ = worked_out(table, ask(table, moments=2, shares=(HALF,)), ask(table, by=["g"]))

    assert found == [{}, {}]


def test_a_group_without_numbers_is_a_group():
    table = pa.table({"x": [None, math.inf, 1.0], "g": ["a", "a", None]})

    (found,), _ = worked_out(table, ask(table, by=["g"], moments=1, shares=(HALF,)))

    assert {key: (one.count, one.quantiles) for key, one in found.items()} == {
        ("a",): (0, {}),
        (None,): (1, {HALF: Fraction(1)}),
    }


@pytest.mark.parametrize("splits", [[], [1, 2, 3]])
def test_zeros_of_both_signs_and_nan_and_missing_make_one_group_each(splits):
    table = pa.table({"x": [1, 2, 4, 8], "g": pa.array([0.0, -0.0, math.nan, None])})

    (found,), _ = worked_out(table, ask(table, by=["g"], moments=1), splits=splits)

    assert {key: one.total for key, one in found.items()} == {(0.0,): 3, (None,): 12}
    places = Grouping.of(table.schema, ["g"]).places([(-0.0,), (None,)])
    assert places.find(table.to_pandas(types_mapper=pd.ArrowDtype)).tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (pa.decimal128(20, 3), [Decimal("1.500"), None, Decimal("-2.000")]),
        (pa.date32(), [date(1, 1, 1), None, date(9999, 12, 31)]),
        (pa.timestamp("us"), [at("0001-01-01"), None, at("9999-12-31T23:59:59.999999")]),
        (pa.timestamp("us", "UTC"), [at("2024-01-01T00:00:00+00:00")]),
        (pa.timestamp("s"), [at("2024-01-01")]),
        (pa.bool_(), [True, False, None]),
        (pa.float32(), [0.5, None, math.inf]),
        (pa.uint64(), [2**64 - 1, 0]),
        (pa.large_string(), ["", None, "é"]),
    ],
)
def test_keys_of_groups_come_back_as_the_values_that_they_are(kind, values):
    table = pa.table({"x": range(len(values)), "g": pa.array(values, kind)})
    grouping = Grouping.of(table.schema, ["g"])

    (found,), _ = worked_out(table, ask(table, by=["g"], moments=1), splits=[1])

    assert {key[0]: one.total for key, one in found.items()} == dict(
        zip(values, range(len(values)), strict=True)
    )
    frame = table.to_pandas(types_mapper=pd.ArrowDtype)
    keys = list(found)
    assert [keys[place][0] for place in grouping.places(keys).find(frame)] == values


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["a", "b", None]), st.integers(0, 3) | st.none())),
    st.lists(st.tuples(st.sampled_from(["a", "b", None]), st.integers(0, 3) | st.none())),
)
def test_rows_are_found_among_the_groups_that_are_known(known, rows):
    schema = pa.schema([("g", pa.string()), ("h", pa.int64())])
    keys = list(dict.fromkeys(known))
    frame = pd.DataFrame(
        {
            "g": pd.Series([g for g, _ in rows], dtype=pd.ArrowDtype(pa.string())),
            "h": pd.Series([h for _, h in rows], dtype=pd.ArrowDtype(pa.int64())),
        }
    )

    found = Grouping.of(schema, ["g", "h"]).places(keys).find(frame)

    assert found.tolist() == [keys.index(row) if row in keys else len(keys) for row in rows]


def test_rows_are_found_by_more_combinations_than_fit_into_64_bits():
    size, names = 2**16 - 1, list("abcde")
    schema = pa.schema([(name, pa.int64()) for name in names])
    columns = {name: np.arange(size) for name in names} | {"a": (np.arange(size) + 1) % size}
    other = pa.table(columns, schema).to_pandas(types_mapper=pd.ArrowDtype)

    places = Grouping.of(schema, names).places([(n,) * 5 for n in range(size)])

    assert set(places.find(other).tolist()) == {size}
    assert places.find(other.assign(a=other["b"])).tolist() == list(range(size))


@pytest.mark.parametrize(
    ("kind", "number", "value"),
    [
        (pa.int64(), Fraction(5, 2), 2),
        (pa.int64(), Fraction(7, 2), 4),
        (pa.float64(), Fraction(1, 3), 1 / 3),
        (pa.decimal128(38, 2), Fraction(10**36 * 2 + 1, 2), Decimal(10**34)),
        (pa.date32(), Fraction(3, 2), date(1970, 1, 3)),
        (pa.timestamp("ms"), Fraction(-1), at("1969-12-31T23:59:59.999")),
        (
            pa.timestamp("s", "UTC"),
            Fraction(0),
            at("1970-01-01T00:00:00+00:00"),
        ),
    ],
)
def test_numbers_become_the_nearest_value_of_a_type(kind, number, value):
    found = Measure(kind).value(number)

    assert found == value
    assert pa.scalar(found, kind).as_py() == value


def test_the_deviation_of_the_greatest_doubles_is_no_infinity():
    greatest = 1.7976931348623157e308
    table = pa.table({"x": [-greatest, greatest, greatest]})

    (found,), _ = worked_out(table, ask(table, moments=2, deviation=True))

    assert found[()].deviation == 0
    assert exact.nearest(found[()].mean) == greatest / 3
