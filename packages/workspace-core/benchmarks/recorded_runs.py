"""What it costs to record a run: a job on a million rows with and without a workspace, in turns.

    python packages/workspace-core/benchmarks/recorded_runs.py --rounds 7

Both run in this process on one Dagster instance, after a round that does not count. Told are the
median of the clock and of processor time (user and system, children included), and by how much the
latter grows; a busy machine moves the clock. The job is `remove_duplicates`, of `data-processing`.
"""

from __future__ import annotations

import argparse
import logging
import os
import resource
import statistics
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

JOB = "remove_duplicates"
RECORDED, PLAIN = "recorded", "plain"


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--snapshots", action="store_true", help="Take a snapshot of each run.")
    options = parser.parse_args()
    logging.disable(logging.INFO)
    with tempfile.TemporaryDirectory() as folder:
        run = prepared(Path(folder), options.rows, snapshots=options.snapshots)
        run(PLAIN, 0)
        run(RECORDED, 0)
        found: dict[str, list[tuple[float, float]]] = {PLAIN: [], RECORDED: []}
        for number in range(1, options.rounds + 1):
            for kind in (PLAIN, RECORDED) if number % 2 else (RECORDED, PLAIN):
                found[kind].append(measured(partial(run, kind, number)))
        tell(found, options.rows)


def prepared(folder: Path, rows: int, *, snapshots: bool) -> Callable[[str, int], None]:
    """Make a workspace with an input at a storage root; return what runs the job once."""
    root, home = folder / "work", folder / "home"
    home.mkdir()
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    os.environ |= {
        "DAGSTER_HOME": str(home),
        "DATA_SERVICES_AUDIT_DIR": str(home / "audit"),
        "DATA_SERVICES_ROOT": str(root),
        "HOME": str(home),
    }
    import dagster as dg

    from data_processing import jobs
    from workspace_core import api

    api.init(str(root), hostname="lab")
    for name, role in (("raw", "s"), ("clean", "i")):
        (root / name).mkdir()
        api.add("local-files", role, str(root / name), str(root))
    write_rows(root / "raw/in.csv", rows)
    job = getattr(jobs, f"{JOB}_job")
    instance = dg.DagsterInstance.from_config(str(home))

    def run(kind: str, number: int) -> None:
        if kind == RECORDED:
            os.environ["DATA_SERVICES_WORKSPACE"] = str(root)
            os.environ["DATA_SERVICES_WORKSPACE_SNAPSHOTS"] = str(snapshots).lower()
        else:
            os.environ.pop("DATA_SERVICES_WORKSPACE", None)
        config: dict[str, Any] = {
            "read_dataset": {"path": "workspace:raw/in.csv"},
            JOB: {"subset": ["id"]},
            "write_dataset": {"path": f"workspace:clean/{kind}-{number}.csv"},
        }
        ops = {name: {"config": one} for name, one in config.items()}
        done = job.execute_in_process(run_config={"ops": ops}, instance=instance)
        if not done.success:
            raise SystemExit("The run failed.")
        for file in (root / "clean").glob(f"{kind}-{number}.csv*"):
            file.unlink()

    return run


def write_rows(file: Path, rows: int) -> None:
    """Write rows of several columns, some of them twice."""
    with file.open("w", encoding="utf-8") as sink:
        sink.write("id,name,city,amount,day\n")
        for number in range(rows):
            row = number % (rows - rows // 20)
            city, amount, day = row % 997, row * 7 % 10007, row % 28 + 1
            sink.write(f"{row},person {row},city {city},{amount}.25,2024-01-{day:02}\n")


def measured(work: Callable[[], None]) -> tuple[float, float]:
    """Return the seconds by the clock and of the processor that some work takes."""
    began, used = time.perf_counter(), processor_seconds()
    work()
    return time.perf_counter() - began, processor_seconds() - used


def processor_seconds() -> float:
    """Return what this process and its children have used of the processor."""
    both = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(one.ru_utime + one.ru_stime for one in map(resource.getrusage, both))


def tell(found: dict[str, list[tuple[float, float]]], rows: int) -> None:
    """Print medians and ratios."""
    middle = {
        kind: [statistics.median(column) for column in zip(*rounds, strict=True)]
        for kind, rounds in found.items()
    }
    print(f"{JOB} on {rows} rows, medians of {len(found[PLAIN])} rounds")
    for kind, (clock, processor) in middle.items():
        print(f"{kind:<9} clock {clock:6.3f} s   processor {processor:6.3f} s")
    for number, name in enumerate(("clock", "processor")):
        added = middle[RECORDED][number] / middle[PLAIN][number] - 1
        pairs = [
            one[number] / other[number] - 1
            for one, other in zip(found[RECORDED], found[PLAIN], strict=True)
        ]
        print(
            f"added to {name}: {added:+.1%} of medians, {statistics.median(pairs):+.1%} by rounds"
        )


if __name__ == "__main__":
    main()
