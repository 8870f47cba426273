"""What is refused before a row is read, and whose fault a failure is said to be."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from data_processing.jobs import remove_duplicates_job
from util_services.datasets.csv_dialect import HEADER_BYTES, CsvDialect, read_header
from util_services.engines.failures import EngineResourceError
from util_services.engines.local import LocalEngine
from util_services.engines.local_formats import Source, json_types
from util_services.errors import ConfigurationError, RefusedError
from util_services.flow.changes import SourceChangedError
from util_services.flow.plan import ReadOptions, plan_read
from util_services.flow.read import read_dataset
from util_services.flow.staging import Staging
from util_services.runs.check import check_run
from util_services.storage import LocalStorage

RUN = "0e6c1f7a-54a5-4f0e-9d1d-3f1a86f0c0de"


@pytest.fixture
def storage(tmp_path):
    (tmp_path / "in.csv").write_text("id,name\n1,x\n2,y\n")
    return LocalStorage(tmp_path)


def config(**read_dataset):
    return {
        "ops": {
            "read_dataset": {"config": {"path": "in.csv"} | read_dataset},
            "write_dataset": {"config": {"path": "out.csv"}},
        }
    }


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("DATA_SERVICES_ENGINE", "bogus"),
        ("DATA_SERVICES_MEMORY_LIMIT", "much"),
        ("DATA_SERVICES_BATCH_ROWS", "0"),
        ("DATA_SERVICES_STAGING", "/etc/passwd"),
    ],
)
def test_a_setting_that_is_none_is_refused_before_the_run(storage, monkeypatch, variable, value):
    monkeypatch.setenv(variable, value)

    with pytest.raises(RefusedError, match=variable):
        check_run(remove_duplicates_job, config(), storage, RUN)


def test_a_slice_of_more_rows_than_can_be_counted_is_refused(storage):
    with pytest.raises(ConfigurationError, match=r"limit_rows: .*less than or equal"):
        check_run(remove_duplicates_job, config(limit_rows=1 << 63), storage, RUN)


def test_a_name_that_leaves_no_room_for_its_reports_is_refused(storage):
    asked = config() | {}
    asked["ops"]["write_dataset"]["config"]["path"] = "a" * 249 + ".csv"

    with pytest.raises(ConfigurationError, match="too long for the reports beside it"):
        check_run(remove_duplicates_job, asked, storage, RUN)


def test_a_source_that_is_removed_while_it_is_read_has_changed(storage, tmp_path):
    plan = plan_read(storage, ReadOptions("in.csv"))
    staging = Staging.create(tmp_path / "staging", RUN)

    class Remover(LocalEngine):
        def stage(self, *arguments):
            rows = super().stage(*arguments)
            (tmp_path / "in.csv").unlink()
            return rows

    with Remover(staging.scratch()) as engine, pytest.raises(SourceChangedError):
        read_dataset(plan, staging, engine)
    staging.remove()


def test_a_full_disk_is_not_the_fault_of_the_file(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = shutil.which("mount") and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", disk], capture_output=True
    )
    if not mounted or mounted.returncode:
        pytest.skip("only root can mount a small disk")
    source = tmp_path / "big.csv"
    source.write_text("id,name\n" + "".join(f"{n},name {n * 7919}\n" for n in range(200_000)))
    dialect, schema = read_header(source.read_bytes()[:HEADER_BYTES], CsvDialect())
    try:
        with (
            LocalEngine(tmp_path) as engine,
            pytest.raises(EngineResourceError, match="No space is left"),
        ):
            engine.stage(Source(source, "csv", schema, dialect), disk / "staged.parquet")
    finally:
        subprocess.run(["umount", disk], check=True)


def test_keys_of_json_lines_become_columns_in_the_order_in_which_they_appear(tmp_path):
    file = tmp_path / "rows.jsonl"
    lines = [json.dumps({"id": n, "name": "a"}) for n in range(3)]
    file.write_text("\n".join([*lines, '{"extra": 5, "id": 2, "nested": {"b": 1, "a": 2}}']))

    for _ in range(10):
        with LocalEngine(Path(tmp_path)) as engine:
            found = json_types(engine.connection, [file])
        assert list(found) == ["id", "name", "extra", "nested"]
