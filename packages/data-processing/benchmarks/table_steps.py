"""Compare the steps on whole tables with what a user would otherwise write, file to file.

    uv run packages/data-processing/benchmarks/table_steps.py --rows 1000000
    uv run packages/data-processing/benchmarks/table_steps.py --rows 5000000 --limit 600MB --peers=

Ours, DuckDB SQL and pandas read a Parquet file (and another one to join) and write one (zstd,
level 1), each in a process of its own; the seconds are those of the work inside it, without
imports. All keep the order of rows as they stand in the input, also in a join; `duckdb-any` is the
join without that. Results are compared: floats of groups to 12 digits, since only ours are exact,
everything else to the last bit.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "util-services" / "benchmarks"))

import contest
import generate
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

SOURCE, OTHER = "source.parquet", "customers.parquet"
COPY = "(FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)"
RECIPES = {
    "join": [{"step": "join_datasets", "right": OTHER, "on": ["customer"]}],
    "aggregate": [
        {
            "step": "aggregate_data",
            "by": ["city", "segment"],
            "columns": {
                "rows": {"function": "count"},
                "customers": {"of": "customer", "function": "count_distinct"},
                "total": {"of": "income", "function": "sum"},
                "average": {"of": "income", "function": "mean"},
                "best": {"of": "score", "function": "max"},
            },
        }
    ],
    "sort": [{"step": "sort_rows", "by": ["segment", "income"], "descending": ["income"]}],
}
QUERIES = {
    "join": """SELECT s.* EXCLUDE (file_row_number), c.* EXCLUDE customer
        FROM read_parquet('{source}', file_row_number = true) s
        LEFT JOIN '{other}' c USING (customer) ORDER BY s.file_row_number""",
    "join-any": """SELECT s.*, c.* EXCLUDE customer FROM '{source}' s
        LEFT JOIN '{other}' c USING (customer)""",
    "aggregate": """SELECT * EXCLUDE first FROM (
        SELECT city, segment, count(*) AS rows, count(DISTINCT customer) AS customers,
        sum(income) AS total, avg(income) AS average, max(score) AS best,
        min(file_row_number) AS first
        FROM read_parquet('{source}', file_row_number = true)
        GROUP BY city, segment) ORDER BY first""",
    "sort": """SELECT * EXCLUDE file_row_number
        FROM read_parquet('{source}', file_row_number = true)
        ORDER BY segment NULLS LAST, income DESC NULLS LAST, file_row_number""",
}


def ours(task: str, folder: Path, target: Path, limit: str) -> None:
    """Plan and run a recipe as a job does, on the local engine."""
    from data_processing.steps.plan import plan, run
    from data_processing.steps.recipe import Recipe
    from util_services.engines.local import LocalEngine

    recipe = Recipe.of(RECIPES[task])
    with (
        tempfile.TemporaryDirectory(dir=folder) as scratch,
        LocalEngine(Path(scratch), memory_limit=limit or None) as engine,
    ):
        given = [_staged(folder / name) for name in (SOURCE, OTHER)]
        schemas = [engine.arrow_schema(engine.scan(one)) for one in given]
        rows, other = (engine.scan(one, "row number") for one in given)
        planned = plan(recipe, schemas[0], {OTHER: schemas[1]})
        ran = run(
            engine,
            rows,
            planned,
            rows=given[0].rows,
            number="row number",
            others={OTHER: other},
        )
        columns = {name: name for name in planned.schema.names}
        engine.write(engine.select(ran.frame, columns), target, "parquet")


def _staged(file: Path) -> object:
    from util_services.datasets.layout import Layout
    from util_services.datasets.schema import Schema
    from util_services.datasets.staged import Origin, StagedDataset
    from util_services.flow.changes import file_state
    from util_services.storage.protocol import Location

    content = pq.ParquetFile(file)
    return StagedDataset(
        files=(str(file),),
        format="parquet",
        schema=Schema.of(content.schema_arrow),
        file_rows=(content.metadata.num_rows,),
        fingerprints=(file_state(file),),
        origin=Origin(file.name, (Location("", str(file)),), Layout("parquet")),
        objects=(),
    )


def duckdb(task: str, folder: Path, target: Path, limit: str) -> None:
    """Run the SQL that a careful user would write."""
    import duckdb

    settings = {"temp_directory": str(folder / "spill")} | (
        {"memory_limit": limit} if limit else {}
    )
    query = QUERIES[task].format(source=folder / SOURCE, other=folder / OTHER)
    duckdb.connect(config=settings).execute(f"COPY ({query}) TO '{target}' {COPY}")


def pandas(task: str, folder: Path, target: Path, limit: str) -> None:  # noqa: ARG001 - has none
    """Read, work in memory, write."""
    import pandas as pd

    frame = pd.read_parquet(folder / SOURCE)
    match task:
        case "join":
            frame = frame.merge(pd.read_parquet(folder / OTHER), on="customer", how="left")
        case "aggregate":
            groups = frame.groupby(["city", "segment"], dropna=False, sort=False)
            frame = groups.agg(
                rows=("id", "size"),
                customers=("customer", "nunique"),
                total=("income", "sum"),
                average=("income", "mean"),
                best=("score", "max"),
            ).reset_index()
        case "sort":
            frame = frame.sort_values(
                ["segment", "income"], ascending=[True, False], kind="stable", na_position="last"
            )
    frame.to_parquet(target, compression="zstd", compression_level=1, index=False)


CONTENDERS = {"ours": ours, "duckdb": duckdb, "pandas": pandas}


def contend(who: str, task: str, folder: Path, target: Path, limit: str) -> None:
    """Be one contender: do the work and print its seconds."""
    if who == "ours":
        importlib.import_module("data_processing.steps.plan")
        importlib.import_module("util_services.engines.local")
    else:
        importlib.import_module(who.partition("-")[0])
    kind = f"{task}-any" if who == "duckdb-any" else task
    began = time.perf_counter()
    CONTENDERS[who.partition("-")[0]](kind, folder, target, limit)
    print(json.dumps({"seconds": time.perf_counter() - began}))


def customers(file: Path) -> None:
    """Write the table to join: each second customer, with two columns."""
    numbers = np.arange(0, 1_000_000, 2)
    ratings = generate.mixed(numbers.astype(np.uint64), 99) % np.uint64(1000)
    table = {
        "customer": numbers,
        "country": pa.array(["AT", "BE", "DE", "FR", "IT"]).take(pa.array(ratings % 5)),
        "rating": ratings.astype(np.float64) / 7,
    }
    pq.write_table(pa.table(table), file, compression="zstd")


def check(task: str, expected: Path, actual: Path) -> None:
    """Compare two results."""
    if task != "aggregate":
        contest.check_equal(expected, actual)
        return
    one, other = pq.read_table(expected), pq.read_table(actual)
    assert one.column_names == other.column_names
    for name in one.column_names:
        mine, theirs = one[name].to_pylist(), other[name].to_pylist()
        if name in {"total", "average"}:
            np.testing.assert_allclose(
                np.array(mine, float), np.nan_to_num(np.array(theirs, float), nan=0), rtol=1e-12
            )
        else:
            assert mine == theirs, name


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeat", type=int, default=3, help="turns of each; the best one counts")
    parser.add_argument("--limit", default="", help="memory of ours and DuckDB's, such as 600MB")
    parser.add_argument("--tasks", default=",".join(RECIPES))
    parser.add_argument("--peers", default="duckdb,pandas", help="who takes part; '' for none")
    parser.add_argument("--folder", type=Path, help="where the files go; default a temporary one")
    parser.add_argument("--contender", nargs=5, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.contender:
        who, task, folder, target, limit = options.contender
        contend(who, task, Path(folder), Path(target), limit)
        return
    peers = [peer for peer in options.peers.split(",") if peer]
    with tempfile.TemporaryDirectory(dir=options.folder) as place:
        folder = Path(place)
        generate.generate(options.rows, folder / SOURCE)
        customers(folder / OTHER)
        size = (folder / SOURCE).stat().st_size / 1e6
        print(f"{options.rows:,} rows, {size:.0f} MB of Parquet")
        for task in options.tasks.split(","):
            several = ["duckdb-any"] if task == "join" and "duckdb" in peers else []
            print(task)
            _compare(task, folder, ["ours", *peers, *several], options)


def _compare(task: str, folder: Path, names: list[str], options: argparse.Namespace) -> None:
    def target(name: str) -> Path:
        return folder / f"{name}.parquet"

    def turn(name: str) -> contest.Effort:
        words = [name, task, folder, target(name), options.limit]
        return contest.watch([sys.executable, __file__, "--contender", *words])

    def checked(name: str) -> None:
        if name not in {"ours", "duckdb-any"}:
            check(task, target("ours"), target(name))

    turns = {name: (lambda name=name: turn(name)) for name in names}
    contest.compare(turns, options.repeat, checked)


if __name__ == "__main__":
    main()
