import signal
import threading
import time
from functools import partial

import duckdb
import narwhals as nw
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from util_services.datasets.layout import Layout
from util_services.datasets.schema import Schema
from util_services.datasets.staged import Origin, StagedDataset
from util_services.engines import local
from util_services.engines.choice import open_engine
from util_services.engines.failures import (
    EngineError,
    EngineResourceError,
    engine_failure,
)
from util_services.engines.local import LocalEngine
from util_services.errors import CancelledError, ConfigurationError, DatasetError
from util_services.flow.changes import file_state
from util_services.storage.protocol import Location

CANARY = "canary-Jane-Roe"
# It takes hours: whoever comes back from it was interrupted.
SLOW = "SELECT max(hash(a.i) & hash(b.i)) FROM range(9000000) a(i), range(9000000) b(i)"


@pytest.fixture
def engine(tmp_path, clean_environment):
    with LocalEngine(tmp_path) as engine:
        yield engine


@pytest.fixture
def staged(tmp_path):
    """Return a function that stages a table in row groups of 1,000 rows."""

    def stage(table):
        file = tmp_path / "staged.parquet"
        pq.write_table(table, file, row_group_size=1_000)
        return StagedDataset(
            files=(str(file),),
            format="parquet",
            schema=Schema.of(table.schema),
            file_rows=(len(table),),
            fingerprints=(file_state(file),),
            origin=Origin("in.parquet", (Location("", str(file)),), Layout("parquet")),
            objects=(),
        )

    return stage


def column(engine, frame, name):
    return [row[name] for row in engine.rows(frame)]


@pytest.mark.parametrize("taken", [[], ["file_row_number"], ["FILE_ROW_NUMBER"]])
def test_row_numbers_count_the_rows_in_order(engine, staged, taken):
    table = pa.table({"a": range(50_000)} | {name: range(50_000, 100_000) for name in taken})

    frame = engine.scan(staged(table), row_number="n")

    assert column(engine, frame, "n") == list(range(50_000))
    assert column(engine, frame, "a") == list(range(50_000))


@pytest.mark.parametrize("threads", [1, 4])
@pytest.mark.parametrize("bitmap_rows", [local.BITMAP_ROWS, 10])
@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_dropping_rows_keeps_the_order(engine, staged, monkeypatch, threads, bitmap_rows, share):
    monkeypatch.setattr(local, "BITMAP_ROWS", bitmap_rows)
    engine.connection.execute(f"SET threads = {threads}")
    rows = 60_000
    gone = np.random.default_rng(1).random(rows) < share
    frame = engine.scan(staged(pa.table({"a": range(rows)})), row_number="n")
    losers = engine.from_arrow(pa.table({"loser": np.flatnonzero(gone)}))

    kept = engine.drop_rows(frame, "n", losers).drop("n")

    assert column(engine, kept, "a") == np.flatnonzero(~gone).tolist()


def test_what_is_materialised_is_computed_once(engine):
    frame = engine.materialise(engine.relation("SELECT random() AS r FROM range(10)"))

    assert engine.rows(frame) == engine.rows(frame)
    assert frame.collect_schema().names() == ["r"]


@pytest.mark.parametrize("batch_rows", [1, 7, 100_000])
def test_batches_of_any_size_give_the_same_result(tmp_path, batch_rows, clean_environment):
    schema = pa.schema([("a", pa.int64()), ("b", pa.string())])

    def function(frame):
        return frame.assign(a=frame["a"] + 1, b=frame["b"].str.upper())

    with LocalEngine(tmp_path, batch_rows=batch_rows) as engine:
        given = engine.from_arrow(pa.table({"a": [1, None, 3] * 50, "b": ["x", None, ""] * 50}))
        result = engine.rows(engine.map_batches(given, function, schema))

    assert [tuple(row.values()) for row in result] == [(2, "X"), (None, None), (4, "")] * 50


def test_what_a_function_on_batches_makes_has_no_name_on_disk(engine, tmp_path):
    rows = engine.relation("SELECT i AS a FROM range(10) t(i)")

    made = engine.map_batches(rows, lambda batch: batch * 2, pa.schema([("a", pa.int64())]))

    assert [path for path in tmp_path.iterdir() if path.is_file()] == []
    assert column(engine, made, "a") == column(engine, made, "a") == list(range(0, 20, 2))


def test_an_engine_goes_on_after_a_function_on_batches_has_failed(engine):
    def fail(batch):
        raise DatasetError("no")

    rows = engine.relation("SELECT i AS a FROM range(1000000) t(i)")
    with pytest.raises(DatasetError) as error:
        engine.map_batches(rows, fail, pa.schema([("a", pa.int64())]))

    assert str(error.value) == "no"
    assert engine.rows(engine.relation("SELECT 1 AS b")) == [{"b": 1}]


def test_a_function_on_batches_sees_arrow_types(engine):
    table = pa.table(
        {
            "i": pa.array([2**53 + 1, None]),
            "d": pa.array([None, pd.Timestamp("2024-01-01").date()]),
            "s": pa.array(["x", None]),
        }
    )
    seen = {}

    def function(frame):
        seen.update(frame.dtypes.items())
        return frame

    result = engine.map_batches(engine.from_arrow(table), function, table.schema)

    assert engine.rows(result)[0]["i"] == 2**53 + 1
    assert {str(kind.pyarrow_dtype) for kind in seen.values()} == {
        "int64",
        "date32[day]",
        "string",
    }


def assert_tells_no_value(error):
    while error is not None:
        assert CANARY not in str(error)
        assert CANARY not in repr(error.args)
        assert error.__suppress_context__ or error.__context__ is None
        error = error.__cause__


@pytest.mark.parametrize(
    "query",
    [
        f"SELECT CAST('{CANARY}' AS INTEGER) AS a",
        f"SELECT CAST('{CANARY}' AS DATE) AS a",
        f"SELECT error('{CANARY}') AS a",
        f"SELECT json('{CANARY}') AS a",
    ],
)
def test_errors_of_queries_never_quote_a_value(engine, query):
    with pytest.raises(EngineError) as refused:
        engine.rows(engine.relation(f"FROM ({query})"))

    assert_tells_no_value(refused.value)


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (duckdb.OutOfMemoryException(CANARY), EngineResourceError, "DATA_SERVICES_MEMORY_LIMIT"),
        (duckdb.IOException(f"{CANARY}: No space left"), EngineResourceError, "No space is left"),
        (duckdb.IOException(CANARY), EngineResourceError, "cannot read or write a file"),
        (OSError(CANARY), EngineResourceError, "cannot read or write a file"),
        (duckdb.InterruptException(CANARY), CancelledError, "cancelled"),
        (pa.ArrowInvalid(CANARY), EngineError, "ArrowInvalid"),
    ],
)
def test_each_kind_of_failure_has_its_sentence(error, kind, words):
    failure = engine_failure(error)

    assert type(failure) is kind
    assert words in str(failure)
    assert CANARY not in str(failure)


class StopNow(BaseException):
    """Stands for any interrupt."""


def interrupt(work):
    """Do work until an interrupt reaches the waiting main thread."""

    def stop(*_):
        raise StopNow

    former = signal.signal(signal.SIGUSR1, stop)
    try:
        threading.Timer(0.4, signal.raise_signal, [signal.SIGUSR1]).start()
        with pytest.raises(StopNow):
            work()
    finally:
        signal.signal(signal.SIGUSR1, former)


def test_an_interrupt_ends_a_long_query_at_once(engine):
    interrupt(lambda: engine.rows(engine.relation(SLOW)))

    assert engine.rows(engine.relation("SELECT 1 AS a")) == [{"a": 1}]
    assert [t for t in threading.enumerate() if t.name == "data-services-engine"] == []


@pytest.mark.parametrize("at_once", [False, True])
def test_an_interrupt_ends_a_long_series_of_batches(tmp_path, clean_environment, at_once):
    with LocalEngine(tmp_path, batch_rows=1, batch_threads=3) as engine:
        frame, done = engine.relation("SELECT i AS a FROM range(90000) t(i)"), []

        def function(batch):
            time.sleep(0.01)
            done.append(len(batch))
            return batch

        schema = pa.schema([("a", pa.int64())])
        work = partial(engine.map_batches, frame, function, schema, at_once=at_once)
        interrupt(work)
        assert len(done) < 90_000
        assert [t for t in threading.enumerate() if t.name.startswith("data-services")] == []


def test_progress_is_told_from_the_waiting_thread(tmp_path, clean_environment):
    told = []

    def listen(share):
        told.append((share, threading.current_thread() is threading.main_thread()))

    with LocalEngine(tmp_path, progress=listen) as engine:
        engine.connection.execute("SET threads = 1")
        query = "SELECT sum(hash(i) % 7) AS a FROM range(60000000) t(i)"
        engine.rows(engine.relation(query))

    assert told
    assert all(0 <= share <= 1 and is_main for share, is_main in told)


def test_hashes_of_equal_keys_are_equal(engine):
    frame = engine.from_arrow(pa.table({"a": [0.0, -0.0, None, None], "b": ["x"] * 4}))

    hashes = column(engine, engine.row_hash(frame, ["a", "b"], "h"), "h")

    assert hashes[0] == hashes[1]
    assert hashes[2] == hashes[3]


def test_an_engine_offers_what_narwhals_needs(engine):
    frame = engine.relation("SELECT i % 3 AS a FROM range(9) t(i)")

    counts = frame.group_by("a").agg(nw.len().alias("n")).sort("a")

    assert engine.rows(counts) == [{"a": a, "n": 3} for a in range(3)]
    assert engine.arrow_schema(frame).names == ["a"]


@pytest.mark.parametrize("limit", ["1500MB", "1.5 gb", "2TB", "900000KB"])
def test_a_memory_limit_is_a_size(tmp_path, clean_environment, monkeypatch, limit):
    monkeypatch.setenv("DATA_SERVICES_MEMORY_LIMIT", limit)

    with open_engine(tmp_path) as engine:
        assert engine.rows(engine.relation("SELECT 1 AS a")) == [{"a": 1}]


def test_duckdb_gets_a_share_of_the_memory(tmp_path, clean_environment):
    with LocalEngine(tmp_path, memory_limit="1000MB") as engine:
        (found,) = engine.rows(engine.relation("SELECT current_setting('memory_limit') AS a"))

    assert found == {"a": "572.2 MiB"}  # 600 MB


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        (
            "MEMORY_LIMIT",
            "plenty",
            "DATA_SERVICES_MEMORY_LIMIT must be a size such as '1500MB' or '4GB'.",
        ),
        (
            "MEMORY_LIMIT",
            "0MB",
            "DATA_SERVICES_MEMORY_LIMIT must be a size such as '1500MB' or '4GB'.",
        ),
        ("BATCH_ROWS", "0", "DATA_SERVICES_BATCH_ROWS must be a whole number above 0."),
        ("BATCH_ROWS", "many", "DATA_SERVICES_BATCH_ROWS must be a whole number above 0."),
        ("BATCH_ROWS", "²", "DATA_SERVICES_BATCH_ROWS must be a whole number above 0."),
        ("BATCH_THREADS", "0", "DATA_SERVICES_BATCH_THREADS must be a whole number above 0."),
        (
            "ENGINE",
            "steam",
            "DATA_SERVICES_ENGINE names no engine; use one of local, spark, auto.",
        ),
    ],
)
def test_a_wrong_setting_is_named(
    tmp_path, clean_environment, monkeypatch, variable, value, message
):
    monkeypatch.setenv(f"DATA_SERVICES_{variable}", value)

    with pytest.raises(ConfigurationError) as refused:
        open_engine(tmp_path)

    assert str(refused.value) == message


MORE_THAN_MEMORY = (
    "SELECT DISTINCT md5(i::VARCHAR) AS a, md5((i + 1)::VARCHAR) AS b "
    "FROM range(3000000) t(i) ORDER BY a"
)


def test_more_than_memory_is_spilled_below_scratch(tmp_path, clean_environment):
    spilled = set()

    def look(_):
        spilled.update(path.name for path in (tmp_path / "spill").glob("*"))

    with LocalEngine(tmp_path, memory_limit="200MB", progress=look) as engine:
        engine.connection.execute("SET threads = 2")
        frame = engine.relation(MORE_THAN_MEMORY)
        written = engine.write(frame, tmp_path / "out.parquet", "parquet")

    assert written == 3_000_000
    assert spilled
    assert {path.name for path in tmp_path.iterdir()} <= {"out.parquet", "spill"}


def test_a_disk_that_is_full_while_spilling_is_told(tmp_path, clean_environment):
    with LocalEngine(tmp_path, memory_limit="200MB") as engine:
        engine.connection.execute("SET max_temp_directory_size = '1MB'")
        frame = engine.relation(MORE_THAN_MEMORY)

        with pytest.raises(EngineResourceError) as refused:
            engine.write(frame, tmp_path / "out.parquet", "parquet")

    assert str(refused.value) == (
        "No space is left in the staging folder for what does not fit into memory; free some, set "
        "DATA_SERVICES_STAGING to another folder, or raise DATA_SERVICES_MEMORY_LIMIT."
    )
