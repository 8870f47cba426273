"""A machine with a workspace at its storage root, in which runs of jobs are recorded."""

import os
import shutil
from pathlib import Path

import dagster as dg
import pytest
from dws_program import Dws, environment_at

from util_services.flow.operate import Dataset, Outcome
from util_services.operation import operation
from util_services.resources import s3_resource
from workspace_core import api
from workspace_core.workspace import find_and_load_workspace


class KeepRowsConfig(dg.Config):
    """What it says of its rows."""

    limit: int = 10
    word: str = "rows"
    other: str = ""


@operation()
def keep_rows(dataset: Dataset, config: KeepRowsConfig) -> Outcome:
    """Keep all rows, and look into another file if one is named."""
    if config.other:
        dataset.inputs.content(config.other)
    return Outcome(None, facts={"limit": config.limit})


class TouchConfig(dg.Config):
    """What is changed meanwhile."""

    change: str = ""
    replace_by_file: str = ""
    forget: str = ""


@operation()
def meddle(dataset: Dataset, config: TouchConfig) -> Outcome:
    """Keep all rows, and do to files what somebody else may do while a run is at work."""
    if config.change:
        with open(config.change, "a") as file:
            file.write("3,z\n")
    if config.replace_by_file:
        shutil.rmtree(config.replace_by_file, ignore_errors=True)
        Path(config.replace_by_file).write_text("in the way")
    if config.forget:
        shutil.rmtree(config.forget)
    return Outcome(dataset.scan())


@operation()
def fail_on_purpose(dataset: Dataset, config: KeepRowsConfig) -> Outcome:
    """Fail."""
    raise RuntimeError(dataset.staged.rows)


class Lab:
    """A workspace, and the runs of jobs on its files."""

    def __init__(self, folder, instance):
        self.folder, self.instance = folder, instance

    def put(self, path, content="id,name\n1,x\n2,y\n"):
        (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / path).write_text(content)

    def run(self, source, target, op=keep_rows, tags=None, reading=None, writing=None, **config):
        job, _ = op.jobs()
        ops = {
            "read_dataset": {"config": {"path": source, **(reading or {})}},
            op.name: {"config": config},
            "write_dataset": {"config": {"path": target, **(writing or {})}},
        }
        return job.execute_in_process(
            run_config={"ops": ops}, instance=self.instance, raise_on_error=False, tags=tags
        )

    def run_in_s3(self, source, target, op=keep_rows):
        _, twin = op.jobs()
        storage = s3_resource.configured({"resource_name": "selfS3"})
        job = dg.Definitions(jobs=[twin], resources={"s3": storage}).resolve_job_def(twin.name)
        ops = {
            "read_dataset": {"config": {"path": source}},
            "write_dataset": {"config": {"path": target}},
        }
        return job.execute_in_process(
            run_config={"ops": ops}, instance=self.instance, raise_on_error=False
        )

    @property
    def workspace(self):
        return find_and_load_workspace(str(self.folder), batch=True)

    def steps(self):
        return self.workspace.lineage.all()

    def step(self, done):
        (found,) = [one for one in self.steps() if one.run_id == done.run_id]
        return found

    def at_work(self):
        place = self.folder / ".dataworkspace/local/runs-at-work"
        return sorted(one.name for one in place.iterdir()) if place.exists() else []

    def records(self):
        """Return all that is recorded, as text."""
        place = self.folder / ".dataworkspace/lineage"
        return "".join(one.read_text() for one in sorted(place.rglob("*.json")))

    @staticmethod
    def reason(done):
        (failure,) = [one for one in done.all_events if one.event_type_value == "STEP_FAILURE"]
        return failure.step_failure_data.user_failure_data.description

    @staticmethod
    def told(done, kind):
        return [one for one in done.all_events if one.event_type_value == kind]


@pytest.fixture
def instance(tmp_path, monkeypatch):
    home = tmp_path / "dagster_home"
    home.mkdir()
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("DATA_SERVICES_AUDIT_DIR", str(home / "audit"))
    with dg.DagsterInstance.from_config(str(home)) as instance:
        yield instance


@pytest.fixture
def lab(tmp_path, monkeypatch, instance):
    folder = tmp_path / "work"
    api.init(str(folder), hostname="lab", create_resources=["results"])
    for name, role in (("raw", "s"), ("clean", "i")):
        (folder / name).mkdir()
        api.add("local-files", role, str(folder / name), str(folder))
    monkeypatch.setenv("DATA_SERVICES_ROOT", str(folder))
    monkeypatch.setenv("DATA_SERVICES_WORKSPACE", str(folder))
    made = Lab(folder, instance)
    made.put("raw/a.csv")
    return made


@pytest.fixture(name="meddle")
def meddle_fixture():
    return meddle


@pytest.fixture(name="fail_on_purpose")
def fail_on_purpose_fixture():
    return fail_on_purpose


@pytest.fixture
def dws(lab, instance):
    """Return the program, run in the workspace."""
    return Dws(lab.folder, environment_at(Path(os.environ["HOME"])))
