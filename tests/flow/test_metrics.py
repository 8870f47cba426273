"""What a monitoring system is told of runs, read by Prometheus' own parser."""

import json
import os
import uuid
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
from prometheus_client.parser import text_string_to_metric_families

from data_processing.jobs import convert_format_job
from util_services.cli.output_file import write_whole
from util_services.errors import StorageError
from util_services.flow.staging import Leftovers
from util_services.metrics import tally as tallying
from util_services.metrics.page import render_page
from util_services.metrics.tally import tally
from util_services.runs.counts import COUNTS_TAG

NOTHING_LEFT = Leftovers(0, 0)


@pytest.fixture
def instance(machine):
    with machine.instance() as opened:
        yield opened


def samples(page):
    """Return the samples of a page by name and labels."""
    found = {}
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            place = (sample.name.removeprefix("data_services_"), *sorted(sample.labels.items()))
            assert place not in found, place
            found[place] = sample.value
    return found


def page_of(instance, days=None):
    return samples(render_page(tally(instance, days), NOTHING_LEFT))


def add_run(instance, job, status="SUCCESS", seconds=None, tags=None):
    """Put a run on record, as if it had taken so many seconds."""
    run = dg.DagsterRun(job_name=job, run_id=str(uuid.uuid4()), tags=tags or {})
    instance.run_storage.add_run(run)
    kinds = {"SUCCESS": "PIPELINE_SUCCESS", "FAILURE": "PIPELINE_FAILURE"}
    if seconds is not None:
        now = datetime.now(UTC)
        for kind, moment in (
            ("PIPELINE_START", now - timedelta(seconds=seconds)),
            (kinds[status], now),
        ):
            event = dg.DagsterEvent(kind, job)
            instance.run_storage.handle_run_event(run.run_id, event, moment)
    return run


def convert(machine, instance, source, output, **reading):
    config = {
        "ops": {
            "read_dataset": {"config": {"path": source, **reading}},
            "write_dataset": {"config": {"path": output}},
        }
    }
    return convert_format_job.execute_in_process(
        run_config=config, instance=instance, raise_on_error=False, tags={"user": "ada-canary"}
    )


def test_real_runs_are_counted_with_their_rows(machine, instance):
    machine.put("canary.csv", b"a,b\n1,x\n2,y\nragged\n")
    assert convert(machine, instance, "canary.csv", "out.csv", bad_rows="quarantine").success
    assert convert(machine, instance, "canary.csv", "2.csv", bad_rows="quarantine").success
    assert not convert(machine, instance, "canary.csv", "3.csv").success

    page = machine.run("metrics").stdout

    found = samples(page)
    job = ("job", "convert_format_job")
    assert found["runs", job, ("status", "SUCCESS")] == 2
    assert found["runs", job, ("status", "FAILURE")] == 1
    assert found["rows_read", job] == 6
    assert found["rows_published", job] == 4
    assert found["rows_dropped", job] == 0
    assert found["rows_quarantined", job] == 2
    assert found["published_bytes", job] == 2 * len(machine.get("out.csv"))
    assert found["run_duration_seconds_count", job, ("status", "SUCCESS")] == 2
    assert found["last_success_timestamp_seconds", job] == pytest.approx(
        datetime.now(UTC).timestamp(), abs=60
    )
    assert found["staging_leftovers",] == 0
    assert "canary" not in page
    assert str(machine.root) not in page


def test_an_empty_instance_has_a_page(machine):
    answer = machine.run("metrics")

    assert (answer.returncode, answer.stderr) == (0, "")
    assert samples(answer.stdout)["staging_leftover_bytes",] == 0


def test_runs_are_counted_by_job_and_status_over_many_pages(instance, monkeypatch):
    monkeypatch.setattr(tallying, "PAGE_RUNS", 3)
    for n in range(10):
        add_run(instance, f"job_{n % 2}")
    for _ in range(2):
        add_run(instance, "job_1", "FAILURE", 3)

    found = page_of(instance)

    waiting = ("status", "NOT_STARTED")
    assert found["runs", ("job", "job_0"), waiting] == 5
    assert found["runs", ("job", "job_1"), waiting] == 5
    assert found["runs", ("job", "job_1"), ("status", "FAILURE")] == 2


def test_durations_are_a_histogram_that_adds_up(instance):
    for seconds in (0.5, 4, 4, 100, 20_000):
        add_run(instance, "job", "SUCCESS", seconds)

    found = page_of(instance)

    place = (("job", "job"), ("status", "SUCCESS"))
    buckets = {
        labels[1][1]: value
        for (name, *labels), value in found.items()
        if name == "run_duration_seconds_bucket"
    }
    assert buckets == {
        "1.0": 1, "5.0": 3, "15.0": 3, "60.0": 3, "300.0": 4,
        "900.0": 4, "3600.0": 4, "14400.0": 4, "+Inf": 5,
    }  # fmt: skip
    assert found["run_duration_seconds_count", *place] == 5
    assert found["run_duration_seconds_sum", *place] == pytest.approx(20_108.5, abs=0.1)


def test_there_is_a_bound_to_the_jobs_that_are_told_by_name(instance, monkeypatch):
    monkeypatch.setattr(tallying, "MAX_JOBS", 3)
    for n in range(8):
        add_run(instance, f"job_{n}")
    add_run(instance, "job_7")

    found = page_of(instance)

    runs = {labels[0][1]: value for (name, *labels), value in found.items() if name == "runs"}
    assert runs == {"job_7": 2, "job_6": 1, "job_5": 1, "(other)": 5}


def test_the_name_of_a_job_cannot_break_the_page(instance):
    name = 'a"b\\c\nd{e="f"} 1'
    add_run(instance, name)

    assert page_of(instance)["runs", ("job", name), ("status", "NOT_STARTED")] == 1


def test_counts_that_a_reexecution_inherits_are_not_its_own(machine, instance):
    machine.put("in.csv", b"a\n1\n")
    result = convert(machine, instance, "in.csv", "out.csv")
    tags = instance.get_run_by_id(result.run_id).tags
    assert json.loads(tags[COUNTS_TAG])["published"] == 1

    add_run(instance, "convert_format_job", "SUCCESS", 1, tags={COUNTS_TAG: tags[COUNTS_TAG]})

    assert page_of(instance)["rows_published", ("job", "convert_format_job")] == 1


@pytest.mark.parametrize("tag", ["", "[]", "{}", '{"run": 1}', "nonsense", '{"run": null, "x": 1}'])
def test_a_tag_that_somebody_else_has_set_is_passed_over(instance, tag):
    add_run(instance, "job", "SUCCESS", 1, tags={COUNTS_TAG: tag})

    assert not [name for name, *_ in page_of(instance) if name.startswith("rows_")]


def test_old_runs_may_be_left_out(instance):
    add_run(instance, "job")

    assert page_of(instance, days=1)["runs", ("job", "job"), ("status", "NOT_STARTED")] == 1
    assert not tally(instance, days=0).runs


def test_what_a_killed_run_left_in_staging_is_counted(machine, instance):
    run = add_run(instance, "job", "FAILURE", 1)
    left = machine.root / ".data-services-staging" / run.run_id
    left.mkdir(parents=True)
    (left / "lease").write_bytes(b"")
    (left / "input.parquet").write_bytes(b"x" * 1000)

    found = samples(machine.run("metrics").stdout)

    assert (found["staging_leftovers",], found["staging_leftover_bytes",]) == (1, 1000)
    assert left.exists()


def test_the_page_is_written_whole_for_a_collector(machine):
    file = machine.folder / "data_services.prom"
    file.write_text("former")

    answer = machine.run("metrics", "--output", file)

    assert (answer.returncode, answer.stdout, answer.stderr) == (0, "", "")
    assert ("staging_leftovers",) in samples(file.read_text())
    assert file.stat().st_mode & 0o777 == 0o644
    assert [path.name for path in machine.folder.glob("*.prom*")] == [file.name]


def test_a_file_that_cannot_be_written_is_told(machine):
    answer = machine.run("metrics", "--output", "/proc/data_services.prom")

    assert answer.returncode == 2
    assert answer.stderr == (
        "error: '/proc/data_services.prom' cannot be written (No such file or directory); choose "
        "another file.\n"
    )


def test_a_full_disk_leaves_the_former_page(tmp_path, monkeypatch):
    file = tmp_path / "page.prom"
    file.write_text("former")

    def full(_descriptor):
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match="No space left on device"):
        write_whole(file, "new")

    assert [path.name for path in tmp_path.iterdir()] == ["page.prom"]
    assert file.read_text() == "former"
