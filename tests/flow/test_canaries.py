"""Marked secrets and marked cells stand in no log, no audit and nowhere in Dagster's home.

The runs take place in this process where they can, and are looked at in their files.
"""

import os
import secrets
import signal
import subprocess

import dagster as dg
import pytest

from data_processing.jobs import clean_data_job, remove_duplicates_job, remove_duplicates_job_s3
from util_services.audit.writer import writer
from util_services.errors import DatasetError
from util_services.flow.operate import Dataset, Outcome
from util_services.keys.leaks import is_shown
from util_services.keys.providers.file import FileProvider
from util_services.operation import operation
from util_services.resources import s3_resource
from workspace_core import api
from workspace_core.workspace import find_and_load_workspace

CELLS = ("Jane-Roe-canary", "canary@example.org", "4711081542233")
ROW = f"{CELLS[0]},{CELLS[1]},{CELLS[2]}\n".encode()
GOOD = b"name,mail,number\n" + ROW * 3
SECRETS = (
    "SELFS3_S3_SECRET_KEY",
    "SELFS3_S3_ACCESS_KEY",
    "DATA_SERVICES_NOTIFY_WEBHOOK_SECRET",
    "CLINIC_DATABASE_PASSWORD",
)


class Config(dg.Config):
    """How to fail."""

    loudly: bool = True


def quote(dataset):
    """Return a cell and a secret in one text, as the text of a foreign error has them."""
    [row, *_] = dataset.engine.rows(dataset.scan())
    return f"{row['name']} {os.environ['CLINIC_DATABASE_PASSWORD']}"


@operation()
def quote_in_an_error(dataset: Dataset, config: Config) -> Outcome:
    """Fail with an error whose text quotes a cell and a secret."""
    try:
        raise LookupError(quote(dataset))
    except LookupError as error:
        raise RuntimeError(quote(dataset)) from error


@operation()
def refuse(dataset: Dataset, config: Config) -> Outcome:
    """Fail with an error of our own."""
    raise DatasetError("Too much tea.")


@pytest.fixture
def marked(machine, monkeypatch):
    """A machine with secrets in its environment; returns what to look for."""
    for name in SECRETS:
        monkeypatch.setenv(name, secrets.token_urlsafe(24))
    monkeypatch.setenv("SELFS3_S3_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("SELFS3_S3_BUCKET", "bucket")
    monkeypatch.setenv("SELFS3_S3_ATTEMPTS", "1")
    monkeypatch.setenv("SELFS3_S3_TIMEOUT_SECONDS", "1")
    yield machine
    writer().close()


def assert_unmarked(machine, run_id):
    """Look into all files but the input and the output, and be sure to have looked."""
    words = [*CELLS, *(os.environ[name] for name in SECRETS)]
    assert machine.mentions(*words, but=["root/in.csv", "root/out.csv"]) == set()
    keyset = FileProvider.from_environment().load("audit")
    [key] = keyset.materials.values()
    shown = {
        name for name in machine.files() if is_shown(key, (machine.folder / name).read_bytes())
    }
    assert shown == {"home/data/data-services/keys/audit.json"}
    looked = {name.split("/")[1] for name in machine.mentions(run_id) if name.startswith("dagster")}
    assert {"audit", "history"} <= looked
    assert (machine.home / "simpl_logs" / f"simpl_run_{run_id}.json").stat().st_size
    assert b'"phase":"after"' in b"".join(
        file.read_bytes() for file in (machine.home / "audit").iterdir()
    )


CASES = {
    "success": (remove_duplicates_job, GOOD),
    "a record that cannot be read": (remove_duplicates_job, GOOD + ROW[:-1] + b",surplus\n"),
    "an encoding that is another": (remove_duplicates_job, GOOD + ROW[:-1] + b"\xff\n"),
    "an error that nobody foresaw": (quote_in_an_error.jobs()[0], GOOD),
    "an error of our own": (refuse.jobs()[0], GOOD),
    "a store out of reach": (remove_duplicates_job_s3, GOOD),
}


@pytest.fixture
def study(marked, monkeypatch):
    """A workspace with the root as a resource, in which runs are recorded and kept."""
    folder = marked.folder / "study"
    api.init(str(folder), hostname="lab")
    api.add("local-files", "intermediate-data", str(marked.root), str(folder))
    monkeypatch.setenv("DATA_SERVICES_WORKSPACE", str(folder))
    monkeypatch.setenv("DATA_SERVICES_WORKSPACE_SNAPSHOTS", "true")
    return folder


def steps_in(study):
    return find_and_load_workspace(str(study), batch=True).lineage.all()


def assert_records_unmarked(machine, study):
    """Look into all of a workspace but the contents that its snapshots keep."""
    words = [*CELLS, *(os.environ[name] for name in SECRETS)]
    contents = "study/.dataworkspace/store/packs/"
    looked = {name for name in machine.files() if name.startswith("study/")}
    assert any("/lineage/steps/" in name for name in looked)
    found = machine.mentions(*words, but=[name for name in looked if name.startswith(contents)])
    assert not [name for name in found if name.startswith("study/")]


REFUSED = {"an encoding that is another", "a store out of reach"}  # before the run is on record


@pytest.mark.parametrize("case", [name for name in CASES if name not in REFUSED])
def test_records_of_lineage_hold_nothing_marked_after(marked, study, case):
    job, content = CASES[case]
    marked.put("in.csv", content)
    config = {
        name: {"config": {"path": f"{kind}.csv"}}
        for name, kind in (("read_dataset", "in"), ("write_dataset", "out"))
    }

    with marked.instance() as instance:
        result = job.execute_in_process(
            run_config={"ops": config}, instance=instance, raise_on_error=False
        )
        tags = instance.get_run_by_id(result.run_id).tags

    (step,) = steps_in(study)
    assert (step.run_id, step.is_complete) == (result.run_id, case == "success")
    assert ("data_services/snapshot" in tags) == (case == "success")
    assert not [word for word in CELLS for text in tags.values() if word in text]
    assert_records_unmarked(marked, study)
    out = marked.folder / "exported"
    out.mkdir()
    for form in ("openlineage", "prov", "ro-crate"):
        api.export_lineage(str(out / form), form, str(study))
    assert not [name for name in marked.mentions(*CELLS) if name.startswith("exported/")]


def test_values_in_options_stay_out_of_records_of_lineage(marked, study):
    marked.put("in.csv", GOOD)
    steps = [
        {"step": "replace_text", "columns": ["name"], "pattern": CELLS[0], "replacement": "x"},
        {"step": "nullify", "columns": ["number"], "tokens": [CELLS[2]], "where": "name = 'x'"},
        {"step": "remove_duplicates", "subset": ["name"], "keep": "last"},
    ]
    config = {
        "read_dataset": {"config": {"path": "in.csv"}},
        "clean_data": {"config": {"steps": steps}},
        "write_dataset": {"config": {"path": "out.csv"}},
    }

    with marked.instance() as instance:
        assert clean_data_job.execute_in_process(
            run_config={"ops": config}, instance=instance
        ).success

    (step,) = steps_in(study)
    withheld = "[in the report]"
    assert step.parameters["clean_data"]["steps"] == [
        {
            "step": "replace_text",
            "columns": ["name"],
            "pattern": withheld,
            "replacement": withheld,
        },
        {"step": "nullify", "where": withheld, "columns": ["number"], "tokens": [withheld]},
        {"step": "remove_duplicates", "subset": ["name"], "keep": "last"},
    ]
    assert_records_unmarked(marked, study)


@pytest.mark.parametrize("case", CASES)
def test_nothing_marked_is_left_after(marked, case):
    job, content = CASES[case]
    marked.put("in.csv", content)
    config = {
        name: {"config": {"path": f"{kind}.csv"}}
        for name, kind in (("read_dataset", "in"), ("write_dataset", "out"))
    }
    is_remote = job is remove_duplicates_job_s3
    resources = {"s3": s3_resource.configured({"resource_name": "selfS3"})} if is_remote else None

    with marked.instance() as instance:
        result = job.execute_in_process(
            run_config={"ops": config},
            instance=instance,
            raise_on_error=False,
            resources=resources,
            tags={"user": "ada"},
        )

    assert result.success == (case == "success")
    assert_unmarked(marked, result.run_id)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_nothing_marked_is_left_after_a_run_was_ended_at_work(marked, how):
    marked.put("in.csv", GOOD + ROW * 700_000)
    paths = ["--set", "read_dataset.path=in.csv", "--set", "write_dataset.path=out.csv"]
    long = ["--set", "remove_duplicates.ignore=[case, accents]"]
    process = subprocess.Popen(
        marked.command("run", "remove_duplicates_job", *paths, *long),
        env={**os.environ, **marked.variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    marked.await_work(process)
    process.send_signal(how)
    shown, _ = process.communicate(timeout=60)
    marked.put("in.csv", GOOD)
    answer = marked.run("run", "remove_duplicates_job", *paths)

    assert answer.returncode == 0, answer.stderr
    with marked.instance() as instance:
        for run in instance.get_runs():
            assert_unmarked(marked, run.run_id)
    told = shown.decode() + answer.stdout + answer.stderr
    assert not [word for word in (*CELLS, *(os.environ[name] for name in SECRETS)) if word in told]
