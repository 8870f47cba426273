"""The job `validate_data`, and what Dagster's asset catalogue is told of its rules."""

import hashlib
import json

import dagster as dg
import pytest

from data_processing.jobs import clean_data_job, validate_data_job, validate_data_job_s3
from util_services.runs.outcome import notification_of
from util_services.storage import S3Settings, S3Storage

CSV = "id,age\n1,30\n2,-1\n2,x\n"
RULES = [
    {"rule": "type", "columns": ["age"], "type": "integer", "severity": "quarantine"},
    {"rule": "unique", "columns": ["id"], "severity": "warn"},
    {"rule": "not_null", "columns": ["id"]},
]


@pytest.fixture
def run(instance, root):
    (root / "in.csv").write_text(CSV)

    def execute(job, config):
        (op,) = config
        ops = {
            "read_dataset": {"config": {"path": "in.csv"}},
            op: {"config": config[op]},
            "write_dataset": {"config": {"path": f"{op}.csv"}},
        }
        return job.execute_in_process({"ops": ops}, instance=instance, raise_on_error=False)

    return execute


def evaluations(instance, run_id):
    """Return what Dagster's storage holds of the checks of a run, which may have failed."""
    entries = instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
    found = [entry.dagster_event.event_specific_data for entry in entries]
    return {
        one.check_name: (one.passed, one.severity, one.metadata["broken"].value) for one in found
    }


def test_rows_that_break_a_rule_are_in_the_quarantine_and_the_rest_is_published(run, root):
    assert run(validate_data_job, {"validate_data": {"rules": RULES}}).success

    assert (root / "validate_data.csv").read_text() == "id,age\n1,30\n2,-1\n"
    (line,) = (root / "validate_data.csv.quarantine.jsonl").read_text().splitlines()
    assert json.loads(line)["reason"] == "the row breaks the rule type of 'age'"
    report = json.loads((root / "validate_data.csv.report.json").read_text())
    (step,) = report["steps"]
    assert [one["broken"] for one in step["facts"]["checks"]] == [1, 2, 0]
    assert report["rows"]["quarantined"] == 1


@pytest.mark.parametrize(
    ("job", "config"),
    [
        (validate_data_job, {"validate_data": {"rules": RULES}}),
        (clean_data_job, {"clean_data": {"steps": [{"step": "validate_data", "rules": RULES}]}}),
    ],
)
def test_rules_are_checks_of_the_published_asset(run, instance, job, config):
    result = run(job, config)

    assert evaluations(instance, result.run_id) == {
        "type_of_age": (False, dg.AssetCheckSeverity.WARN, 1),
        "unique_of_id": (False, dg.AssetCheckSeverity.WARN, 2),
        "not_null_of_id": (True, dg.AssetCheckSeverity.ERROR, 0),
    }


ERRORS = [
    {"rule": "unique", "columns": ["id"]},
    {"rule": "not_null", "columns": ["id"]},
]


@pytest.mark.parametrize(
    ("job", "config"),
    [
        (validate_data_job, {"validate_data": {"rules": ERRORS}}),
        (
            clean_data_job,
            {
                "clean_data": {
                    "steps": [
                        {"step": "nullify", "columns": ["age"], "tokens": ["x"]},
                        {"step": "validate_data", "rules": ERRORS},
                    ]
                }
            },
        ),
    ],
    ids=["validate_data", "clean_data"],
)
def test_a_broken_rule_of_severity_error_leaves_a_report_and_checks_and_no_rows(
    run, instance, root, job, config
):
    result = run(job, config)

    (op,) = config
    assert not result.success
    files = {path.name for path in root.iterdir() if path.is_file()}
    assert files == {"in.csv", *(f"{op}.csv.failed.report.{kind}" for kind in ("html", "json"))}
    report = json.loads((root / f"{op}.csv.failed.report.json").read_text())
    (step,) = report["steps"]
    facts = step["facts"]["steps"][1]["facts"] if op == "clean_data" else step["facts"]
    assert [(one["name"], one["broken"]) for one in facts["checks"]] == [
        ("unique of 'id'", 2),
        ("not_null of 'id'", 0),
    ]
    assert step["sections"][-1]["title"] == "Validation"
    assert "unique of 'id' by 2 of 3 rows" in report["failure"]
    assert evaluations(instance, result.run_id) == {
        "unique_of_id": (False, dg.AssetCheckSeverity.ERROR, 2),
        "not_null_of_id": (True, dg.AssetCheckSeverity.ERROR, 0),
    }
    (failure,) = result.filter_events(lambda event: event.is_step_failure)
    error = failure.event_specific_data.error_display_string
    assert "unique of 'id' by 2 of 3 rows" in error
    assert f"The report is at '{root}/{op}.csv.failed.report.html'." in error


def test_a_run_that_keeps_its_rules_takes_the_report_of_the_failure_away(run, root):
    run(validate_data_job, {"validate_data": {"rules": ERRORS}})
    assert (root / "validate_data.csv.failed.report.html").exists()

    assert run(validate_data_job, {"validate_data": {"rules": ERRORS[1:]}}).success

    assert not list(root.glob("*.failed.*"))


def test_a_notification_of_the_failure_says_where_the_report_is(run, root, instance):
    result = run(validate_data_job, {"validate_data": {"rules": ERRORS}})

    told = notification_of(
        instance, instance.get_run_by_id(result.run_id), dg.DagsterRunStatus.FAILURE
    )

    assert told.report == f"{root}/validate_data.csv.failed.report.html"
    assert (told.failed_step, told.error_class) == ("validate_data", "ReportedError")


def test_the_audit_knows_of_the_report_of_a_failure(run, root, tmp_path, monkeypatch):
    monkeypatch.setenv("DATA_SERVICES_AUDIT_DIR", str(tmp_path / "audit"))

    run(validate_data_job, {"validate_data": {"rules": ERRORS}})

    content = (root / "validate_data.csv.failed.report.json").read_bytes()
    written = b"".join(file.read_bytes() for file in (tmp_path / "audit").rglob("*.jsonl"))
    assert hashlib.sha256(content).hexdigest().encode() in written


def test_a_report_that_cannot_be_published_hides_no_reason(run, root):
    (root / "validate_data.csv.failed.report.json").write_text("mine")

    result = run(validate_data_job, {"validate_data": {"rules": ERRORS}})

    (failure,) = result.filter_events(lambda event: event.is_step_failure)
    error = failure.event_specific_data.error_display_string
    assert "unique of 'id' by 2 of 3 rows" in error
    assert "Its report is not published. The output" in error
    assert (root / "validate_data.csv.failed.report.json").read_text() == "mine"


def test_the_twin_leaves_the_report_of_a_failure_in_the_bucket(s3_bucket, instance):
    storage = S3Storage(S3Settings.from_environment("selfS3"))
    storage.client.put_object(Bucket=s3_bucket, Key="in.csv", Body=CSV.encode())
    ops = {
        "read_dataset": {"config": {"path": "in.csv"}},
        "validate_data": {"config": {"rules": ERRORS}},
        "write_dataset": {"config": {"path": "out.csv"}},
    }

    result = validate_data_job_s3.execute_in_process(
        {"ops": ops}, instance=instance, resources={"s3": storage}, raise_on_error=False
    )

    keys = [one["Key"] for one in storage.client.list_objects_v2(Bucket=s3_bucket)["Contents"]]
    assert not result.success
    assert keys == ["in.csv", "out.csv.failed.report.html", "out.csv.failed.report.json"]
