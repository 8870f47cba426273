"""Runs that a real daemon starts for new objects, on a folder and on an S3 server."""

import os
import shutil
import tempfile
import time
from pathlib import Path

import dagster as dg
import pytest
from dagster_processes import DagsterProcesses

from util_services.storage import LocalStorage, S3Settings, S3Storage

BEGUN = {dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.SUCCESS}
LOCATION = """
import dagster as dg

from data_processing.jobs import remove_duplicates_job, remove_duplicates_job_s3
from util_services.resources import s3_resource
from util_services.sensors import new_object_sensor

OPTIONS = {
    "path": "in/",
    "output": "in/clean/{below}",  # below the folder that is watched
    "config": {"remove_duplicates": {"subset": ["id"]}},
    "stable_seconds": 1,
    "minimum_interval_seconds": 1,
    "default_status": dg.DefaultSensorStatus.RUNNING,
}
defs = dg.Definitions(
    jobs=[remove_duplicates_job, remove_duplicates_job_s3],
    sensors=[new_object_sensor("new_in", job=JOB, **OPTIONS)],
    resources={"s3": s3_resource.configured({"resource_name": "selfS3"})},
    executor=dg.in_process_executor,  # steps in processes of their own would triple the time
)
"""
JOBS = {"local": "remove_duplicates_job", "s3": "remove_duplicates_job_s3"}
CONTENT = b"id\n1\n1\n2\n"


@pytest.fixture
def folder():
    """A folder with a path that is short enough for a socket."""
    folder = Path(tempfile.mkdtemp(prefix="watch-", dir=os.environ.get("PYTEST_DEBUG_TEMPROOT")))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=JOBS)
def storage(request, folder, clean_environment, monkeypatch):
    if request.param == "s3":
        request.getfixturevalue("s3_bucket")
        return S3Storage(S3Settings.from_environment("selfS3"))
    (folder / "root").mkdir()
    monkeypatch.setenv("DATA_SERVICES_ROOT", str(folder / "root"))
    return LocalStorage.from_environment()


@pytest.fixture
def put(storage, folder):
    def write(path, content):
        place = storage.resolve(path)
        if storage.kind == "s3":
            storage.client.put_object(Bucket=place.container, Key=place.path, Body=content)
        else:
            Path(place.path).parent.mkdir(exist_ok=True)
            (folder / "upload").write_bytes(content)
            (folder / "upload").rename(place.path)

    return write


@pytest.fixture
def processes(storage, folder):
    home = folder / "home"
    home.mkdir()
    (home / "dagster.yaml").write_text(
        "telemetry: {enabled: false}\nrun_queue: {dequeue_interval_seconds: 1}\n"
    )
    (folder / "location.py").write_text(LOCATION.replace("JOB,", f"{JOBS[storage.kind]},"))
    environment = os.environ | {
        "DAGSTER_HOME": str(home),
        "HOME": str(home),
        "PYTHONPATH": str(folder),
        "TMPDIR": str(folder),
    }
    made = DagsterProcesses(folder, environment, module="location")
    yield made
    made.stop()


@pytest.fixture
def instance(processes, folder):
    with dg.DagsterInstance.from_config(str(folder / "home")) as instance:
        yield instance


def test_each_upload_runs_once_though_outputs_are_below_and_the_daemon_is_killed(
    processes, instance, storage, put
):
    def runs():
        return [(run.tags["data_services/object"], run.status.value) for run in instance.get_runs()]

    def wait_until(is_true):
        deadline = time.monotonic() + 300
        while not is_true():
            assert time.monotonic() < deadline, processes.log("daemon")[-4000:]
            time.sleep(0.1)

    def wait_for_ticks(count):
        """Wait until the sensor has looked some more times and found nothing to do."""

        def ended():
            return len([tick for tick in ticks() if tick.status.value == "SKIPPED"])

        before = ended()
        wait_until(lambda: ended() >= before + count)

    def ticks():
        (state,) = instance.all_instigator_state()
        return instance.get_ticks(state.instigator_origin_id, state.selector_id)

    put("in/a.csv", CONTENT)
    processes.start()
    # A daemon that dies while it launches leaves a run that never begins: Dagster's monitoring
    # finds it after minutes, and the sensor asks again, as its own tests show.
    wait_until(lambda: any(run.status in BEGUN for run in instance.get_runs()))
    processes.kill("daemon")  # perhaps before it has recorded what it started
    processes.start_daemon()
    done = ("in/a.csv", "SUCCESS")
    wait_until(lambda: runs() == [done])
    wait_for_ticks(1)
    put("in/a.csv", CONTENT)
    put("in/b.csv", CONTENT)
    expected = sorted([done, done, ("in/b.csv", "SUCCESS")])
    wait_until(lambda: sorted(runs()) == expected)
    wait_for_ticks(2)

    assert sorted(runs()) == expected
    assert {tick.status.value for tick in ticks()} <= {"SKIPPED", "SUCCESS"}
    with storage.open(storage.resolve("in/clean/b.csv")) as file:
        assert file.read() == b"id\n1\n2\n"
