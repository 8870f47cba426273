"""Measure how the memory of cleaning grows with the rows, for each kind of step.

    uv run packages/data-processing/benchmarks/memory_growth.py --rows 1000000,5000000

A map (two texts normalised), fits with their maps (a mean by group, a median, a mode, bounds of
outliers) and a table step (duplicates of whole rows) run as the job runs them on the local engine,
file to file, each in a process of its own. "peak" is the most anonymous and shared memory that the
process took, "growth" compares it with that of the fewest rows. The first lines, of a thousand
rows, tell what imports and threads take.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "util-services" / "benchmarks"))

import contest
import generate
import pipeline

MAP = pipeline.NORMALISE
FITS = [
    step
    for step in pipeline.RECIPES["all"]
    if step["step"] not in {MAP["step"], "remove_duplicates"}
]
KINDS = {"map": [MAP], "fit and map": FITS, "table": [{"step": "remove_duplicates"}]}


def contend(kind: str, source: Path, target: Path, limit: str | None) -> None:
    """Be the process that is watched."""
    began = time.perf_counter()
    pipeline.clean(source, target, KINDS[kind], limit)
    print(json.dumps({"seconds": time.perf_counter() - began}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", default="1000000,5000000", help="of each round")
    parser.add_argument("--kinds", default=",".join(KINDS), help="which are measured")
    parser.add_argument("--limit", help="DATA_SERVICES_MEMORY_LIMIT, such as 1500MB")
    parser.add_argument("--folder", type=Path, help="where the files go; default a temporary one")
    parser.add_argument("--contender", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.contender:
        kind, source, target = options.contender
        contend(kind, Path(source), Path(target), options.limit)
        return
    limit = ["--limit", options.limit] if options.limit else []
    least: dict[str, float] = {}
    with tempfile.TemporaryDirectory(dir=options.folder) as place:
        source = Path(place) / "source.parquet"
        for rows in [pipeline.FEW_ROWS, *map(int, options.rows.split(","))]:
            generate.generate(rows, source)
            for kind in options.kinds.split(","):
                contender = ["--contender", kind, source, Path(place) / "target.parquet"]
                effort = contest.watch([sys.executable, __file__, *contender, *limit])
                peak, growth = effort.megabytes, ""
                if rows != pipeline.FEW_ROWS:
                    growth = f"  growth {peak / least.setdefault(kind, peak):5.2f}"
                print(f"{rows:>11,} rows  {kind:12} peak {peak:6.0f} MB{growth}", flush=True)


if __name__ == "__main__":
    main()
