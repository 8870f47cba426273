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
from recorded_runs import require_true_records

KILLS = int(os.environ.get("DATA_SERVICES_TEST_KILLS", "4"))
SEED = int(os.environ.get("DATA_SERVICES_TEST_SEED", "0")) or time.time_ns() % (1 << 32)
PROGRAM = Path(__file__).with_name("killed_job.py")


def start(moment, target):
    return subprocess.run(
        [sys.executable, PROGRAM, str(moment), "workspace:raw/a.csv", target],
        capture_output=True,
        text=True,
        check=False,
    )


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

    killed = 0
    for moment in chosen:
        ended = start(moment, f"workspace:clean/{moment}/b.csv")
        # One run polls and writes more often than another: it may end before its moment comes.
        assert ended.returncode == -signal.SIGKILL or " SUCCESS " in ended.stdout, ended.stderr
        killed += ended.returncode == -signal.SIGKILL
    assert killed

    last = start(0, "workspace:clean/last/b.csv")  # which settles what the others have left

    assert " SUCCESS " in last.stdout, last.stdout + last.stderr
    assert lab.at_work() == []
    statuses = {one.run_id: one.status.value for one in lab.instance.get_runs()}
    outputs = [lab.folder / f"clean/{name}/b.csv" for name in ("whole", "last", *chosen)]
    steps = require_true_records(lab.folder, statuses, outputs)
    assert sum(one.is_complete for one in steps.values()) >= 2 + len(chosen) - killed
