"""Runs that are killed at instants of chance leave nothing once another run has begun.

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

KILLS = int(os.environ.get("DATA_SERVICES_TEST_KILLS", "4"))
SEED = int(os.environ.get("DATA_SERVICES_TEST_SEED", "0")) or time.time_ns() % (1 << 32)
KEYS = Path(f"/dev/shm/data-services-keys-{os.getuid()}")  # noqa: S108 - in memory
NAME = "Jane-Roe-canary"
DAGSTER = Path(sys.executable).with_name("dagster")
ROWS = 60_000
SOURCE = b"id,name\n" + b"".join(b"%d,%s %d\n" % (n, NAME.encode(), n) for n in range(ROWS))
MULTIPROCESS = {"config": {"multiprocess": {"max_concurrent": 1}}}


def command_line(machine, config, name):
    (machine.folder / name).write_text(json.dumps(config))
    return machine.command("run", "remove_duplicates_job", "--config", name)


def multiprocess(machine, config, name):
    (machine.folder / name).write_text(json.dumps({**config, "execution": MULTIPROCESS}))
    module = ["-m", "data_services.repository", "-j", "remove_duplicates_job", "-c", name]
    return [str(DAGSTER), "job", "execute", *module]


DOORS = {"command line": command_line, "multiprocess executor": multiprocess}
ENCRYPTED = [("command line", False), ("command line", True), ("multiprocess executor", False)]


def start(machine, command):
    return subprocess.Popen(
        command,
        env={**os.environ, **machine.variables},
        cwd=machine.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        text=True,
    )


def csv_files(machine):
    """Return source and outputs, by their names."""
    return {n for n in machine.outputs() if n.endswith(".csv") and "/." not in n}


def kill_all(process):
    """Kill a process and all that it started, as a power cut does."""
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


@pytest.mark.timeout(900)
@pytest.mark.parametrize(("door", "is_encrypted"), ENCRYPTED)
def test_killed_runs_leave_nothing_once_another_run_has_begun(
    machine, run_config, door, is_encrypted
):
    machine.variables["DATA_SERVICES_STAGING_ENCRYPTION"] = str(is_encrypted)
    command, chance = DOORS[door], random.Random(SEED)  # noqa: S311 - no secret
    machine.put("in.csv", SOURCE)
    began = time.monotonic()
    whole = start(machine, command(machine, run_config(output="whole.csv"), "whole.json"))
    shown, _ = whole.communicate(timeout=300)
    seconds = time.monotonic() - began
    assert whole.returncode == 0, shown
    expected = machine.get("whole.csv")
    assert expected.count(NAME.encode()) == ROWS

    for number in range(KILLS):
        output = f"out-{number}.csv"
        process = start(machine, command(machine, run_config(output=output), "killed.json"))
        instant = chance.uniform(0.3, 1.1) * seconds
        print(f"seed {SEED}, kill {number} after {instant:.2f} of {seconds:.2f} s")  # noqa: T201
        time.sleep(instant)
        kill_all(process)
        if (machine.root / output).exists():
            assert machine.get(output) == expected
            assert (machine.root / f"{output}.report.json").exists()
        assert machine.get("in.csv") == SOURCE
        if is_encrypted:
            assert machine.mentions(NAME, but=csv_files(machine)) == set()

    config = run_config(output="again.csv")
    again = start(machine, command_line(machine, config, "again.json"))  # which reports dead runs
    shown, _ = again.communicate(timeout=300)

    assert again.returncode == 0, shown
    assert machine.get("again.csv") == expected
    assert machine.get("in.csv") == SOURCE
    assert machine.mentions(NAME, but=csv_files(machine)) == set()
    hidden = [name for name in machine.outputs() if "/." in name]
    assert hidden == []
    assert not [path for path in machine.folder.rglob("*staging*") if path.is_dir()]
    with machine.instance() as instance:
        runs = instance.get_runs()
        ended = {run.status.value for run in runs}
    assert not {run.run_id for run in runs} & {file.name for file in KEYS.glob("*")}
    assert ended <= {"SUCCESS", "FAILURE"}
    verified = machine.run("audit", "verify", "--json")
    assert (verified.returncode, json.loads(verified.stdout)["open"]) == (0, [])
    listed = json.loads(machine.run("audit", "list", "--json").stdout)["records"]
    begun, over = ({r["work"] for r in listed if r["phase"] == p} for p in ("before", "after"))
    assert begun <= over <= {run.run_id for run in runs}
    assert len(begun) >= 2


def test_part_files_without_their_manifest_are_no_dataset(machine, run_config):
    machine.put("in.csv", SOURCE)

    def parts(output, **options):
        config = run_config(output=output)
        writing = {"format": "csv", "part_rows": 400, **options}
        config["ops"]["write_dataset"]["config"] |= writing
        return command_line(machine, config, "parts.json")

    def published(folder):
        return {file.name: file.read_bytes() for file in (machine.root / folder).iterdir()}

    whole = start(machine, parts("whole/"))
    shown, _ = whole.communicate(timeout=300)
    assert whole.returncode == 0, shown
    expected = published("whole")

    process = start(machine, parts("out/"))
    while process.poll() is None and not list((machine.root / "out").glob("part-*")):
        time.sleep(0.001)
    kill_all(process)
    is_whole = (machine.root / "out/_manifest.json").exists()
    reading = start(machine, command_line(machine, run_config("out/", "back.csv"), "read.json"))
    shown, _ = reading.communicate(timeout=300)

    if is_whole:  # it may be fast
        assert reading.returncode == 0, shown
        assert machine.get("back.csv") == SOURCE
    else:
        assert reading.returncode == 2, shown
        assert "is being published, or a run died while it did" in shown
        assert not (machine.root / "back.csv").exists()

    again = start(machine, parts("out/", overwrite=True))
    shown, _ = again.communicate(timeout=300)
    assert again.returncode == 0, shown
    assert published("out") == expected
