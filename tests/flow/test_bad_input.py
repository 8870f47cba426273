"""What a run cannot do is said in one sentence by every door, and leaves nothing behind."""

import json
import socket

import dagster as dg
import pytest

from data_processing.jobs import remove_duplicates_job, remove_duplicates_job_s3
from util_services.resources import s3_resource

CANARY = "Jane-Roe-canary"
GOOD = f"id,name\n1,{CANARY}\n1,{CANARY}\n".encode()

# name: (input, run config beyond the defaults, exit status, words of the sentence)
CASES = {
    "missing file": (None, {}, 2, "There is no dataset at 'in.csv'; check the path."),
    "missing column": (
        GOOD,
        {"subset": ["nme"]},
        2,
        "'subset' names columns that the dataset does not have: 'nme'. Did you mean 'name'?",
    ),
    "unknown option": (GOOD, {"sbset": ["id"]}, 2, "unknown key 'sbset'. Did you mean 'subset'?"),
    "value out of its set": (GOOD, {"keep": "best"}, 2, "must be one of 'first', 'last'"),
    "wrong type": (
        GOOD,
        {"subset": 7},
        2,
        "ops.remove_duplicates.config.subset: must be a list, such as [NAME].",
    ),
    "value out of its range": (
        GOOD,
        {"reading": {"limit_rows": 0}},
        2,
        "ops.read_dataset.config.limit_rows: ",
    ),
    "wrong encoding": (
        GOOD + "é".encode("cp1252"),
        {},
        2,
        "The file is not in the encoding 'utf-8': byte ",
    ),
    "wrong encoding far behind": (
        b"id,name\n" + f"1,{CANARY}\n".encode() * 80_000 + b"2,\xe9\n",
        {},
        1,
        "The file is not in the encoding 'utf-8': byte ",
    ),
    "empty file": (b"", {}, 2, "The file 'in.csv' is empty; check how it was written."),
    "duplicate names": (b"id,ID\n1,2\n", {}, 2, "names that are equal, or equal but for case"),
    "outside the root": (GOOD, {"source": "../../in.csv"}, 2, "lies outside the storage root"),
    "output is input": (GOOD, {"output": "./in.csv"}, 2, "is the input itself"),
    "output exists": (GOOD, {"output": "taken.csv"}, 2, "already exists; choose another path"),
    "ragged rows": (GOOD + f"2,{CANARY},\n".encode(), {}, 1, "has 3 fields, the header has 2"),
    "unclosed quote": (GOOD + f'2,"{CANARY}\n'.encode(), {}, 1, "a quote that is never closed"),
}


def closed_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


S3_CASES = {
    "no credentials": ({"ACCESS_KEY": ""}, "There are no S3 credentials; set SELFS3_S3_ACCESS_KEY"),
    "no such bucket": ({"BUCKET": "absent-bucket"}, "There is no bucket 'absent-bucket'; create"),
    "endpoint down": (
        {"ENDPOINT_URL": f"http://user:hunter2@127.0.0.1:{closed_port()}"},
        "cannot be reached (EndpointConnectionError); check the endpoint",
    ),
    "wrong setting": (
        {"TIMEOUT_SECONDS": "soon"},
        "SELFS3_S3_TIMEOUT_SECONDS must be a number of seconds above 0; correct the variable.",
    ),
}


def prepare(machine, content):
    machine.put("taken.csv", b"old")
    if content is not None:
        machine.put("in.csv", content)


def check_nothing_happened(machine, content):
    assert machine.outputs() == sorted(
        ["root/taken.csv"] + (["root/in.csv"] if content is not None else [])
    )
    assert machine.get("taken.csv") == b"old"
    assert content is None or machine.get("in.csv") == content
    assert not [path for path in machine.folder.rglob("*staging*") if path.is_dir()]
    assert not machine.mentions(CANARY, "hunter2", but=["root/in.csv"])


def failure_of(job, config, **resources):
    """Return how a job fails in Python: the sentence of the step that failed."""
    with dg.DagsterInstance.get() as instance:
        result = job.execute_in_process(
            run_config=config, instance=instance, resources=resources, raise_on_error=False
        )
    (failed,) = [event for event in result.all_events if event.is_step_failure]
    assert failed.step_key == "read_dataset"
    return failed.step_failure_data.user_failure_data.description


@pytest.mark.parametrize(("content", "options", "status", "words"), CASES.values(), ids=CASES)
def test_in_python_and_on_the_command_line(machine, run_config, content, options, status, words):
    prepare(machine, content)
    config = run_config(**options)
    (machine.folder / "run.yaml").write_text(json.dumps(config))

    answer = machine.run("run", "remove_duplicates_job", "--config", "run.yaml")

    assert (answer.returncode, answer.stdout) == (status, "")
    (line,) = answer.stderr.splitlines()
    assert line.startswith("error: ")
    assert words in line
    assert CANARY not in line
    check_nothing_happened(machine, content)

    try:
        message = failure_of(remove_duplicates_job, config)
    except dg.DagsterInvalidConfigError:  # Dagster itself refuses these before a run begins
        assert words.split("'")[0] in line
    else:
        assert line == f"error: {message}"
    check_nothing_happened(machine, content)


@pytest.mark.parametrize(("settings", "words"), S3_CASES.values(), ids=S3_CASES)
def test_on_s3(machine, s3_bucket, run_config, monkeypatch, settings, words):
    for setting, value in settings.items():
        monkeypatch.setenv(f"SELFS3_S3_{setting}", value)
    (machine.folder / "run.yaml").write_text(json.dumps(run_config()))
    prepare(machine, None)

    answer = machine.run("run", "remove_duplicates_job_s3", "--config", "run.yaml")

    assert (answer.returncode, answer.stdout) == (2, "")
    (line,) = answer.stderr.splitlines()
    assert line.startswith("error: ")
    assert words in line
    resource = s3_resource.configured({"resource_name": "selfS3"})
    message = failure_of(remove_duplicates_job_s3, run_config(), s3=resource)
    assert line == f"error: {message}"
    check_nothing_happened(machine, None)


def test_the_check_of_a_config_refuses_as_a_run_does(machine, run_config):
    prepare(machine, b"id,ID\n1,2\n")
    (machine.folder / "run.yaml").write_text(json.dumps(run_config()))

    refused = machine.run("config", "remove_duplicates_job", "--check", "run.yaml")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.startswith("error: The dataset has column names that are equal")

    machine.put("in.csv", GOOD)
    accepted = machine.run("config", "remove_duplicates_job", "--check", "run.yaml")
    assert (accepted.returncode, accepted.stderr) == (0, "")
    assert accepted.stdout == "remove_duplicates_job would run with this config.\n"
    assert machine.outputs() == ["root/in.csv", "root/taken.csv"]
