"""Compare filling and capping steps with hand-written DuckDB and pandas, file to file.

    uv run packages/data-processing/benchmarks/fill_and_cap.py --rows 1000000

Ours is a recipe on the local engine inside a running process: no Dagster, no reports. All read one
Parquet file and write one (zstd, level 1) in the order of the input, each in a process of its own;
"inside" is the time of the work in a running process. Outputs are compared, floats but for the last
digits, since the others' means depend on threads or order. A task without work beside tells what
reading, passing through batches and writing cost by themselves.
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


def fill(column: str, strategy: str, *by: str) -> dict:
    rule = {"strategy": strategy} | ({"by": list(by)} if by else {})
    return {"step": "fill_missing_values", "columns": {column: rule}}


MEDIANS = {name: {"strategy": "median"} for name in ("income", "score", "visits")}
TASKS = {
    "three medians": [{"step": "fill_missing_values", "columns": MEDIANS}],
    "group mean": [fill("income", "mean", "segment")],
    "mode": [fill("city", "mode")],
    "IQR cap": [{"step": "handle_outliers", "columns": {"income": {"action": "cap"}}}],
    "all four": [
        fill("visits", "median"),
        fill("city", "mode"),
        fill("income", "mean", "segment"),
        {"step": "handle_outliers", "columns": {"income": {"action": "cap"}}},
    ],
    "nothing but batches": [{"step": "normalise_text", "columns": ["segment"], "trim": False}],
}
ROWS = "read_parquet('{source}')"
SQL = {
    "three medians": """SELECT * REPLACE (coalesce(income, (SELECT median(income) FROM rows)) AS
        income, coalesce(score, (SELECT median(score) FROM rows)) AS score,
        coalesce(visits, (SELECT median(visits) FROM rows)) AS visits) FROM rows""",
    "group mean": """SELECT rows.* REPLACE (coalesce(income, mean) AS income) FROM rows LEFT JOIN
        (SELECT segment, avg(income) AS mean FROM rows GROUP BY segment) AS means
        ON rows.segment IS NOT DISTINCT FROM means.segment ORDER BY file_row_number""",
    "mode": """SELECT * REPLACE (coalesce(city, (SELECT city FROM rows WHERE city IS NOT NULL
        GROUP BY city ORDER BY count(*) DESC, city LIMIT 1)) AS city) FROM rows""",
    "IQR cap": """SELECT * REPLACE (greatest(least(income, third + 1.5 * (third - first)),
        first - 1.5 * (third - first)) + (income - income) AS income) FROM rows, (SELECT
        quantile_cont(income, 0.25) AS first, quantile_cont(income, 0.75) AS third FROM rows)""",
    "all four": """WITH filled AS (SELECT rows.* REPLACE (coalesce(income, mean) AS income,
        coalesce(visits, (SELECT median(visits) FROM rows)) AS visits, coalesce(city, (SELECT city
        FROM rows WHERE city IS NOT NULL GROUP BY city ORDER BY count(*) DESC, city LIMIT 1)) AS
        city) FROM rows LEFT JOIN (SELECT segment, avg(income) AS mean FROM rows GROUP BY segment)
        AS means ON rows.segment IS NOT DISTINCT FROM means.segment), bounds AS (SELECT
        quantile_cont(income, 0.25) AS first, quantile_cont(income, 0.75) AS third FROM filled)
        SELECT * EXCLUDE (first, third) REPLACE (greatest(least(income, third + 1.5 *
        (third - first)), first - 1.5 * (third - first)) AS income) FROM filled, bounds
        ORDER BY file_row_number""",
    "nothing but batches": "SELECT * FROM rows",
}


def ours(source: Path, target: Path, task: str) -> None:
    """Run a recipe on the local engine."""
    import pyarrow.parquet as pq

    from data_processing.steps.plan import plan, run
    from data_processing.steps.recipe import Recipe
    from util_services.datasets.layout import Layout
    from util_services.datasets.schema import Schema
    from util_services.datasets.staged import Origin, StagedDataset
    from util_services.engines.local import LocalEngine
    from util_services.flow.changes import file_state
    from util_services.storage.protocol import Location

    file = pq.ParquetFile(source)
    origin = Origin(source.name, (Location("", str(source)),), Layout("parquet"))
    dataset = StagedDataset(
        files=(str(source),),
        format="parquet",
        schema=Schema.of(file.schema_arrow),
        file_rows=(file.metadata.num_rows,),
        fingerprints=(file_state(source),),
        origin=origin,
        objects=(),
    )
    with (
        tempfile.TemporaryDirectory(dir=target.parent) as scratch,
        LocalEngine(Path(scratch)) as engine,
    ):
        frame = engine.scan(dataset)
        planned = plan(Recipe.of(TASKS[task]), engine.arrow_schema(frame))
        ran = run(engine, frame, planned, rows=file.metadata.num_rows, number=None)
        engine.write(ran.frame, target, "parquet")


def duckdb(source: Path, target: Path, task: str) -> None:
    """Run the SQL that a careful user would write."""
    import duckdb

    connection = duckdb.connect(config={"temp_directory": str(target.parent / "spill")})
    numbered = "file_row_number = true" if "ORDER BY" in SQL[task].rsplit(")", 1)[-1] else ""
    rows = f"read_parquet('{source}'{', ' + numbered if numbered else ''})"
    connection.execute(f"CREATE VIEW rows AS FROM {rows}").fetchall()
    names = [row[0] for row in connection.execute(f"DESCRIBE FROM '{source}'").fetchall()]
    connection.execute(
        f"""COPY (SELECT {", ".join(names)} FROM ({SQL[task]})) TO '{target}'
            (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)"""  # noqa: S608
    ).fetchall()


def pandas(source: Path, target: Path, task: str) -> None:
    """Read, change, write."""
    import pandas as pd

    frame = pd.read_parquet(source)
    if task in {"three medians", "all four"}:
        for name in MEDIANS if task == "three medians" else ["visits"]:
            frame[name] = frame[name].fillna(frame[name].median())
    if task in {"mode", "all four"}:
        frame["city"] = frame["city"].fillna(frame["city"].mode()[0])
    if task in {"group mean", "all four"}:
        means = frame.groupby("segment", dropna=False)["income"].transform("mean")
        frame["income"] = frame["income"].fillna(means)
    if task in {"IQR cap", "all four"}:
        first, third = frame["income"].quantile([0.25, 0.75])
        reach = 1.5 * (third - first)
        frame["income"] = frame["income"].clip(first - reach, third + reach)
    frame.to_parquet(target, compression="zstd", compression_level=1, index=False)


def contend(name: str, source: Path, target: Path, task: str) -> None:
    """Be one contender: do the work and print its seconds; a few rows come first, for imports."""
    globals()[name](source.with_name("few.parquet"), target, task)
    target.unlink()
    began = time.perf_counter()
    globals()[name](source, target, task)
    print(json.dumps({"seconds": time.perf_counter() - began}))


def check(expected: Path, actual: Path) -> None:
    """Compare two results, floats but for the last digits."""
    import numpy as np
    import pyarrow.parquet as pq

    one, other = pq.read_table(expected), pq.read_table(actual)
    for name in one.column_names:
        left, right = one[name], other[name].cast(one[name].type)
        if str(left.type) == "double":
            pair = (left.to_numpy(), right.to_numpy())
            np.testing.assert_allclose(*pair, rtol=1e-12, err_msg=name)
        else:
            assert left.equals(right), f"'{name}' differs"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeat", type=int, default=3, help="turns of each; the best one counts")
    parser.add_argument("--tasks", default=",".join(TASKS))
    parser.add_argument("--peers", default="duckdb,pandas", help="who takes part; '' for none")
    parser.add_argument("--folder", type=Path, help="where the files go; default a temporary one")
    parser.add_argument("--contender", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.contender:
        name, source, target, task = options.contender
        contend(name, Path(source), Path(target), task)
        return
    with tempfile.TemporaryDirectory(dir=options.folder) as place:
        folder = Path(place)
        source = folder / "source.parquet"
        generate.generate(1000, folder / "few.parquet")
        generate.generate(options.rows, source)
        print(f"{options.rows:,} rows, {source.stat().st_size / 1e6:.0f} MB of Parquet")
        for task in options.tasks.split(","):
            print(task)
            run(source, folder, task, options)


def run(source: Path, folder: Path, task: str, options: argparse.Namespace) -> None:
    """Compare all on one task."""

    def turn(name: str) -> contest.Effort:
        target = folder / f"{name}.parquet"
        return contest.watch([sys.executable, __file__, "--contender", name, source, target, task])

    def compared(name: str) -> None:
        if name != "ours":
            check(folder / "ours.parquet", folder / f"{name}.parquet")

    names = ["ours", *(peer for peer in options.peers.split(",") if peer)]
    contenders = {name: (lambda name=name: turn(name)) for name in names}
    contest.compare(contenders, options.repeat, compared)


if __name__ == "__main__":
    main()
