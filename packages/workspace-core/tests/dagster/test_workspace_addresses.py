"""Pipelines read and write files of resources by ``workspace:RESOURCE/PATH``."""

import os
import subprocess
import uuid

import boto3
import dagster as dg
import pytest

from util_services.errors import StorageError
from util_services.flow.operate import Dataset, Outcome
from util_services.operation import operation
from util_services.resources import local_storage, s3_resource
from util_services.storage import LocalStorage
from workspace_core import api
from workspace_core.addresses import WorkspaceAddresses


class KeepAllRowsConfig(dg.Config):
    """What it says of its rows."""

    unit: str = "rows"


@operation()
def keep_all_rows(dataset: Dataset, config: KeepAllRowsConfig) -> Outcome:
    """Keep all rows."""
    return Outcome(None, facts={config.unit: dataset.staged.rows})


@pytest.fixture
def instance(tmp_path, monkeypatch):
    home = tmp_path / "dagster_home"
    home.mkdir()
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("DATA_SERVICES_AUDIT_DIR", str(home / "audit"))
    with dg.DagsterInstance.from_config(str(home)) as instance:
        yield instance


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A workspace at the storage root, with a resource of each role."""
    folder = tmp_path / "work"
    api.init(str(folder), hostname="lab", create_resources=["code", "results"])
    for name, role in (("raw", "s"), ("clean", "i")):
        (folder / name).mkdir()
        (folder / name / "a.csv").write_text("id,name\n1,x\n2,y\n")
        api.add("local-files", role, str(folder / name), str(folder))
    monkeypatch.setenv("DATA_SERVICES_ROOT", str(folder))
    return folder


def run(instance, source, target):
    job, _ = keep_all_rows.jobs()
    ops = {
        "read_dataset": {"config": {"path": source}},
        "write_dataset": {"config": {"path": target}},
    }
    return job.execute_in_process(run_config={"ops": ops}, instance=instance, raise_on_error=False)


def reason(done):
    (failure,) = [one for one in done.all_events if one.event_type_value == "STEP_FAILURE"]
    return failure.step_failure_data.user_failure_data.description


def test_a_job_reads_source_data_and_writes_intermediate_data(instance, place):
    done = run(instance, "workspace:raw/a.csv", "workspace:clean/2024/b.csv")

    assert done.success
    assert (place / "clean/2024/b.csv").read_text().splitlines() == ["id,name", "1,x", "2,y"]
    assert (place / "clean/2024/b.csv.report.json").exists()
    (clean,) = [one for one in api.status(str(place)) if one.name == "clean"]
    assert b"2024/b.csv" in {one.path for one in clean.changes} or clean.state == "new"


@pytest.mark.parametrize("path", ["new.csv", "parts/", "deep/er/x.parquet"])
def test_source_data_are_never_written(instance, place, content, path):
    before = content(place / "raw")

    done = run(instance, "workspace:raw/a.csv", f"workspace:raw/{path}")

    assert not done.success
    assert "it holds source data, which are never written" in reason(done)
    assert content(place / "raw") == before


def test_an_output_equal_to_the_input_is_refused_under_any_name(instance, place):
    done = run(instance, "clean/a.csv", "workspace:clean/a.csv")

    assert not done.success
    assert (place / "clean/a.csv").read_text() == "id,name\n1,x\n2,y\n"


def test_many_files_of_a_resource_are_one_dataset(instance, place):
    (place / "raw/b.csv").write_text("id,name\n3,z\n")

    assert run(instance, "workspace:raw/*.csv", "workspace:results/all.csv").success
    lines = (place / "results/all.csv").read_text().splitlines()
    assert sorted(lines) == ["1,x", "2,y", "3,z", "id,name"]


@pytest.mark.parametrize(
    ("address", "rule"),
    [
        ("workspace:nobody/a.csv", "There is no resource 'nobody'"),
        ("workspace:raw/../clean/a.csv", "without '.', '..'"),
        ("workspace:../raw/a.csv", "leads nowhere|without"),
        ("workspace:raw/.git/config", "what belongs to git and dws"),
        ("workspace:raw/out/secret", "leads out of the resource 'raw'"),
        ("workspace:", "leads nowhere"),
        ("workspace:/etc/passwd", "leads nowhere"),
    ],
)
def test_an_address_that_names_no_file_of_a_resource_is_refused(place, tmp_path, address, rule):
    (tmp_path / "elsewhere").mkdir()
    (place / "raw/out").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(StorageError, match=rule):
        local_storage().resolve(address)


def test_a_resource_out_of_the_reach_of_the_storage_is_refused(place, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    api.add("local-files", "i", str(outside), str(place))

    with pytest.raises(StorageError, match="lies outside the storage root"):
        local_storage().resolve("workspace:outside/a.csv")


@pytest.mark.parametrize(
    ("address", "rule"),
    [
        ("workspace:results/snapshots/lab-first/a.csv", "belongs to snapshots"),
        ("workspace:theirs/a.csv", "it comes from another workspace"),
        ("workspace:tool/a.csv", "it is read-only"),
    ],
)
def test_what_belongs_to_others_is_not_written(place, address, rule):
    (place / "theirs").mkdir()
    api.add("local-files", "i", str(place / "theirs"), str(place), imported=True)
    tool = place / "tool"
    subprocess.run(["git", "init", "-q", tool], check=True)
    subprocess.run(["git", "-C", tool, "remote", "add", "origin", place], check=True)
    api.add("git", "c", str(tool), str(place), read_only=True)
    storage = local_storage()
    location = storage.resolve(address)

    with pytest.raises(StorageError, match=rule):
        storage.check_writable(location)
    with pytest.raises(StorageError, match=rule), storage.claim(location, exclusive=True):
        pass
    with pytest.raises(StorageError, match=rule):
        storage.check_writable(location.beside(".report.json"))


@pytest.fixture
def bucket(moto_server, monkeypatch):
    """A bucket with an input, as the environment describes it."""
    name = f"twins-{uuid.uuid4().hex[:12]}"
    client = boto3.client(
        "s3",
        endpoint_url=moto_server.endpoint_url,
        aws_access_key_id=moto_server.access_key,
        aws_secret_access_key=moto_server.secret_key,
        region_name="us-east-1",
    )
    client.create_bucket(Bucket=name)
    client.put_object(Bucket=name, Key="in.csv", Body=b"id,name\n1,x\n")
    for setting, value in {
        "ENDPOINT_URL": moto_server.endpoint_url,
        "ACCESS_KEY": moto_server.access_key,
        "SECRET_KEY": moto_server.secret_key,
        "BUCKET": name,
    }.items():
        monkeypatch.setenv(f"S3_{setting}", value)
    return lambda: [one["Key"] for one in client.list_objects_v2(Bucket=name)["Contents"]]


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("workspace:raw/a.csv", "out.csv"),
        ("workspace:raw/*.csv", "out.csv"),
        ("in.csv", "workspace:results/out.csv"),
        ("in.csv", "workspace:results/parts/"),
    ],
)
def test_a_job_on_s3_refuses_files_of_resources(instance, place, bucket, source, target):
    _, twin = keep_all_rows.jobs()
    job = dg.Definitions(jobs=[twin], resources={"s3": s3_resource}).resolve_job_def(twin.name)
    ops = {
        "read_dataset": {"config": {"path": source}},
        "write_dataset": {"config": {"path": target}},
    }

    done = job.execute_in_process(run_config={"ops": ops}, instance=instance, raise_on_error=False)

    assert not done.success
    assert "is that of a local file" in reason(done)
    assert "the job without '_s3'" in reason(done)
    assert bucket() == ["in.csv"]


def test_without_a_workspace_the_address_says_so(tmp_path):
    storage = LocalStorage(tmp_path, kinds=lambda: {"workspace": WorkspaceAddresses()})

    with pytest.raises(StorageError, match=r"leads nowhere\. No folder from"):
        storage.resolve("workspace:raw/a.csv")


def test_a_file_whose_name_has_a_colon_is_a_file(tmp_path):
    (tmp_path / "at:noon.csv").write_text("id\n1\n")
    storage = LocalStorage(tmp_path, kinds=lambda: {"workspace": WorkspaceAddresses()})

    assert storage.resolve("at:noon.csv").path == os.path.join(tmp_path, "at:noon.csv")
    assert storage.resolve("./workspace:x").path == os.path.join(tmp_path, "workspace:x")


def test_without_a_workspace_around_the_root_the_one_of_the_records_is_meant(
    place, tmp_path, monkeypatch
):
    root = tmp_path / "root"
    root.mkdir()
    addresses = WorkspaceAddresses()
    with pytest.raises(StorageError, match="is a workspace"):
        addresses.resolve("raw/a.csv", root)

    monkeypatch.setenv("DATA_SERVICES_ROOT", str(root))
    monkeypatch.setenv("DATA_SERVICES_WORKSPACE", str(place))
    assert addresses.resolve("raw/a.csv", root) == str(place / "raw/a.csv")
    with pytest.raises(StorageError, match="lies outside the storage root"):
        local_storage().resolve("workspace:raw/a.csv")

    monkeypatch.setenv("DATA_SERVICES_WORKSPACE", f"central:{tmp_path}/nowhere")
    with pytest.raises(StorageError, match="is a workspace"):
        addresses.resolve("raw/a.csv", root)
