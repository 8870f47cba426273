"""A run that is killed at any moment at which it changes something leaves no false record.

Set ``DATA_SERVICES_TEST_KILLS`` to kill at more moments, and ``DATA_SERVICES_TEST_SEED`` to kill at
those of an earlier test.
"""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from blake3 import blake3

from workspace_core.lineage.questions import questions

KILLS = int(os.environ.get("DATA_SERVICES_TEST_KILLS", "4"))
SEED = int(os.environ.get("DATA_SERVICES_TEST_SEED", "0")) or time.time_ns() % (1 << 32)
PROGRAM = Path(__file__).with_name("killed_job.py")
NAMES = ("b.csv", "b.csv.report.html", "b.csv.report.json")


def start(moment, target):
    return subprocess.run(
        [sys.executable, PROGRAM, str(moment), "workspace:raw/a.csv", target],
        capture_output=True,
        text=True,
        check=False,
    )


def content_id(file):
    return f"blake3:{blake3(file.read_bytes()).hexdigest()}"


@pytest.mark.timeout(900)
@pytest.mark.parametrize("snapshots", ["false", "true"])
def test_a_run_that_is_killed_at_any_moment_leaves_no_false_record(lab, monkeypatch, snapshots):
    monkeypatch.setenv("DATA_SERVICES_WORKSPACE_SNAPSHOTS", snapshots)
    whole = start(0, "workspace:clean/whole/b.csv")
    assert " SUCCESS " in whole.stdout, whole.stderr
    moments = int(whole.stdout.split()[0])
    chance = random.Random(SEED)
    chosen = sorted(chance.sample(range(1, moments), min(KILLS, moments - 1)))
    print(f"seed {SEED}, killed at {chosen} of {moments}")  # noqa: T201

    for moment in chosen:
        killed = start(moment, f"workspace:clean/{moment}/b.csv")
        assert killed.returncode == -signal.SIGKILL, killed.stdout

    last = start(0, "workspace:clean/last/b.csv")  # which settles what the others have left

    assert " SUCCESS " in last.stdout, last.stdout + last.stderr
    assert lab.at_work() == []
    steps = {one.run_id: one for one in lab.steps()}
    assert len(steps) == len(lab.steps())
    runs = {one.run_id: one for one in lab.instance.get_runs()}
    assert steps.keys() <= runs.keys()
    vouched, left = {}, set()
    for step in steps.values():
        assert (step.status == "complete") == bool(step.output_resources)
        vouched |= {one.ref: one.hashval for one in step.output_resources}
        left |= {(ref.name, ref.path) for ref in step.unfinished}
    for ref, hashval in vouched.items():
        assert content_id(lab.folder / ref.name / ref.path) == hashval
    folders = [one for one in (lab.folder / "clean").iterdir() if not one.name.startswith(".")]
    asked = questions(lab.workspace)
    for file in (file for folder in folders for file in folder.iterdir() if file.name in NAMES):
        ref = asked.reference(str(file))
        assert ref in vouched or (ref.name, ref.path) in left, file
    succeeded = {run_id for run_id, run in runs.items() if run.status.value == "SUCCESS"}
    assert {one.run_id for one in steps.values() if one.is_complete} >= succeeded
    for one in lab.workspace.list_snapshots():
        assert steps[one.more["run"]["run_id"]].is_complete
