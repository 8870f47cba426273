"""The jobs on workspaces, run by Dagster, with their place in the audit."""

import logging
import subprocess

import dagster as dg
import pytest

from util_services.flow.operate import Dataset, Outcome
from util_services.operation import operation
from util_services.pipelines.file import PipelineFile
from util_services.pipelines.jobs import Pipeline
from util_services.plugins.conformance import check_plugin
from workspace_core import api
from workspace_core.jobs import (
    JOBS,
    restore_workspace_job,
    snapshot_workspace_job,
    verify_workspace_job,
)
from workspace_core.ops import OPS


@pytest.fixture(scope="module")
def instance(tmp_path_factory):
    """An instance of its own; ephemeral ones write below HOME."""
    home = tmp_path_factory.mktemp("dagster_home")
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("DAGSTER_HOME", str(home))
        environment.setenv("HOME", str(home))
        environment.setenv("DATA_SERVICES_AUDIT_DIR", str(home / "audit"))
        with dg.DagsterInstance.from_config(str(home)) as instance:
            yield instance


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("DATA_SERVICES_ROOT", str(tmp_path))
    return tmp_path


@pytest.fixture
def place(root):
    folder = root / "work"
    (folder / "raw").mkdir(parents=True)
    (folder / "raw/a.csv").write_text("1")
    api.init(str(folder), hostname="lab")
    api.add("local-files", "s", str(folder / "raw"), str(folder))
    return folder


def run(job, instance, **config):
    name = job.name.removesuffix("_job")
    given = {"ops": {name: {"config": {"workspace": "work", **config}}}}
    return job.execute_in_process(run_config=given, instance=instance, raise_on_error=False)


def told(done):
    (step,) = [one for one in done.all_events if one.event_type_value == "STEP_OUTPUT"]
    return {key: value.value for key, value in step.step_output_data.metadata.items()}


def failure(done):
    assert not done.success
    (step,) = [one for one in done.all_events if one.is_step_failure]
    return step.step_failure_data.user_failure_data.description


def test_the_plugin_keeps_the_contract():
    check_plugin("workspace-core")


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.name)
def test_every_job_runs_as_it_is_on_a_workspace_of_the_sample(job, instance, root):
    done = job.execute_in_process(instance=instance)

    assert done.success
    (folder,) = root.glob("_test_runs/*/workspace")
    assert (folder / "raw/patients.csv").is_file()


def test_a_snapshot_and_its_run_name_each_other(place, instance):
    done = run(snapshot_workspace_job, instance, tag="first", message="by night")

    (taken,) = api.get_snapshot_history(str(place))
    record = (place / f".dataworkspace/snapshots/{taken.hashval}.json").read_text()
    assert (taken.tags, taken.message) == (("first",), "by night")
    assert done.run_id in record
    assert instance.get_run_by_id(done.run_id).tags["data_services/snapshot"] == taken.hashval
    assert told(done)["snapshot"] == taken.hashval


def test_a_machine_without_git_keeps_snapshots_and_says_what_waits(
    place, instance, monkeypatch, tmp_path
):
    """Such as a container of the slim image."""
    with monkeypatch.context() as bare:
        bare.setenv("PATH", str(tmp_path / "nothing"))
        done = run(snapshot_workspace_job, instance, tag="first")

    warnings = [
        one.user_message for one in instance.all_logs(done.run_id) if one.level == logging.WARNING
    ]
    assert done.success
    assert warnings == [
        "All is recorded, but not committed, and the next command tries again: The program git "
        "cannot be started; install it, for it keeps the history."
    ]
    run(snapshot_workspace_job, instance, tag="second")
    history = subprocess.run(
        ["git", "-C", place, "show", "--stat"], capture_output=True, text=True, check=True
    ).stdout
    assert "tags/first.json" in history


def test_a_restore_brings_back_and_tells_what_it_did(place, instance):
    api.take_snapshot(str(place), "first")
    (place / "raw/a.csv").write_text("2")
    api.take_snapshot(str(place), "second")

    tried = run(restore_workspace_job, instance, snapshot="first", dry_run=True)
    assert (told(tried)["changes"], (place / "raw/a.csv").read_text()) == ({"raw": 1}, "2")
    done = run(restore_workspace_job, instance, snapshot="first")

    assert (place / "raw/a.csv").read_text() == "1"
    assert told(done)["changes"] == {"raw": 1}


def test_a_restore_by_a_job_destroys_nothing_either(place, instance):
    api.take_snapshot(str(place), "first")
    (place / "raw/a.csv").write_text("2")

    sentence = failure(run(restore_workspace_job, instance, snapshot="first"))
    assert "would destroy changes that are in no snapshot" in sentence
    done = run(restore_workspace_job, instance, snapshot="first", path="raw/a.csv", force=True)

    assert (place / "raw/a.csv").read_text() == "1"
    assert told(done)["rescue"]


def test_damage_fails_the_verification_and_is_named(place, instance):
    api.take_snapshot(str(place), "first")
    assert told(run(verify_workspace_job, instance))["is_sound"]
    (pack,) = (place / ".dataworkspace/store/packs").iterdir()
    pack.write_bytes(pack.read_bytes()[:-40])

    sentence = failure(run(verify_workspace_job, instance))

    assert str(pack) in sentence


@pytest.mark.parametrize("workspace", ["../elsewhere", "/etc", "missing"])
def test_a_workspace_elsewhere_is_refused(place, instance, workspace):
    sentence = failure(run(verify_workspace_job, instance, workspace=workspace))

    assert "lies outside the storage root" in sentence or "is no workspace" in sentence


def test_resources_elsewhere_are_refused(place, instance, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside")
    (outside / "b").write_text("secret")
    api.add("local-files", "s", str(outside), str(place), name="outside")

    sentence = failure(run(snapshot_workspace_job, instance))

    assert "lies outside the storage root" in sentence
    assert api.get_snapshot_history(str(place)) == []


def test_every_run_is_in_the_audit(place, instance):
    from util_services.audit.key import audit_keys
    from util_services.audit.place import audit_directory
    from util_services.audit.verify import verify

    before = verify(audit_directory(), audit_keys(), []).records
    run(snapshot_workspace_job, instance)
    failure(run(restore_workspace_job, instance, snapshot="nothing"))

    assert verify(audit_directory(), audit_keys(), []).records >= before + 3


class LeftAloneConfig(dg.Config):
    """Of an operation for tests."""

    unit: str = "rows"


@operation()
def left_alone(dataset: Dataset, config: LeftAloneConfig) -> Outcome:
    """Count the rows and leave them as they are."""
    return Outcome(None, facts={config.unit: dataset.staged.rows})


def test_a_pipeline_may_end_with_a_snapshot(place, instance, tmp_path):
    file = tmp_path / "keep.yaml"
    file.write_text(
        "description: Publish the sample, and keep the workspace.\n"
        "ops:\n"
        "  - left_alone\n"
        "  - {op: snapshot_workspace, config: {workspace: work, tag: kept}}\n"
    )
    ops = {op.name: op for op in (*OPS, left_alone.op)}

    job, _ = Pipeline.of(PipelineFile.read(file), ops, {}).jobs()

    assert job.execute_in_process(instance=instance).success
    assert [one.tags for one in api.get_snapshot_history(str(place))] == [("kept",)]
