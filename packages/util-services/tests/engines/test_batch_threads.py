"""Functions that work on several batches at the same time: nothing but the time changes."""

import threading
import time

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from util_services.engines.batch_threads import in_order
from util_services.engines.failures import RefusedCellsError
from util_services.engines.local import LocalEngine
from util_services.engines.stage_batches import Expand, Filter, Map
from util_services.engines.stages import run
from util_services.errors import DatasetError

PATIENCE_SECONDS = 60


def at_work():
    return [one for one in threading.enumerate() if one.name.startswith("data-services-batches")]


def test_batches_are_worked_on_at_the_same_time_and_come_back_in_their_order():
    is_second_done = threading.Event()

    def work(number):
        if number == 0:
            assert is_second_done.wait(PATIENCE_SECONDS)
        if number == 1:
            is_second_done.set()
        return -number

    assert list(in_order(work, range(20), 2)) == [-number for number in range(20)]
    assert at_work() == []


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_no_more_batches_are_held_than_threads_work_on_and_one(threads):
    taken = []

    def batches():
        for number in range(50):
            taken.append(number)
            yield number

    held = [len(taken) - number for number in in_order(lambda one: one, batches(), threads)]

    assert max(held) == threads + 1


def test_the_error_of_the_first_batch_that_fails_counts_though_another_failed_before():
    has_later_failed = threading.Event()

    def work(number):
        if number == 2:
            assert has_later_failed.wait(PATIENCE_SECONDS)
        if number == 3:
            has_later_failed.set()
        if number > 1:
            raise DatasetError(f"batch {number}")
        return number

    found = []
    with pytest.raises(DatasetError, match=r"^batch 2$"):
        found.extend(in_order(work, range(10), 2))

    assert found == [] or found == [0, 1]
    assert at_work() == []


def test_whoever_stops_asking_leaves_no_thread_at_work():
    results = in_order(lambda number: time.sleep(0.01) or number, range(1000), 3)

    assert next(results) == 0
    results.close()

    assert at_work() == []


def test_a_function_that_may_not_is_never_called_for_two_batches_at_the_same_time(
    tmp_path, clean_environment
):
    is_at_work, seen = threading.Lock(), []

    def function(batch):
        assert is_at_work.acquire(blocking=False)
        seen.append(batch["a"].iloc[0])
        time.sleep(0.001)
        is_at_work.release()
        return batch

    with LocalEngine(tmp_path, batch_rows=10, batch_threads=4) as engine:
        rows = engine.from_arrow(pa.table({"a": range(500)}))
        for _ in range(2):  # from a query, and from columns that are mapped into memory
            rows = engine.map_batches(rows, function, pa.schema([("a", pa.int64())]))

    assert seen == list(range(0, 500, 10)) * 2


def test_an_error_in_a_thread_is_told_in_one_sentence_that_holds_no_cell(
    tmp_path, clean_environment
):
    def function(batch):
        raise ValueError(f"canary {batch['a'].iloc[0]}")

    with LocalEngine(tmp_path, batch_rows=10, batch_threads=4) as engine:
        rows = engine.from_arrow(pa.table({"a": range(500)}))
        with pytest.raises(DatasetError) as error:
            engine.map_batches(rows, function, pa.schema([("a", pa.int64())]), at_once=True)

        assert str(error.value) == (
            "The engine cannot process the data as it is (ValueError); check that the columns have "
            "the types that the operation needs."
        )
        assert at_work() == []
        assert engine.rows(engine.relation("SELECT 1 AS b")) == [{"b": 1}]


TABLE = pa.table(
    {
        "a": [n * 7 % 100 for n in range(300)],
        "b": [["x", None, "ẞ"][n % 3] for n in range(300)],
    }
)


def add(amount):
    return Map("add", lambda rows: (rows.assign(a=rows["a"] + amount), {"added": len(rows)}))


def keep_above(bound, reason):
    return Filter("keep above", lambda rows: rows["a"] > bound, reason)


def repeat(times):
    def function(rows):
        origins = [place for place in range(len(rows)) for _ in range(times)]
        return rows.take(origins), origins

    return Expand("repeat", function)


STEPS = st.one_of(
    st.builds(add, st.integers(-5, 5)),
    st.builds(keep_above, st.integers(-5, 120), st.sampled_from([None, "is low"])),
    st.builds(repeat, st.integers(0, 2)),
)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    steps=st.lists(STEPS, min_size=1, max_size=4),
    batch_rows=st.sampled_from([1, 7, 100, 1000]),
    logs_changes=st.booleans(),
)
def test_threads_change_neither_rows_nor_counts_nor_the_quarantine(
    tmp_path_factory, clean_environment, steps, batch_rows, logs_changes
):
    def told(threads):
        scratch = tmp_path_factory.mktemp("scratch")
        with LocalEngine(scratch, batch_rows=batch_rows, batch_threads=threads) as engine:
            rows = engine.number_rows(engine.from_arrow(TABLE), "n")
            ran = run(engine, rows, steps, rows=len(TABLE), number="n", logs_changes=logs_changes)
            return (
                engine.rows(ran.frame),
                [note.to_dict() for note in ran.notes],
                [engine.rows(frame) for frame in ran.quarantine],
                [engine.rows(frame) for frame in ran.changes],
            )

    assert told(4) == told(1)


def test_refused_cells_are_those_of_the_first_batch_that_has_some(tmp_path, clean_environment):
    has_later_failed = threading.Event()

    def function(rows):
        first = rows["a"].iloc[0]
        if first == 20:
            assert has_later_failed.wait(PATIENCE_SECONDS)
        if first == 30:
            has_later_failed.set()
        if first >= 20:
            raise RefusedCellsError("The column 'a' holds too much", "take less", [3])
        return rows

    table = pa.table({"a": range(100)})
    with LocalEngine(tmp_path, batch_rows=10, batch_threads=2) as engine:
        rows = engine.number_rows(engine.from_arrow(table), "n")
        with pytest.raises(DatasetError) as refused:
            run(engine, rows, [Map("step", function, place="steps[0]")], rows=100, number="n")

    assert str(refused.value) == (
        "steps[0]: The column 'a' holds too much in row 23 (the first row is 0); take less."
    )


def test_rows_that_stand_beside_others_stay_there(tmp_path, clean_environment):
    schema = pa.schema([("a", pa.int64())])

    def negated(batch):
        time.sleep(0.002 * (batch["a"].iloc[0] % 20 == 0))  # so that others are ready before it
        return pd.DataFrame({"a": -batch["a"]})

    with LocalEngine(tmp_path, batch_rows=10, batch_threads=4) as engine:
        rows = engine.from_arrow(pa.table({"a": range(500), "b": range(500)}))
        for _ in range(3):
            rows = engine.map_batches(rows, negated, schema, ["b"], at_once=True)
        found = engine.rows(rows)

    assert found == [{"a": -n, "b": n} for n in range(500)]
