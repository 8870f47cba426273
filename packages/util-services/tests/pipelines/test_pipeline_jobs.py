"""Pipelines that become jobs, and those that are left out, with the reason."""

import json
from dataclasses import replace

import dagster as dg
import pytest

from util_services.cli.run import cancelled, published_before
from util_services.errors import ConfigurationError, PluginLoadError
from util_services.location import build_location
from util_services.runs.check import check_run
from util_services.runs.execute import new_run_id, run_job
from util_services.storage import LocalStorage

KEPT = """
description: Keep less and less.
ops:
  - {op: kept_columns, as: first, config: {columns: [sex, ward, city]}}
  - {op: kept_columns, config: {columns: [city, sex]}}
  - only_looked_at
  - rung
"""


def jobs_of(location):
    return {job.name: job for job in location.definitions.resolve_all_job_defs()}


def reason(manager):
    (failure,) = manager.failures
    assert (failure.kind, failure.plugin.distribution) == ("pipeline", "pipeline-files")
    return failure.reason


def test_a_pipeline_becomes_a_job_and_a_twin_from_the_same_graph(manager):
    location = build_location(strict=True, manager=manager(keep_less=KEPT))

    jobs = jobs_of(location)
    local, twin = jobs["keep_less_job"], jobs["keep_less_job_s3"]
    assert local.description == twin.description == "Keep less and less."
    order = ["read_dataset", "first", "kept_columns", "only_looked_at", "write_dataset", "rung"]
    for job in (local, twin):
        assert [node.name for node in job.nodes_in_topological_order] == order
        assert job.tags["data_services/pipeline"] == "keep_less"
        assert job.metadata["data_services/distribution"].value == "pipeline-files"
    assert set(local.resource_defs) >= {"s3", "lamp"}
    assert not {"s3", "lamp"} & set(twin.graph.to_job().resource_defs)


def test_each_op_is_given_what_the_one_before_it_made(manager, tmp_path, monkeypatch):
    monkeypatch.setenv("DATA_SERVICES_ROOT", str(tmp_path / "root"))
    monkeypatch.setenv("DATA_SERVICES_AUDIT_DIR", str(tmp_path / "audit"))
    monkeypatch.setenv("DATA_SERVICES_KEYS", str(tmp_path / "keys"))
    (tmp_path / "root").mkdir()
    job = jobs_of(build_location(strict=True, manager=manager(keep_less=KEPT)))["keep_less_job"]
    config = {"ops": {"write_dataset": {"config": {"path": "out.csv"}}}}  # the rest is the file's

    with dg.DagsterInstance.ephemeral() as instance:
        result = job.execute_in_process(run_config=config, instance=instance)

    assert result.success
    lines = (tmp_path / "root" / "out.csv").read_text().splitlines()
    assert (lines[0], len(lines)) == ("city,sex", 1 + 1000)
    report = json.loads((tmp_path / "root" / "out.csv.report.json").read_text())
    assert [step["facts"] for step in report["steps"]] == [{"kept": 3}, {"kept": 2}]
    assert list((tmp_path / "root").glob(".*")) == []


def test_of_a_run_that_fails_after_it_published_it_is_told_that_the_dataset_is_out(
    manager, tmp_path, monkeypatch
):
    for name in ("ROOT", "AUDIT_DIR", "KEYS"):
        monkeypatch.setenv(f"DATA_SERVICES_{name}", str(tmp_path / name))
    (tmp_path / "ROOT").mkdir()
    text = KEPT.replace("- rung", "- cracked")
    job = jobs_of(build_location(strict=True, manager=manager(keep_less=text)))["keep_less_job"]
    config = {"ops": {"write_dataset": {"config": {"path": "out.csv"}}}}

    with dg.DagsterInstance.ephemeral() as instance:
        finished = run_job(job, config, new_run_id(), instance)

    out = tmp_path / "ROOT" / "out.csv"
    told = (
        f" Before that 1000 rows were published at '{out}', and they stay there; do by itself what "
        "was to follow."
    )
    assert (finished.status, finished.reason) == ("FAILURE", "The bell is cracked.")
    assert out.exists()
    assert published_before(finished) == told
    assert cancelled(finished) == f"keep_less_job was cancelled.{told}"
    nothing = replace(finished, output=None)
    assert published_before(nothing) == ""
    assert cancelled(nothing) == "keep_less_job was cancelled; nothing was published."


def test_what_goes_on_inside_of_a_run_is_parquet_and_is_removed_on_the_way(
    manager, tmp_path, monkeypatch
):
    monkeypatch.setenv("DATA_SERVICES_ROOT", str(tmp_path))
    monkeypatch.setenv("DATA_SERVICES_AUDIT_DIR", str(tmp_path / "audit"))
    monkeypatch.setenv("DATA_SERVICES_KEYS", str(tmp_path / "keys"))
    job = jobs_of(build_location(strict=True, manager=manager(keep_less=KEPT)))["keep_less_job"]

    with dg.DagsterInstance.ephemeral() as instance:
        result = job.execute_in_process(instance=instance)

    first, second = (result.output_for_node(name) for name in ("first", "kept_columns"))
    assert (first.format, second.format) == ("parquet", "csv")
    (looked,) = (
        event.step_output_data.metadata["staged"].data
        for event in result.filter_events(lambda e: e.is_successful_output)
        if event.step_key == "only_looked_at"
    )
    assert looked == ["output-1.csv"]


def test_columns_that_an_earlier_op_has_dropped_are_missed_by_name(manager, tmp_path, monkeypatch):
    monkeypatch.setenv("DATA_SERVICES_ROOT", str(tmp_path))
    monkeypatch.setenv("DATA_SERVICES_AUDIT_DIR", str(tmp_path / "audit"))
    monkeypatch.setenv("DATA_SERVICES_KEYS", str(tmp_path / "keys"))
    text = KEPT.replace("[city, sex]", "[income]")
    job = jobs_of(build_location(strict=True, manager=manager(keep_less=text)))["keep_less_job"]

    with dg.DagsterInstance.ephemeral() as instance:
        result = job.execute_in_process(instance=instance, raise_on_error=False)

    (failure,) = [e for e in result.all_events if e.event_type_value == "STEP_FAILURE"]
    assert failure.step_key == "kept_columns"
    assert "'income'" in failure.step_failure_data.error.message
    assert not list(tmp_path.glob("_test_runs/**/*.csv"))


@pytest.mark.parametrize(
    ("ops", "sentence"),
    [
        (
            "[kept_column]",
            "no package registers an op 'kept_column'; did you mean 'kept_columns'?",
        ),
        ("[twofold]", "'twofold' is a graph; name its ops."),
        (
            "[added]",
            "'added' takes or gives several things; a pipeline is a row of ops that each take one "
            "dataset and give one.",
        ),
        (
            "[kept_columns, doubled]",
            "'doubled' wants a Int, but 'kept_columns' before it gives a StagedDataset; change "
            "their order.",
        ),
        (
            "[let_out, kept_columns]",
            "'let_out' lets out what is published; let it be the last operation before "
            "'write_dataset'.",
        ),
        (
            "[let_out, write_report]",
            "'let_out' lets out what is published; let it be the last operation before "
            "'write_dataset'.",
        ),
        (
            "[rung, kept_columns]",
            "'kept_columns' wants a StagedDataset, but 'rung' before it gives nothing; change "
            "their order.",
        ),
        (
            "[kept_columns, write_dataset, only_looked_at]",
            "'only_looked_at' wants a StagedDataset, but 'write_dataset' before it gives nothing; "
            "change their order.",
        ),
        ("[kept_columns, made_up]", "'made_up' takes no dataset; let it be the first op."),
        (
            "[kept_columns, read_dataset]",
            "'read_dataset' takes no dataset; let it be the first op.",
        ),
        (
            "[needs_a_horn]",
            "'needs_a_horn' needs the resource 'horn', which no package of this code location "
            "brings.",
        ),
        (
            "[{op: kept_columns, config: {column: [a]}}]",
            "kept_columns: unknown key 'column'. Did you mean 'columns'? Known are columns, times.",
        ),
        (
            "[{op: kept_columns, as: k, config: {times: 0}}]",
            "k.times: input should be greater than or equal to 1.",
        ),
        (
            "[{op: kept_columns, config: {columns: 3}}]",
            "kept_columns.columns: must be a list, such as [NAME].",
        ),
        (
            "[{op: read_dataset, config: {format: csw}}, kept_columns]",
            "read_dataset.format: must be one of",
        ),
    ],
    ids=range(15),
)
def test_a_pipeline_that_cannot_run_is_left_out_alone_with_its_line(manager, ops, sentence):
    plugins = manager(keep_less=KEPT, odd=f"description: d\n\nops: {ops}")

    jobs = jobs_of(build_location(strict=False, manager=plugins))

    assert "keep_less_job" in jobs
    assert not {"odd_job", "odd_job_s3"} & set(jobs)
    assert reason(plugins).startswith(f"odd.yaml, line 3: {sentence}")


def test_a_config_that_contradicts_itself_is_found_by_a_thorough_look_alone(manager):
    text = "description: d\nops:\n  - op: kept_columns\n    config:\n      columns: [a, a]"
    plugins = manager(odd=text, later=text.replace("[a, a]", "[from-a-file]"))

    assert "odd_job" in jobs_of(build_location(strict=False, manager=plugins))
    jobs = jobs_of(build_location(strict=False, manager=plugins, thorough=True))

    assert "later_job" in jobs
    assert "odd_job" not in jobs
    assert reason(plugins) == "odd.yaml, line 4: kept_columns: 'columns' names one twice."


def test_a_config_that_contradicts_itself_is_refused_before_anything_is_read(
    manager, tmp_path, monkeypatch
):
    monkeypatch.setenv("DATA_SERVICES_AUDIT_DIR", str(tmp_path / "audit"))
    monkeypatch.setenv("DATA_SERVICES_KEYS", str(tmp_path / "keys"))
    text = KEPT.replace("[city, sex]", "[city, city]").replace("sample:patients.csv", "none.csv")
    job = jobs_of(build_location(strict=True, manager=manager(keep_less=text)))["keep_less_job"]

    with pytest.raises(ConfigurationError, match="'columns' names one twice"):
        check_run(job, {}, LocalStorage(tmp_path), "run")


def test_an_error_inside_of_a_config_has_its_own_line(manager):
    config = "    config:\n      columns: [a]\n      tines: 2"
    plugins = manager(odd=f"description: d\nops:\n  - op: kept_columns\n{config}")

    build_location(strict=False, manager=plugins)

    assert reason(plugins).startswith("odd.yaml, line 6: kept_columns: unknown key 'tines'.")


def test_a_pipeline_that_only_looks_at_a_dataset_has_nothing_to_publish(manager):
    plugins = manager(odd="description: d\nops: [only_looked_at]")

    build_location(strict=False, manager=plugins)

    assert reason(plugins) == (
        "odd.yaml: none of its ops makes the dataset that it publishes; add one, such as "
        "'convert_format'."
    )


def test_what_an_operation_at_the_end_leaves_as_it_is_appears_in_the_form_asked_for(
    manager, tmp_path, monkeypatch
):
    monkeypatch.setenv("DATA_SERVICES_ROOT", str(tmp_path))
    monkeypatch.setenv("DATA_SERVICES_AUDIT_DIR", str(tmp_path / "audit"))
    monkeypatch.setenv("DATA_SERVICES_KEYS", str(tmp_path / "keys"))
    plugins = manager(look="description: d\nops: [kept_columns, only_counted]")
    job = jobs_of(build_location(strict=True, manager=plugins))["look_job"]
    config = {"ops": {"write_dataset": {"config": {"path": "out.xlsx"}}}}

    with dg.DagsterInstance.ephemeral() as instance:
        result = job.execute_in_process(run_config=config, instance=instance)

    assert result.output_for_node("kept_columns").format == "parquet"
    assert (tmp_path / "out.xlsx").read_bytes()[:2] == b"PK"
    steps = json.loads((tmp_path / "out.xlsx.report.json").read_text())["steps"]
    assert [step["rows"]["out"] for step in steps] == [1000, 1000]


def test_a_name_that_is_taken_is_refused(manager):
    plugins = manager(plugin_report="description: d\nops: [rung]")

    build_location(strict=False, manager=plugins)

    assert reason(plugins) == (
        "plugin_report.yaml: the job 'plugin_report_job' is already there; give the file another "
        "name."
    )


def test_resources_of_other_packages_are_brought_along(manager):
    plugins = manager(bells="description: d\nops: [needs_a_bell]")

    jobs = jobs_of(build_location(strict=True, manager=plugins))

    assert "bell" in jobs["bells_job"].resource_defs


def test_strict_mode_accepts_no_pipeline_at_fault(manager):
    plugins = manager(odd="description: d\nops: [nowhere]")

    with pytest.raises(
        PluginLoadError, match=r"and 1 pipeline cannot be used:\n- odd\.yaml, line 2"
    ):
        build_location(strict=True, manager=plugins)


def test_a_pipeline_is_not_there_without_the_packages_that_it_needs(manager):
    needing = f"packages: [Absent_Package]\n{KEPT}"

    made = manager(keep_less=needing, keep_on=f"packages: [pipeline_files]\n{KEPT}")
    location = build_location(strict=True, manager=made)

    names = {name for name in jobs_of(location) if name.startswith("keep")}
    assert names == {"keep_on_job", "keep_on_job_s3"}
    assert not made.failures
