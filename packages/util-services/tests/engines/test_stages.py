"""Chains of steps: the same rows as step by step, with as few passes as they allow."""

import json
from dataclasses import replace

import narwhals as nw
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from util_services.engines.failures import BatchContractError, RefusedCellsError
from util_services.engines.stage_batches import NOTHING_ELSE, Expand, Filter, Map
from util_services.engines.stage_fits import (
    PART,
    Aggregates,
    Fit,
    Fitted,
    Fold,
    Query,
    Several,
    fit_all,
)
from util_services.engines.stage_notes import Note
from util_services.engines.stages import NUMBER, Table, Tabled, plan, run
from util_services.errors import DatasetError

ODD = 'a.b "*"'  # a name that is no identifier on any engine


def add(column, amount):
    """Return a map that adds to a column."""
    return Map(
        "add", lambda rows: rows.assign(**{column: rows[column] + amount}), frozenset([column])
    )


def subtract_smallest(column, by=()):
    """Return a fit whose map takes the smallest value of a column, or of a group, off each."""

    def then(groups):
        smallest = {tuple(group[name] for name in by): group["smallest"] for group in groups}

        def function(rows):
            keys = rows[list(by)].astype(object).itertuples(index=False, name=None)
            found = [smallest[tuple(None if pd.isna(part) else part for part in k)] for k in keys]
            least = pd.Series(found, index=rows.index)
            return rows.assign(**{column: rows[column] - least.astype("int64[pyarrow]")})

        steps = (Map("subtract", function, frozenset([column])),)
        return Fitted(steps, facts={"groups": len(smallest)})

    return Fit(
        name="subtract smallest",
        reads=frozenset([column, *by]),
        reduce=Aggregates(lambda columns: {"smallest": columns[column].min()}, by),
        then=then,
        writes=frozenset([column]),
    )


def keep_above(column, bound, reason=None):
    """Return a filter."""
    return Filter("keep above", lambda rows: rows[column] > bound, reason)


def repeat(column):
    """Return a step that makes of each row as many as its value modulo 3 says."""

    def function(rows):
        times = [0 if pd.isna(value) else value % 3 for value in rows[column]]
        origins = [place for place, number in enumerate(times) for _ in range(number)]
        return rows.take(origins), origins

    return Expand("repeat", function)


def sort_by(column):
    """Return a table step that puts rows in one order, whatever they hold."""

    def function(rows):
        ordered = rows.frame.with_row_index("place", order_by=[rows.places[column], NUMBER])
        numbers = {NUMBER: "place"} | {place: place for place in rows.places.values()}
        return Tabled(rows.engine.select(ordered.sort("place"), numbers), dropped=0)

    return Table("sort", function)


class Counted:
    """Counts the passes over data that a chain asks a real engine for."""

    def __init__(self, engine):
        self.engine, self.passes = engine, []

    def __getattr__(self, verb):
        found = getattr(self.engine, verb)
        if verb not in {"map_batches", "materialise", "tell_batches"}:
            return found

        def counted(*given, **options):
            self.passes.append(verb)
            return found(*given, **options)

        return counted


TABLE = pa.table(
    {
        "a": [n * 7 % 1000 for n in range(3000)],
        "b": range(3000),
        ODD: [["x", "y", None][n % 3] for n in range(3000)],
    }
)


@pytest.fixture
def numbers(engine, stage):
    """A frame of several batches with numbered rows, and a group that has no name."""
    return engine.scan(stage(TABLE), "n")


def done(engine, frame, *steps, **options):
    return run(engine, frame, steps, rows=len(TABLE), number="n", **options)


def counts(note):
    return (note.rows_in, note.rows_out, note.dropped, note.quarantined)


def test_row_wise_steps_that_follow_one_another_are_one_pass(engine, numbers):
    counted = Counted(engine)

    ran = done(counted, numbers, add("a", 1), keep_above("a", 5), add("b", 2), add("a", 3))

    assert counted.passes == ["map_batches"]
    assert engine.rows(ran.frame)[0] == {"a": 11, "b": 3, ODD: "y", "n": 1}


@pytest.mark.parametrize("logs_changes", [False, True])
def test_maps_that_tell_what_they_read_leave_all_else_as_it_is(engine, numbers, logs_changes):
    def total(rows):
        assert logs_changes or set(rows.columns) <= {"a", ODD, "sum"}
        return rows.assign(sum=rows["a"] + rows[ODD].str.len().astype("int64[pyarrow]"))

    def with_sum(given):
        return pa.schema([*given, ("sum", pa.int64())])

    ran = done(
        engine,
        numbers,
        replace(add("a", 1), reads=NOTHING_ELSE),
        Map("total", total, frozenset(["sum"]), with_sum, reads=frozenset(["a", ODD])),
        logs_changes=logs_changes,
    )

    rows = engine.rows(ran.frame)
    assert list(rows[0]) == ["a", "b", ODD, "sum", "n"]
    assert [row["b"] for row in rows] == [row["n"] for row in rows] == list(range(3000))
    assert rows[1] == {"a": 8, "b": 1, ODD: "y", "sum": 9, "n": 1}
    assert [counts(note) for note in ran.notes] == [(3000, 3000, 0, 0)] * 2


def test_maps_that_may_read_any_column_are_given_all(engine, numbers):
    def total(rows):
        return rows.assign(a=rows["a"] + rows["b"])

    ran = done(
        engine,
        numbers,
        replace(add("a", 1), reads=NOTHING_ELSE),
        Map("total", total, frozenset(["a"])),
    )

    assert engine.rows(ran.frame)[2] == {"a": 17, "b": 2, ODD: None, "n": 2}


def test_each_step_is_noted_with_its_rows_and_changed_cells(engine, numbers):
    def blank(rows):
        is_low = rows["a"] < 10
        return rows.assign(b=rows["b"].mask(is_low)), {"blanked": int(is_low.sum())}

    ran = done(
        engine,
        numbers,
        add("a", 0),
        keep_above("a", 4),
        Map("blank", blank, frozenset("b")),
        repeat("b"),
        keep_above("b", 2990, "is not above 2990"),
    )

    assert [note.name for note in ran.notes] == [
        "add", "keep above", "blank", "repeat", "keep above",
    ]  # fmt: skip
    assert [counts(note) for note in ran.notes] == [
        (3000, 3000, 0, 0),
        (3000, 2985, 15, 0),
        (2985, 2985, 0, 0),
        (2985, 2970, 0, 0),
        (2970, 9, 0, 2961),
    ]
    assert [dict(note.changed) for note in ran.notes] == [{}, {}, {"b": 15}, {}, {}]
    assert [dict(note.counts) for note in ran.notes] == [{}, {}, {"blanked": 15}, {}, {}]
    assert [row["n"] for row in engine.rows(ran.frame)] == [
        2992, 2993, 2993, 2995, 2996, 2996, 2998, 2999, 2999,
    ]  # fmt: skip


def test_a_column_may_be_called_as_the_numbers_of_rows_are(engine, numbers):
    def call_n(name):
        def function(rows):
            return rows.rename(columns={name: "N"})

        def schema(given):
            return pa.schema([f.with_name("N") if f.name == name else f for f in given])

        return Map("rename", function, frozenset([name, "N"]), schema)

    def call_back(rows):
        places = {"n" if name == "N" else name: place for name, place in rows.places.items()}
        return Tabled(rows.frame, dropped=0, places=places)

    ran = done(engine, numbers, keep_above("b", 2998), call_n("a"), Table("name", call_back))

    assert ran.number == "n_"
    assert engine.rows(ran.frame) == [{"n": 2999 * 7 % 1000, "b": 2999, ODD: None, "n_": 2999}]


def test_a_table_step_gets_rows_of_different_numbers_though_they_were_made_of_one(engine, numbers):
    seen = []

    def drop_second(rows):
        seen.append(engine.rows(rows.frame.select(NUMBER, rows.places["b"])))
        losers = engine.materialise(rows.frame.filter(nw.col(NUMBER) == 1).select(NUMBER))
        return Tabled(engine.drop_rows(rows.frame, NUMBER, losers), dropped=1)

    steps = [keep_above("b", 2994), repeat("b"), Table("drop", drop_second), add("b", 0)]
    ran = done(engine, numbers, *steps)

    assert [tuple(row.values()) for row in seen[0]] == [
        (0, 2995), (1, 2996), (2, 2996), (3, 2998), (4, 2999), (5, 2999),
    ]  # fmt: skip
    assert [row["b"] for row in engine.rows(ran.frame)] == [2995, 2996, 2998, 2999, 2999]


def test_rows_that_are_set_aside_are_told_whole_with_their_numbers(engine, numbers):
    ran = done(engine, numbers, add("a", 1), keep_above("b", 1, "is too small"))

    found = [json.loads(row["note"]) for frame in ran.quarantine for row in engine.rows(frame)]
    assert found == [
        {
            "row": number,
            "step": "keep above",
            "reason": "is too small",
            "record": {"a": 7 * number + 1, "b": number, ODD: "xy"[number]},
        }
        for number in (0, 1)
    ]


def test_changes_are_told_cell_by_cell_where_asked_for(engine, numbers):
    steps = [keep_above("b", 2998), add("a", 0), add("b", 1)]

    silent = done(engine, numbers, *steps)
    told = done(engine, numbers, *steps, logs_changes=True)

    assert [row for frame in silent.changes for row in engine.rows(frame)] == []
    assert [json.loads(row["note"]) for frame in told.changes for row in engine.rows(frame)] == [
        {"row": 2999, "step": "add", "column": "b", "before": 2999, "after": 3000}
    ]


def test_a_chain_that_leaves_no_rows_keeps_columns_and_counts(engine, numbers):
    ran = done(engine, numbers, keep_above("a", 10_000), add("a", 1), subtract_smallest("b"))

    assert engine.rows(ran.frame) == []
    assert engine.arrow_schema(ran.frame).names == ["a", "b", ODD, "n"]
    assert [counts(note) for note in ran.notes] == [(3000, 0, 3000, 0), (0, 0, 0, 0), (0, 0, 0, 0)]


def test_fits_of_a_stage_are_one_query_for_each_grouping(engine, numbers):
    counted = Counted(engine)
    steps = [subtract_smallest("b", (ODD,)), subtract_smallest("a"), add("b", 1), add("a", 1)]

    ran = done(counted, numbers, *steps)

    assert counted.passes == ["map_batches"]
    assert engine.rows(ran.frame)[:4] == [
        {"a": 1, "b": 1, ODD: "x", "n": 0},
        {"a": 8, "b": 1, ODD: "y", "n": 1},
        {"a": 15, "b": 1, ODD: None, "n": 2},
        {"a": 22, "b": 4, ODD: "x", "n": 3},
    ]
    assert [note.facts for note in ran.notes] == [{"groups": 3}, {"groups": 1}, {}, {}]


def test_fits_by_the_same_columns_share_a_query(engine, numbers):
    asked = []

    class Asked(Counted):
        def rows(self, frame):
            asked.append(frame)
            return self.engine.rows(frame)

    smallest = fit_all(
        Asked(engine), numbers, [subtract_smallest("b", (ODD,)), subtract_smallest("a", (ODD,))]
    )

    assert len(asked) == 1
    assert [{group[ODD]: group["smallest"] for group in groups} for groups in smallest] == [
        {"x": 0, "y": 1, None: 2},
        {"x": 0, "y": 0, None: 0},
    ]


def test_a_query_may_tell_more_than_aggregates(engine, numbers):
    def three_largest(frame, places):
        return frame.select(nw.col(places["b"]).alias("b")).sort("b", descending=True).head(3)

    fit = Fit("top", frozenset("b"), Query(three_largest), lambda _: Fitted(()), frozenset())

    assert fit_all(engine, numbers, [fit]) == [[{"b": 2999}, {"b": 2998}, {"b": 2997}]]


def test_a_query_may_ask_another_dataset_in_the_pass_of_other_steps(engine, numbers, stage):
    amounts = pa.table({ODD: ["twice", "once"], "amount": [2, 1]})

    def largest(frame, places):
        assert list(places) == [ODD, "amount"]
        return frame.select(nw.col(places["amount"]).max().alias("amount"))

    def then(groups):
        return Fitted((add("b", groups[0]["amount"] or 0),))

    fit = Fit("look up", frozenset(), Query(largest, "amounts"), then, frozenset("b"))
    counted = Counted(engine)
    others = {"amounts": engine.scan(stage(amounts), "n")}

    ran = done(counted, numbers, add("b", 10), fit, others=others)

    assert counted.passes == ["map_batches"]
    assert ran.states == {1: [{"amount": 2}]}
    assert [row["b"] for row in engine.rows(ran.frame)[:2]] == [12, 13]


def test_folds_of_a_stage_are_one_pass_over_batches(engine, numbers):
    counted = Counted(engine)

    def total(column):
        return Fit(
            "total",
            frozenset([column]),
            Fold(lambda rows: int(rows[column].sum()), lambda sums: [{"sum": sum(sums)}]),
            lambda groups: add(column, -groups[0]["sum"]) and Fitted((add(column, 1),)),
            frozenset([column]),
        )

    ran = done(counted, numbers, total("a"), total("b"))

    assert counted.passes == ["tell_batches", "map_batches"]
    assert ran.states == {0: [{"sum": 1_498_500}], 1: [{"sum": 4_498_500}]}


def test_what_the_parts_of_a_step_tell_is_joined():
    first = {"columns": {"a": 1, "b": 1}, "rows": {"x": 1}, "of": "a"}
    note = Note("step", 1, 1, facts=first, limits=("one",))
    later = {"columns": {"b": 2, "c": 2}, "of": {"b": 2}}

    note.continue_with(Note("step", 1, 1, facts=later, limits=("one", "two")))

    assert note.facts == {"columns": {"a": 1, "b": 2, "c": 2}, "rows": {"x": 1}, "of": {"b": 2}}
    assert note.limits == ("one", "two")


def above_mean(column):
    """Return a fold that counts the values above the mean, which takes a second pass."""

    def count(mean):
        return Fold(
            lambda rows: int((rows[column] > mean).sum()),
            lambda counts: [{"above": sum(counts)}],
        )

    return Fold(
        lambda rows: [int(rows[column].sum()), len(rows)],
        lambda sums: count(sum(part for part, _ in sums) / sum(size for _, size in sums)),
    )


def test_folds_that_take_several_passes_share_them(engine, numbers):
    counted = Counted(engine)
    fits = [
        Fit(name, frozenset([name]), above_mean(name), lambda _: Fitted(()), frozenset())
        for name in ("a", "b")
    ]
    fits.append(
        Fit(
            "size",
            frozenset("a"),
            Fold(len, lambda sizes: [{"rows": sum(sizes)}]),
            lambda _: Fitted(()),
            frozenset(),
        )
    )

    states = fit_all(counted, numbers, fits)

    assert counted.passes == ["tell_batches", "tell_batches"]
    assert states == [[{"above": 1500}], [{"above": 1500}], [{"rows": 3000}]]


def test_a_fit_of_several_parts_gets_one_state_with_the_names_of_the_parts(engine, numbers):
    counted = Counted(engine)
    parts = {
        "least": Aggregates(lambda columns: {"value": columns["b"].min()}),
        "least of each": Aggregates(lambda columns: {"value": columns["b"].min()}, (ODD,)),
        "last": Query(lambda frame, places: frame.select(nw.col(places["b"]).max().alias("value"))),
        "above": above_mean("b"),
    }
    fit = Fit("all", frozenset(["b", ODD]), Several(parts), lambda _: Fitted(()), frozenset())

    (state,) = fit_all(counted, numbers, [fit])

    assert counted.passes == ["tell_batches", "tell_batches"]
    assert sorted(state, key=str) == sorted(
        [
            {PART: "least", "value": 0},
            *({PART: "least of each", ODD: k, "value": v} for k, v in [("x", 0), ("y", 1)]),
            {PART: "least of each", ODD: None, "value": 2},
            {PART: "last", "value": 2999},
            {PART: "above", "above": 1500},
        ],
        key=str,
    )


def refusing():
    """Return a function that refuses a cell; Spark's workers cannot import this module."""

    def refuse(rows):
        places = [place for place, value in enumerate(rows["b"]) if value == 859]
        if places:
            raise RefusedCellsError("The column 'b' holds what is refused", "leave it out", places)
        return rows

    return refuse


def test_cells_that_a_step_refuses_are_told_by_the_numbers_of_their_rows(engine, numbers):
    with pytest.raises(DatasetError) as caught:
        done(engine, numbers, keep_above("b", 500), Map("refuse", refusing()))

    assert str(caught.value) == (
        "The column 'b' holds what is refused in row 859 (the first row is 0); leave it out."
    )


def test_cells_of_rows_without_numbers_are_refused_alike(engine, numbers):
    with pytest.raises(DatasetError) as caught:
        run(engine, numbers, [Map("refuse", refusing())], rows=len(TABLE))

    assert str(caught.value) == "The column 'b' holds what is refused; leave it out."


def test_a_state_that_is_known_is_not_worked_out_again(engine, numbers):
    known = {1: [{"smallest": -100}]}

    ran = done(engine, numbers, add("b", 1), subtract_smallest("a"), states=known)

    assert [row["a"] for row in engine.rows(ran.frame)[:2]] == [100, 107]
    assert ran.states == known


def test_a_fit_sees_what_an_earlier_map_wrote(engine, numbers):
    ran = done(engine, numbers, add("a", 5), subtract_smallest("a"))

    assert [row["a"] for row in engine.rows(ran.frame)[:3]] == [0, 7, 14]


def test_a_fit_sees_the_rows_that_an_earlier_filter_left(engine, numbers):
    ran = done(engine, numbers, keep_above("a", 500), subtract_smallest("b"))

    rows = engine.rows(ran.frame)
    assert rows[0] == {"a": 504, "b": 0, ODD: "x", "n": 72}
    assert len(rows) == 3 * 499


def test_a_fit_sees_what_an_earlier_fit_of_its_columns_did(engine, numbers):
    ran = done(engine, numbers, subtract_smallest("b", (ODD,)), subtract_smallest("b"))

    assert [row["b"] for row in engine.rows(ran.frame)[:4]] == [0, 0, 0, 3]


def test_a_table_step_is_computed_once_and_the_last_one_not_before_it_is_written(engine, numbers):
    counted = Counted(engine)

    ran = done(counted, numbers, add("b", 1), sort_by("a"), subtract_smallest("b"), sort_by("b"))

    assert counted.passes == ["map_batches", "materialise", "map_batches"]
    assert [row["b"] for row in engine.rows(ran.frame)] == list(range(3000))
    assert [row["n"] for row in engine.rows(ran.frame)] == list(range(3000))
    assert [counts(note) for note in ran.notes] == [(3000, 3000, 0, 0)] * 4


def test_no_steps_leave_the_rows_as_they_are(engine, numbers):
    ran = done(engine, numbers)

    assert engine.rows(ran.frame) == engine.rows(numbers)
    assert ran.notes == ()


def test_a_map_that_makes_a_column_declares_it(engine, numbers):
    twice = Map(
        "twice",
        lambda rows: rows.assign(twice=rows["a"] * 2),
        frozenset(["twice"]),
        lambda schema: schema.append(pa.field("twice", pa.int64())),
    )

    ran = done(engine, numbers, twice, add("twice", 1), subtract_smallest("twice"))

    assert [row["twice"] for row in engine.rows(ran.frame)[:3]] == [0, 14, 28]
    assert engine.arrow_schema(ran.frame).names == ["a", "b", ODD, "twice", "n"]


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (
            Map("halve", lambda rows: rows.head(len(rows) // 2)),
            "The step 'halve' returned 500 rows for 1000; a step that leaves out rows or adds some "
            "must be declared so.",
        ),
        (
            Map("lose", lambda rows: rows[["a"]]),
            f"The step 'lose' returned the columns 'a' instead of 'a', 'b', '{ODD}'; correct the "
            "function or its declaration.",
        ),
        (
            Map("word", lambda rows: rows.assign(a="canary")),
            "The step 'word' returned 'a' as large_string instead of int64; correct the function "
            "or its declaration.",
        ),
        (
            Filter("ask", lambda rows: rows["a"].head(3) > 0),
            "The step 'ask' returned 3 answers for 1000 rows; return one truth value for each.",
        ),
        (
            Expand("mix", lambda rows: (rows.head(2), [1, 0])),
            "The step 'mix' does not say in ascending order which row each of its rows is from; "
            "return one position for each.",
        ),
    ],
)
def test_a_step_that_breaks_its_contract_is_named(engine, numbers, step, message):
    with pytest.raises(BatchContractError) as refused:
        done(engine, numbers, step)

    assert str(refused.value) == message


def test_a_step_that_changes_its_input_in_place_changes_nothing_else(engine, numbers):
    def spoil(rows):
        kept = rows.copy()
        rows["a"] = -1
        return kept

    ran = done(engine, numbers, Map("spoil", spoil), add("b", 0))

    assert [row["a"] for row in engine.rows(ran.frame)[:3]] == [0, 7, 14]
    assert not any(note.changed for note in ran.notes)


def test_columns_that_are_called_like_the_notes_stay_apart(engine, stage):
    table = pa.table({"note": ["x"] * 3, "KIND": [1, 2, 3], "kind_": [4, 5, 6]})

    ran = run(engine, engine.scan(stage(table)), [keep_above("KIND", 1)], rows=3)

    assert engine.rows(ran.frame) == [
        {"note": "x", "KIND": 2, "kind_": 5},
        {"note": "x", "KIND": 3, "kind_": 6},
    ]


STEPS = st.one_of(
    st.builds(add, st.sampled_from("ab"), st.integers(-5, 5)),
    st.builds(subtract_smallest, st.sampled_from("ab"), st.sampled_from([(), (ODD,), ("b",)])),
    st.builds(keep_above, st.sampled_from("ab"), st.integers(-5, 50)),
    st.builds(keep_above, st.sampled_from("ab"), st.integers(-5, 50), st.just("is low")),
    st.builds(repeat, st.sampled_from("ab")),
    st.builds(sort_by, st.sampled_from("ab")),
)


@pytest.mark.parametrize("engine", ["local"], indirect=True)  # a cluster takes minutes for these
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=st.lists(STEPS, max_size=6))
def test_a_chain_gives_what_its_steps_give_one_by_one(engine, numbers, steps):
    one_by_one, rows, notes = numbers, len(TABLE), []
    for step in steps:
        ran = run(engine, one_by_one, [step], rows=rows, number="n")
        one_by_one = engine.materialise(ran.frame)
        rows = len(engine.rows(one_by_one))
        notes += ran.notes

    ran = done(engine, numbers, *steps)

    assert engine.rows(ran.frame) == engine.rows(one_by_one)
    assert list(ran.notes) == notes
    assert all(
        n.rows_in == (n.rows_out or 0) + n.dropped + n.quarantined or n.name == "repeat"
        for n in notes
    )


@given(steps=st.lists(STEPS, max_size=12))
def test_a_plan_keeps_every_step_in_its_order(steps):
    stages = plan(steps)

    flat = [step for stage in stages for step in ([stage] if isinstance(stage, Table) else stage)]
    assert flat == steps
    for stage in stages:
        if not isinstance(stage, Table):
            for number, step in enumerate(stage):
                before = [getattr(one, "writes", None) for one in stage[:number]]
                is_touched = (
                    any(one is None or one & step.reads for one in before)
                    if isinstance(step, Fit)
                    else False
                )
                assert not is_touched
