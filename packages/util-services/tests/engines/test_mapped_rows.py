"""Columns that stay where a pass has written them: the same rows as by passes over all of them."""

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from util_services.engines.failures import BatchContractError
from util_services.engines.local import LocalEngine
from util_services.engines.mapped_rows import MappedRows, Work

SCHEMA = pa.schema({"n": pa.int64(), "a": pa.int64(), "b": pa.string()})


def same(batch):
    return batch


def add_one(batch):
    return batch.assign(a=batch["a"] + 1)


@pytest.fixture
def scratch(tmp_path):
    folder = tmp_path / "scratch"
    folder.mkdir()
    return folder


def table_of(rows):
    return pa.table(
        {
            "n": pa.array(range(rows), pa.int64()),
            "a": pa.array([n % 5 for n in range(rows)], pa.int64()),
            "b": pa.array([[None, "x", ""][n % 3] for n in range(rows)], pa.string()),
        }
    )


@settings(
    deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    rows=st.integers(0, 40),
    batch_rows=st.sampled_from([1, 7, 100]),
    drops=st.lists(st.sets(st.integers(0, 45)), max_size=3),
)
def test_passes_leave_what_steps_on_all_columns_leave(scratch, rows, batch_rows, drops):
    with LocalEngine(scratch, batch_rows=batch_rows) as engine:
        frame = engine.map_batches(engine.from_arrow(table_of(rows)), same, SCHEMA)
        for gone in drops:
            losers = engine.from_arrow(pa.table({"gone": pa.array(sorted(gone), pa.int64())}))
            frame = engine.drop_rows(frame, "n", losers)
            frame = engine.select(frame, {"b": "b", "m": "n", "a": "a"})
            frame = engine.map_batches(frame, add_one, pa.schema([SCHEMA.field("a")]), ["b", "m"])
            frame = engine.select(frame, {"n": "m", "a": "a", "b": "b"})

        found = engine.consume(frame, lambda reader: reader.read_all())

    left = [n for n in range(rows) if not any(n in gone for gone in drops)]
    assert found.to_pydict() == {
        "n": left,
        "a": [n % 5 + len(drops) for n in left],
        "b": [[None, "x", ""][n % 3] for n in left],
    }


def test_a_function_that_stands_alone_gets_the_rows_that_are_left(scratch):
    with LocalEngine(scratch, batch_rows=3) as engine:
        frame = engine.map_batches(engine.from_arrow(table_of(10)), same, SCHEMA)
        losers = engine.from_arrow(pa.table({"gone": [0, 1, 2, 7]}))
        left = engine.drop_rows(frame, "n", losers)

        def tell(batch):
            return pd.DataFrame({"sum": pd.Series([batch["n"].sum()], dtype="int64[pyarrow]")})

        told = engine.map_batches(left, tell, pa.schema({"sum": pa.int64()}))

        assert sum(row["sum"] for row in engine.rows(told)) == sum([3, 4, 5, 6, 8, 9])


def test_a_function_sees_the_types_that_the_engine_tells_of(scratch):
    table = pa.table({"a": pa.array(["x"], pa.large_string()), "b": pa.array([1], pa.int64())})
    kinds = []

    def look(batch):
        kinds.append(batch["a"].dtype.pyarrow_dtype)
        return batch

    with LocalEngine(scratch) as engine:
        frame = engine.map_batches(engine.from_arrow(table), same, table.schema)

        engine.map_batches(frame, look, pa.schema([table.schema.field("a")]), ["b"])

        assert kinds == [engine.arrow_schema(frame).field("a").type] == [pa.string()]


def test_rows_that_others_stand_beside_are_not_moved():
    schema = pa.schema({"a": pa.int64()})
    work = Work(lambda batch: batch.head(1), schema, schema, stays=True)
    rows = MappedRows(pa.table({"a": [1, 2, 3]}), pa.array([True, True, False]))
    (batch,) = rows.batches(["a"], 10)

    with pytest.raises(BatchContractError) as refused:
        work(batch)

    assert str(refused.value) == (
        "A function on batches returned 1 rows for 2 with columns beside them; return one for each."
    )


def test_a_column_that_is_called_like_the_mark_stays_apart(scratch):
    table = pa.table({"n": [0, 1], "Kept": ["x", "y"]})
    with LocalEngine(scratch) as engine:
        frame = engine.map_batches(engine.from_arrow(table), same, table.schema)

        left = engine.drop_rows(frame, "n", engine.from_arrow(pa.table({"gone": [0]})))

        assert engine.rows(left) == [{"n": 1, "Kept": "y"}]
