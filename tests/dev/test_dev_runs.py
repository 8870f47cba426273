"""What a person does in the UI: launch, look, cancel; through the real daemon and run workers."""

import json
import os
import signal
from importlib.resources import files

import jsonschema
import pytest
import yaml

CSV = "id,city\n1,Ulm\n2,Bonn\n1,Ulm\n3,Kiel\n"
EXECUTORS = {"in_process": {}, "multiprocess": {"execution": {"config": {"multiprocess": {}}}}}
JOB = "remove_duplicates_job"
DEFAULT_CONFIG = """
query ($selector: PipelineSelector!) { runConfigSchemaOrError(selector: $selector) {
  ... on RunConfigSchema { rootDefaultYaml }
} }
"""
REEXECUTE = """
mutation ($parameters: ReexecutionParams!) { launchRunReexecution(reexecutionParams: $parameters) {
  __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message }
} }
"""
RUNS = "{ runsOrError { ... on Runs { results { runId jobName status } } } }"
SENSORS = """
{ sensorsOrError(repositorySelector: {repositoryLocationName: "data_services",
    repositoryName: "__repository__"}) { ... on Sensors { results {
  name sensorState { status }
} } } }
"""


@pytest.fixture(scope="module")
def dev(start_dev, root):
    (root / "cities.csv").write_text(CSV)
    return start_dev()


def config(output, column="id", **more):
    return {
        "ops": {
            "read_dataset": {"config": {"path": "cities.csv"}},
            "remove_duplicates": {"config": {"subset": [column]}},
            "write_dataset": {"config": {"path": output}},
        },
        **more,
    }


@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_launched_run_publishes_output_and_report_and_tidies_up(dev, executor):
    run = dev.launch(JOB, config(f"{executor}.csv", **EXECUTORS[executor]))

    dev.wait_for(run, "SUCCESS")
    assert (dev.root / f"{executor}.csv").read_text() == "id,city\n1,Ulm\n2,Bonn\n3,Kiel\n"
    report = json.loads((dev.root / f"{executor}.csv.report.json").read_text())
    assert report["run"]["run_id"] == run
    assert dev.staged() == []


@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_pipeline_runs_with_what_its_file_says_where_nothing_else_is_given(dev, executor):
    given = config(f"tidy-{executor}.csv", **EXECUTORS[executor])
    del given["ops"]["remove_duplicates"]

    run = dev.launch("tidy_cities_job", given)

    dev.wait_for(run, "SUCCESS", 150)
    published = (dev.root / f"tidy-{executor}.csv").read_text()
    assert published == "id,city\n1,ULM\n2,BONN\n3,KIEL\n"
    assert dev.staged() == []


def test_the_default_config_that_the_launchpad_shows_runs_as_it_is(dev):
    selector = {
        "repositoryLocationName": "data_services",
        "repositoryName": "__repository__",
        "pipelineName": JOB,
    }
    shown = dev.ask(DEFAULT_CONFIG, selector=selector)["runConfigSchemaOrError"]

    run = dev.launch(JOB, yaml.safe_load(shown["rootDefaultYaml"]))

    dev.wait_for(run, "SUCCESS")
    assert (dev.root / "_test_runs" / run / "patients.csv").exists()


def test_a_missing_column_ends_the_run_with_one_sentence_and_no_output(dev):
    run = dev.launch(JOB, config("failed.csv", column="town"))

    dev.wait_for(run, "FAILURE")
    [failure] = dev.failures(run)
    assert failure["stepKey"] == "read_dataset"
    assert "'town'" in failure["failureMetadata"]["description"]
    assert "\n" not in failure["failureMetadata"]["description"]
    assert list(dev.root.glob("failed.csv*")) == []
    assert dev.staged() == []


def test_a_run_that_is_continued_from_a_failed_step_says_to_start_anew(dev):
    stranger = dev.root / "again.csv.report.json"
    stranger.write_text("somebody else's")
    failed = dev.launch(JOB, config("again.csv"))
    dev.wait_for(failed, "FAILURE")
    stranger.unlink()

    parameters = {"parentRunId": failed, "strategy": "FROM_FAILURE"}
    answer = dev.ask(REEXECUTE, parameters=parameters)["launchRunReexecution"]
    assert answer["__typename"] == "LaunchRunSuccess", answer
    run = answer["run"]["runId"]

    dev.wait_for(run, "FAILURE")
    [failure] = dev.failures(run)
    assert failure["stepKey"] == "write_dataset"
    assert failure["failureMetadata"]["description"] == (
        "The staging of this run is gone, so it cannot be continued from a failed step; start the "
        "run from the beginning."
    )
    assert list(dev.root.glob("again.csv*")) == []
    assert dev.staged() == []


@pytest.mark.parametrize(
    ("job", "step", "executor"),
    [
        ("compute_for_long_job", "compute_for_long", "in_process"),
        ("nap_job", "nap", "in_process"),
        ("nap_job", "nap", "multiprocess"),
    ],
)
def test_a_run_that_is_cancelled_at_work_ends_soon_and_leaves_nothing(
    dev, wait_until, job, step, executor
):
    write = {"ops": {"write_dataset": {"config": {"path": "cancelled.csv"}}}}
    run = dev.launch_and_reach(job, step, write | EXECUTORS[executor])

    dev.terminate(run)

    dev.wait_for(run, "CANCELED")  # though what it was at work at takes far longer
    wait_until(lambda: dev.staged() == [], 60)
    assert list(dev.root.glob("cancelled.csv*")) == []


def test_a_run_of_the_command_line_is_seen_in_the_ui(dev, data_services):
    answer = data_services("run", JOB, "--root", dev.root, "--json")

    assert answer.returncode == 0, answer.stderr
    run = {"runId": json.loads(answer.stdout)["run_id"], "jobName": JOB, "status": "SUCCESS"}
    assert run in dev.ask(RUNS)["runsOrError"]["results"]


def test_the_sensors_run_and_tell_of_every_finished_run(dev, wait_until):
    notifications = dev.root / "notifications.jsonl"

    def told():
        lines = notifications.read_text().splitlines() if notifications.exists() else []
        return {(json.loads(line)["run_id"], json.loads(line)["status"]) for line in lines}

    finished = {
        (run["runId"], run["status"])
        for run in dev.ask(RUNS)["runsOrError"]["results"]
        if run["status"] in {"SUCCESS", "FAILURE", "CANCELED"}
    }
    wait_until(lambda: told() == finished, 60)
    assert {status for _, status in finished} == {"SUCCESS", "FAILURE", "CANCELED"}
    sensors = dev.ask(SENSORS)["sensorsOrError"]["results"]
    assert {s["name"]: s["sensorState"]["status"] for s in sensors} == {
        "deliver_notifications": "RUNNING",
        "notify_canceled": "RUNNING",
        "notify_failure": "RUNNING",
        "notify_success": "RUNNING",
    }


def test_every_run_is_in_the_audit_with_its_end_and_in_the_log(dev, data_services):
    outcomes = {"SUCCESS": "success", "FAILURE": "failure", "CANCELED": "cancelled"}
    ended = {
        run["runId"]: outcomes[run["status"]] for run in dev.ask(RUNS)["runsOrError"]["results"]
    }

    listed = json.loads(data_services("audit", "list", "--json").stdout)["records"]
    verified = data_services("audit", "verify", "--json")

    phases = [(record["work"], record["phase"]) for record in listed]
    assert all(phases.count((run, "before")) == phases.count((run, "after")) == 1 for run in ended)
    assert {r["work"]: r["outcome"] for r in listed if r["phase"] == "after"} == ended
    found = json.loads(verified.stdout)
    assert (verified.returncode, found["open"]) == (0, [])
    assert found["anchors"] >= 2 * len(ended)
    schema = files("util_services").joinpath("schemas/simpl_log.schema.json").read_text("utf-8")
    validator = jsonschema.Draft202012Validator(json.loads(schema))
    for run in ended:
        for line in (dev.home / "simpl_logs" / f"simpl_run_{run}.json").read_text().splitlines():
            validator.validate(json.loads(line))


def test_a_second_ui_on_the_same_home_is_refused(dev, data_services):
    answer = data_services("dev", "--port", "0")

    assert (answer.returncode, answer.stdout) == (2, "")
    assert answer.stderr == (
        f"error: The UI of the Dagster home '{dev.home}' is already running at {dev.url}; use that "
        "one, or stop it first, or set DAGSTER_HOME to another folder.\n"
    )


def test_a_part_that_dies_takes_the_rest_with_it(dev, family):
    """The last test of this module, since it ends the UI of all."""
    daemon = next(pid for pid, words in family().items() if "dagster._daemon" in words)

    os.kill(daemon, signal.SIGKILL)

    _, messages = dev.process.communicate(timeout=60)
    assert dev.process.returncode == 1
    assert messages.endswith(
        "error: The daemon ended unexpectedly (signal 9), so the UI was stopped; start it again, "
        "with '--verbose' to see more.\n"
    )
    assert family() == {}
