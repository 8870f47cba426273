"""Partitioned jobs: made of a file, run a partition at a time, and left out with the reason."""

import json
from dataclasses import replace

import dagster as dg
import pytest
from click.testing import CliRunner
from dagster._core.definitions.partitions.context import partition_loading_context

from util_services.errors import PluginLoadError
from util_services.location import build_location

BY_MONTH = """
description: Keep the wards of each month.
job: kept_columns
partitions: {scheme: monthly, start: 2026-01-01}
ops:
  read_dataset: {path: "in/{partition:%Y/%m}/"}
  kept_columns: {columns: [ward]}
  write_dataset: {path: "out/{partition}.csv"}
"""
BY_PREFIX = """
description: Keep less of each hospital.
job: keep_less
partitions: {scheme: prefix}
ops:
  read_dataset: {path: "in/{partition}.csv"}
  write_dataset: {path: "out/{partition}.csv", overwrite: true}
watch: {storage: local, stable_seconds: 0}
"""
COUNTED = """
description: Count each hospital.
job: counted
partitions: {scheme: prefix}
ops:
  read_dataset: {path: "in/{partition}.csv"}
  write_report: {path: "out/{partition}.report"}
"""


@pytest.fixture
def root(tmp_path, monkeypatch):
    for name in ("ROOT", "AUDIT_DIR", "KEYS"):
        monkeypatch.setenv(f"DATA_SERVICES_{name}", str(tmp_path / name.lower()))
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    monkeypatch.setenv("DATA_SERVICES_SENSOR_STATE", str(tmp_path / "sensors.sqlite"))
    (tmp_path / "root" / "in").mkdir(parents=True)
    return tmp_path / "root"


def jobs_of(location):
    return {job.name: job for job in location.definitions.resolve_all_job_defs()}


def test_a_file_becomes_a_partitioned_job_and_its_twin(manager):
    location = build_location(strict=True, manager=manager(by_month=BY_MONTH))

    jobs = jobs_of(location)
    local, twin = jobs["by_month_job"], jobs["by_month_job_s3"]
    for job in (local, twin):
        assert job.partitions_def.get_partition_keys()[:2] == ["2026-01", "2026-02"]
        assert job.metadata["data_services/distribution"].value == "partition-files"
        assert job.tags["data_services/partitions"] == "monthly"
        config = job.partitioned_config.get_run_config_for_partition_key("2026-02")
        assert config["ops"] == {
            "read_dataset": {"config": {"path": "in/2026/02/"}},
            "kept_columns": {"config": {"columns": ["ward"]}},
            "write_dataset": {"config": {"path": "out/2026-02.csv"}},
        }
        assert set(config["loggers"]) == {"console", "simpl"}
    assert "s3" in local.resource_defs
    assert "s3" not in twin.graph.to_job().resource_defs


def test_a_partition_is_run_by_itself(manager, root):
    for month, name in (("01", "a"), ("02", "b"), ("02", "c")):
        folder = root / "in" / "2026" / month
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.csv").write_text(f"ward,sex\n{name},f\n")
    job = jobs_of(build_location(strict=True, manager=manager(by_month=BY_MONTH)))["by_month_job"]

    with dg.DagsterInstance.ephemeral() as instance:
        result = job.execute_in_process(partition_key="2026-02", instance=instance)

    assert result.success
    assert result.dagster_run.tags["dagster/partition"] == "2026-02"
    assert (root / "out" / "2026-02.csv").read_text() == "ward\nb\nc\n"
    assert not (root / "out" / "2026-01.csv").exists()


def test_a_pipeline_keeps_its_own_config_in_each_partition(manager, root):
    location = build_location(strict=True, manager=manager(by_prefix=BY_PREFIX))
    job = jobs_of(location)["by_prefix_job"]

    config = job.partitioned_config.get_run_config_for_partition_key("north")["ops"]

    assert config["first"]["config"] == {"columns": ["ward", "sex"]}
    assert config["write_dataset"]["config"]["path"] == "out/north.csv"


def test_a_job_that_tells_of_datasets_is_partitioned_too(manager, root):
    (root / "in" / "north.csv").write_text("ward\na\n")
    job = jobs_of(build_location(strict=True, manager=manager(by_prefix=COUNTED)))["by_prefix_job"]

    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("by_prefix_job", ["north"])
        assert job.execute_in_process(partition_key="north", instance=instance).success

    (step,) = json.loads((root / "out" / "north.report.report.json").read_text())["steps"]
    assert step["facts"] == {"rows": 1}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            BY_MONTH.replace("job: kept_columns", "job: keptcolumns"),
            "by_month.yaml, line 3: there is no job 'keptcolumns_job'; name one of 'data-services "
            "jobs' that has a twin on S3, without '_job'.",
        ),
        (
            BY_MONTH.replace("job: kept_columns", "job: single"),
            "by_month.yaml, line 3: there is no job 'single_job_s3'; name one of 'data-services "
            "jobs' that has a twin on S3, without '_job'.",
        ),
        (
            BY_MONTH.replace("job: kept_columns", "job: lonely"),
            "by_month.yaml, line 6: 'lonely' has no op 'read_dataset'; it has lonely.",
        ),
        (
            BY_MONTH.replace("columns: [ward]", "colums: [ward]"),
            "by_month.yaml, line 7: kept_columns: unknown key 'colums'. Did you mean 'columns'? "
            "Known are columns, times.",
        ),
        (
            BY_MONTH.replace("columns: [ward]", "times: 0"),
            "by_month.yaml, line 7: kept_columns.times: input should be greater than or equal to "
            "1.",
        ),
        (
            BY_MONTH.replace("  kept_columns:", "  kept_rows:"),
            "by_month.yaml, line 7: 'kept_columns' has no op 'kept_rows'; it has kept_columns, "
            "read_dataset, write_dataset.",
        ),
    ],
)
def test_a_file_that_fits_no_job_is_left_out_alone_with_its_line(manager, text, sentence):
    plugins = manager(by_month=text, by_prefix=BY_PREFIX)
    location = build_location(strict=False, manager=plugins)

    (failure,) = plugins.failures
    assert (failure.kind, failure.stage) == ("partitions", "register_partitions")
    assert failure.reason == sentence
    assert "by_prefix_job" in jobs_of(location)
    assert "by_month_job" not in jobs_of(location)


def test_a_name_that_is_taken_is_refused(manager):
    plugins = manager(kept_columns=BY_MONTH)
    build_location(strict=False, manager=plugins)

    (failure,) = plugins.failures
    assert failure.reason == (
        "kept_columns.yaml: the job 'kept_columns_job' is already there; give the file another "
        "name."
    )


def test_strict_mode_accepts_no_file_at_fault(manager):
    with pytest.raises(PluginLoadError, match=r"by_month.yaml, line 1"):
        build_location(strict=True, manager=manager(by_month="job: kept_columns\n"))


def test_a_file_is_not_there_without_the_packages_that_it_needs(manager):
    text = f"{BY_MONTH}packages: [absent-package]\n"
    location = build_location(strict=True, manager=manager(by_month=text))

    assert "by_month_job" not in jobs_of(location)


class Arrivals:
    """Evaluates the sensor of a partitioned job as the daemon does."""

    def __init__(self, location, instance):
        self.repository = location.definitions.get_repository_def()
        self.sensor = self.repository.get_sensor_def("by_prefix_arrivals")
        self.instance, self.cursor = instance, None

    def __call__(self):
        context = dg.SensorEvaluationContext(
            instance_ref=self.instance.get_ref(),
            last_tick_completion_time=None,
            last_run_key=None,
            cursor=self.cursor,
            repository_name=None,
            repository_def=self.repository,
            sensor_name=self.sensor.name,
        )
        with context, partition_loading_context(dynamic_partitions_store=self.instance):
            ticked = self.sensor.evaluate_tick(context)
        self.cursor = ticked.cursor
        added = [key for one in ticked.dynamic_partitions_requests for key in one.partition_keys]
        return ticked.run_requests, added


@pytest.fixture
def arrivals(manager, root, tmp_path):
    def watching(text=BY_PREFIX):
        instance = dg.DagsterInstance.from_config(str(tmp_path / "home"))
        opened.append(instance)
        location = build_location(strict=True, manager=manager(by_prefix=text))
        return Arrivals(location, instance)

    opened = []
    yield watching
    for instance in opened:
        instance.dispose()


def test_a_new_object_launches_its_partition_once_and_a_changed_one_again(arrivals, root):
    look = arrivals()
    (root / "in" / "north.csv").write_text("ward,sex\na,f\n")
    (root / "in" / "readme.txt").write_text("nothing of a partition")

    (first,), added = look()
    nothing, none_added = look()
    (root / "in" / "north.csv").write_text("ward,sex\na,f\nb,f\n")
    (again,), _ = look()

    assert (first.partition_key, added) == ("north", ["north"])
    assert first.run_config["ops"]["read_dataset"]["config"]["path"] == "in/north.csv"
    assert (nothing, none_added) == ([], [])
    assert again.partition_key == "north"
    assert again.run_key != first.run_key


def test_what_a_changed_object_makes_replaces_what_was_made_of_it_before(arrivals, root):
    look = arrivals(BY_PREFIX.replace(", overwrite: true", ""))
    (root / "in" / "north.csv").write_text("ward,sex\na,f\n")
    (first,), _ = look()
    (root / "in" / "north.csv").write_text("ward,sex\na,f\nb,f\n")
    (again,), _ = look()

    written = [r.run_config["ops"]["write_dataset"]["config"] for r in (first, again)]
    assert [one["overwrite"] for one in written] == [False, True]


def test_the_objects_in_the_folder_of_a_partition_launch_it_together(arrivals, root):
    look = arrivals(BY_PREFIX.replace("in/{partition}.csv", "in/{partition}/"))
    for hospital, name in (("north", "a"), ("north", "b"), ("south", "a")):
        (root / "in" / hospital).mkdir(exist_ok=True)
        (root / "in" / hospital / f"{name}.csv").write_text("ward,sex\na,f\n")

    first, added = look()
    (root / "in" / "north" / "c.csv").write_text("")
    unfinished, _ = look()
    (root / "in" / "north" / "c.csv").write_text("ward,sex\nc,f\n")
    again, _ = look()

    assert sorted(added) == ["north", "south"]
    paths = [one.run_config["ops"]["read_dataset"]["config"]["path"] for one in first]
    assert sorted(paths) == ["in/north/", "in/south/"]
    assert unfinished == []
    assert [one.partition_key for one in again] == ["north"]


def test_the_command_line_runs_a_partition(manager, root, monkeypatch):
    from util_services.cli.main import data_services as main
    from util_services.location import jobs

    location = build_location(strict=True, manager=manager(by_month=BY_MONTH))
    monkeypatch.setattr(jobs, "build_location", lambda: replace(location))
    folder = root / "in" / "2026" / "02"
    folder.mkdir(parents=True)
    (folder / "a.csv").write_text("ward,sex\na,f\n")
    run = CliRunner().invoke

    without = run(main, ["run", "by_month_job"])
    strange = run(main, ["run", "by_month_job", "--partition", "2026-02-01"])
    early = run(main, ["run", "by_month_job", "--partition", "2025-12"])
    plain = run(main, ["run", "kept_columns_job", "--partition", "2026-02"])
    shown = run(main, ["config", "by_month_job", "--partition", "2026-02", "--json"])
    done = run(main, ["run", "by_month_job", "--partition", "2026-02", "--set",
                      "kept_columns.columns=[sex]"])  # fmt: skip

    assert [one.exit_code for one in (without, strange, early, plain)] == [2, 2, 2, 2]
    assert "runs a partition at a time; name one with '--partition'." in without.output
    assert "write it as YYYY-MM." in strange.output
    assert "has no partition '2025-12'; it is before the first, or to come." in early.output
    assert "'kept_columns_job' has no partitions; leave out '--partition'." in plain.output
    assert json.loads(shown.output)["ops"]["read_dataset"]["config"]["path"] == "in/2026/02/"
    assert done.exit_code == 0, done.output
    assert (root / "out" / "2026-02.csv").read_text() == "sex\nf\n"
