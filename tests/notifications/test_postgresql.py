"""Dagster on PostgreSQL as the shipped configuration runs it, and what is told from there."""

import dagster as dg
import pytest
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.scheduler.instigation import TickStatus
from sqlalchemy import create_engine, select, table, text

TABLES = ("data_services_notifications", "data_services_deliveries", "runs", "event_logs")


@pytest.fixture
def machine(make_machine, workspace, postgres_url):
    shipped = workspace / "code-locations/data-services/deploy/dagster.yaml"
    return make_machine(shipped.read_text(), DAGSTER_POSTGRES_URL=postgres_url)


def stored(url):
    """Return all that some tables hold, as one text."""
    engine = create_engine(url)
    with engine.connect() as connection:
        rows = [
            connection.execute(select(text("*")).select_from(table(name))).all() for name in TABLES
        ]
    engine.dispose()
    return repr(rows)


def test_a_run_launched_in_the_web_is_executed_and_told_over_every_channel(
    machine, postgres_url, canaries
):
    machine.processes.start(web=True)
    config = {
        "ops": {
            "read_dataset": {"config": {"path": "good.csv"}},
            "remove_duplicates": {"config": {"subset": ["id"]}},
            "write_dataset": {"config": {"path": "out.csv"}},
        }
    }
    launched = machine.processes.launch("remove_duplicates_job", config)
    machine.wait_until(lambda: machine.processes.status(launched) == "SUCCESS")
    failed = machine.run("ragged.csv")  # of the command line, on the same database
    expected = {f"{launched}:SUCCESS", f"{failed}:FAILURE"}
    machine.wait_until(lambda: set(machine.told_by_file()) == expected)
    machine.wait_until(
        lambda: (
            {c["channel"] for c in machine.listed()["channels"] if c["reason"]}
            == {"smtp", "webhook"}
        )
    )

    machine.web.start()
    with machine.mail.serve():
        assert machine.command("notifications", "retry").returncode == 0
        machine.wait_until(
            lambda: set(machine.told_by_web()) == expected == set(machine.told_by_mail())
        )
    machine.wait_until(lambda: machine.listed()["notifications"] == [])

    assert machine.listed()["outbox"].startswith("the PostgreSQL database 'test_")
    assert sorted(machine.told_by_web()) == sorted(machine.told_by_mail()) == sorted(expected)
    assert not list(machine.home.glob("*.sqlite"))
    assert "Channel 'webhook' did not deliver notification" in machine.processes.log("code")
    kept = stored(postgres_url)
    assert all(run in kept for run in (launched, failed))
    assert not [word for word in canaries if word in kept]
    password = postgres_url.split(":")[2].split("@")[0]
    assert password not in kept
    for name in ("code", "daemon", "web"):
        assert password not in machine.processes.log(name)


def test_the_shipped_configuration_says_what_it_promises(machine, postgres_url, monkeypatch):
    monkeypatch.setenv("DAGSTER_POSTGRES_URL", postgres_url)
    with dg.DagsterInstance.from_config(str(machine.home)) as instance:
        assert instance.run_storage.postgres_url == postgres_url
        assert not instance.telemetry_enabled
        assert not instance.nux_enabled
        assert instance.run_monitoring_enabled
        assert instance.run_monitoring_start_timeout_seconds == 300
        queue = instance.get_concurrency_config().run_queue_config
        assert queue.max_concurrent_runs == 10
        assert queue.max_user_code_failure_retries == 5
        retention = instance.get_tick_retention_settings(InstigatorType.SENSOR)
        assert retention == {
            TickStatus.STARTED: 30,
            TickStatus.SKIPPED: 1,
            TickStatus.SUCCESS: 90,
            TickStatus.FAILURE: 90,
        }
        assert instance.get_settings("sensors") == {"use_threads": True, "num_workers": 4}
        assert type(instance.compute_log_manager).__name__ == "NoOpComputeLogManager"


def test_without_its_address_the_configuration_is_refused_by_the_variables_name(
    machine, monkeypatch
):
    monkeypatch.delenv("DAGSTER_POSTGRES_URL", raising=False)

    with pytest.raises(Exception, match="DAGSTER_POSTGRES_URL"):
        dg.DagsterInstance.from_config(str(machine.home))
