"""The job `profile_data`, which publishes a report and no dataset."""

import json

import dagster as dg
import pytest
from click.testing import CliRunner

from data_processing.jobs import profile_data_job, profile_data_job_s3
from util_services.cli.run import run as run_command
from util_services.errors import ConfigurationError
from util_services.runs.execute import check_before_run
from util_services.samples import sample_path
from util_services.sensors import NewObject, new_object_sensor
from util_services.storage import S3Settings, S3Storage

CSV = "id,city\n" + "".join(f"{n},town-{n % 3}\n" for n in range(60))


def config(path="in.csv", target="out/found", **options):
    return {
        "ops": {
            "read_dataset": {"config": {"path": path}},
            "profile_data": {"config": options},
            "write_report": {"config": {"path": target}},
        }
    }


def without_run(content):
    report = json.loads(content)
    report.pop("run")
    return report


def test_a_profile_is_published_as_a_report_and_holds_no_cell(instance, root):
    (root / "in.csv").write_text(CSV)

    result = profile_data_job.execute_in_process(config(), instance=instance)

    assert result.success
    assert sorted(path.name for path in (root / "out").iterdir()) == [
        "found.report.html",
        "found.report.json",
    ]
    text = (root / "out" / "found.report.json").read_text()
    (step,) = json.loads(text)["steps"]
    assert step["rows"] == {"in": 60, "out": 60, "dropped": 0}
    assert step["facts"]["candidate_keys"] == ["id"]
    assert [one["distinct"] for one in step["facts"]["columns"]] == [60, 3]
    assert "town-1" not in text + (root / "out" / "found.report.html").read_text()


def test_the_asset_catalogue_knows_of_the_report_on_the_source(instance, root):
    (root / "in.csv").write_text(CSV)

    result = profile_data_job.execute_in_process(config(target="seen"), instance=instance)

    observed = [
        event.asset_observation_data.asset_observation
        for event in result.filter_events(
            lambda event: event.event_type is dg.DagsterEventType.ASSET_OBSERVATION
        )
    ]
    assert [one.asset_key.path[-1] for one in observed] == ["in.csv", "in.csv"]
    assert observed[1].metadata["report"].value == f"{root}/seen.report.html"


def test_both_twins_give_the_same_report(s3_bucket, instance, root):
    storage = S3Storage(S3Settings.from_environment("selfS3"))
    content = sample_path("patients.csv").read_bytes()
    (root / "in.csv").write_bytes(content)
    storage.client.put_object(Bucket=s3_bucket, Key="in.csv", Body=content)

    local = profile_data_job.execute_in_process(config(), instance=instance)
    twin = profile_data_job_s3.execute_in_process(
        config(), instance=instance, resources={"s3": storage}
    )

    stored = storage.client.get_object(Bucket=s3_bucket, Key="out/found.report.json")
    mine = (root / "out" / "found.report.json").read_bytes()
    assert local.success
    assert twin.success
    assert without_run(stored["Body"].read()) == without_run(mine)
    keys = [one["Key"] for one in storage.client.list_objects_v2(Bucket=s3_bucket)["Contents"]]
    assert keys == ["in.csv", "out/found.report.html", "out/found.report.json"]


@pytest.mark.parametrize(
    ("ops", "sentence"),
    [
        (config(columns=["town"]), "town"),
        (config(target="in.csv/found"), "is a file, not a folder"),
        (config() | {"extra": 1}, "unknown key 'extra'"),
    ],
)
def test_what_cannot_be_is_refused_before_a_row_is_read(instance, root, ops, sentence):
    (root / "in.csv").write_text(CSV)

    with pytest.raises((ConfigurationError, OSError), match=sentence):
        check_before_run(profile_data_job, ops, "run")


def test_the_command_line_says_where_the_report_is(root, tmp_path, monkeypatch):
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    (root / "in.csv").write_text(CSV)
    settings = ["--set", "read_dataset.path=in.csv", "--set", "write_report.path=found"]

    told = CliRunner().invoke(run_command, ["profile_data_job", *settings])
    again = CliRunner().invoke(run_command, ["profile_data_job", *settings])

    assert told.exit_code == 0
    assert told.stdout.startswith(
        f"profile_data_job looked at 60 rows.\n  report: {root}/found.report.html\n"
    )
    assert again.exit_code == 2
    assert "already exists" in again.stderr


def test_a_sensor_asks_for_a_report_on_each_new_object(instance, root):
    (root / "in").mkdir()
    (root / "in" / "a.csv").write_text(CSV)
    sensor = new_object_sensor(
        "profile_new", job=profile_data_job, path="in/", output="out/{stem}", stable_seconds=0
    )

    with dg.build_sensor_context(instance=instance, sensor_name="profile_new") as context:
        requests = sensor.evaluate_tick(context).run_requests

    assert NewObject("in/a.csv", "a.csv", 1, 0.0, is_change=False).stem == "a"
    (request,) = requests
    assert request.run_config["ops"] == {
        "read_dataset": {"config": {"path": "in/a.csv"}},
        "write_report": {"config": {"path": "out/a", "overwrite": False}},
    }
