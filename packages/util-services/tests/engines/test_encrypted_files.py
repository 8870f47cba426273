"""The local engine on encrypted files: it reads, writes and spills as on plain ones."""

import os
import signal
import threading
import time

import narwhals as nw
import pyarrow as pa
import pytest

from util_services.encryption.files import DamagedStagingError
from util_services.encryption.keys import StagingKey
from util_services.encryption.paths import EncryptedPath
from util_services.engines.encrypted_files import EncryptedFileSystem
from util_services.engines.local import LocalEngine

ROWS = 1_200_000
MUCH = f"SELECT range AS id, hash(range) || ' Jane-Roe-canary' AS name FROM range({ROWS})"  # noqa: S608
SMALL = "100MB"


@pytest.fixture(params=["plain", "a folder [with] *patterns?"])
def scratch(request, tmp_path, clean_environment):
    folder = tmp_path / request.param / "scratch"
    folder.mkdir(parents=True)
    return EncryptedPath(folder, folder.parent, StagingKey(os.urandom(32)))


def spilled(scratch):
    return sum(file.stat().st_size for file in (scratch.local / "spill").glob("*"))


@pytest.mark.timeout(600)
def test_more_than_memory_holds_comes_back_in_order_and_whole(scratch):
    with LocalEngine(scratch, memory_limit=SMALL) as engine:
        table = engine.materialise(engine.relation(MUCH).sort("name"))
        assert spilled(scratch) > 10_000_000
        schema = engine.arrow_schema(table)
        mapped = engine.map_batches(table, lambda rows: rows, schema)
        found = engine.rows(
            mapped.select(
                nw.len().alias("rows"),
                nw.col("id").n_unique().alias("ids"),
                nw.col("id").sum().alias("sum"),
            )
        )
        names = engine.consume(mapped, lambda r: [b.column(1) for b in r])

    assert found == [{"rows": ROWS, "ids": ROWS, "sum": ROWS * (ROWS - 1) // 2}]
    ordered = pa.chunked_array(names)
    assert ordered.equals(ordered.sort())
    assert not list((scratch.local / "spill").glob("*"))
    for file in scratch.local.rglob("*.parquet"):
        assert b"Jane-Roe-canary" not in file.read_bytes()


@pytest.mark.timeout(120)
def test_a_query_that_spills_is_interrupted_at_once(scratch):
    def interrupt():
        while not spilled(scratch):
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    with LocalEngine(scratch, memory_limit=SMALL) as engine:
        rows = engine.relation(MUCH.replace(str(ROWS), str(20 * ROWS))).sort("name")
        threading.Thread(target=interrupt).start()
        began = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            engine.materialise(rows)

    assert time.monotonic() - began < 60


def test_files_are_written_and_read_in_any_folder(scratch):
    file = scratch / "rows.parquet"
    with LocalEngine(scratch) as engine:
        assert engine.write(engine.relation("SELECT 1 AS n"), file, "parquet", None) == 1
        assert engine.rows(engine.relation(f"FROM {read(file)}")) == [{"n": 1}]
        assert file.local.read_bytes()[:4] != b"PAR1"


def read(*files):
    from util_services.engines.local_formats import read_parquet

    return read_parquet(*files)


def test_a_file_that_was_changed_from_outside_ends_the_query(scratch):
    file = scratch / "rows.parquet"
    with LocalEngine(scratch) as engine:
        engine.write(engine.relation("SELECT range AS n FROM range(100000)"), file, "parquet", None)
        content = bytearray(file.local.read_bytes())
        content[len(content) // 2] ^= 1
        file.local.write_bytes(content)

        with pytest.raises(DamagedStagingError):
            engine.rows(engine.relation(f"FROM {read(file)}"))


def test_a_query_reaches_nothing_but_the_files_of_its_run(scratch, tmp_path):
    (tmp_path / "other").write_bytes(b"1")
    files = EncryptedFileSystem(scratch)

    for path in (f"/{tmp_path}/other", "scratch/../../other"):
        with pytest.raises(PermissionError):
            files.open(f"encrypted:///{path}")
