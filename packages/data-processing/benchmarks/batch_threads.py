"""Tell how much faster row-wise steps are on two threads than on one, and what they take.

    uv run packages/data-processing/benchmarks/batch_threads.py --rows 1000000 --threads 1,2

Each recipe is row-wise alone and runs as the job runs it on the local engine, up to the moment at
which its rows are written: reading them, the work, keeping what it makes. One thread and several
take turns in one process, and the best turn of each counts. Trust the ratios on a machine that does
nothing else; "cpu" is what a busy one tells, too.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "util-services" / "benchmarks"))

import generate

RECIPES = {
    "texts by Arrow": [
        {
            "step": "normalise_text",
            "columns": ["name", "city", "email", "note", "segment"],
            "collapse_whitespace": True,
            "case": "lower",
        }
    ],
    "patterns": [
        {
            "step": "replace_text",
            "columns": ["note", "name"],
            "pattern": "[0-9]+",
            "replacement": "#",
        }
    ],
    "constants and a choice of rows": [
        {
            "step": "fill_missing_values",
            "columns": {
                "income": {"strategy": "constant", "value": 0},
                "city": {"strategy": "constant", "value": "?"},
            },
        },
        {"step": "filter_rows", "keep": "income > 100"},
    ],
    "texts in Python": [{"step": "normalise_text", "columns": ["name"], "case": "title"}],
}


def turn(source: Path, scratch: Path, steps: list[dict[str, object]], threads: int) -> list[float]:
    """Return the seconds and the seconds of processors that a recipe takes on some threads."""
    from data_processing.steps.plan import plan, run
    from data_processing.steps.recipe import Recipe
    from util_services.engines.local import LocalEngine
    from util_services.flow.plan import ReadOptions, plan_read
    from util_services.flow.read import read_dataset
    from util_services.flow.staging import Staging
    from util_services.storage import LocalStorage

    staging = Staging.create(scratch, "run")
    try:
        with LocalEngine(staging.scratch(), batch_threads=threads) as engine:
            found = plan_read(LocalStorage(source.parent), ReadOptions(source.name))
            dataset = read_dataset(found, staging, engine)
            planned = plan(Recipe.of(steps), engine.arrow_schema(engine.scan(dataset)), {}, engine)
            frame = engine.scan(dataset, "number")
            began, worked = time.perf_counter(), time.process_time()
            run(engine, frame, planned, rows=dataset.rows, number="number")
            return [time.perf_counter() - began, time.process_time() - worked]
    finally:
        staging.remove()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--threads", default="1,2", help="to be compared with the first")
    parser.add_argument("--repeat", type=int, default=5, help="turns of each; the best one counts")
    options = parser.parse_args()
    numbers = [int(number) for number in options.threads.split(",")]
    with tempfile.TemporaryDirectory() as place:
        source, scratch = Path(place) / "source.parquet", Path(place) / "staging"
        generate.generate(options.rows, source)
        for name, steps in RECIPES.items():
            turns = {number: [] for number in numbers}
            for _ in range(options.repeat):
                for number in numbers:
                    turns[number].append(turn(source, scratch, steps, number))
            best = {
                number: [min(one) for one in zip(*turns[number], strict=True)] for number in numbers
            }
            for number, (seconds, processor) in best.items():
                print(
                    f"{name:32} {number} threads {seconds:6.2f} s {processor:6.2f} s cpu  "
                    f"{best[numbers[0]][0] / seconds:5.2f} times as fast",
                    flush=True,
                )


if __name__ == "__main__":
    main()
