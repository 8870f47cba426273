"""The sensor that looks for what the status sensors missed, and delivers what waits."""

import json
import time
from types import SimpleNamespace

import dagster as dg
import pytest

from util_services.errors import ConfigurationError, StateError
from util_services.runs.execute import _origin
from util_services.sensors import deliver_notifications, notify_failure, notify_success
from util_services.sensors.state import outbox_of, state_address


@dg.op
def work():
    pass


@dg.job
def work_job():
    work()


DEFINITIONS = dg.Definitions(
    jobs=[work_job], sensors=[notify_success, notify_failure, deliver_notifications]
)


@pytest.fixture
def instance(tmp_path, dagster_home):
    home = tmp_path / "home"
    home.mkdir()
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    with dg.DagsterInstance.from_config(str(home)) as instance:
        yield instance


@pytest.fixture
def tick(instance):
    """Return a function that evaluates the sensor as the daemon does, from its own cursor."""
    kept = SimpleNamespace(cursor=None)

    def evaluate():
        context = dg.build_sensor_context(
            instance=instance,
            cursor=kept.cursor,
            definitions=DEFINITIONS,
            sensor_name="deliver_notifications",
        )
        result = deliver_notifications.evaluate_tick(context)
        kept.cursor = result.cursor
        return result.skip_message

    return evaluate


@pytest.fixture
def run(instance):
    return lambda: work_job.execute_in_process(instance=instance).run_id


@pytest.fixture
def delivered(monkeypatch, tmp_path):
    path = tmp_path / "notifications.jsonl"
    monkeypatch.setenv("DATA_SERVICES_NOTIFY_FILE", str(path))

    def read():
        lines = path.read_text("utf-8").splitlines() if path.exists() else []
        return [json.loads(line)["run_id"] for line in lines]

    return read


def test_runs_that_the_status_sensors_missed_are_told_all_in_one_tick(tick, run, delivered):
    runs = [run() for _ in range(7)]  # a status sensor takes five, and none on its first tick

    assert tick() == "Runs put in: 7; deliveries that wait: 0."
    assert delivered() == runs
    assert tick() == "Runs put in: 0; deliveries that wait: 0."
    assert delivered() == runs


def test_more_runs_than_fit_a_page_are_found(tick, run, delivered, monkeypatch):
    monkeypatch.setattr("util_services.sensors.outbox.PAGE", 3)
    runs = [run() for _ in range(8)]

    tick()

    assert delivered() == runs


def test_what_does_not_fit_into_a_tick_is_told_in_the_next(tick, run, delivered, monkeypatch):
    runs = [run() for _ in range(3)]
    monkeypatch.setattr("util_services.sensors.outbox.LOOK_SECONDS", 0.0)

    for _ in runs:
        tick()

    assert delivered() == runs


def test_what_does_not_fit_into_a_tick_is_found_however_late_the_next_one_is(
    tick, run, delivered, monkeypatch
):
    tick()
    runs = [run() for _ in range(3)]
    monkeypatch.setattr("util_services.sensors.outbox.LOOK_SECONDS", 0.0)
    now = time.time()

    for hours in (1, 2, 3):
        monkeypatch.setattr(
            "util_services.sensors.outbox.time.time", lambda hours=hours: now + 3_600 * hours
        )
        tick()

    assert delivered() == runs


def test_runs_that_ended_long_before_the_first_tick_are_not_told(tick, run, delivered, monkeypatch):
    run()
    now = time.time()
    monkeypatch.setattr("util_services.sensors.outbox.time.time", lambda: now + 400)

    tick()

    assert delivered() == []


def test_runs_of_an_hour_without_a_daemon_are_told(tick, run, delivered, monkeypatch):
    tick()
    runs = [run()]
    now = time.time()
    monkeypatch.setattr("util_services.sensors.outbox.time.time", lambda: now + 3_600)

    tick()

    assert delivered() == runs


def test_runs_of_other_code_locations_are_not_told(tick, instance, delivered):
    stranger = instance.create_run_for_job(work_job, remote_job_origin=_origin("work_job"))
    instance.report_run_failed(stranger)

    assert tick() == "Runs put in: 0; deliveries that wait: 0."


def test_a_status_whose_sensor_the_location_does_not_have_is_not_told(tick, instance, delivered):
    cancelled = instance.create_run_for_job(work_job)
    instance.report_run_canceled(cancelled)

    assert tick() == "Runs put in: 0; deliveries that wait: 0."


def test_a_status_whose_sensor_was_stopped_is_not_told(instance, delivered, monkeypatch):
    """As in the UI: what a stopped sensor would have told is told once it is started again."""
    from dagster._core.remote_origin import RemoteInstigatorOrigin
    from dagster._core.scheduler.instigation import (
        InstigatorState,
        InstigatorStatus,
        InstigatorType,
    )

    origin = _origin("work_job").repository_origin
    failed = instance.create_run_for_job(work_job, remote_job_origin=_origin("work_job"))
    instance.report_run_failed(failed)
    succeeded = instance.create_run_for_job(work_job, remote_job_origin=_origin("work_job"))
    instance.report_dagster_event(
        dg.DagsterEvent(dg.DagsterEventType.RUN_SUCCESS.value, "work_job"), succeeded.run_id
    )
    instance.add_instigator_state(
        InstigatorState(
            RemoteInstigatorOrigin(origin, "notify_success"),
            InstigatorType.SENSOR,
            InstigatorStatus.STOPPED,
        )
    )
    context = dg.build_sensor_context(
        instance=instance,
        definitions=DEFINITIONS,
        repository_name="__repository__",
        sensor_name="deliver_notifications",
    )
    context._code_location_origin = origin.code_location_origin

    deliver_notifications.evaluate_tick(context)

    assert delivered() == [failed.run_id]


def test_without_a_channel_nothing_is_kept_for_later(tick, run, monkeypatch, tmp_path):
    run()
    assert tick() == "No channel is configured (DATA_SERVICES_NOTIFY_…)."
    assert not (tmp_path / "sensors.sqlite").exists()


def test_a_tick_without_its_outbox_fails_and_the_next_one_makes_up_for_it(
    tick, run, delivered, monkeypatch, tmp_path
):
    runs = [run()]
    monkeypatch.setenv("DATA_SERVICES_SENSOR_STATE", str(tmp_path / "absent" / "state.sqlite"))
    with pytest.raises(StateError, match="cannot be used"):
        tick()

    (tmp_path / "absent").mkdir()
    tick()

    assert delivered() == runs


def test_what_is_given_up_is_logged_with_its_cure(tick, run, monkeypatch, tmp_path, capfd):
    monkeypatch.setenv("DATA_SERVICES_NOTIFY_FILE", str(tmp_path / "absent" / "n.jsonl"))
    monkeypatch.setenv("DATA_SERVICES_NOTIFY_GIVE_UP_DAYS", "1e-9")
    run_id = run()

    assert tick() == "Runs put in: 1; deliveries that wait: 0."

    said = capfd.readouterr().err
    assert f"Notification {run_id}:SUCCESS is given up on channel 'file': it was not taken" in said
    assert "'data-services notifications retry' sends it after all." in said


def test_a_channel_that_cannot_be_opened_keeps_its_notifications_and_no_other_channels(
    tick, run, delivered, monkeypatch, capfd
):
    monkeypatch.setenv("DATA_SERVICES_NOTIFY_WEBHOOK_URL", "https://canary.example.org/hook")
    monkeypatch.setenv("DATA_SERVICES_NOTIFY_WEBHOOK_FORMAT", "canary")
    runs = [run()]

    assert tick() == "Runs put in: 1; deliveries that wait: 1."

    said = capfd.readouterr().err
    assert delivered() == runs
    assert "Channel 'webhook' did not deliver" in said
    assert (
        "it cannot be opened: DATA_SERVICES_NOTIFY_WEBHOOK_FORMAT must be 'notification' or "
        "'email_notification'; correct the variable. Check the receiver" in said
    )
    assert "canary" not in said


@pytest.mark.parametrize("days", ["soon", "0", "-1", "nan", "inf"])
def test_days_that_are_no_number_above_zero_are_refused(instance, monkeypatch, days):
    monkeypatch.setenv("DATA_SERVICES_NOTIFY_GIVE_UP_DAYS", days)

    with pytest.raises(ConfigurationError, match="must be a number of days above 0"):
        outbox_of(instance)


def test_the_state_lies_in_the_home_unless_it_is_put_elsewhere(instance, monkeypatch, tmp_path):
    assert state_address(instance) == str(tmp_path / "sensors.sqlite")

    monkeypatch.delenv("DATA_SERVICES_SENSOR_STATE")

    assert state_address(instance) == f"{instance.root_directory}/data_services_sensors.sqlite"
