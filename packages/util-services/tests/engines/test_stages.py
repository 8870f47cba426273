"""Chains of steps: the same rows as step by step, with as few passes as they allow."""

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from util_services.engines.stages import Fit, Map, Table, fit_all, plan, run

ODD = 'a.b "*"'  # a name that is no identifier on any engine


def add(column, amount):
    """Return a map that adds to a column."""
    return Map(lambda rows: rows.assign(**{column: rows[column] + amount}), frozenset([column]))


def subtract_smallest(column, by=()):
    """Return a fit whose map takes the smallest value of a column, or of a group, off each."""

    def then(groups):
        smallest = {tuple(group[name] for name in by): group["smallest"] for group in groups}

        def function(rows):
            keys = rows[list(by)].astype(object).itertuples(index=False, name=None)
            found = [smallest[tuple(None if pd.isna(part) else part for part in k)] for k in keys]
            least = pd.Series(found, index=rows.index)
            return rows.assign(**{column: rows[column] - least.astype("int64[pyarrow]")})

        return Map(function, frozenset([column]))

    return Fit(
        reads=frozenset([column, *by]),
        aggregates=lambda columns: {"smallest": columns[column].min()},
        then=then,
        writes=frozenset([column]),
        by=by,
    )


def keep_above(column, bound):
    """Return a map that leaves out rows."""
    return Map(lambda rows: rows[rows[column] > bound], None)


def sort_by(column):
    """Return a table step that puts rows in one order, whatever they hold."""
    return Table(lambda _, frame: frame.sort(column, "n"))


class Counted:
    """Counts the passes over data that a chain asks a real engine for."""

    def __init__(self, engine):
        self.engine, self.passes = engine, []

    def __getattr__(self, verb):
        found = getattr(self.engine, verb)
        if verb not in {"rows", "map_batches", "materialise"}:
            return found

        def counted(*given):
            self.passes.append(verb)
            return found(*given)

        return counted


@pytest.fixture
def numbers(engine, stage):
    """A frame of several batches, with a group that has no name."""
    table = pa.table(
        {
            "a": [n * 7 % 1000 for n in range(3000)],
            "b": range(3000),
            "n": range(3000),
            ODD: [["x", "y", None][n % 3] for n in range(3000)],
        }
    )
    return engine.scan(stage(table))


def test_maps_that_follow_one_another_are_one_pass(engine, numbers):
    counted = Counted(engine)

    result = run(counted, numbers, [add("a", 1), add("b", 2), add("a", 3)])

    assert counted.passes == ["map_batches"]
    assert engine.rows(result)[1] == {"a": 11, "b": 3, "n": 1, ODD: "y"}


def test_fits_of_a_stage_are_one_query_for_each_grouping(engine, numbers):
    counted = Counted(engine)
    steps = [subtract_smallest("b", (ODD,)), subtract_smallest("a"), add("b", 1), add("a", 1)]

    result = run(counted, numbers, steps)

    assert counted.passes == ["rows", "rows", "map_batches"]
    assert engine.rows(result)[:4] == [
        {"a": 1, "b": 1, "n": 0, ODD: "x"},
        {"a": 8, "b": 1, "n": 1, ODD: "y"},
        {"a": 15, "b": 1, "n": 2, ODD: None},
        {"a": 22, "b": 4, "n": 3, ODD: "x"},
    ]


def test_fits_by_the_same_columns_share_a_query(engine, numbers):
    counted = Counted(engine)

    smallest = fit_all(
        counted, numbers, [subtract_smallest("b", (ODD,)), subtract_smallest("a", (ODD,))]
    )

    assert counted.passes == ["rows"]
    assert [{group[ODD]: group["smallest"] for group in groups} for groups in smallest] == [
        {"x": 0, "y": 1, None: 2},
        {"x": 0, "y": 0, None: 0},
    ]


def test_a_fit_sees_what_an_earlier_map_wrote(engine, numbers):
    steps = [add("a", 5), subtract_smallest("a")]

    result = run(engine, numbers, steps)

    assert [row["a"] for row in engine.rows(result)[:3]] == [0, 7, 14]


def test_a_fit_sees_the_rows_that_an_earlier_map_left(engine, numbers):
    result = run(engine, numbers, [keep_above("a", 500), subtract_smallest("b")])

    rows = engine.rows(result)
    assert rows[0] == {"a": 504, "b": 0, "n": 72, ODD: "x"}
    assert len(rows) == 3 * 499


def test_a_fit_sees_what_an_earlier_fit_of_its_columns_did(engine, numbers):
    result = run(engine, numbers, [subtract_smallest("b", (ODD,)), subtract_smallest("b")])

    assert [row["b"] for row in engine.rows(result)[:4]] == [0, 0, 0, 3]


def test_a_table_step_is_computed_once_and_the_last_one_not_before_it_is_written(engine, numbers):
    counted = Counted(engine)
    steps = [add("b", 1), sort_by("a"), subtract_smallest("b"), sort_by("b")]

    result = run(counted, numbers, steps)

    assert counted.passes == ["map_batches", "materialise", "rows", "map_batches"]
    assert [row["b"] for row in engine.rows(result)] == list(range(3000))


def test_no_steps_leave_the_rows_as_they_are(engine, numbers):
    assert engine.rows(run(engine, numbers, [])) == engine.rows(numbers)


def test_a_map_that_makes_a_column_declares_it(engine, numbers):
    twice = Map(
        lambda rows: rows.assign(twice=rows["a"] * 2),
        frozenset(["twice"]),
        lambda schema: schema.append(pa.field("twice", pa.int64())),
    )

    result = run(engine, numbers, [twice, add("twice", 1), subtract_smallest("twice")])

    assert [row["twice"] for row in engine.rows(result)[:3]] == [0, 14, 28]
    assert engine.arrow_schema(result).names == ["a", "b", "n", ODD, "twice"]


STEPS = st.one_of(
    st.builds(add, st.sampled_from("ab"), st.integers(-5, 5)),
    st.builds(subtract_smallest, st.sampled_from("ab"), st.sampled_from([(), (ODD,), ("b",)])),
    st.builds(keep_above, st.sampled_from("ab"), st.integers(-5, 50)),
    st.builds(sort_by, st.sampled_from("ab")),
)


@pytest.mark.parametrize("engine", ["local"], indirect=True)  # a cluster takes minutes for these
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=st.lists(STEPS, max_size=6))
def test_a_chain_gives_what_its_steps_give_one_by_one(engine, numbers, steps):
    one_by_one = numbers
    for step in steps:
        one_by_one = engine.materialise(run(engine, one_by_one, [step]))

    result = run(engine, numbers, steps)

    assert engine.rows(result) == engine.rows(one_by_one)


@given(steps=st.lists(STEPS, max_size=12))
def test_a_plan_keeps_every_step_in_its_order(steps):
    stages = plan(steps)

    flat = [step for stage in stages for step in ([stage] if isinstance(stage, Table) else stage)]
    assert flat == steps
    for stage in stages:
        if not isinstance(stage, Table):
            for number, step in enumerate(stage):
                written = frozenset().union(*(one.writes or "ab" for one in stage[:number]))
                assert not isinstance(step, Fit) or written.isdisjoint(step.reads)
