"""Measure ``data-services metrics`` on an instance with many finished runs.

    uv run python packages/util-services/benchmarks/metrics_page.py --runs 1000 10000

The runs are made for the purpose, in a Dagster home of their own (SQLite), each with the run config
and tags that runs of this project have; making them takes longer than the measurement. ``inside``
is counting and rendering alone, ``whole`` a process with its start; memory is its peak.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

from contest import watch

JOBS = 40
RUN_CONFIG = {
    "ops": {
        "read_dataset": {"config": {"path": "in/patients.csv", "csv": {"delimiter": ";"}}},
        "remove_duplicates": {"config": {"subset": ["patient_id", "born"], "keep": "last"}},
        "write_dataset": {"config": {"path": "out/patients.parquet", "overwrite": True}},
    }
}


def make_runs(home: Path, number: int) -> None:
    """Put so many finished runs on record."""
    import dagster as dg

    from util_services.runs.counts import RunCounts
    from util_services.runs.home import DAGSTER_YAML

    (home / "dagster.yaml").write_text(DAGSTER_YAML)
    now = datetime.now(UTC)
    with dg.DagsterInstance.from_config(str(home)) as instance:
        for n in range(number):
            run_id, job = str(uuid.uuid4()), f"job_{n % JOBS}"
            tags = RunCounts(1000, 945, 55, 0, 60_000).tag(run_id) | {"user": "ada"}
            instance.run_storage.add_run(
                dg.DagsterRun(job_name=job, run_id=run_id, run_config=RUN_CONFIG, tags=tags)
            )
            for kind, moment in (
                ("PIPELINE_START", now - timedelta(seconds=n % 600)),
                ("PIPELINE_FAILURE" if n % 20 == 0 else "PIPELINE_SUCCESS", now),
            ):
                event = dg.DagsterEvent(kind, job)
                instance.run_storage.handle_run_event(run_id, event, moment)


def count(home: Path) -> None:
    """Do the work once in this process, and tell its seconds as JSON."""
    from util_services.flow.staging import Leftovers
    from util_services.metrics.page import render_page
    from util_services.metrics.tally import tally
    from util_services.runs.execute import open_instance

    with open_instance(home) as instance:
        began = time.perf_counter()
        page = render_page(tally(instance), Leftovers(0, 0))
        print(f'{{"seconds": {time.perf_counter() - began}, "lines": {page.count(chr(10))}}}')


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, nargs="+", default=[1000, 10_000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--count", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.count:
        count(chosen.count)
        return
    print("runs     inside s  whole s  peak MB  microseconds a run")
    for number in chosen.runs:
        with tempfile.TemporaryDirectory() as folder:
            home = Path(folder)
            make_runs(home, number)
            efforts = [
                watch([sys.executable, __file__, "--count", home]) for _ in range(chosen.rounds)
            ]
        inside, whole, peak = (
            statistics.median(getattr(effort, name) for effort in efforts)
            for name in ("inside", "whole", "megabytes")
        )
        each = 1e6 * inside / number
        print(f"{number:<7}  {inside:8.2f}  {whole:7.2f}  {peak:7.0f}  {each:.0f}")


if __name__ == "__main__":
    main()
