"""What encrypted staging costs: a CSV file becomes Parquet, with plain and with encrypted staging.

    uv run python packages/util-services/benchmarks/staging_encryption.py --rows 1000000

The flow is that of a job (read, an operation that keeps all rows, publish), without Dagster around
it, in a process of its own for each measurement; the time runs from inside it, imports done. The
variants take turns, and the best of several rounds counts. Both outputs are compared. With
``--spill`` the operation sorts in little memory, so that what DuckDB spills is encrypted too. Trust
the ratios of one run, not the seconds.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

VARIANTS = ("plain", "encrypted")
SPILL_LIMIT = "250MB"


def generate(rows: int, file: Path) -> None:
    """Write a CSV file of seven columns."""
    import duckdb

    duckdb.connect().execute(
        f"""COPY (
            SELECT range AS id, 'Name ' || hash(range) AS name,
                   'mail' || (range % 900000) || '@example.org' AS email,
                   'City ' || (hash(range + 1) % 5000) AS city, hash(range + 2) % 90 AS age,
                   (hash(range + 3) % 1000000)::DOUBLE / 100 AS price,
                   'note ' || hash(range + 4) || hash(range + 5) AS note
            FROM range({rows})
        ) TO '{file}' (FORMAT csv)"""  # noqa: S608 - a number and a path of ours
    )


def measure(variant: str, folder: Path, *, spill: bool) -> dict[str, float | str]:
    """Run the flow once and say how long it took and how much memory it needed."""
    from util_services.encryption.keys import StagingKey
    from util_services.engines.local import LocalEngine
    from util_services.flow.encode import Target
    from util_services.flow.operate import Dataset, Outcome, operate
    from util_services.flow.plan import ReadOptions, WriteOptions, plan_read, plan_write
    from util_services.flow.publish import publish_dataset
    from util_services.flow.read import read_dataset
    from util_services.flow.staging import Staging
    from util_services.reports.record import RunFacts
    from util_services.storage import LocalStorage

    storage, output = LocalStorage(folder), f"{variant}.parquet"
    key = StagingKey(os.urandom(32)) if variant == "encrypted" else None
    began = time.perf_counter()
    read = plan_read(storage, ReadOptions("in.csv"))
    options = WriteOptions(output, overwrite=True)
    write = plan_write(storage, options, read.origin, run_id="run")
    staging = Staging.create(folder / "staging", "run", key)
    limit = SPILL_LIMIT if spill else None
    try:
        with LocalEngine(staging.scratch(), memory_limit=limit) as engine:
            dataset = read_dataset(read, staging, engine)

            def work(given: Dataset) -> Outcome:
                rows = given.scan()
                return Outcome(engine.materialise(rows.sort("note")) if spill else rows)

            target = Target.of(write, staging)
            result = operate("keep", work, Dataset(engine, dataset), target, {})
        facts = RunFacts("run", "benchmark", "", "", {})
        published = publish_dataset(result, write, staging, facts, lambda: None)
    finally:
        staging.remove()
    return {
        "seconds": time.perf_counter() - began,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "sha256": published.sha256,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--spill", action="store_true")
    parser.add_argument("--measure", nargs=2, metavar=("VARIANT", "FOLDER"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        variant, place = given.measure
        print(json.dumps(measure(variant, Path(place), spill=given.spill)))
        return
    with tempfile.TemporaryDirectory(prefix="staging-benchmark-") as place:
        folder = Path(place)
        generate(given.rows, folder / "in.csv")
        size = (folder / "in.csv").stat().st_size / 1e6
        print(f"{given.rows} rows, {size:.0f} MB of CSV, best of {given.rounds}")
        found: dict[str, list[dict[str, float]]] = {variant: [] for variant in VARIANTS}
        for _ in range(given.rounds):
            for variant in VARIANTS:
                command = [sys.executable, __file__, "--measure", variant, place]
                command += ["--spill"] if given.spill else []
                answer = subprocess.run(command, check=True, stdout=subprocess.PIPE)  # noqa: S603
                found[variant].append(json.loads(answer.stdout))
        digests = {
            hashlib.sha256((folder / f"{variant}.parquet").read_bytes()).hexdigest()
            for variant in VARIANTS
        }
        assert len(digests) == 1, "the outputs differ"
        best = {name: min(one["seconds"] for one in runs) for name, runs in found.items()}
        for name, runs in found.items():
            peak = max(one["peak_mb"] for one in runs)
            print(
                f"{name:>10}: {best[name]:6.2f} s  x {best[name] / best['plain']:.2f}"
                f"   peak {peak:5.0f} MB"
            )


if __name__ == "__main__":
    main()
