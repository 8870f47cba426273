"""Many processes at once, and processes that are killed at instants of chance.

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

import pytest

from util_services.audit.chain import Link

KILLS = int(os.environ.get("DATA_SERVICES_TEST_KILLS", "4"))
SEED = int(os.environ.get("DATA_SERVICES_TEST_SEED", "0")) or time.time_ns() % (1 << 32)
PROCESSES, RECORDS = 8, 60

WRITE = """
import sys
from pathlib import Path
from util_services.audit import WorkRecord, record
from util_services.logs.json_lines import append_record

name, count, log = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
number = 0
while number < count or count == 0:
    entry = WorkRecord("tea", user=name, facts={"number": number, "filling": "x" * 900})
    link = record(entry)
    record(entry.after("success"))
    append_record(log, {"writer": name, "number": number, "link": str(link)})
    number += 1
    print(link, flush=True)
"""


@pytest.fixture
def start(audit, tmp_path, clean_environment):
    """Return a function that starts a process which logs and audits."""
    environment = os.environ | audit.environment()

    def start_one(name, count):
        return subprocess.Popen(
            [sys.executable, "-c", WRITE, name, str(count), tmp_path / "log.jsonl"],
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )

    return start_one


def test_eight_processes_log_and_audit_at_once(audit, start, tmp_path):
    processes = [start(str(number), RECORDS) for number in range(PROCESSES)]
    told = [process.communicate()[0].split() for process in processes]

    assert [process.returncode for process in processes] == [0] * PROCESSES
    found = audit.verify()
    assert found.is_whole
    assert (found.notes, found.open) == ([], {})
    work = [record for record in audit.records() if record["kind"] == "work"]
    counted = sorted((r["user"], r["facts"]["number"], r["phase"]) for r in work)
    assert counted == sorted(
        (str(process), number, phase)
        for process in range(PROCESSES)
        for number in range(RECORDS)
        for phase in ("before", "after")
    )
    logged = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert sorted(line["link"] for line in logged) == sorted(link for one in told for link in one)
    assert len(found.chains) <= PROCESSES


@pytest.mark.timeout(900)
def test_killed_writers_break_no_chain_and_lose_no_confirmed_record(audit, start, tmp_path):
    chance = random.Random(SEED)  # noqa: S311 - no secret
    confirmed = []
    for number in range(KILLS):
        processes = [start(f"{number}-{one}", 0) for one in range(2)]
        first = [process.stdout.readline() for process in processes]
        instant = chance.uniform(0, 0.2)
        print(f"seed {SEED}, kill {number} after {instant:.3f} s")  # noqa: T201
        time.sleep(instant)
        for process, shown in zip(processes, first, strict=True):
            process.send_signal(signal.SIGKILL)
            lines = (shown + process.communicate()[0]).splitlines(keepends=True)
            confirmed += [Link.parse(line.strip()) for line in lines if line.endswith("\n")]
        assert audit.found(*confirmed) == []

    audit.write(1)

    found = audit.verify(*confirmed)
    assert found.is_whole
    assert found.anchors >= 2 * KILLS
    assert len(found.open) <= 2 * KILLS
    assert len(found.chains) == 2
