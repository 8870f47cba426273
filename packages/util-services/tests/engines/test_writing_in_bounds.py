"""Rows that only stream by are written in bounded memory, whatever there is; the rest stays."""

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from util_services.engines import local
from util_services.engines.local import LocalEngine
from util_services.engines.memory import bounded

SCHEMA = pa.schema([("n", pa.int64()), ("text", pa.string())])
ROWS = 300_000  # more than two row groups
GIVEN = "SELECT i AS n, repeat('x', i % 50) AS text FROM range(300000) t(i)"


def limit_of(connection):
    return connection.execute("SELECT current_setting('memory_limit')").fetchall()[0][0]


@pytest.fixture
def engine(tmp_path, clean_environment):
    with LocalEngine(tmp_path, memory_limit="2GB") as engine:
        yield engine


@pytest.fixture
def mapped(engine):
    """Rows in files, as passes over batches leave them, and then dropped some of them."""
    rows = engine.relation(GIVEN)
    made = engine.map_batches(rows, lambda batch: batch, SCHEMA)
    losers = engine.from_arrow(pa.table({"gone": range(0, ROWS, 3)}))
    return engine.drop_rows(made, "n", losers)


def written(file):
    return pq.read_table(file)["n"].to_pylist()


@pytest.mark.parametrize("kind", ["parquet", "csv"])
@pytest.mark.parametrize("more", [local.WRITER_BYTES, 1])
def test_whatever_the_bound_rows_are_written_in_their_order(
    engine, mapped, tmp_path, monkeypatch, more, kind
):
    monkeypatch.setattr(local, "WRITER_BYTES", more)
    monkeypatch.setattr(local, "WRITER_GROUPS", 0)
    before = limit_of(engine.connection)
    file = tmp_path / f"out.{kind}"
    fields = engine.arrow_schema(mapped) if kind == "parquet" else None

    rows = engine.write(mapped, file, kind, None, fields)

    if kind == "csv":
        lines = file.read_text().splitlines()[1:]
        numbers = [int(line.split(",")[0]) for line in lines]
    else:
        numbers = written(file)
    assert rows == len(numbers)
    assert numbers == [n for n in range(ROWS) if n % 3]
    assert limit_of(engine.connection) == before


def test_the_bound_leaves_the_bytes_as_they_are(engine, mapped, tmp_path, monkeypatch):
    fields = engine.arrow_schema(mapped)
    contents = []
    for more in (10**12, 10**6):
        monkeypatch.setattr(local, "WRITER_BYTES", more)
        monkeypatch.setattr(local, "WRITER_GROUPS", 0)
        engine.write(mapped, tmp_path / "out.parquet", "parquet", None, fields)
        contents.append((tmp_path / "out.parquet").read_bytes())

    assert contents[0] == contents[1]


def test_a_bound_is_what_is_held_and_some_more_and_ends(engine):
    limit = 1_200_000_000
    engine.connection.execute(f"SET memory_limit = '{limit}B'")
    before = limit_of(engine.connection)

    with bounded(engine.connection, 10**7, limit):
        inside = limit_of(engine.connection)
        with pytest.raises(duckdb.OutOfMemoryException):
            engine.connection.execute(
                "SET max_temp_directory_size = '0B'; "
                "CREATE TEMP TABLE t AS SELECT md5(i::VARCHAR) AS a FROM range(2000000) t(i)"
            )
    assert inside != before
    assert limit_of(engine.connection) == before
    with bounded(engine.connection, 10**12, limit):
        assert limit_of(engine.connection) == before
