"""With encryption on, nothing that comes of the data is plain in staging, not for a moment."""

import contextlib
import gzip
import io
import json
import os
import threading

import dagster as dg
import narwhals as nw
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from util_services.flow.operate import Dataset, Outcome
from util_services.flow.run_keys import SHARED_MEMORY
from util_services.operation import operation
from util_services.storage import S3Settings, S3Storage

CANARY = "Jane-Roe-canary"
ROWS = 3_000
LIMIT = "120MB"
MUCH_ROWS = 2_000_000
MUCH = f"SELECT '{CANARY} ' || hash(range) || hash(range + 1) AS name FROM range({MUCH_ROWS})"  # noqa: S608


class WatchConfig(dg.Config):
    """How much there is to do."""

    spill: bool = False


SEEN = {}  # what stood in the folder of staging, by when it was looked at


def look(folder, when):
    """Keep what stands in all files below a folder."""
    for file in folder.rglob("*"):
        with contextlib.suppress(OSError):
            if file.is_file():
                SEEN.setdefault(when, {})[file.name] = file.read_bytes()


@operation()
def watch(dataset: Dataset, config: WatchConfig) -> Outcome:
    """Keep all rows, on ways that write files, and look into the run's own staging."""
    engine = dataset.engine
    folder = local(engine.scratch).parent
    look(folder, "at the beginning")
    frame = dataset.scan()
    if config.spill:
        with looking(folder, "while it spills"):
            spilled = engine.materialise(engine.relation(MUCH).sort("name", descending=True))
            counted = engine.rows(
                spilled.select(nw.len(), nw.col("name").n_unique().alias("names"))
            )
        assert counted == [{"len": MUCH_ROWS, "names": MUCH_ROWS}]
    schema = engine.arrow_schema(frame)

    def slowly(rows):
        look(folder, "within a batch")
        return rows

    mapped = engine.map_batches(frame, slowly, schema)
    look(folder, "behind batches")
    assert engine.rows(mapped.select(nw.len()))[0]["len"] > 0
    return Outcome(mapped)


def local(path):
    return getattr(path, "local", path)


@contextlib.contextmanager
def looking(folder, when):
    over = threading.Event()

    def again():
        while not over.wait(0.02):
            look(folder, when)

    thread = threading.Thread(target=again)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


JOB, JOB_S3 = watch.jobs()


def rows(count):
    return [{"id": str(n), "name": f"{CANARY} {n * 7919 % count}"} for n in range(count)]


def csv(count=ROWS):
    return ("id,name\n" + "".join(f"{r['id']},{r['name']}\n" for r in rows(count))).encode()


def parquet():
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows(ROWS)), sink, compression="none", use_dictionary=False)
    return sink.getvalue()


def xlsx():
    book, sink = openpyxl.Workbook(), io.BytesIO()
    book.active.append(["id", "name"])
    for row in rows(ROWS):
        book.active.append(list(row.values()))
    book.save(sink)
    return sink.getvalue()


def bad_json():
    return b"[" + b",\n".join([json.dumps(r).encode() for r in rows(ROWS)] + [b'{"id": {{}']) + b"]"


SOURCES = {
    "csv": ("in.csv", csv(), {}, "out.csv"),
    "csv.gz": ("in.csv.gz", gzip.compress(csv()), {}, "out.csv.gz"),
    "utf-16": ("in.csv", csv().decode().encode("utf-16"), {"csv": {"encoding": "utf-16"}}, "o.tsv"),
    "ragged csv": ("in.csv", csv() + b"1,2,3\n", {"bad_rows": "quarantine"}, "out.jsonl"),
    "parquet": ("in.parquet", parquet(), {}, "out.parquet"),
    "xlsx": ("in.xlsx", xlsx(), {}, "out.xlsx"),
    "json": ("in.json", json.dumps(rows(ROWS)).encode(), {}, "out.json"),
    "bad jsonl": (
        "in.jsonl",
        b"".join(json.dumps(r).encode() + b"\n" for r in rows(ROWS)) + b"{oops\n",
        {"bad_rows": "quarantine"},
        "out.orc",
    ),
    "parts": ("in.csv", csv(), {}, "parts/"),
    "avro": ("in.csv", csv(), {}, "out.avro"),
}


@pytest.fixture
def encrypted(machine, monkeypatch):
    monkeypatch.setenv("DATA_SERVICES_STAGING_ENCRYPTION", "true")
    SEEN.clear()
    return machine


def config_of(source, reading, output, **given):
    writing = {"part_rows": 1000} if output.endswith("/") else {}
    return {
        "ops": {
            "read_dataset": {"config": {"path": source, **reading}},
            "watch": {"config": given},
            "write_dataset": {"config": {"path": output, **writing}},
        }
    }


def execute(job, config, **resources):
    with dg.DagsterInstance.get() as instance:
        return job.execute_in_process(
            run_config=config, instance=instance, resources=resources, raise_on_error=False
        )


def in_plain_text():
    """Return where the canary was seen."""
    return {
        (when, name)
        for when, files in SEEN.items()
        for name, content in files.items()
        if CANARY.encode() in content or CANARY.encode("utf-16-le") in content
    }


def readable_tables():
    """Return where a file lay that any reader of Parquet or Arrow can read."""
    return {
        (when, name)
        for when, files in SEEN.items()
        for name, content in files.items()
        if content.startswith((b"PAR1", b"ARROW1"))
    }


def keys():
    folder = SHARED_MEMORY / f"data-services-keys-{os.getuid()}"
    return {file.name for file in folder.glob("*")}


@pytest.mark.parametrize("kind", SOURCES)
def test_nothing_is_plain_in_staging_while_a_run_is_at_work(encrypted, kind, monkeypatch):
    source, content, reading, output = SOURCES[kind]
    encrypted.put(source, content)
    plain = f"plain-{output}"

    result = execute(JOB, config_of(source, reading, output))

    assert result.success
    assert set(SEEN) == {"at the beginning", "within a batch", "behind batches"}
    assert any(name.endswith((".parquet", ".batches")) for name in SEEN["behind batches"])
    assert in_plain_text() == set()
    assert readable_tables() == set()
    assert result.run_id not in keys()
    assert not list(encrypted.folder.rglob("*data-services-staging*"))

    monkeypatch.delenv("DATA_SERVICES_STAGING_ENCRYPTION")
    SEEN.clear()
    assert execute(JOB, config_of(source, reading, plain)).success
    is_nameless = (
        kind == "parquet"
    )  # read where it is, and its batches lie in a file without a name
    assert bool(in_plain_text()) != is_nameless, "the search finds what is there"
    assert outputs(encrypted, output) == outputs(encrypted, plain)


def outputs(machine, name):
    """Return the bytes of an output, of part files those of all of them."""
    place = machine.root / name
    files = sorted(place.glob("part-*")) if name.endswith("/") else [place]
    return [file.read_bytes() for file in files]


@pytest.mark.parametrize("kind", ["parquet", "csv.gz"])
def test_nothing_is_plain_in_the_staging_of_a_run_on_s3(encrypted, s3_bucket, kind):
    source, content, reading, output = SOURCES[kind]
    storage = S3Storage(S3Settings.from_environment("selfS3"))
    storage.client.put_object(Bucket=s3_bucket, Key=source, Body=content)

    result = execute(JOB_S3, config_of(source, reading, output), s3=storage)

    assert result.success
    assert in_plain_text() == set()
    assert SEEN["within a batch"]
    published = storage.client.get_object(Bucket=s3_bucket, Key=output)["Body"].read()
    if kind == "csv.gz":
        assert gzip.decompress(published) == csv()
    else:
        assert pq.read_table(io.BytesIO(published)).to_pylist() == rows(ROWS)


@pytest.mark.timeout(600)
def test_what_a_query_spills_is_encrypted(encrypted, monkeypatch):
    monkeypatch.setenv("DATA_SERVICES_MEMORY_LIMIT", LIMIT)
    encrypted.put("in.csv", csv())

    result = execute(JOB, config_of("in.csv", {}, "out.csv", spill=True))

    assert result.success
    assert [name for name in SEEN["while it spills"] if name.endswith(".tmp")]
    assert in_plain_text() == set()
    assert encrypted.get("out.csv") == csv()

    monkeypatch.delenv("DATA_SERVICES_STAGING_ENCRYPTION")
    SEEN.clear()
    assert execute(JOB, config_of("in.csv", {}, "plain.csv", spill=True)).success
    assert [name for when, name in in_plain_text() if name.endswith(".tmp")]
