"""Runs of several processes that are killed at instants of chance leave no false record.

Set ``DATA_SERVICES_TEST_KILLS`` to kill more of them, and ``DATA_SERVICES_TEST_SEED`` to kill them
at the instants of an earlier test.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from recorded_runs import at_work, require_true_records

from workspace_core import api

KILLS = int(os.environ.get("DATA_SERVICES_TEST_KILLS", "1"))
SEED = int(os.environ.get("DATA_SERVICES_TEST_SEED", "0")) or time.time_ns() % (1 << 32)
DAGSTER = Path(sys.executable).with_name("dagster")
SOURCE = b"id,name\n" + b"".join(b"%d,name %d\n" % (n, n) for n in range(60_000))
MULTIPROCESS = {"config": {"multiprocess": {"max_concurrent": 1}}}
PROC = Path("/proc")


@pytest.fixture
def work(machine, monkeypatch):
    """A workspace at the storage root of a machine, in which its runs are recorded."""
    api.init(str(machine.root), hostname="lab")
    for name, role in (("raw", "s"), ("clean", "i")):
        (machine.root / name).mkdir()
        api.add("local-files", role, str(machine.root / name), str(machine.root))
    machine.put("raw/in.csv", SOURCE)
    machine.variables["DATA_SERVICES_WORKSPACE"] = str(machine.root)
    return machine.root


def start(machine, config, name):
    (machine.folder / name).write_text(json.dumps({**config, "execution": MULTIPROCESS}))
    module = ["-m", "data_services.repository", "-j", "remove_duplicates_job", "-c", name]
    return subprocess.Popen(
        [str(DAGSTER), "job", "execute", *module],
        env={**os.environ, **machine.variables},
        cwd=machine.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        text=True,
    )


def members(group):
    """Return the processes of a group that have not ended, the newest first."""
    found = []
    for status in PROC.glob("[0-9]*/stat"):
        try:
            state, _, its_group, *others = status.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(its_group) == group and state not in "ZX":
            found.append((int(others[16]), int(status.parent.name)))
    return [number for _, number in sorted(found, reverse=True)]


def kill(process, victim):
    """Kill all processes of a run, that of a step alone, or that of the run without its steps."""
    steps = [one for one in members(process.pid) if one != process.pid]
    chosen = {"all": [process.pid, *steps], "step": steps[:1], "run worker": [process.pid]}[victim]
    for number in chosen:
        os.kill(number, signal.SIGKILL)
    process.communicate()
    while members(process.pid):  # steps whose run worker is gone may go on to their end
        time.sleep(0.05)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("victim", ["all", "step", "run worker"])
def test_killed_runs_of_several_processes_leave_no_false_record(machine, work, run_config, victim):
    chance = random.Random(SEED)  # noqa: S311 - no secret
    names = ["whole", *(f"out-{number}" for number in range(KILLS)), "again"]

    def config(name):
        return run_config("workspace:raw/in.csv", f"workspace:clean/{name}.csv")

    began = time.monotonic()
    whole = start(machine, config("whole"), "whole.json")
    shown, _ = whole.communicate(timeout=300)
    seconds = time.monotonic() - began
    assert whole.returncode == 0, shown

    for number in range(KILLS):
        process = start(machine, config(f"out-{number}"), "killed.json")
        instant = chance.uniform(0.3, 1.0) * seconds
        print(f"seed {SEED}, kill {number} after {instant:.2f} of {seconds:.2f} s")  # noqa: T201
        time.sleep(instant)
        kill(process, victim)
        if victim == "step":  # whose run worker has seen its end, and recorded it
            assert at_work(work) == []

    (machine.folder / "again.json").write_text(json.dumps(config("again")))
    again = machine.run("run", "remove_duplicates_job", "--config", "again.json")

    assert again.returncode == 0, again.stdout + again.stderr
    assert at_work(work) == []
    with machine.instance() as instance:
        statuses = {one.run_id: one.status.value for one in instance.get_runs()}
    steps = require_true_records(work, statuses, [work / f"clean/{name}.csv" for name in names])
    assert sum(one.is_complete for one in steps.values()) >= 2
