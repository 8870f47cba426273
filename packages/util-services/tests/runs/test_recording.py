"""What recorders are told of a run, and when; the recorder here is a plugin that writes a diary."""

import hashlib
import json

import dagster as dg
import pytest
from blake3 import blake3

from util_services.flow.operate import Dataset, Outcome
from util_services.operation import operation
from util_services.plugins.manager import plugin_manager

CSV = b"id,name\n1,x\n2,y\n"
PLUGIN = """
import json, os
from contextlib import contextmanager
from pathlib import Path

from util_services.errors import DatasetError
from util_services.plugins import hookimpl
from util_services.runs.recorders import Recorded


class Diary:
    name = "diary"

    def is_wanted(self):
        return "DIARY" in os.environ

    def _note(self, what, **facts):
        out = Path(os.environ["DATA_SERVICES_ROOT"], "out.csv").exists()
        with open(os.environ["DIARY"], "a") as diary:
            diary.write(json.dumps({"what": what, "is_published": out, **facts}) + "\\n")
        if os.environ.get("REFUSED") == what:
            raise DatasetError(f"There is no room for {what}.")

    def check(self):
        self._note("check")

    def settle(self, is_over):
        self._note("settle", nobody=is_over("nobody"))

    def begin(self, start):
        self._note(
            "begin",
            run=start.run_id,
            job=start.job,
            versions=sorted(start.versions),
            parameters=start.parameters,
            inputs=[one.to_dict() for one in start.inputs],
            outputs=[one.path for one in start.outputs],
            tags=dict(start.tags),
        )

    @contextmanager
    def at_work(self, run_id):
        yield

    @contextmanager
    def publishing(self, run_id):
        self._note("publishing")
        yield

    def read(self, run_id, files):
        self._note("read", files=[one.to_dict() for one in files])

    def announce(self, run_id, files):
        self._note("announce", files=[one.to_dict() for one in files])

    def complete(self, run_id):
        self._note("complete")
        return Recorded("page 1", "version 1", None, ("Mind the gap.",))

    def fail(self, run_id, error):
        self._note("fail", error=error)


@hookimpl
def register_recorders():
    return [Diary()]
"""


class KeepAllConfig(dg.Config):
    """Nothing much."""

    word: str = ""


@operation()
def keep_all(dataset: Dataset, config: KeepAllConfig) -> Outcome:
    """Keep all rows."""
    if config.word == "fail":
        raise RuntimeError(config.word)
    return Outcome(dataset.scan())


@pytest.fixture
def diary(tmp_path, monkeypatch):
    """A plugin with a recorder, and what reads its diary."""
    folder = tmp_path / "plugin"
    info = folder / "diary-1.0.dist-info"
    info.mkdir(parents=True)
    (folder / "diary_plugin.py").write_text(PLUGIN)
    (info / "METADATA").write_text("Metadata-Version: 2.4\nName: diary\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[data_services]\ndiary = diary_plugin\n")
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv("DATA_SERVICES_PLUGINS", "util-services,diary")
    monkeypatch.setenv("DIARY", str(tmp_path / "diary"))
    plugin_manager.cache_clear()
    yield lambda: [json.loads(line) for line in (tmp_path / "diary").read_text().splitlines()]
    plugin_manager.cache_clear()


@pytest.fixture
def start(tmp_path, monkeypatch):
    """Return what runs the job on a root with one file."""
    root, home = tmp_path / "root", tmp_path / "home"
    root.mkdir()
    home.mkdir()
    (root / "in.csv").write_bytes(CSV)
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    monkeypatch.setenv("DATA_SERVICES_ROOT", str(root))
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    monkeypatch.setenv("DATA_SERVICES_AUDIT_DIR", str(home / "audit"))
    with dg.DagsterInstance.from_config(str(home)) as instance:

        def run(**config):
            job, _ = keep_all.jobs()
            ops = {
                "read_dataset": {"config": {"path": "in.csv"}},
                "keep_all": {"config": config},
                "write_dataset": {"config": {"path": "out.csv"}},
            }
            done = job.execute_in_process(
                run_config={"ops": ops},
                instance=instance,
                raise_on_error=False,
                tags={"data_services/colour": "blue", "other": "tag"},
            )
            return done, instance.get_run_by_id(done.run_id)

        yield run


def reason(done):
    (failure,) = [one for one in done.all_events if one.event_type_value == "STEP_FAILURE"]
    return failure.step_failure_data.user_failure_data.description


def test_a_recorder_is_told_of_a_run_in_this_order(diary, start, tmp_path):
    done, run = start(word="x")

    assert done.success
    told = diary()
    order = ["check", "settle", "begin", "read", "publishing", "announce", "complete"]
    assert [one["what"] for one in told] == order
    assert [one["is_published"] for one in told] == [False] * 6 + [True]
    begin, read, announced = told[2], told[3], told[5]
    assert (begin["run"], begin["job"]) == (done.run_id, "keep_all_job")
    assert {"util-services", "dagster"} <= set(begin["versions"])
    assert begin["outputs"][0] == "out.csv"
    assert begin["tags"] == {"data_services/colour": "blue"}
    assert begin["parameters"]["keep_all"] == {"word": "[in the report]"}
    assert begin["inputs"][0]["sha256"] is None
    (one,) = read["files"]
    assert (one["path"], one["address"], one["bytes"], one["is_local"]) == (
        "in.csv",
        str(tmp_path / "root/in.csv"),
        len(CSV),
        True,
    )
    assert one["sha256"] == hashlib.sha256(CSV).hexdigest()
    assert one["blake3"] == blake3(CSV).hexdigest()
    assert [one["path"] for one in announced["files"]] == [
        "out.csv",
        "out.csv.report.html",
        "out.csv.report.json",
    ]
    for one in announced["files"]:
        content = (tmp_path / "root" / one["path"]).read_bytes()
        assert one["sha256"] == hashlib.sha256(content).hexdigest()
        assert one["blake3"] == blake3(content).hexdigest()
        assert one["bytes"] == len(content)
    assert run.tags["data_services/lineage"] == "page 1"
    assert run.tags["data_services/data_version"] == "version 1"
    assert "data_services/snapshot" not in run.tags


def test_a_recorder_that_nobody_asks_for_is_told_nothing(diary, start, monkeypatch, tmp_path):
    monkeypatch.delenv("DIARY")

    assert start()[0].success

    assert not (tmp_path / "diary").exists()


@pytest.mark.parametrize("what", ["check", "settle", "begin", "read", "publishing"])
def test_a_recorder_that_refuses_keeps_the_run_from_publishing(
    diary, start, monkeypatch, tmp_path, what
):
    monkeypatch.setenv("REFUSED", what)

    done, _ = start()

    assert reason(done) == f"There is no room for {what}."
    assert [one.name for one in (tmp_path / "root").glob("[!.]*")] == ["in.csv"]
    assert diary()[-1]["what"] in {"fail", "settle"}


def test_nothing_appears_that_a_recorder_cannot_keep(diary, start, monkeypatch, tmp_path):
    monkeypatch.setenv("REFUSED", "announce")

    done, _ = start()

    assert reason(done) == (
        "What was about to be published cannot be recorded, so it is not. There is no room for "
        "announce."
    )
    assert [one.name for one in (tmp_path / "root").glob("[!.]*")] == ["in.csv"]


def test_a_record_that_fails_when_all_has_appeared_is_told_so(diary, start, monkeypatch, tmp_path):
    monkeypatch.setenv("REFUSED", "complete")

    done, _ = start()

    assert reason(done) == (
        "The output is published, but its lineage is not recorded. There is no room for complete."
    )
    assert (tmp_path / "root/out.csv").read_bytes() == CSV
    assert diary()[-1]["what"] == "fail"


def test_a_recorder_hears_of_a_failure_by_its_class(diary, start):
    done, _ = start(word="fail")

    assert not done.success
    (failed,) = [one for one in diary() if one["what"] == "fail"]
    assert failed["error"] == "RuntimeError"
