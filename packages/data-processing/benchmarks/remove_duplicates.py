"""Compare `remove_duplicates` with what a user would otherwise write: DuckDB SQL, pandas, polars.

    uv run python packages/data-processing/benchmarks/remove_duplicates.py --rows 1000000

Each contender reads a Parquet file and writes one (zstd), keeping the first row of each group in
the order of the input, in a process of its own; the time runs from inside it, imports done. All
outputs are compared. Trust the ratios of one run, not the seconds. polars takes part if installed.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SEED = 20240229
DUPLICATE_SHARE = 0.05
SUBSETS = {"all columns": [], "subset": ["customer", "email"]}
CONTENDERS = ("ours", "duckdb", "pandas", "polars")


def generate(rows: int, file: Path) -> None:
    """Write two integers, five untidy texts, two floats, a nullable integer and a date."""
    import duckdb

    originals = int(rows * (1 - DUPLICATE_SHARE))
    text = "repeat(' ', {0} % 3) || upper('{1}') || {0} || ' ' || hash({0} + {2})::VARCHAR"
    connection = duckdb.connect()
    connection.execute(
        f"""COPY (
            WITH picked AS (
                SELECT CASE WHEN i < {originals} THEN i
                            ELSE (hash(i + {SEED}) % {originals})::BIGINT END AS n, i
                FROM range({rows}) t(i)
            )
            SELECT n AS id,
                   (hash(n + 1) % 1000000)::BIGINT AS customer,
                   {text.format("n", "Name ", 2)} AS name,
                   CASE WHEN n % 10 > 0 THEN 'mail' || (n % 900000) || '@Example.org' END AS email,
                   CASE WHEN n % 20 > 0 THEN ' City ' || (hash(n) % 5000) || ' ' END AS city,
                   ['a', 'B ', 'c', NULL][(n % 4 + 1)::INTEGER] AS segment,
                   {text.format("n", "note", 3)} AS note,
                   CASE WHEN n % 7 > 0 THEN (hash(n + 4) % 100000)::DOUBLE / 100 END AS price,
                   (hash(n + 5) % 1000)::DOUBLE / 7 AS weight,
                   CASE WHEN n % 10 > 2 THEN (hash(n + 6) % 90)::INTEGER END AS age,
                   DATE '2000-01-01' + (hash(n + 7) % 9000)::INTEGER AS since
            FROM picked ORDER BY hash(i + 8)
        ) TO '{file}' (FORMAT parquet, COMPRESSION zstd)"""  # noqa: S608 - numbers and a path of ours
    )


def ours(source: Path, target: Path, subset: list[str]) -> dict[str, float]:
    """Run the operation as a step of a job does, without Dagster around it."""
    from data_processing.cleaning import duplicates
    from util_services.datasets.layout import Layout
    from util_services.engines.local import LocalEngine
    from util_services.flow.encode import Target
    from util_services.flow.operate import Dataset, operate
    from util_services.flow.plan import ReadOptions, plan_read
    from util_services.flow.read import read_dataset
    from util_services.flow.staging import Staging
    from util_services.storage import LocalStorage

    staging = Staging.create(target.parent / "staging", "run")
    phases = {}
    started = time.perf_counter()
    with LocalEngine(staging.scratch()) as engine:
        plan = plan_read(LocalStorage(source.parent), ReadOptions(source.name))
        staged = read_dataset(plan, staging, engine)
        phases["read (digest)"] = time.perf_counter() - started

        def work(dataset: Dataset):  # noqa: ANN202
            begun = time.perf_counter()
            outcome = duplicates.remove_duplicates(dataset, subset=subset)
            phases["search"] = time.perf_counter() - begun
            return outcome

        operate("ours", work, Dataset(engine, staged), Target(staging, Layout("parquet")), {})
    phases["write"] = time.perf_counter() - started - sum(phases.values())
    staging.remove()
    return phases


def duckdb(source: Path, target: Path, subset: list[str]) -> dict[str, float]:
    """Run the SQL that a careful user would write."""
    import duckdb

    connection = duckdb.connect(config={"temp_directory": str(target.parent / "spill")})
    rows = f"read_parquet('{source}', file_row_number = true)"
    key = ", ".join(subset) or "COLUMNS(* EXCLUDE file_row_number)"
    first = f"SELECT min(file_row_number) AS n FROM {rows} GROUP BY {key}"  # noqa: S608
    if not subset:
        names = [row[0] for row in connection.execute(f"DESCRIBE FROM '{source}'").fetchall()]
        first = first.replace(key, ", ".join(names))
    connection.execute(
        f"""COPY (SELECT * EXCLUDE file_row_number FROM {rows}
            WHERE file_row_number IN ({first}) ORDER BY file_row_number)
            TO '{target}' (FORMAT parquet, COMPRESSION zstd)"""  # noqa: S608
    )
    return {}


def pandas(source: Path, target: Path, subset: list[str]) -> dict[str, float]:
    """Read, drop, write."""
    import pandas as pd

    frame = pd.read_parquet(source, dtype_backend="pyarrow")
    frame.drop_duplicates(subset or None).to_parquet(target, compression="zstd", index=False)
    return {}


def polars(source: Path, target: Path, subset: list[str]) -> dict[str, float]:
    """Scan, drop and sink."""
    import polars as pl

    rows = pl.scan_parquet(source).unique(subset or None, keep="first", maintain_order=True)
    rows.sink_parquet(target, compression="zstd")
    return {}


def check_equal(expected: Path, actual: Path) -> None:
    """Compare two files row by row, batch by batch."""
    import pyarrow.parquet as pq

    one, other = pq.ParquetFile(expected), pq.ParquetFile(actual)
    assert one.metadata.num_rows == other.metadata.num_rows, "numbers of rows differ"
    schema = one.schema_arrow
    for name in schema.names:
        column = one.read([name])[name]
        assert column.equals(other.read([name])[name].cast(column.type)), f"'{name}' differs"


def contend(contender: str, source: Path, target: Path, subset: list[str]) -> None:
    """Be one contender: do the work and print seconds, megabytes and phases."""
    module = {"ours": "data_processing.cleaning.duplicates"}.get(contender, contender)
    importlib.import_module(module)
    started = time.perf_counter()
    phases = globals()[contender](source, target, subset)
    seconds = time.perf_counter() - started
    print(json.dumps({"seconds": seconds, "megabytes": peak_megabytes(), "phases": phases}))


def peak_megabytes() -> float:
    """Return the peak of this program; ``ru_maxrss`` begins with that of the one it came from."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def compare(source: Path, folder: Path, subset: list[str], repeat: int) -> None:
    """Let all contenders work in turn, and print how they compare with the first."""
    results: dict[str, dict[str, float]] = {}
    for contender in CONTENDERS:
        if contender != "ours" and importlib.util.find_spec(contender) is None:
            print(f"  {contender:8} is not installed, so it takes no part")
            continue
        target = folder / f"{contender}.parquet"
        command = [sys.executable, __file__, "--contender", contender, "--source", source]
        command += ["--target", target, "--subset", ",".join(subset)]
        for _ in range(repeat):
            answer = subprocess.run(command, capture_output=True, text=True)  # noqa: S603
            if answer.returncode != 0:
                print(f"  {contender:8} failed with status {answer.returncode}")
                break
            result = json.loads(answer.stdout)
            if contender not in results or result["seconds"] < results[contender]["seconds"]:
                results[contender] = result
        if contender in results and contender != "ours":
            check_equal(folder / "ours.parquet", target)
            target.unlink()
    for contender, result in results.items():
        ratio = results["ours"]["seconds"] / result["seconds"]
        print(
            f"  {contender:8} {result['seconds']:7.2f} s  {result['megabytes']:6.0f} MB  "
            f"ours / theirs {ratio:5.2f}"
        )
    phases = ", ".join(f"{name} {s:.2f} s" for name, s in results["ours"]["phases"].items())
    print(f"  ours spends: {phases}; all results are equal")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeat", type=int, default=3, help="runs of each; the best one counts")
    parser.add_argument("--folder", type=Path, help="where the files go; default a temporary one")
    for hidden in ("--contender", "--subset"):
        parser.add_argument(hidden, help=argparse.SUPPRESS)
    for hidden in ("--source", "--target"):
        parser.add_argument(hidden, type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.contender:
        subset = [name for name in options.subset.split(",") if name]
        contend(options.contender, options.source, options.target, subset)
        return
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        source = Path(folder) / "source.parquet"
        generate(options.rows, source)
        print(f"{options.rows:,} rows, {source.stat().st_size / 1e6:.0f} MB of Parquet")
        for title, subset in SUBSETS.items():
            print(f"{title}, keep first")
            compare(source, Path(folder), subset, options.repeat)


if __name__ == "__main__":
    main()
