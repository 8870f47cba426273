"""Partitions that a real daemon runs: asked for as a backfill, and as their objects arrive."""

import os
import shutil
import tempfile
import time
from pathlib import Path

import dagster as dg
import pytest
from dagster_processes import LOCATION, DagsterProcesses

from util_services.storage import S3Settings, S3Storage

PLUGIN = """
from pathlib import Path

from util_services.plugins import hookimpl


@hookimpl
def register_partitions():
    return sorted((Path(__file__).parent / "files").iterdir())
"""
BY_DAY = """
description: Keep each visit of a day once.
job: remove_duplicates
partitions: {scheme: daily, start: 2026-01-01}
ops:
  read_dataset: {path: "in/{partition:%Y/%m/%d}/"}
  remove_duplicates: {subset: [id]}
  write_dataset: {path: "out/{partition}.csv"}
"""
BY_HOSPITAL = """
description: Keep each visit to a hospital once.
job: remove_duplicates
partitions: {scheme: prefix}
ops:
  read_dataset: {path: "in/{partition}.csv"}
  remove_duplicates: {subset: [id]}
  write_dataset: {path: "out/{partition}.csv"}
watch: {storage: s3, running: true, stable_seconds: 1, minimum_interval_seconds: 1}
"""
BACKFILL = """
mutation ($parameters: LaunchBackfillParams!) {
launchPartitionBackfill(backfillParams: $parameters) { __typename
  ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }
"""
DAYS = [f"2026-01-0{day}" for day in range(1, 4)]
BAD = DAYS[1]
WAIT_SECONDS = 400


@pytest.fixture
def folder(clean_environment, monkeypatch):
    """A folder with a path that is short enough for a socket."""
    folder = Path(tempfile.mkdtemp(prefix="part-", dir=os.environ.get("PYTEST_DEBUG_TEMPROOT")))
    (folder / "root").mkdir()
    monkeypatch.setenv("DATA_SERVICES_ROOT", str(folder / "root"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def processes(folder):
    """The processes of Dagster, with a plugin whose files are these partitioned jobs."""
    (folder / "home").mkdir()
    (folder / "home" / "dagster.yaml").write_text(
        "telemetry: {enabled: false}\nrun_queue: {dequeue_interval_seconds: 1}\n"
    )
    info = folder / "my_partitions-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.4\nName: my-partitions\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[data_services]\nmy = my_partitions.plugin\n")
    (folder / "my_partitions" / "files").mkdir(parents=True)
    (folder / "my_partitions" / "plugin.py").write_text(PLUGIN)
    for name, text in (("by_day", BY_DAY), ("by_hospital", BY_HOSPITAL)):
        (folder / "my_partitions" / "files" / f"{name}.yaml").write_text(text)
    environment = os.environ | {
        "DAGSTER_HOME": str(folder / "home"),
        "HOME": str(folder / "home"),
        "PYTHONPATH": str(folder),
        "TMPDIR": str(folder),
        "DATA_SERVICES_AUDIT_DIR": str(folder / "audit"),
        "DATA_SERVICES_STRICT": "true",
    }
    made = DagsterProcesses(folder, environment)
    yield made
    made.stop()


@pytest.fixture
def instance(processes, folder):
    with dg.DagsterInstance.from_config(str(folder / "home")) as instance:
        yield instance


@pytest.fixture
def wait_until(processes):
    def wait(is_true):
        deadline = time.monotonic() + WAIT_SECONDS
        while not is_true():
            assert time.monotonic() < deadline, processes.log("daemon")[-4000:]
            time.sleep(0.1)

    return wait


def ended(instance, job):
    """Return the partitions whose runs have ended, in their order, each with how."""
    runs = [run for run in instance.get_runs(dg.RunsFilter(job_name=job)) if run.is_finished]
    return [(run.tags["dagster/partition"], run.status.value) for run in reversed(runs)]


@pytest.mark.timeout(900)  # each run is a process, and so is the web server
def test_in_a_backfill_a_bad_partition_fails_alone_and_is_run_again(
    processes, instance, folder, wait_until
):
    def put(day, content):
        place = folder / "root" / "in" / day.replace("-", "/")
        place.mkdir(parents=True, exist_ok=True)
        (place / "visits.csv").write_text(content)

    def backfill(days):
        repository = {"repositoryLocationName": LOCATION, "repositoryName": "__repository__"}
        selector = {
            "partitionSetName": "by_day_job_partition_set",
            "repositorySelector": repository,
        }
        parameters = {"selector": selector, "partitionNames": days}
        answer = processes.ask(BACKFILL, parameters=parameters)["launchPartitionBackfill"]
        assert answer["__typename"] == "LaunchBackfillSuccess", answer
        return answer["backfillId"]

    def is_over(name):
        return instance.get_backfill(name).status.value.startswith("COMPLETED")

    for day in DAYS:
        put(day, f"id,day\n1,{day}\n1,{day}\n")
    put(BAD, "visit,day\n1,2\n")
    processes.start(web=True)

    first = backfill(DAYS)
    wait_until(lambda: is_over(first))
    before = sorted(ended(instance, "by_day_job"))
    written = {file.name for file in (folder / "root" / "out").glob("*.csv")}
    put(BAD, f"id,day\n1,{BAD}\n1,{BAD}\n")
    second = backfill([BAD])
    wait_until(lambda: is_over(second))

    assert before == [(day, "FAILURE" if day == BAD else "SUCCESS") for day in DAYS]
    assert written == {f"{day}.csv" for day in DAYS if day != BAD}
    assert ended(instance, "by_day_job")[len(DAYS) :] == [(BAD, "SUCCESS")]
    for day in DAYS:
        assert (folder / "root" / "out" / f"{day}.csv").read_text() == f"id,day\n1,{day}\n"


@pytest.mark.timeout(900)
def test_each_object_below_a_prefix_launches_its_partition_once_and_again_when_it_has_changed(
    folder, s3_bucket, processes, instance, wait_until
):
    storage = S3Storage(S3Settings.from_environment("selfS3"))

    def put(name, content):
        storage.client.put_object(Bucket=s3_bucket, Key=name, Body=content)

    def skipped():
        (state,) = [one for one in instance.all_instigator_state() if "arrivals" in one.name]
        ticks = instance.get_ticks(state.instigator_origin_id, state.selector_id)
        assert {tick.status.value for tick in ticks} <= {"STARTED", "SKIPPED", "SUCCESS"}
        return len([tick for tick in ticks if tick.status.value == "SKIPPED"])

    put("in/north.csv", b"id\n1\n1\n")
    put("in/readme.txt", b"of no partition")
    processes.start()
    wait_until(lambda: ended(instance, "by_hospital_job_s3"))
    put("in/north.csv", b"id\n1\n1\n2\n")
    put("in/south.csv", b"id\n3\n")
    wait_until(lambda: len(ended(instance, "by_hospital_job_s3")) == 3)
    looks = skipped()
    wait_until(lambda: skipped() > looks + 1)

    assert sorted(ended(instance, "by_hospital_job_s3")) == [
        ("north", "SUCCESS"),
        ("north", "SUCCESS"),
        ("south", "SUCCESS"),
    ]
    assert sorted(instance.get_dynamic_partitions("by_hospital_job_s3")) == ["north", "south"]
    with storage.open(storage.resolve("out/north.csv")) as file:
        assert file.read() == b"id\n1\n2\n"
