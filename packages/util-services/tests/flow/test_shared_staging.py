"""Steps of a run on several machines hand over their files in a bucket."""

import base64
import io
import os
import pickle
import time
import uuid

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from util_services.engines.local import LocalEngine
from util_services.errors import ConfigurationError, StorageError
from util_services.flow import shared_staging
from util_services.flow.changes import SourceChangedError
from util_services.flow.encode import Target
from util_services.flow.operate import Dataset, Outcome, operate
from util_services.flow.plan import ReadOptions, WriteOptions, plan_read, plan_write
from util_services.flow.publish import publish_dataset
from util_services.flow.read import read_dataset
from util_services.flow.staging import StagingGoneError
from util_services.flow.staging_area import StagingArea
from util_services.reports.record import RunFacts
from util_services.storage import S3Settings, S3Storage

RUN = "0e6c1f7a-54a5-4f0e-9d1d-3f1a86f0c0de"
CANARY = "Jane-Roe-canary"
ROWS = [{"id": str(n), "name": f"{CANARY} {n}"} for n in range(500)]
CSV = ("id,name\n" + "".join(f"{r['id']},{r['name']}\n" for r in ROWS)).encode()


def parquet(rows=ROWS):
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), sink, compression="none")
    return sink.getvalue()


SOURCES = {
    "csv": ("in.csv", CSV, {}),
    "parquet": ("in.parquet", parquet(), {}),
    "bad csv": ("in.csv", CSV + b"1,2,3\n", {"bad_rows": "quarantine"}),
    "part files": ("in/", CSV, {}),
}


@pytest.fixture(params=["s3", "rgw"])
def bucket(request):
    return request.getfixturevalue(f"{request.param}_bucket")


class Deployment:
    """Machines that share a bucket and nothing else; each has a folder for its staging."""

    def __init__(self, folder, bucket):
        self.folder, self.bucket = folder, bucket
        self.storage = S3Storage(S3Settings.from_environment("selfS3"))
        self.client = self.storage.client

    def machine(self, name):
        return StagingArea.at(self.folder / name)

    def put(self, name, content):
        key = f"{name}part-0.csv" if name.endswith("/") else name
        self.client.put_object(Bucket=self.bucket, Key=key, Body=content)
        return name

    def get(self, name):
        return self.client.get_object(Bucket=self.bucket, Key=name)["Body"].read()

    def staged(self):
        """Return what is in the bucket below the prefix of staging."""
        found = self.client.list_objects_v2(Bucket=self.bucket, Prefix="shared/staging/")
        return {e["Key"].removeprefix("shared/staging/") for e in found.get("Contents", [])}

    def uploads(self):
        return self.client.list_multipart_uploads(Bucket=self.bucket).get("Uploads", [])

    def left(self):
        """Return the files on all machines."""
        return [file for file in self.folder.rglob("*") if file.is_file()]


@pytest.fixture
def deployment(tmp_path, bucket, monkeypatch):
    monkeypatch.setenv("DATA_SERVICES_STAGING", f"s3://{bucket}/shared/staging/")
    monkeypatch.setenv("DATA_SERVICES_STAGING_RESOURCE", "selfS3")
    return Deployment(tmp_path, bucket)


@pytest.fixture(params=[False, True], ids=["plain", "encrypted"])
def is_encrypted(request, monkeypatch):
    if request.param:
        monkeypatch.setenv("DATA_SERVICES_STAGING_ENCRYPTION", "true")
        secret = base64.b64encode(os.urandom(32)).decode()
        monkeypatch.setenv("DATA_SERVICES_STAGING_KEY", secret)
    return request.param


def read(deployment, machine, source, **options):
    plan = plan_read(deployment.storage, ReadOptions(source, **options))
    area = deployment.machine(machine)
    with area.first_step(RUN) as staging, LocalEngine(staging.scratch()) as engine:
        dataset = read_dataset(plan, staging, engine)
        return area.hand_over(dataset, staging, RUN)


def keep(deployment, machine, dataset, output):
    area = deployment.machine(machine)
    with area.next_step(RUN) as staging:
        dataset = area.take_over(dataset, staging, deployment.storage, RUN)
        plan = plan_write(deployment.storage, WriteOptions(output), dataset.origin, run_id=RUN)
        with LocalEngine(staging.scratch()) as engine:
            given, target = Dataset(engine, dataset), Target.of(plan, staging)
            result = operate("keep", lambda d: Outcome(d.scan()), given, target, {})
        return area.hand_over(result, staging, RUN)


def publish(deployment, machine, dataset, output):
    area = deployment.machine(machine)
    facts = RunFacts(RUN, "keep_job", "", "", {})
    with area.next_step(RUN) as staging:
        dataset = area.take_over(dataset, staging, deployment.storage, RUN)
        plan = plan_write(deployment.storage, WriteOptions(output), dataset.origin, run_id=RUN)
        publish_dataset(dataset, plan, staging, facts, lambda: None)
    area.remove(RUN)


def sent(dataset):
    """Return a dataset as another machine gets it."""
    return pickle.loads(pickle.dumps(dataset))  # noqa: S301 - our own


@pytest.mark.parametrize("kind", SOURCES)
def test_each_step_may_be_on_another_machine(deployment, is_encrypted, kind):
    source, content, options = SOURCES[kind]
    deployment.put(source, content)

    dataset = sent(read(deployment, "one", source, **options))
    assert deployment.left() == []
    in_bucket = deployment.staged()
    assert f"{RUN}/lease" in in_bucket
    assert f"{RUN}/source-0" not in in_bucket
    assert (f"{RUN}/input-0.parquet" in in_bucket) is (kind != "parquet")
    result = sent(keep(deployment, "two", dataset, "out.csv"))
    assert deployment.left() == []
    contents = [deployment.get(f"shared/staging/{name}") for name in deployment.staged()]
    assert any(CANARY.encode() in content for content in contents) is not is_encrypted
    publish(deployment, "three", result, "out.csv")

    assert deployment.get("out.csv") == CSV
    if kind == "bad csv":
        assert deployment.get("out.csv.quarantine.jsonl").count(b"1,2,3") == 1
    assert deployment.staged() == set()
    assert deployment.left() == []


def test_a_source_that_changes_between_steps_is_noticed(deployment):
    deployment.put("in.parquet", parquet())
    dataset = read(deployment, "one", "in.parquet")
    deployment.put("in.parquet", parquet(ROWS[:-1]))

    with pytest.raises(SourceChangedError):
        keep(deployment, "two", dataset, "out.csv")

    assert deployment.staged() == set()
    assert deployment.left() == []


@pytest.mark.parametrize("change", ["changed", "gone"])
def test_a_file_that_is_not_what_was_handed_over_is_refused(deployment, is_encrypted, change):
    dataset = read(deployment, "one", deployment.put("in.csv", CSV))
    key = f"shared/staging/{RUN}/input-0.parquet"
    if change == "gone":
        deployment.client.delete_object(Bucket=deployment.bucket, Key=key)
    else:
        deployment.put(key, deployment.get(key)[:-1])

    with pytest.raises(StagingGoneError):
        keep(deployment, "two", dataset, "out.csv")

    assert deployment.staged() == set()


def test_a_run_whose_staging_is_gone_cannot_go_on(deployment):
    dataset = read(deployment, "one", deployment.put("in.csv", CSV))
    deployment.machine("one").remove(RUN)

    with pytest.raises(StagingGoneError):
        keep(deployment, "two", dataset, "out.csv")

    assert deployment.staged() == set()
    assert deployment.left() == []


def test_a_large_file_is_handed_over_in_parts(deployment, monkeypatch):
    monkeypatch.setattr(shared_staging, "PART_BYTES", 5 << 20)
    table = pa.table({"id": [os.urandom(512) for _ in range(25_000)]})
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="none", use_dictionary=False)
    deployment.put("in.parquet", sink.getvalue())
    dataset = read(deployment, "one", "in.parquet")

    result = keep(deployment, "two", dataset, "out.parquet")
    publish(deployment, "three", result, "out.parquet")

    assert pq.read_table(io.BytesIO(deployment.get("out.parquet"))).to_pylist() == table.to_pylist()
    assert deployment.uploads() == []


def test_the_lease_is_kept_fresh_while_a_step_is_at_work(deployment, monkeypatch):
    area = deployment.machine("one")
    monkeypatch.setattr(shared_staging, "LEASE_SECONDS", 9.0)

    def renewed():
        key = f"shared/staging/{RUN}/lease"
        return deployment.client.head_object(Bucket=deployment.bucket, Key=key)["LastModified"]

    with area.first_step(RUN):
        first = renewed()
        end = time.monotonic() + 60
        while renewed() == first:
            assert time.monotonic() < end
            time.sleep(0.1)
        deployment.machine("two").sweep(lambda _: True)
        assert deployment.staged() == {f"{RUN}/lease"}
    area.remove(RUN)


def test_a_sweep_goes_by_lease_and_status_together(deployment, monkeypatch):
    read(deployment, "one", deployment.put("in.csv", CSV))
    key = f"shared/staging/{RUN}/output.csv"
    deployment.client.create_multipart_upload(Bucket=deployment.bucket, Key=key)
    staged, sweeper = deployment.staged(), deployment.machine("two")

    sweeper.sweep(lambda _: True)
    assert deployment.staged() == staged, "its lease is fresh"
    monkeypatch.setattr(shared_staging, "LEASE_SECONDS", -1.0)
    sweeper.sweep(lambda _: False)
    assert deployment.staged() == staged, "its run is known and at work"
    sweeper.sweep(lambda _: None)
    assert deployment.staged() == staged, "nobody knows its run, and it was not left alone so long"

    sweeper.sweep(lambda run_id: run_id == RUN)
    assert deployment.staged() == set()
    assert deployment.uploads() == []


def test_a_sweep_removes_a_run_that_nobody_knows_once_it_was_left_alone(deployment, monkeypatch):
    read(deployment, "one", deployment.put("in.csv", CSV))
    monkeypatch.setattr(shared_staging, "LEASE_SECONDS", -1.0)
    monkeypatch.setattr(shared_staging, "FORGOTTEN_SECONDS", -1.0)

    deployment.machine("two").sweep(lambda _: None)

    assert deployment.staged() == set()


def test_a_sweep_leaves_alone_what_no_run_has_made(deployment, monkeypatch):
    theirs = {"archive/lease", f"{uuid.uuid4()}/rows", "lease"}
    for name in theirs:
        deployment.put(f"shared/staging/{name}", b"precious")
    deployment.put(f"elsewhere/{RUN}/lease", b"precious")
    monkeypatch.setattr(shared_staging, "LEASE_SECONDS", -1.0)
    monkeypatch.setattr(shared_staging, "FORGOTTEN_SECONDS", -1.0)

    deployment.machine("one").sweep(lambda _: True)

    assert deployment.staged() == theirs
    assert deployment.get(f"elsewhere/{RUN}/lease") == b"precious"


def test_encryption_without_a_key_that_all_machines_know_is_refused(deployment, monkeypatch):
    monkeypatch.setenv("DATA_SERVICES_STAGING_ENCRYPTION", "true")

    with pytest.raises(ConfigurationError) as refused:
        deployment.machine("one").check()

    assert str(refused.value) == (
        "Encrypted staging in S3 needs a key that all machines know; set DATA_SERVICES_STAGING_KEY."
    )


def test_a_bucket_that_is_none_is_told(deployment, monkeypatch):
    monkeypatch.setenv("DATA_SERVICES_STAGING", "s3://no-such-bucket-here/staging")
    with pytest.raises(StorageError, match="no bucket 'no-such-bucket-here'"):
        deployment.machine("one").check()

    monkeypatch.setenv("DATA_SERVICES_STAGING", "s3://Not_A_Bucket")
    with pytest.raises(ConfigurationError, match="write 's3://bucket/prefix'"):
        deployment.machine("one")


@pytest.mark.parametrize("bucket", ["s3"], indirect=True)  # the gateway has no keys to do so
def test_server_side_encryption_is_asked_for(deployment, monkeypatch):
    monkeypatch.setenv("SELFS3_S3_SSE", "AES256")
    area = deployment.machine("one")

    with area.first_step(RUN):
        key = f"shared/staging/{RUN}/lease"
        state = deployment.client.head_object(Bucket=deployment.bucket, Key=key)
    area.remove(RUN)

    assert state["ServerSideEncryption"] == "AES256"
