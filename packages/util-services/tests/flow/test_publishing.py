import errno
import hashlib
import json
import os
import signal
import subprocess
import sys
import time

import pytest

from util_services.errors import ConfigurationError, StorageError
from util_services.flow.changes import SourceChangedError
from util_services.flow.operate import Outcome
from util_services.flow.publish import NotConservedError

CONTENT = b"a,b\n1,x\n2,y\n"


def names(flow):
    return sorted(path.name for path in flow.storage.root.iterdir())


def test_reports_and_data_appear_together(flow):
    published = flow.run(flow.put("in.csv", CONTENT), "out.csv")

    report = json.loads(flow.get("out.csv.report.json"))
    assert names(flow) == ["in.csv", "out.csv", "out.csv.report.html", "out.csv.report.json"]
    assert report == published.report.to_dict()
    assert report["output"]["sha256"] == hashlib.sha256(flow.get("out.csv")).hexdigest()
    assert report["output"]["bytes"] == len(flow.get("out.csv"))
    assert report["input"]["sha256"] == hashlib.sha256(CONTENT).hexdigest()
    assert report["rows"] == {"in": 2, "out": 2, "dropped": 0, "quarantined": 0}
    assert flow.get("in.csv") == CONTENT


def test_equal_runs_give_equal_bytes_and_reports(make_flow):
    results = []
    for flow in (make_flow(), make_flow()):
        flow.run(flow.put("in.csv", CONTENT), "out.parquet")
        results.append((flow.get("out.parquet"), flow.get("out.parquet.report.json")))

    assert results[0] == results[1]


def break_at(monkeypatch, call, fault):
    """Make a call of the operating system fail when the data arrive, as a broken disk does."""
    really = getattr(os, call)

    def broken(source, target, **options):
        if str(target).endswith("out.csv"):
            raise fault
        really(source, target, **options)

    monkeypatch.setattr(os, call, broken)


def test_no_report_is_left_of_data_that_never_appeared(flow, monkeypatch):
    flow.put("in.csv", CONTENT)
    break_at(monkeypatch, "link", OSError(errno.EIO, "x"))

    with pytest.raises(StorageError, match="Input/output error"):
        flow.run("in.csv", "out.csv")

    assert names(flow) == ["in.csv"]


def test_an_interrupt_at_the_commit_leaves_nothing(flow, monkeypatch):
    flow.put("in.csv", CONTENT)
    break_at(monkeypatch, "link", KeyboardInterrupt())

    with pytest.raises(KeyboardInterrupt):
        flow.run("in.csv", "out.csv")

    assert names(flow) == ["in.csv"]


def test_orphaned_reports_of_a_killed_run_are_replaced(flow):
    flow.run(flow.put("in.csv", CONTENT), "out.csv")
    (flow.storage.root / "out.csv").unlink()

    flow.run(flow.put("other.csv", b"a,b\n9,z\n"), "out.csv")

    report = json.loads(flow.get("out.csv.report.json"))
    assert report["output"]["sha256"] == hashlib.sha256(flow.get("out.csv")).hexdigest()
    assert b"other<wbr>.csv" in flow.get("out.csv.report.html")


@pytest.mark.parametrize("ending", [".report.json", ".report.html"])
@pytest.mark.parametrize("content", [b"old", b"[]", b'{"schema": 1}', b"\xff"])
def test_a_file_that_is_no_report_is_not_taken_for_an_orphan(flow, ending, content):
    flow.put(f"out.csv{ending}", content)

    with pytest.raises(StorageError, match="already exists"):
        flow.run(flow.put("in.csv", CONTENT), "out.csv")

    assert flow.get(f"out.csv{ending}") == content
    assert names(flow) == ["in.csv", f"out.csv{ending}"]


@pytest.mark.parametrize("fault", [OSError(errno.EIO, "x"), KeyboardInterrupt()])
def test_data_that_cannot_be_replaced_keep_their_reports(flow, monkeypatch, fault):
    flow.run(flow.put("in.csv", CONTENT), "out.csv")
    before = {name: flow.get(name) for name in names(flow)}
    flow.put("in.csv", b"a,b\n9,z\n")
    break_at(monkeypatch, "replace", fault)
    break_at(monkeypatch, "rename", fault)

    with pytest.raises((StorageError, KeyboardInterrupt)):
        flow.run("in.csv", "out.csv", overwrite=True)

    assert {name: flow.get(name) for name in names(flow)} == before | {"in.csv": b"a,b\n9,z\n"}


def test_an_existing_output_and_its_reports_are_left_alone(flow):
    flow.put("in.csv", CONTENT)
    flow.run("in.csv", "out.csv")
    before = {name: flow.get(name) for name in names(flow)}

    with pytest.raises(StorageError, match=r"already exists; choose another path or set"):
        flow.run("in.csv", "out.csv")

    assert {name: flow.get(name) for name in names(flow)} == before


def test_an_output_is_replaced_where_that_is_asked_for(flow):
    flow.put("out.csv", b"old")

    flow.run(flow.put("in.csv", CONTENT), "out.csv", overwrite=True)

    assert flow.get("out.csv") == CONTENT


def test_rows_that_are_unaccounted_for_are_not_published(flow):
    flow.put("in.csv", CONTENT)

    with pytest.raises(NotConservedError) as refused:
        flow.run("in.csv", "out.csv", lambda given: Outcome(given.scan().head(1)))

    assert str(refused.value) == (
        "'keep' was given 2 rows but accounts for 1 kept, 0 dropped and 0 quarantined; nothing was "
        "published, report this as a defect."
    )
    assert names(flow) == ["in.csv"]


@pytest.mark.parametrize("changed", [CONTENT + b"3,z\n", CONTENT.replace(b"1", b"9")])
def test_a_source_that_changes_while_it_is_read_is_refused(flow, changed):
    flow.put("in.csv", CONTENT)

    class Restless(flow.engine_class):
        def stage(self, *arguments):
            rows = super().stage(*arguments)
            flow.put("in.csv", changed)
            return rows

    flow.engine_class = Restless
    with pytest.raises(SourceChangedError) as refused:
        flow.run("in.csv", "out.csv")

    assert str(refused.value) == (
        "The source 'in.csv' changed during the run; run again when it is at rest."
    )


def test_a_source_that_changes_while_it_is_worked_on_is_refused(flow):
    flow.run(flow.put("first.csv", CONTENT), "in.parquet")
    flow.run("first.csv", "other.parquet")

    def replace_source(given):
        (flow.storage.root / "other.parquet").replace(flow.storage.root / "in.parquet")
        return Outcome(given.scan())

    with pytest.raises(SourceChangedError):
        flow.run("in.parquet", "out.csv", replace_source)

    assert "out.csv" not in names(flow)


@pytest.mark.parametrize(
    "output", ["in.csv", "./in.csv", "folder/../in.csv", "link.csv", "{root}/in.csv"]
)
@pytest.mark.parametrize("overwrite", [False, True])
def test_the_output_is_never_the_input(flow, output, overwrite):
    flow.put("in.csv", CONTENT)
    (flow.storage.root / "link.csv").symlink_to("in.csv")

    with pytest.raises(ConfigurationError, match="is the input itself; choose another path"):
        flow.run("in.csv", output.format(root=flow.storage.root), overwrite=overwrite)

    assert flow.get("in.csv") == CONTENT


@pytest.mark.parametrize("ending", [".report.json", ".report.html"])
def test_a_report_is_never_the_input(flow, ending):
    flow.put(f"out.csv{ending}", CONTENT)

    with pytest.raises(ConfigurationError, match="or a report beside it is the input itself"):
        flow.run(f"out.csv{ending}", "out.csv", reading={"format": "csv"})

    assert flow.get(f"out.csv{ending}") == CONTENT


@pytest.mark.parametrize("path", ["out/out.csv", "_test_runs/../out.csv", "_test_runs/out.csv"])
def test_a_slice_is_written_below_test_runs_and_marked(flow, path):
    flow.put("in.csv", CONTENT)

    published = flow.run("in.csv", path, reading={"limit_rows": 1})

    assert published.location.path == f"{flow.storage.root}/_test_runs/run-1/out.csv"
    assert published.report.input.limit_rows == 1
    assert published.rows == 1


def test_an_output_that_cannot_be_made_is_refused_before_rows_are_read(flow):
    flow.put("in.csv", CONTENT)

    with pytest.raises(StorageError, match="is a file, not a folder"):
        flow.run("in.csv", "in.csv/out.csv")

    assert names(flow) == ["in.csv"]


WRITER = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[2])
import importlib.util
spec = importlib.util.spec_from_file_location("tools", sys.argv[2])
tools = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tools)
flow = tools.Flow(Path(sys.argv[1]))
import os
link = os.link
def halt(source, target, **options):
    print("publishing", target.name, flush=True)
    time.sleep(60)
os.link = halt
flow.run("in.csv", "out.csv")
"""


def test_a_kill_right_before_the_commit_leaves_no_output(flow, request):
    flow.put("in.csv", CONTENT)
    tools = request.path.parent.parent / "conftest.py"
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(flow.storage.root.parent), str(tools)],
        stdout=subprocess.PIPE,
    )
    try:
        while b"out.csv\n" not in (line := process.stdout.readline()):
            assert line
        time.sleep(0.1)
        process.send_signal(signal.SIGKILL)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()

    assert "out.csv" not in names(flow)
    assert flow.get("in.csv") == CONTENT
    flow.run("in.csv", "out.csv")
    assert flow.get("out.csv") == CONTENT
