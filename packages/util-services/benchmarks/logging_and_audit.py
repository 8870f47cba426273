"""What the log and the audit cost: lines per second, and their share of a run.

    uv run python packages/util-services/benchmarks/logging_and_audit.py --rows 1000000

Lines: one process, then several at once, append as fast as they can; an audit record is on disk
before the next one begins. Share: `remove_duplicates_job` runs on a CSV file as the command line
runs it, in a process of its own for each measurement. The time inside the log and the audit (tags
in Dagster's storage included) is taken within that process; beside it stands the run with both
taken out, in turns. Of each figure the best of several rounds counts. Trust the shares of one run,
not the seconds.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import generate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PROCESSES = 8
JOB = "remove_duplicates_job"


def write_lines(kind: str, count: int, folder: Path) -> float:
    """Write lines of a log or records of an audit; return the seconds that it took."""
    from util_services.audit import WorkRecord, record
    from util_services.custom_json_logger import SimplLogHandler

    entry = WorkRecord("run", user="ada", purpose="benchmark").after("success", counts={"rows": 1})
    record(entry)  # the chain is taken, and its key made
    handler, said = SimplLogHandler(folder), "Read 1000000 rows and 11 columns in 1.07 s."
    line = logging.makeLogRecord({"levelno": logging.INFO})
    line.dagster_meta = {
        "run_id": "shared", "dagster_event": None, "orig_message": said, "op_name": "read_dataset"
    }  # fmt: skip
    began = time.perf_counter()
    for _ in range(count):
        if kind == "audit":
            record(entry)
        else:
            handler.emit(line)
    return time.perf_counter() - began


def lines_per_second(kind: str, count: int, processes: int) -> float:
    """Return how many lines some processes write in a second, all together."""
    with tempfile.TemporaryDirectory(prefix="audit-benchmark-") as place:
        command = [sys.executable, __file__, "--write", kind, str(count), place]
        environment = os.environ | {"DAGSTER_HOME": place, "DATA_SERVICES_KEYS": f"{place}/keys"}
        started = [
            subprocess.Popen(command, env=environment, stdout=subprocess.PIPE)  # noqa: S603
            for _ in range(processes)
        ]
        seconds = [float(process.communicate()[0]) for process in started]
    return processes * count / max(seconds)


def records_verified_per_second(count: int) -> float:
    """Return how many records are verified in a second."""
    from util_services.audit.key import AuditKey
    from util_services.audit.record import WorkRecord
    from util_services.audit.verify import verify
    from util_services.audit.writer import Writer
    from util_services.keys import Keyset

    with tempfile.TemporaryDirectory(prefix="audit-benchmark-") as place:
        key = AuditKey.of(Keyset.generate("audit", purpose="audit").primary)
        writer = Writer(Path(place), key)
        fields = WorkRecord("run", user="ada").after("success").to_dict()
        for _ in range(count):
            writer.append("work", fields)
        began = time.perf_counter()
        assert verify(Path(place), [key]).is_whole
        return count / (time.perf_counter() - began)


class Spent:
    """The seconds that some functions took, those within one another counted once."""

    def __init__(self) -> None:
        self.seconds, self._depth = 0.0, 0

    def within(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function whose time is counted."""

        def timed(*arguments: Any, **options: Any) -> Any:
            self._depth += 1
            began = time.perf_counter()
            try:
                return function(*arguments, **options)
            finally:
                self._depth -= 1
                if not self._depth:
                    self.seconds += time.perf_counter() - began

        return timed


def run(variant: str, folder: Path) -> dict[str, float]:
    """Run the job once and say how long it took, and how much of that log and audit did."""
    places = {"DATA_SERVICES_ROOT": "", "DAGSTER_HOME": "home", "DATA_SERVICES_KEYS": "keys"}
    os.environ |= {name: str(folder / place) for name, place in places.items()}
    from util_services import ops
    from util_services.custom_json_logger import SimplLogHandler
    from util_services.location.jobs import find_job
    from util_services.runs import auditing, execute, run_facts
    from util_services.runs.home import prepare_home

    audit, log = Spent(), Spent()
    if variant == "without":
        SimplLogHandler.emit = lambda *_: None
        ops.audited_step = _nothing_recorded  # type: ignore[assignment]
        run_facts.link_before = lambda *_: None
        execute.begin_or_leave = execute.close = lambda *_: None
    else:
        SimplLogHandler.emit = log.within(SimplLogHandler.emit)  # type: ignore[method-assign]
        auditing.begin = audit.within(auditing.begin)
        auditing.StepAudit.commit = audit.within(auditing.StepAudit.commit)  # type: ignore[method-assign]
        auditing.StepAudit.success = audit.within(auditing.StepAudit.success)  # type: ignore[method-assign]
        ops.link_before = audit.within(ops.link_before)
        execute.close = audit.within(execute.close)
    job, run_id = find_job(JOB), execute.new_run_id()
    config = {
        "ops": {
            "read_dataset": {"config": {"path": "in.csv"}},
            "write_dataset": {"config": {"path": f"out-{variant}.csv", "overwrite": True}},
        },
        "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
    }
    with execute.open_instance(prepare_home()) as instance:
        began = time.perf_counter()
        finished = execute.run_job(job, config, run_id, instance)
        seconds = time.perf_counter() - began
    assert finished.succeeded, finished.reason
    return {"seconds": seconds, "audit": audit.seconds, "log": log.seconds}


@contextmanager
def _nothing_recorded(_context: Any) -> Iterator[Any]:
    class Silent:
        commit = success = staticmethod(lambda *_: None)

    yield Silent()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--lines", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--write", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--run", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.write:
        kind, count, place = given.write
        print(write_lines(kind, int(count), Path(place)))
        return
    if given.run:
        variant, place = given.run
        print(json.dumps(run(variant, Path(place))))
        return
    for kind in ("log", "audit"):
        for processes in (1, PROCESSES):
            rate = lines_per_second(kind, given.lines, processes)
            print(f"{kind:>6}: {rate:8,.0f} lines a second from {processes} processes")
    print(f"verify: {records_verified_per_second(given.lines):8,.0f} records a second")
    with tempfile.TemporaryDirectory(prefix="audit-benchmark-") as place:
        generate.generate_csv(given.rows, Path(place) / "in.csv")
        found: dict[str, list[dict[str, float]]] = {"with": [], "without": []}
        for _ in range(given.rounds):
            for variant, runs in found.items():
                command = [sys.executable, __file__, "--run", variant, place]
                answer = subprocess.run(command, check=True, stdout=subprocess.PIPE)  # noqa: S603
                runs.append(json.loads(answer.stdout.splitlines()[-1]))
    best = {
        name: {what: min(run[what] for run in runs) for what in ("seconds", "audit", "log")}
        for name, runs in found.items()
    }
    whole = best["with"]["seconds"]
    print(f"{JOB}, {given.rows} rows, best of {given.rounds}: {whole:.2f} s")
    for name in ("audit", "log"):
        seconds = best["with"][name]
        print(f"{name:>6}: {1000 * seconds:5.0f} ms within it, {seconds / whole:.2%} of the run")
    print(f"without both: {best['without']['seconds']:.2f} s")


if __name__ == "__main__":
    main()
