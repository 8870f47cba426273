import json
from importlib.resources import files
from pathlib import Path

import dagster as dg
import jsonschema
import pytest

from util_services import custom_json_logger
from util_services.custom_json_logger import default_log_dir, log_file_name, simpl_json_logger
from util_services.errors import DatasetError

CANARY = "Zsófia Kanári-Example"
SCHEMA = json.loads(
    files("util_services").joinpath("schemas/simpl_log.schema.json").read_text("utf-8")
)
NO_HTTP = {
    "status": None,
    "requestSize": None,
    "executionTime": None,
    "responseSize": None,
    "action": None,
    "method": None,
}


class ForeignError(Exception):
    """Stands for an error of Arrow or DuckDB, whose text quotes the cell."""


@dg.op(config_schema={"behaviour": str})
def speak(context):
    behaviour = context.op_config["behaviour"]
    context.log.debug("a detail")
    context.log.warning("a warning from s3://key:word@store/bucket")
    if behaviour == "business":
        context.log.info(
            "Anonymisation finished.",
            extra={
                "business_operation": "FROM_RECORD",
                "event_type": "BUSINESS_EVENT",
                "op_name": "k_anonymity",
                "custom_fields": {
                    "dataset_type": "csv",
                    "algorithm": "k-anonymity",
                    "job_config": {"k": 5, "password": "canary", "loss": float("nan")},
                    "undocumented": "canary",
                },
            },
        )
        context.log.info("Published.", extra={"event_type": "BUSINESS_EVENT"})
    elif behaviour == "dialogue":
        for kind in ("REQUEST", "RESPONSE_ACK", "SHOUT"):
            extra = {"event_type": "BUSINESS_EVENT", "message_type": kind}
            context.log.info("Re-identify.", extra=extra)
    elif behaviour == "foreign":
        try:
            raise ForeignError(f"cannot cast '{CANARY}'")
        except ForeignError as error:
            context.log.exception("reading failed: %s", error)
            raise
    elif behaviour == "chained":
        raise ValueError(f"wrapped: {CANARY}") from ForeignError(CANARY)
    elif behaviour == "own":
        try:
            raise DatasetError("Column 'age' has 3 cells that are no number.")
        except DatasetError as error:
            context.log.exception(str(error))
    elif behaviour == "failure":
        raise dg.Failure("The dataset is empty; name another one.", allow_retries=False)


def spoken(tags=None):
    @dg.job(
        name="speak_job",
        logger_defs={"simpl": simpl_json_logger},
        tags=tags,
        run_tags={},  # the tags of the job are then not those of its runs
    )
    def job():
        speak()

    return job


@pytest.fixture
def logged(instance, tmp_path):
    """Run the job and return the lines of its log, each of them checked against the schema."""

    def run(behaviour, *, config=None, tags=None, job_tags=None):
        result = spoken(job_tags).execute_in_process(
            instance=instance,
            raise_on_error=False,
            tags=tags,
            run_config={
                "ops": {"speak": {"config": {"behaviour": behaviour}}},
                "loggers": {"simpl": {"config": {"log_dir": str(tmp_path), **(config or {})}}},
            },
        )
        path = tmp_path / f"simpl_run_{result.run_id}.json"
        assert CANARY not in path.read_text("utf-8")
        assert "canary" not in path.read_text("utf-8")
        return result, read(path)

    return run


def read(path):
    text = path.read_bytes().decode()
    assert text.endswith("\n")
    lines = [json.loads(line) for line in text.removesuffix("\n").split("\n")]
    for line in lines:
        jsonschema.validate(line, SCHEMA)
    return lines


def technical(lines, event_type):
    return [line for line in lines if line.get("customFields", {}).get("event_type") == event_type]


def business(lines):
    return [line["message"] for line in lines if line["level"] == "BUSINESS"]


def test_schema_is_a_valid_schema():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_a_run_leaves_messages_and_framework_events_in_one_file(logged, tmp_path):
    result, lines = logged("quiet")

    assert result.success
    assert [path.name for path in tmp_path.iterdir()] == [log_file_name(result.run_id)]
    events = [line["customFields"]["event_type"] for line in lines]
    assert {"RUN_START", "STEP_START", "STEP_SUCCESS", "RUN_SUCCESS"} <= set(events)
    (warning,) = [line for line in lines if line["level"] == "WARN"]
    assert {**warning, "timestamp": "", "thread": ""} == {
        "timestamp": "",
        "level": "WARN",
        "message": "a warning from s3://[redacted]@store/bucket",
        "thread": "",
        "http": NO_HTTP,
        "customFields": {"event_type": None, "op_name": "speak"},
    }


def test_the_level_is_info_unless_configured(logged):
    _, by_default = logged("quiet")
    _, from_error = logged("failure", config={"log_level": "ERROR"})

    assert "DEBUG" not in {line["level"] for line in by_default}
    assert {line["level"] for line in from_error} == {"ERROR"}


def test_an_unknown_level_is_refused_before_the_run():
    config = {
        "ops": {"speak": {"config": {"behaviour": "quiet"}}},
        "loggers": {"simpl": {"config": {"log_level": "LOUD"}}},
    }

    with pytest.raises(dg.DagsterInvalidConfigError):
        dg.validate_run_config(spoken(), config)


def test_a_business_record_has_the_documented_fields_and_no_secret(logged):
    result, lines = logged(
        "business", config={"log_level": "CRITICAL"}, tags={"user": "ada", "user_ip": "192.0.2.7"}
    )

    first, second = business(lines)
    assert first == {
        "origin": "dagster",
        "destination": "dagster",
        "businessOperation": "FROM_RECORD",
        "messageType": "RESPONSE",
        "correlationId": result.run_id,
        "msg": "Anonymisation finished.",
        "user": "ada",
        "userIp": "192.0.2.7",
        "customFields": {
            "event_type": "BUSINESS_EVENT",
            "op_name": "k_anonymity",
            "dataset_type": "csv",
            "algorithm": "k-anonymity",
            "job_config": {"k": 5, "password": "[redacted]", "loss": "<float>"},
        },
    }
    assert second["customFields"]["op_name"] == "speak"


def test_a_business_record_may_be_another_type_of_message(logged):
    _, lines = logged("dialogue", tags={"user": "password=canary"})

    told = [message["messageType"] for message in business(lines)]
    assert told == ["REQUEST", "RESPONSE_ACK", "RESPONSE"]


def test_the_operation_a_record_names_stays_for_the_rest_of_the_run(logged):
    _, lines = logged("business", config={"business_operation": "FROM_CONFIG"})

    assert [message["businessOperation"] for message in business(lines)] == ["FROM_RECORD"] * 2


@pytest.mark.parametrize(
    ("run_tags", "job_tags", "expected"),
    [
        ({"business_operation": "RUN"}, {"business_operation": "JOB"}, "RUN"),
        ({}, {"business_operation": "JOB"}, "JOB"),
    ],
)
def test_the_operation_of_the_tags_goes_before_that_of_the_record(
    logged, run_tags, job_tags, expected
):
    _, lines = logged("business", tags=run_tags, job_tags=job_tags)

    assert [message["businessOperation"] for message in business(lines)] == [expected] * 2


@pytest.mark.parametrize(
    ("behaviour", "classes"),
    [("foreign", "ForeignError"), ("chained", "ValueError, caused by ForeignError")],
)
def test_a_foreign_error_is_told_by_its_class_alone(logged, behaviour, classes):
    result, lines = logged(behaviour)

    assert not result.success
    (failure,) = technical(lines, "STEP_FAILURE")
    assert failure["message"] == f'Execution of step "speak" failed. Error: {classes}.'
    (run_failure,) = technical(lines, "RUN_FAILURE")
    assert classes in run_failure["message"]


def test_a_logged_foreign_error_takes_its_message_along(logged):
    _, lines = logged("foreign")

    messages = [line["message"] for line in lines]
    assert "An error was logged: ForeignError. Its text is left out." in messages


def test_our_own_sentences_are_told(logged):
    _, own = logged("own")
    _, failed = logged("failure")

    assert "Column 'age' has 3 cells that are no number." in [line["message"] for line in own]
    (failure,) = technical(failed, "STEP_FAILURE")
    assert failure["message"].endswith("The dataset is empty; name another one.")


def test_a_folder_that_cannot_be_written_is_reported_once_and_the_job_succeeds(
    instance, tmp_path, caplog
):
    blocked = tmp_path / "file"
    blocked.touch()

    result = spoken().execute_in_process(
        instance=instance,
        run_config={
            "ops": {"speak": {"config": {"behaviour": "business"}}},
            "loggers": {"simpl": {"config": {"log_dir": str(blocked)}}},
        },
    )

    assert result.success
    reports = [r for r in caplog.records if r.name == custom_json_logger.__name__]
    assert [report.getMessage() for report in reports] == [
        f"The JSON log of run {result.run_id} cannot be written to '{blocked}' (File exists). The "
        "run goes on without it; make the folder writable or set 'log_dir' or "
        "DATA_SERVICES_LOG_DIR to another one."
    ]


def test_a_full_disk_is_reported_once_and_the_job_succeeds(instance, tmp_path, caplog):
    run_id = "11111111-1111-4111-8111-111111111111"
    (tmp_path / log_file_name(run_id)).symlink_to("/dev/full")

    result = spoken().execute_in_process(
        instance=instance,
        run_id=run_id,
        run_config={
            "ops": {"speak": {"config": {"behaviour": "quiet"}}},
            "loggers": {"simpl": {"config": {"log_dir": str(tmp_path)}}},
        },
    )

    assert result.success
    reports = [r for r in caplog.records if r.name == custom_json_logger.__name__]
    assert len(reports) == 1
    assert "No space left on device" in reports[0].getMessage()


def test_a_job_level_selection_makes_the_logger_run_without_run_config(
    instance, tmp_path, monkeypatch
):
    monkeypatch.setenv("DATA_SERVICES_LOG_DIR", str(tmp_path / "logs"))

    @dg.op
    def nothing():
        pass

    @dg.job(logger_defs={"simpl": simpl_json_logger}, config={"loggers": {"simpl": {"config": {}}}})
    def nothing_job():
        nothing()

    result = nothing_job.execute_in_process(instance=instance)

    assert technical(read(tmp_path / "logs" / log_file_name(result.run_id)), "RUN_SUCCESS")


def test_the_default_folder_is_the_first_of_setting_platform_and_dagster_home(
    tmp_path, monkeypatch
):
    platform, home = tmp_path / "platform", tmp_path / "home"
    monkeypatch.setattr(custom_json_logger, "PLATFORM_LOG_DIR", platform)
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    found = [default_log_dir()]
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    found.append(default_log_dir())
    platform.mkdir()
    found.append(default_log_dir())
    monkeypatch.setenv("DATA_SERVICES_LOG_DIR", str(tmp_path))
    found.append(default_log_dir())

    assert found == [None, home / "simpl_logs", platform, tmp_path]


def test_without_any_folder_nothing_is_written_and_nothing_is_said(
    instance, monkeypatch, tmp_path, capfd
):
    monkeypatch.setattr(custom_json_logger, "PLATFORM_LOG_DIR", tmp_path / "absent")
    monkeypatch.delenv("DAGSTER_HOME")
    monkeypatch.chdir(tmp_path)
    run_config = {
        "ops": {"speak": {"config": {"behaviour": "quiet"}}},
        "loggers": {"simpl": {"config": {}}},
    }

    result = spoken().execute_in_process(instance=instance, run_config=run_config)

    assert result.success
    assert "a warning" not in capfd.readouterr().err
    assert list(Path.cwd().iterdir()) == []


def test_a_hostile_run_id_stays_in_the_folder():
    assert log_file_name("../../etc/x") == "simpl_run_______etc_x.json"
