"""Compare the dataset flow from CSV to Parquet with DuckDB, pandas and polars.

    uv run packages/util-services/benchmarks/csv_to_parquet.py --rows 10000000

Ours does what ``convert_format_job`` does with a CSV file: it digests it, counts its records by
code that the engine has no part in, writes Parquet and publishes it with its reports. The others
read all columns as text, an empty field as missing, and write (zstd, level 1). All outputs are
compared. polars takes part if it is installed.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import sys
import tempfile
import time
from pathlib import Path

import contest
import generate

CONTENDERS = ("ours", "duckdb", "pandas", "polars")
IMPORTED = {"ours": "util_services.engines.local"}


def ours(source: Path, target: Path) -> dict[str, float]:
    """Read, keep all rows, publish; return the seconds of each part."""
    from util_services.engines.local import LocalEngine
    from util_services.flow.encode import Target
    from util_services.flow.operate import Dataset, Outcome, operate
    from util_services.flow.plan import ReadOptions, WriteOptions, plan_read, plan_write
    from util_services.flow.publish import publish_dataset
    from util_services.flow.read import read_dataset
    from util_services.flow.staging import Staging
    from util_services.reports.record import RunFacts
    from util_services.storage import LocalStorage

    storage = LocalStorage(source.parent)
    staging = Staging.create(source.parent / "staging", "run")
    clock = [time.perf_counter()]
    with LocalEngine(staging.scratch()) as engine:
        read = plan_read(storage, ReadOptions(source.name))
        options = WriteOptions(target.name, overwrite=True)
        write = plan_write(storage, options, read.origin, run_id="run")
        staged = read_dataset(read, staging, engine, is_direct=True)
        clock.append(time.perf_counter())
        place = Target.of(write, staging)
        result = operate("keep", lambda d: Outcome(d.scan()), Dataset(engine, staged), place, {})
        clock.append(time.perf_counter())
    publish_dataset(result, write, staging, RunFacts("run", "keep", "", "", {}), lambda: None)
    clock.append(time.perf_counter())
    staging.remove()
    return dict(zip(("read", "write", "publish"), map(_less, clock[1:], clock), strict=True))


def duckdb(source: Path, target: Path) -> None:
    """Read with an explicit dialect, as the sniffer loses rows of ragged files."""
    import duckdb

    with source.open() as file:
        names = [name.strip('"') for name in file.readline().rstrip("\n").split(",")]
    columns = ", ".join(f"'{name}': 'VARCHAR'" for name in names)
    connection = duckdb.connect(config={"temp_directory": str(target.parent / "spill")})
    connection.execute(
        f"""COPY (FROM read_csv('{source}', auto_detect = false, header = true, delim = ',',
                quote = '"', escape = '"', columns = {{{columns}}}))
            TO '{target}' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)"""
    )


def pandas(source: Path, target: Path) -> None:
    """Read, write."""
    import pandas as pd

    frame = pd.read_csv(source, dtype=str, keep_default_na=False, na_values=[""])
    frame.to_parquet(target, compression="zstd", compression_level=1, index=False)


def polars(source: Path, target: Path) -> None:
    """Scan and sink."""
    import polars as pl

    rows = pl.scan_csv(source, infer_schema=False)
    rows.sink_parquet(target, compression="zstd", compression_level=1)


def contend(name: str, source: Path, target: Path) -> None:
    """Be one contender: do the work and print its seconds."""
    importlib.import_module(IMPORTED.get(name, name))
    began = time.perf_counter()
    parts = globals()[name](source, target) or {}
    print(json.dumps({"seconds": time.perf_counter() - began, "parts": parts}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeat", type=int, default=3, help="turns of each; the best one counts")
    parser.add_argument("--folder", type=Path, help="where the files go; default a temporary one")
    parser.add_argument("--contender", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.contender:
        name, source, target = options.contender
        contend(name, Path(source), Path(target))
        return
    with tempfile.TemporaryDirectory(dir=options.folder) as place:
        folder, parts = Path(place), []
        source = folder / "source.csv"
        generate.generate_csv(options.rows, source)
        print(f"{options.rows:,} rows, {source.stat().st_size / 1e6:.0f} MB of CSV")

        def target(name: str) -> Path:
            return folder / f"{name}.parquet"

        def turn_of(name: str) -> contest.Effort:
            command = [sys.executable, __file__, "--contender", name, source, target(name)]
            effort = contest.watch(command)
            if name == "ours":
                parts.append(json.loads(effort.output)["parts"])
            return effort

        def check(name: str) -> None:
            if name != "ours":
                contest.check_equal(target("ours"), target(name))
                target(name).unlink()

        there = [n for n in CONTENDERS if importlib.util.find_spec(IMPORTED.get(n, n)) is not None]
        turns = {name: (lambda name=name: turn_of(name)) for name in there}
        contest.compare(turns, options.repeat, check)
        best = min(parts, key=lambda each: sum(each.values()))
        spent = ", ".join(f"{part} {seconds:.2f} s" for part, seconds in best.items())
        print(f"  ours spends: {spent}; all results are equal")


def _less(later: float, earlier: float) -> float:
    return later - earlier


if __name__ == "__main__":
    main()
