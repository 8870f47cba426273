import json

import dagster as dg
import pytest

from util_services.errors import DatasetError
from util_services.runs.failure import one_sentence
from util_services.sensors import (
    deliver_notifications,
    notify_canceled,
    notify_failure,
    notify_success,
)

CANARY = "Zsófia Kanári-Example"
SENSORS = (notify_success, notify_failure, notify_canceled)


FAILURES = {
    "foreign": ValueError(f"cannot cast '{CANARY}'"),
    "ours": DatasetError("The file is empty; check how it was written."),
    "text as class": dg.Failure("no", metadata={"error": CANARY, "stack": []}),
    "class alone": dg.Failure("no", metadata={"error": "Zsofia"}),
}


@dg.op(config_schema={"fails": dg.Field(str, default_value="")})
def work(context):
    error = FAILURES.get(context.op_config["fails"])
    if isinstance(error, DatasetError):
        with one_sentence():
            raise error
    if error is not None:
        raise error


@dg.job
def work_job():
    work()


DEFINITIONS = dg.Definitions(jobs=[work_job], sensors=[*SENSORS, deliver_notifications])


class Ticks:
    """Evaluates the sensors the way the daemon does, each from its own cursor."""

    def __init__(self, instance):
        self._instance = instance
        self._cursors = dict.fromkeys(SENSORS)
        self.evaluate()  # the first tick of a status sensor only notes where the events stand

    def evaluate(self):
        """Return the run reactions, which name an error where a sensor raised one."""
        reactions = []
        for sensor in SENSORS:
            context = dg.build_sensor_context(
                instance=self._instance,
                cursor=self._cursors[sensor],
                definitions=DEFINITIONS,
                sensor_name=sensor.name,
            )
            result = sensor.evaluate_tick(context)
            self._cursors[sensor] = result.cursor
            reactions += result.dagster_run_reactions
        return reactions


@pytest.fixture
def ticks(instance):
    return Ticks(instance)


@pytest.fixture
def run(instance):
    def launch(fails="", tags=None):
        return work_job.execute_in_process(
            instance=instance,
            raise_on_error=False,
            run_config={"ops": {"work": {"config": {"fails": fails}}}},
            tags=tags,
        ).run_id

    return launch


@pytest.fixture
def delivered(monkeypatch, tmp_path):
    path = tmp_path / "notifications.jsonl"
    monkeypatch.setenv("DATA_SERVICES_NOTIFY_FILE", str(path))

    def read():
        return [json.loads(line) for line in path.read_text("utf-8").splitlines()]

    return read


def cancel(instance):
    run = instance.create_run_for_job(work_job, tags={"user": "ada"})
    instance.report_run_canceling(run)
    instance.report_run_canceled(run)
    return run.run_id


def test_the_sensors_run_by_default_under_the_names_of_the_guide():
    assert [sensor.name for sensor in (*SENSORS, deliver_notifications)] == [
        "notify_success",
        "notify_failure",
        "notify_canceled",
        "deliver_notifications",
    ]
    assert {sensor.default_status for sensor in (*SENSORS, deliver_notifications)} == {
        dg.DefaultSensorStatus.RUNNING
    }
    dg.Definitions.validate_loadable(DEFINITIONS)


def test_a_success_is_told_once_with_its_times_and_tags(ticks, run, delivered):
    run_id = run(tags={"user": "ada", "token": "canary"})

    reactions = ticks.evaluate() + ticks.evaluate()

    assert [reaction.error for reaction in reactions] == [None]
    (payload,) = delivered()
    assert payload.pop("start") < payload.pop("end")
    assert payload == {
        "schema": 1,
        "idempotency_key": f"{run_id}:SUCCESS",
        "run_id": run_id,
        "job": "work_job",
        "status": "SUCCESS",
        "tags": {"user": "ada", "token": "[redacted]"},
        "code": {},
        "failed_step": None,
        "error_class": None,
        "rows": {},
        "report": None,
    }


@pytest.mark.parametrize(
    ("failure", "error_class"),
    [
        ("foreign", "ValueError"),
        ("ours", "DatasetError"),
        ("text as class", "Failure"),
        ("class alone", "Failure"),
    ],
)
def test_a_failure_names_the_step_and_the_class_and_no_value(
    ticks, run, delivered, failure, error_class
):
    run_id = run(failure)

    ticks.evaluate()

    (payload,) = delivered()
    assert (payload["run_id"], payload["status"]) == (run_id, "FAILURE")
    assert (payload["failed_step"], payload["error_class"]) == ("work", error_class)
    assert "Zs" not in json.dumps(payload, ensure_ascii=False)


def test_a_cancellation_is_told(ticks, instance, delivered):
    run_id = cancel(instance)

    ticks.evaluate()

    (payload,) = delivered()
    assert (payload["run_id"], payload["status"]) == (run_id, "CANCELED")
    assert (payload["failed_step"], payload["error_class"]) == (None, None)


def test_a_run_that_failed_outside_its_steps_has_no_failed_step(ticks, instance, delivered):
    run = instance.create_run_for_job(work_job)
    instance.report_run_failed(run, "the machine went away")

    ticks.evaluate()

    (payload,) = delivered()
    assert (payload["status"], payload["failed_step"]) == ("FAILURE", None)


def test_a_dead_channel_is_logged_and_neither_raises_nor_blocks(
    ticks, run, delivered, monkeypatch, capfd
):
    monkeypatch.setenv("DATA_SERVICES_NOTIFY_WEBHOOK_URL", "gopher://canary.example.org")
    run_id = run()

    reactions = ticks.evaluate()

    said = capfd.readouterr().err
    assert f"Channel 'webhook' did not deliver notification {run_id}:SUCCESS" in said
    assert "canary" not in said
    assert [reaction.error for reaction in reactions] == [None]
    assert [payload["run_id"] for payload in delivered()] == [run_id]


def test_without_a_channel_nothing_is_done(ticks, run):
    run()

    assert [reaction.error for reaction in ticks.evaluate()] == [None]
    assert ticks.evaluate() == []


def test_all_runs_since_the_last_tick_are_told(ticks, run, delivered):
    run_ids = [run() for _ in range(3)]

    ticks.evaluate()

    assert [payload["run_id"] for payload in delivered()] == run_ids
