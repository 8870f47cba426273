"""The job `validate_data`, and what Dagster's asset catalogue is told of its rules."""

import json

import dagster as dg
import pytest

from data_processing.jobs import clean_data_job, validate_data_job

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


def evaluations(result):
    events = result.filter_events(lambda event: event.event_type_value == "ASSET_CHECK_EVALUATION")
    return {
        event.event_specific_data.check_name: (
            event.event_specific_data.passed,
            event.event_specific_data.severity,
            event.event_specific_data.metadata["broken"].value,
        )
        for event in events
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
def test_rules_are_checks_of_the_published_asset(run, job, config):
    result = run(job, config)

    assert evaluations(result) == {
        "type_of_age": (False, dg.AssetCheckSeverity.WARN, 1),
        "unique_of_id": (False, dg.AssetCheckSeverity.WARN, 2),
        "not_null_of_id": (True, dg.AssetCheckSeverity.ERROR, 0),
    }


def test_nothing_is_published_if_a_rule_of_severity_error_is_broken(run, root):
    rules = [{"rule": "unique", "columns": ["id"]}]

    result = run(validate_data_job, {"validate_data": {"rules": rules}})

    assert not result.success
    assert sorted(path.name for path in root.iterdir() if path.is_file()) == ["in.csv"]
    (failure,) = result.filter_events(lambda event: event.is_step_failure)
    error = failure.event_specific_data.error_display_string
    assert "unique of 'id' by 2 of 3 rows" in error
