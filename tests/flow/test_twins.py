"""The two twins of a job do the same, on a folder and on a real S3 server (PL-13)."""

import gzip
import importlib.util
import io
import itertools
import json
from pathlib import Path

import dagster as dg
import fastavro
import openpyxl
import pyarrow as pa
import pyarrow.orc as orc
import pyarrow.parquet as pq
import pytest

from data_processing.jobs import remove_duplicates_job, remove_duplicates_job_s3
from data_processing.ops import OPERATIONS
from util_services.pipelines.file import PipelineFile
from util_services.pipelines.jobs import Pipeline
from util_services.resources import S3StorageResource
from util_services.storage import S3Settings, S3Storage

ROWS = [{"id": "007", "n": 1}, {"id": "007", "n": 1}, {"id": "NA", "n": None}, {"id": "", "n": 3}]
TABLE = pa.table({"id": [r["id"] for r in ROWS], "n": [r["n"] for r in ROWS]})


def written(write):
    """Return the file that a library makes of the table."""
    sink = io.BytesIO()
    write(TABLE, sink)
    return sink.getvalue()


def workbook():
    sink, book = io.BytesIO(), openpyxl.Workbook()
    for row in (["id", "n"], *([row["id"], row["n"]] for row in ROWS)):
        book.active.append(row)
    book.save(sink)
    return sink.getvalue()


def avro():
    sink = io.BytesIO()
    fields = [
        {"name": name, "type": ["null", kind]} for name, kind in (("id", "string"), ("n", "long"))
    ]
    fastavro.writer(sink, {"type": "record", "name": "row", "fields": fields}, ROWS)
    return sink.getvalue()


CONTENTS = {
    "in.csv": b'id;n\r\n007;1\r\n007;1\r\nNA;\r\n"";3\r\n',
    "in.parquet": written(pq.write_table),
    "in.jsonl": "".join(json.dumps(row) + "\n" for row in ROWS).encode(),
    "in.json": json.dumps(ROWS).encode(),
    "in.tsv": b"id\tn\n007\t1\n007\t1\nNA\t\n\t3\n",
    "in.orc": written(orc.write_table),
    "in.xlsx": workbook(),
    "in.avro": avro(),
    "in.jsonl.gz": gzip.compress("".join(json.dumps(row) + "\n" for row in ROWS).encode()),
}


@pytest.fixture
def bucket(s3_bucket):
    """The bucket of the environment as a storage, with shortcuts."""
    storage = S3Storage(S3Settings.from_environment("selfS3"))

    class Bucket:
        def put(self, name, content):
            storage.client.put_object(Bucket=s3_bucket, Key=name, Body=content)

        def get(self, name):
            return storage.client.get_object(Bucket=s3_bucket, Key=name)["Body"].read()

        def names(self):
            found = storage.client.list_objects_v2(Bucket=s3_bucket).get("Contents", [])
            return [item["Key"] for item in found]

    bucket = Bucket()
    bucket.storage = storage
    return bucket


PIPELINE = """
description: Keep each id once.
ops:
  - {op: normalise_text, as: capitals, config: {columns: [id], case: upper}}
  - {op: remove_duplicates, config: {subset: [id]}}
"""


def execute(job, config, **resources):
    with dg.DagsterInstance.get() as instance:
        result = job.execute_in_process(
            run_config=config, instance=instance, resources=resources, raise_on_error=False
        )
    assert result.success
    return result


def report_of(content):
    report = json.loads(content)
    run = report.pop("run")
    assert set(run) == {"run_id", "job", "started", "finished", "versions", "audit"}
    return report


WAYS = [
    *itertools.product(["in.csv", "in.parquet", "in.jsonl"], ["out.csv", "out.parquet"]),
    *(("in.csv", f"out.{kind}") for kind in ("tsv", "json", "jsonl", "xlsx", "avro", "orc")),
    *(("in.csv", f"out.csv.{kind}") for kind in ("gz", "bz2", "zst", "zip")),
    *((name, "out.jsonl") for name in CONTENTS),
]


@pytest.mark.parametrize(("source", "output"), WAYS)
def test_both_twins_give_the_same_bytes_and_the_same_report(
    machine, bucket, run_config, source, output
):
    reading = {"csv": {"delimiter": ";"}} if source == "in.csv" else {}
    config = run_config(source, output, reading, subset=["id"])
    machine.put(source, CONTENTS[source])
    bucket.put(source, CONTENTS[source])

    execute(remove_duplicates_job, config)
    execute(remove_duplicates_job_s3, config, s3=bucket.storage)

    assert bucket.get(output) == machine.get(output)
    local = report_of(machine.get(f"{output}.report.json"))
    assert report_of(bucket.get(f"{output}.report.json")) == local
    assert local["rows"] == {"in": 4, "out": 3, "dropped": 1, "quarantined": 0}
    assert bucket.names() == sorted(
        [source, output, f"{output}.report.html", f"{output}.report.json"]
    )
    assert bucket.get(source) == machine.get(source) == CONTENTS[source]
    assert not list((machine.folder / "tmp").glob("data-services*"))


def test_a_slice_goes_below_test_runs_and_says_so(machine, bucket, run_config):
    config = run_config("in.csv", "out/out.csv", {"limit_rows": 2, "csv": {"delimiter": ";"}})
    machine.put("in.csv", CONTENTS["in.csv"])
    bucket.put("in.csv", CONTENTS["in.csv"])

    local = execute(remove_duplicates_job, config)
    remote = execute(remove_duplicates_job_s3, config, s3=bucket.storage)

    assert machine.get(f"_test_runs/{local.run_id}/out.csv") == b"id;n\r\n007;1\r\n"
    assert bucket.get(f"_test_runs/{remote.run_id}/out.csv") == b"id;n\r\n007;1\r\n"
    report = json.loads(bucket.get(f"_test_runs/{remote.run_id}/out.csv.report.json"))
    assert report["input"]["limit_rows"] == 2
    assert not (machine.root / "out").exists()


def test_both_twins_read_many_objects_and_write_part_files(machine, bucket, run_config):
    for name, rows in (("a", b"1\n2\n"), ("b", b"2\n3\nx,y\n"), ("c/d", b"4\n")):
        machine.put(f"in/{name}.csv", b"n\n" + rows)
        bucket.put(f"in/{name}.csv", b"n\n" + rows)
    config = run_config("in/", "out/", {"bad_rows": "quarantine"})
    config["ops"]["write_dataset"]["config"] |= {"format": "parquet", "part_rows": 3}

    execute(remove_duplicates_job, config)
    execute(remove_duplicates_job_s3, config, s3=bucket.storage)

    made = [name for name in bucket.names() if name.startswith("out")]
    assert len(made) == 6  # two parts, their manifest, two reports and the quarantine
    for name in made:
        if name.endswith(".report.json"):
            assert report_of(bucket.get(name)) == report_of(machine.get(name))
        elif not name.endswith(".report.html"):
            assert bucket.get(name) == machine.get(name)
    parts = [pq.read_table(io.BytesIO(bucket.get(name))) for name in made if "part-" in name]
    assert [part["n"].to_pylist() for part in parts] == [["1", "2", "3"], ["4"]]
    assert report_of(bucket.get("out.report.json"))["rows"] == {
        "in": 6,
        "out": 4,
        "dropped": 1,
        "quarantined": 1,
    }


def load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def as_dagster_has_it_today(defs):
    return dg.Definitions(
        jobs=defs.jobs,
        sensors=defs.sensors,
        resources={"s3": S3StorageResource(resource_name="selfS3")},
        loggers=defs.loggers,
    )


@pytest.mark.parametrize(
    "form", [lambda as_the_guide_has_it: as_the_guide_has_it, as_dagster_has_it_today]
)
def test_a_location_written_by_hand_loads_and_runs(machine, bucket, run_config, form):
    defs = form(load(Path(__file__).with_name("handwritten.py")).defs)
    dg.Definitions.validate_loadable(defs)
    machine.put("in.csv", CONTENTS["in.csv"])
    bucket.put("in.csv", CONTENTS["in.csv"])
    config = run_config(reading={"csv": {"delimiter": ";"}})

    for name in ("remove_duplicates_job", "remove_duplicates_job_s3"):
        execute(defs.resolve_job_def(name), config)

    assert bucket.get("out.csv") == machine.get("out.csv") == b'id;n\r\n007;1\r\nNA;\r\n"";3\r\n'


def test_the_default_config_of_both_twins_runs(machine, bucket):
    execute(remove_duplicates_job, {})
    execute(remove_duplicates_job_s3, {}, s3=bucket.storage)

    assert len(bucket.names()) == len(machine.outputs()) == 3


def test_the_twins_of_a_pipeline_do_the_same(machine, bucket, tmp_path):
    (tmp_path / "once.yaml").write_text(PIPELINE)
    file = PipelineFile.read(tmp_path / "once.yaml")
    local, twin = Pipeline.of(file, {op.op.name: op.op for op in OPERATIONS}, {}).jobs()
    content = CONTENTS["in.jsonl"]
    config = {
        "ops": {
            "read_dataset": {"config": {"path": "in.jsonl"}},
            "write_dataset": {"config": {"path": "out.csv"}},
        }
    }
    machine.put("in.jsonl", content)
    bucket.put("in.jsonl", content)

    execute(local, config)
    execute(twin, config, s3=bucket.storage)

    assert machine.get("out.csv") == bucket.get("out.csv")
    assert machine.get("out.csv").splitlines() == [b"id,n", b"007,1", b"NA,", b'"",3']
