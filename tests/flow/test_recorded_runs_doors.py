"""Runs are recorded in a workspace by every door: the command line, Dagster's daemon, storages."""

import hashlib
import json
import os
import time

import pytest
from dagster_processes import DagsterProcesses
from recorded_runs import at_work, content_id, id_of

from util_services.storage import S3Settings, S3Storage
from workspace_core import api
from workspace_core.workspace import find_and_load_workspace

CSV = b"id,name\n1,x\n1,x\n2,y\n"
JOB = "remove_duplicates_job"
MULTIPROCESS = {"config": {"multiprocess": {"max_concurrent": 1}}}
ENDED = {"SUCCESS", "FAILURE", "CANCELED"}


@pytest.fixture
def work(machine):
    """A workspace at the storage root of a machine, in which its runs are recorded."""
    api.init(str(machine.root), hostname="lab")
    for name, role in (("raw", "s"), ("clean", "i")):
        (machine.root / name).mkdir()
        api.add("local-files", role, str(machine.root / name), str(machine.root))
    machine.put("raw/in.csv", CSV)
    machine.variables["DATA_SERVICES_WORKSPACE"] = str(machine.root)
    return machine.root


def recorded(work):
    return find_and_load_workspace(str(work), batch=True).lineage.all()


def set_paths(source="workspace:raw/in.csv", output="workspace:clean/out.csv", op="write_dataset"):
    return ["--set", f"read_dataset.path={source}", "--set", f"{op}.path={output}"]


def test_a_run_of_the_command_line_is_recorded(machine, work):
    answer = machine.run("run", JOB, *set_paths(), "--json")

    assert answer.returncode == 0, answer.stderr
    (step,) = recorded(work)
    assert step.run_id == json.loads(answer.stdout)["run_id"]
    assert step.more["run"]["distribution"] == "data-processing"
    assert "data-processing" in step.more["run"]["versions"]
    assert {str(one.ref): one.hashval for one in step.output_resources} == {
        f"clean:/{name}": content_id(work / "clean" / name)
        for name in ("out.csv", "out.csv.report.html", "out.csv.report.json")
    }
    assert step.parameters["remove_duplicates"]["keep"] == "first"


def test_the_command_line_refuses_a_run_that_could_not_be_recorded(machine, work):
    answer = machine.run("run", JOB, *set_paths(), DATA_SERVICES_WORKSPACE="/nowhere/at-all")

    assert answer.returncode == 2
    assert "Runs cannot be recorded in the workspace" in answer.stderr
    assert "Traceback" not in answer.stderr
    assert not list((work / "clean").iterdir())


def test_what_is_only_tried_is_not_recorded(machine, work):
    answer = machine.run("run", JOB, *set_paths(), "--dry-run")

    assert answer.returncode == 0, answer.stderr
    assert (recorded(work), at_work(work)) == ([], [])


def test_a_run_that_publishes_a_report_alone_is_recorded(machine, work):
    paths = set_paths(output="workspace:clean/profile", op="write_report")

    answer = machine.run("run", "profile_data_job", *paths)

    assert answer.returncode == 0, answer.stderr
    (step,) = recorded(work)
    assert [str(one.ref) for one in step.input_resources] == ["raw:/in.csv"]
    assert {str(one.ref) for one in step.output_resources} == {
        "clean:/profile.report.html",
        "clean:/profile.report.json",
    }


def test_a_further_dataset_of_an_operation_is_an_input(machine, work):
    machine.put("raw/cities.csv", b"id,city\n1,Rome\n2,Oslo\n")
    options = ["--set", "join_datasets.right=workspace:raw/cities.csv"]
    options += ["--set", "join_datasets.on=[id]"]

    answer = machine.run("run", "join_datasets_job", *set_paths(), *options)

    assert answer.returncode == 0, answer.stdout + answer.stderr
    (step,) = recorded(work)
    found = {str(one.ref): one.hashval for one in step.input_resources}
    assert found == {
        f"raw:/{name}": content_id(work / "raw" / name) for name in ("in.csv", "cities.csv")
    }


def test_what_lies_in_s3_is_recorded_by_its_address(machine, work, s3_bucket):
    client = S3Storage(S3Settings.from_environment("selfS3")).client
    client.put_object(Bucket=s3_bucket, Key="in.csv", Body=CSV)

    answer = machine.run("run", f"{JOB}_s3", *set_paths("in.csv", "out.csv"))

    assert answer.returncode == 0, answer.stdout + answer.stderr
    (step,) = recorded(work)
    (read,) = step.more["external_inputs"]
    digests = {"sha256": hashlib.sha256(CSV).hexdigest(), "hash": id_of(CSV)}
    assert read == {
        "path": "in.csv",
        "address": f"s3://{s3_bucket}/in.csv",
        "size": len(CSV),
        **digests,
    }
    for one in step.more["external_outputs"]:
        content = client.get_object(Bucket=s3_bucket, Key=one["path"])["Body"].read()
        assert one["hash"] == id_of(content)
    assert {one["path"] for one in step.more["external_outputs"]} == {
        "out.csv",
        "out.csv.report.html",
        "out.csv.report.json",
    }


@pytest.mark.timeout(900)
def test_runs_that_the_daemon_launches_are_recorded(machine, work, run_config):
    processes = DagsterProcesses(machine.folder, {**os.environ, **machine.variables})
    configs = [
        run_config("workspace:raw/in.csv", "workspace:clean/one.csv"),
        {
            **run_config("workspace:raw/in.csv", "workspace:clean/two.csv"),
            "execution": MULTIPROCESS,
        },
    ]
    try:
        processes.start(web=True)
        runs = [processes.launch(JOB, config) for config in configs]
        while not {processes.status(run) for run in runs} <= ENDED:
            time.sleep(0.2)
        statuses = [processes.status(run) for run in runs]
    finally:
        processes.stop()

    assert statuses == ["SUCCESS", "SUCCESS"]
    steps = {one.run_id: one for one in recorded(work)}
    assert steps.keys() == {*runs}
    assert all(one.is_complete for one in steps.values())
    assert at_work(work) == []
