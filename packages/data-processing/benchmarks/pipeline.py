"""Compare a whole recipe with what a user would otherwise write, file to file.

    uv run --with polars packages/data-processing/benchmarks/pipeline.py --rows 100000,1000000
    uv run --with polars packages/data-processing/benchmarks/pipeline.py --rows 10000000 \
        --limit 1500MB --repeat 1

The recipe: normalise two texts, remove duplicates, fill a number by the mean of its group, another
by the median and a text by the mode, cap outliers by the interquartile range. Ours is that recipe
as the job runs it on the local engine, with its counts and checks; it keeps the order of the rows.
DuckDB, polars and pandas are written by hand, polars on its streaming engine; once duplicates are
removed, no order is asked of their results. All read one Parquet file and write one (zstd, level
1), each in a process of its own: "inside" is the time of the work after a few rows have gone
through it, "start" the rest of the process. The processor time inside is told as well: trust it
where others share the machine. The results are compared by `id`, floats but for the last digits.

`--only text` compares the first step alone. `--limit` is what ours, DuckDB included, may use; what
a peer takes is told and not bounded.
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

TEXTS = ("name", "city")


def fill(column: str, **rule: object) -> dict[str, object]:
    return {"step": "fill_missing_values", "columns": {column: rule}}


NORMALISE = {
    "step": "normalise_text",
    "columns": list(TEXTS),
    "collapse_whitespace": True,
    "case": "lower",
}
RECIPES = {
    "text": [NORMALISE],
    "all": [
        NORMALISE,
        {"step": "remove_duplicates"},
        fill("income", strategy="mean", by=["segment"]),
        fill("visits", strategy="median"),
        fill("city", strategy="mode"),
        {"step": "handle_outliers", "columns": {"income": {"action": "cap"}}},
    ],
}
PEERS = ("duckdb", "polars", "pandas")
FEW_ROWS = 1000


def ours(source: Path, target: Path, task: str, limit: str | None) -> None:
    """Do what the job does between reading and publishing."""
    clean(source, target, RECIPES[task], limit)


def clean(
    source: Path, target: Path, steps: list[dict[str, object]], limit: str | None = None
) -> None:
    """Run a recipe on the local engine, with its counts and checks."""
    from data_processing.step_operations import clean_in_run
    from data_processing.steps.recipe import Recipe
    from util_services.datasets.layout import Layout
    from util_services.engines.local import LocalEngine
    from util_services.flow.encode import Target
    from util_services.flow.operate import Dataset, operate
    from util_services.flow.plan import ReadOptions, plan_read
    from util_services.flow.read import read_dataset
    from util_services.flow.staging import Staging
    from util_services.storage import LocalStorage

    recipe = Recipe.of(steps)
    plan = plan_read(LocalStorage(source.parent), ReadOptions(source.name))
    staging = Staging.create(target.parent / "staging", "run")
    try:
        with LocalEngine(staging.scratch(), memory_limit=limit) as engine:
            done = operate(
                "clean_data",
                lambda dataset: clean_in_run(dataset, recipe),
                Dataset(engine, read_dataset(plan, staging, engine)),
                Target(staging, Layout("parquet")),
                {},
            )
        Path(done.files[0]).replace(target)
    finally:
        staging.remove()


def duckdb(source: Path, target: Path, task: str, limit: str | None) -> None:
    """Run the SQL that a careful user would write."""
    import duckdb

    del limit
    connection = duckdb.connect(config={"temp_directory": str(target.parent / "spill")})
    if task == "all":  # of which no order is asked
        connection.execute("SET preserve_insertion_order = false")
    work = ", ".join(
        f"lower(trim(regexp_replace({name}, '\\s+', ' ', 'g'))) AS {name}" for name in TEXTS
    )
    rows = f"SELECT * REPLACE ({work}) FROM '{source}'"  # noqa: S608
    if task == "all":
        connection.execute(
            f"CREATE TEMP TABLE distinct_rows AS SELECT DISTINCT * FROM ({rows})"  # noqa: S608
        )
        connection.execute(
            """CREATE TEMP TABLE filled AS
            WITH means AS (SELECT segment, avg(income) AS mean FROM distinct_rows GROUP BY segment),
            whole AS (SELECT median(visits) AS middle FROM distinct_rows),
            frequent AS (SELECT city AS mode FROM distinct_rows WHERE city IS NOT NULL
                GROUP BY city ORDER BY count(*) DESC, city LIMIT 1)
            SELECT d.* REPLACE (coalesce(income, mean) AS income,
                coalesce(visits, middle) AS visits, coalesce(city, mode) AS city)
            FROM distinct_rows AS d
            LEFT JOIN means ON d.segment IS NOT DISTINCT FROM means.segment, whole, frequent"""
        )
        rows = """WITH quartiles AS (SELECT quantile_cont(income, [0.25, 0.75]) AS q FROM filled),
            bounds AS (SELECT q[1] - 1.5 * (q[2] - q[1]) AS low, q[2] + 1.5 * (q[2] - q[1]) AS high
                FROM quartiles)
            SELECT filled.* REPLACE (greatest(least(income, high), low) AS income)
            FROM filled, bounds"""
    connection.execute(
        f"COPY ({rows}) TO '{target}' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)"
    )


def polars(source: Path, target: Path, task: str, limit: str | None) -> None:
    """Build a lazy query and sink it; the statistics are collected where they are needed."""
    import polars as pl

    del limit
    rows = pl.scan_parquet(source).with_columns(
        pl.col(name).str.strip_chars().str.replace_all(r"\s+", " ").str.to_lowercase()
        for name in TEXTS
    )
    if task == "all":
        distinct = rows.unique().collect(engine="streaming").lazy()
        mode = (
            distinct.filter(pl.col("city").is_not_null())
            .group_by("city")
            .len()
            .sort("len", "city", descending=[True, False])
            .head(1)
            .collect()["city"][0]
        )
        means = distinct.group_by("segment").agg(pl.col("income").mean().alias("mean"))
        filled = (
            distinct.join(means, on="segment", how="left", nulls_equal=True)
            .with_columns(
                pl.col("income").fill_null(pl.col("mean")),
                pl.col("visits").cast(pl.Float64).fill_null(pl.col("visits").median()),
                pl.col("city").fill_null(mode),
            )
            .drop("mean")
            .collect(engine="streaming")
        )
        first, third = (filled["income"].quantile(q, interpolation="linear") for q in (0.25, 0.75))
        reach = 1.5 * (third - first)
        rows = filled.lazy().with_columns(pl.col("income").clip(first - reach, third + reach))
    rows.sink_parquet(target, compression="zstd", compression_level=1)


def pandas(source: Path, target: Path, task: str, limit: str | None) -> None:
    """Read, change, write."""
    import pandas as pd

    del limit
    frame = pd.read_parquet(source)
    for name in TEXTS:
        frame[name] = frame[name].str.strip().str.replace(r"\s+", " ", regex=True).str.lower()
    if task == "all":
        frame = frame.drop_duplicates()
        means = frame.groupby("segment", dropna=False)["income"].transform("mean")
        frame["income"] = frame["income"].fillna(means)
        frame["visits"] = frame["visits"].fillna(frame["visits"].median())
        frame["city"] = frame["city"].fillna(frame["city"].mode()[0])
        first, third = frame["income"].quantile([0.25, 0.75])
        reach = 1.5 * (third - first)
        frame["income"] = frame["income"].clip(first - reach, third + reach)
    frame.to_parquet(target, compression="zstd", compression_level=1, index=False)


def contend(name: str, source: Path, target: Path, task: str, limit: str | None) -> None:
    """Be one contender: do the work and print its seconds; a few rows come first, for imports."""
    work = globals()[name]
    work(source.with_name("few.parquet"), target, task, limit)
    target.unlink()
    began, busy = time.perf_counter(), time.process_time()
    work(source, target, task, limit)
    seconds, processor = time.perf_counter() - began, time.process_time() - busy
    print(json.dumps({"seconds": seconds, "processor": processor}))


def check(expected: Path, actual: Path) -> None:
    """Compare two results row by row, by their key, floats but for the last digits."""
    import duckdb

    connection = duckdb.connect(config={"temp_directory": str(expected.parent / "spill")})
    kinds = connection.execute(f"DESCRIBE FROM '{expected}'").fetchall()

    def differs(name: str, kind: str) -> str:
        if kind != "DOUBLE":
            return f"a.{name} IS DISTINCT FROM b.{name}"
        near = f"abs(a.{name} - b.{name}) <= 1e-9 * abs(a.{name})"
        return f"NOT coalesce({near}, a.{name} IS NULL AND b.{name} IS NULL)"

    different = " OR ".join(differs(name, kind) for name, kind, *_ in kinds if name != "id")
    rows = [
        connection.execute(f"SELECT count(*), count(DISTINCT id) FROM '{file}'").fetchone()  # noqa: S608
        for file in (expected, actual)
    ]
    assert rows[0] == rows[1], f"numbers of rows differ: {rows}"
    if rows[0][0] != rows[0][1]:
        contest.check_equal(expected, actual)
        return
    found = connection.execute(
        f"""SELECT count(*) FROM '{expected}' AS a FULL JOIN '{actual}' AS b USING (id)
            WHERE a.name IS DISTINCT FROM b.name OR {different}"""  # noqa: S608
    ).fetchone()
    assert found == (0,), f"{found} rows differ"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", default="100000,1000000", help="of each round")
    parser.add_argument("--only", choices=sorted(RECIPES), default="all")
    parser.add_argument("--repeat", type=int, default=3, help="turns of each; the best one counts")
    parser.add_argument("--peers", default=",".join(PEERS), help="who takes part; '' for none")
    parser.add_argument("--limit", help="DATA_SERVICES_MEMORY_LIMIT of ours, such as 1500MB")
    parser.add_argument("--folder", type=Path, help="where the files go; default a temporary one")
    parser.add_argument("--contender", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.contender:
        name, source, target, task = options.contender
        contend(name, Path(source), Path(target), task, options.limit)
        return
    with tempfile.TemporaryDirectory(dir=options.folder) as place:
        folder = Path(place)
        generate.generate(FEW_ROWS, folder / "few.parquet")
        for rows in map(int, options.rows.split(",")):
            source = folder / "source.parquet"
            generate.generate(rows, source)
            print(f"{rows:,} rows, {source.stat().st_size / 1e6:.0f} MB of Parquet")
            run(folder, source, options)


def run(folder: Path, source: Path, options: argparse.Namespace) -> None:
    """Compare all on one table."""
    limit = ["--limit", options.limit] if options.limit else []

    def turn(name: str) -> contest.Effort:
        contender = ["--contender", name, source, folder / f"{name}.parquet", options.only]
        return contest.watch([sys.executable, __file__, *contender, *limit])

    def compared(name: str) -> None:
        if name != "ours":
            check(folder / "ours.parquet", folder / f"{name}.parquet")

    names = ["ours", *(peer for peer in options.peers.split(",") if peer)]
    contenders = {name: (lambda name=name: turn(name)) for name in names}
    contest.compare(contenders, options.repeat, compared)


if __name__ == "__main__":
    main()
