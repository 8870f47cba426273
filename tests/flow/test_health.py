"""Would jobs run here? Each fault is found, told in a sentence, and stops no other check."""

import json
import os
import secrets
import socket
import uuid

import dagster as dg
import pytest

from util_services.errors import ConfigurationError
from util_services.health.checks import CheckResult, Health, HealthContext, check_health
from util_services.health.jobs import health_check_job
from util_services.keys import Keyset
from util_services.keys.providers.choice import key_provider
from util_services.runs.execute import new_run_id
from util_services.storage import S3Settings, S3Storage

NAMES = [
    "plugins",
    "dagster_storage",
    "local_storage",
    "s3_storage",
    "staging",
    "keysets",
    "sensor_state",
    "notification_channels",
    "audit",
    "engine",
    "slice_on_local_files",
    "slice_on_s3",
]


@pytest.fixture
def check(machine):
    """Return a function that runs checks and gives status and reason by name."""

    with machine.instance() as instance:

        def run(*names, **options):
            found = check_health(HealthContext(new_run_id(), instance=instance, **options), names)
            return {result.name: (result.status, result.reason) for result in found.checks}

        yield run


def test_a_healthy_machine_is_told_as_json_and_left_as_it_was(machine):
    before = machine.outputs()

    answer = machine.run("health", "--json", "--output", machine.folder / "health.json")

    assert (answer.returncode, answer.stderr) == (0, "")
    told = json.loads(answer.stdout)
    assert (told["schema"], told["ok"]) == (1, True)
    assert [check["name"] for check in told["checks"]] == NAMES
    statuses = {check["name"]: check["status"] for check in told["checks"]}
    skipped = dict.fromkeys(
        ["s3_storage", "slice_on_s3", "keysets", "notification_channels"], "skipped"
    )
    assert statuses == dict.fromkeys(NAMES, "ok") | skipped
    assert all(set(c) == {"name", "status", "reason", "seconds", "source"} for c in told["checks"])
    assert json.loads((machine.folder / "health.json").read_text()) == told
    assert machine.outputs() == before
    assert not list((machine.folder / "tmp").iterdir())
    assert not (machine.home / "audit").exists()
    assert not (machine.home / "simpl_logs").exists()
    with machine.instance() as instance:
        assert instance.get_runs() == []


def test_an_audit_that_cannot_be_written_is_unhealthy(check, monkeypatch):
    monkeypatch.setenv("DATA_SERVICES_AUDIT_DIR", "/dev/null/audit")

    status, reason = check("audit")["audit"]

    assert status == "failed"
    assert reason.startswith("The audit cannot be written to '/dev/null/audit'")


def test_the_slice_leaves_the_staging_of_living_runs_alone(machine):
    """It runs on an instance in memory, which knows no other run by itself."""
    with machine.instance() as instance:
        run = dg.DagsterRun(
            job_name="job", run_id=str(uuid.uuid4()), status=dg.DagsterRunStatus.STARTED
        )
        instance.run_storage.add_run(run)
    staged = machine.root / ".data-services-staging" / run.run_id
    staged.mkdir(parents=True)
    (staged / "lease").write_bytes(b"")
    os.utime(staged, (0, 0))

    answer = machine.run("health", "--check", "slice_on_local_files")

    assert answer.returncode == 0
    assert staged.exists()


def test_the_slice_is_of_a_real_job(check):
    ((status, reason),) = check("slice_on_local_files").values()

    assert status == "ok"
    assert reason.startswith("remove_duplicates_job published 100 of 100 rows of the sample below")


def test_another_job_may_be_named(check):
    found = check("slice_on_local_files", job="convert_format_job")

    assert found["slice_on_local_files"][1].startswith("convert_format_job published 100 of 100")


def test_a_job_that_is_not_there_or_has_no_dataset_is_unhealthy(check):
    absent = check("slice_on_local_files", job="convert_formats_job")
    without = check("slice_on_local_files", job="plugin_report_job")

    assert absent["slice_on_local_files"] == (
        "failed",
        "There is no job 'convert_formats_job'; did you mean 'convert_format_job'.",
    )
    assert without["slice_on_local_files"] == (
        "failed",
        "'plugin_report_job' reads or writes no dataset, so no slice of it can be run; name "
        "another job.",
    )


def test_a_bucket_is_probed_and_left_empty(check, machine, s3_bucket):
    found = check("s3_storage", "slice_on_s3", "staging")

    assert found["s3_storage"] == (
        "ok",
        f"An object in the bucket '{s3_bucket}' was written, read and removed.",
    )
    assert found["slice_on_s3"][1].startswith("remove_duplicates_job_s3 published 100 of 100 rows")
    assert " and '" in found["staging"][1]
    storage = S3Storage(S3Settings.from_environment("selfS3"))
    assert storage.client.list_objects_v2(Bucket=s3_bucket)["KeyCount"] == 0


def test_where_only_a_bucket_is_configured_local_jobs_are_not_checked(
    check, s3_bucket, monkeypatch
):
    monkeypatch.delenv("DATA_SERVICES_ROOT")

    found = check("local_storage", "slice_on_local_files", "staging")

    reason = "DATA_SERVICES_ROOT is not set, and an S3 store is."
    assert found["local_storage"] == found["slice_on_local_files"] == ("skipped", reason)
    assert " and '" not in found["staging"][1]


def test_another_credential_set_may_be_named(check, s3_bucket, monkeypatch):
    monkeypatch.setenv("OTHER_S3_BUCKET", "no-such-bucket")

    found = check("s3_storage", s3_resource_name="other")

    assert found["s3_storage"][0] == "failed"
    assert "credentials" in found["s3_storage"][1]


def closed_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def test_a_store_out_of_reach_is_told_and_everything_else_is_checked(check, s3_bucket, monkeypatch):
    secret = secrets.token_hex(16)
    monkeypatch.setenv("SELFS3_S3_SECRET_KEY", secret)
    monkeypatch.setenv("SELFS3_S3_ENDPOINT_URL", f"http://x:{secret}@127.0.0.1:{closed_port()}")
    monkeypatch.setenv("SELFS3_S3_ATTEMPTS", "1")

    found = check()

    assert list(found) == NAMES
    wrong = {name for name, (status, _) in found.items() if status == "failed"}
    assert wrong == {"s3_storage", "slice_on_s3"}
    assert "cannot be reached (EndpointConnectionError)" in found["s3_storage"][1]
    assert secret not in repr(found)


@pytest.mark.parametrize(
    ("variable", "value", "name", "words"),
    [
        ("DATA_SERVICES_ROOT", "/nowhere", "local_storage", "The storage root '/nowhere' is no"),
        ("DATA_SERVICES_STAGING", "/proc/x", "staging", "The staging folder '/proc/x/"),
        ("DATA_SERVICES_ENGINE", "abacus", "engine", "DATA_SERVICES_ENGINE names no engine"),
        ("DATA_SERVICES_MEMORY_LIMIT", "much", "engine", "DATA_SERVICES_MEMORY_LIMIT"),
    ],
)
def test_a_fault_of_the_deployment_is_found(check, monkeypatch, variable, value, name, words):
    monkeypatch.setenv(variable, value)

    found = check("plugins", name, "slice_on_local_files")

    assert found["plugins"][0] == "ok"
    assert found[name][0] == "failed"
    assert found[name][1].startswith(words)
    assert found["slice_on_local_files"][0] == "failed"


def test_encrypted_staging_is_probed(check, monkeypatch):
    monkeypatch.setenv("DATA_SERVICES_STAGING_ENCRYPTION", "true")

    assert "(encrypted)" in check("staging")["staging"][1]


def test_a_database_that_fails_is_found_and_quotes_nothing(machine):
    with machine.instance() as instance:
        found = check_health(HealthContext("x", instance=instance), ["dagster_storage"])
        assert found.is_ok
        for file in machine.home.rglob("runs.db"):
            file.write_bytes(b"canary" * 1000)

        found = check_health(HealthContext("x", instance=instance), ["dagster_storage"])

    assert [result.reason for result in found.failed] == [
        "Dagster's storage cannot be used (DatabaseError); check DAGSTER_HOME and the database "
        "that its dagster.yaml names."
    ]


def test_keysets_that_cannot_be_had_are_found(check, machine, monkeypatch):
    folder = machine.folder / "keys"
    monkeypatch.setenv("DATA_SERVICES_KEYS", str(folder))
    assert check("keysets")["keysets"] == (
        "skipped",
        "The key provider 'file' holds no keysets.",
    )
    provider = key_provider()
    keyset = Keyset.generate("clinic", purpose="pseudonymisation")
    provider.create(keyset)
    assert check("keysets")["keysets"] == (
        "ok",
        "All 1 keysets of the key provider 'file' can be loaded.",
    )

    (file,) = (path for path in folder.rglob("*clinic*") if path.is_file())
    file.write_bytes(file.read_bytes()[:-20])
    damaged = check("keysets")["keysets"]
    monkeypatch.setenv("DATA_SERVICES_KEY_PROVIDER", "vault")
    unknown = check("keysets")["keysets"]

    assert damaged[0] == unknown[0] == "failed"
    assert "clinic" in damaged[1]
    assert "vault" in unknown[1]


def test_a_dagster_home_that_cannot_be_used_is_found(machine):
    (machine.home / "dagster.yaml").write_text(
        "run_storage: {module: dagster, class: NoSuchClass, config: {}}\n"
    )

    answer = machine.run("health", "--check", "dagster_storage")

    assert answer.returncode == 1
    assert "Dagster's storage cannot be used (" in answer.stdout
    assert answer.stderr.startswith("error: 1 of 1 health checks failed: 'dagster_storage' (")


def test_a_check_that_is_not_there_is_refused(machine):
    answer = machine.run("health", "--check", "local_stroage")

    assert answer.returncode == 2
    assert answer.stderr == (
        "error: There is no health check 'local_stroage'; did you mean 'local_storage'.\n"
    )
    with pytest.raises(ConfigurationError, match="known are plugins, dagster_storage"):
        check_health(HealthContext("x"), ["nonsense"])


def executed(machine, **config):
    with machine.instance() as instance:
        result = health_check_job.execute_in_process(
            run_config={"ops": {"health_check": {"config": config}}} if config else None,
            instance=instance,
            raise_on_error=False,
        )
        return result, len(instance.get_runs())


def test_the_job_runs_with_its_default_config_and_shows_its_checks(machine):
    result, runs = executed(machine)

    assert result.success
    assert runs == 1
    metadata = output_metadata(result)
    assert [row.data["check"] for row in metadata["checks"].records] == NAMES
    assert [check["name"] for check in metadata["health"].data["checks"]] == NAMES
    assert metadata["health"].data["ok"] is True
    assert machine.outputs() == []


def output_metadata(result):
    (event,) = [e for e in result.all_events if e.is_successful_output]
    return event.event_specific_data.metadata


def test_a_failing_check_fails_the_job_with_one_sentence_after_all_were_run(machine, monkeypatch):
    monkeypatch.setenv("DATA_SERVICES_ENGINE", "abacus")

    result, _ = executed(machine, checks=["engine", "plugins", "slice_on_local_files"])

    failure = result.failure_data_for_node("health_check").user_failure_data
    assert failure.description == (
        "2 of 3 health checks failed: 'engine' (DATA_SERVICES_ENGINE names no engine; use one of "
        "local, spark, auto), 'slice_on_local_files'."
    )
    told = failure.metadata["health"].data
    assert {check["name"]: check["status"] for check in told["checks"]} == {
        "plugins": "ok",
        "engine": "failed",
        "slice_on_local_files": "failed",
    }
    assert not any(e.event_type == dg.DagsterEventType.STEP_UP_FOR_RETRY for e in result.all_events)


def test_the_command_line_runs_the_job_and_tells_the_sentence(machine):
    answer = machine.run(
        *("run", "health_check_job", "--json", "--set", "health_check.checks=[engine]"),
        DATA_SERVICES_ENGINE="abacus",
    )

    assert answer.returncode == 1
    assert json.loads(answer.stdout)["reason"].startswith("1 of 1 health checks failed: 'engine'")


def test_the_outcome_is_one_sentence():
    ok = CheckResult("a", "ok", "Fine.", 0.1, "x")
    one, two = (CheckResult(name, "failed", "It is down.", 0.1, "x") for name in "bc")

    assert Health((ok,)).sentence() == "All 1 health checks passed or did not apply."
    assert Health((ok, one, two)).sentence() == (
        "2 of 3 health checks failed: 'b' (It is down), 'c'."
    )
    assert not Health((ok, one)).is_ok
    assert os.linesep not in Health((one, two)).sentence()


@pytest.mark.parametrize(
    ("variable", "value", "fault"),
    [
        ("WEBHOOK_URL", "canary", "its address must start with http:// or https://"),
        ("WEBHOOK_URL", "https://user:canary@example.org", "its address holds a user"),
        ("SMTP_URL", "smtp://user:canary@example.org", "credentials are not sent without TLS"),
        ("FILE", "absent/canary", "the folder of its file does not exist"),
    ],
)
def test_a_channel_that_would_deliver_nothing_is_found(check, monkeypatch, variable, value, fault):
    monkeypatch.setenv(f"DATA_SERVICES_NOTIFY_{variable}", value)

    status, reason = check("notification_channels")["notification_channels"]

    assert (status, fault in reason, "canary" in reason) == ("failed", True, False)


def test_channels_in_order_are_told_and_sent_nothing(check, machine, monkeypatch):
    file = machine.folder / "told.jsonl"
    monkeypatch.setenv("DATA_SERVICES_NOTIFY_FILE", str(file))

    status, reason = check("notification_channels")["notification_channels"]

    assert (status, reason.startswith("The settings of 'file' are in order; ")) == ("ok", True)
    assert not file.exists()


@pytest.mark.parametrize("value", ["mysql://canary@db/x", "/absent/state.sqlite"])
def test_a_place_that_cannot_hold_the_state_of_sensors_is_found(check, monkeypatch, value):
    monkeypatch.setenv("DATA_SERVICES_SENSOR_STATE", value)

    status, reason = check("sensor_state")["sensor_state"]

    assert (status, "DATA_SERVICES_SENSOR_STATE" in reason) == ("failed", True)
    assert "canary" not in reason
