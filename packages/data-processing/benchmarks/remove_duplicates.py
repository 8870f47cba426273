"""Compare the job `remove_duplicates` with what a user would otherwise write.

    uv run packages/data-processing/benchmarks/remove_duplicates.py --rows 10000000
    uv run --with polars packages/data-processing/benchmarks/remove_duplicates.py --limit 1500MB

Ours, DuckDB SQL, pandas and polars (if it is installed) read a Parquet file and write one (zstd,
level 1), keeping the first row of each group in the order of the input, each in a process of its
own. Ours is the whole command, `data-services run`, with its digests, checks and reports; "inside"
is what its report tells of the run, for the others the time without imports. All outputs are
compared, and each output of ours with its first.
"""

from __future__ import annotations

import argparse
import datetime as dt
import hashlib
import importlib.util
import json
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "util-services" / "benchmarks"))

import contest
import generate

SUBSETS = {"all columns": [], "subset": ["customer", "email"]}
COMMAND = "from util_services.cli.main import main; main()"
PEERS = ("duckdb", "pandas", "polars")


def ours(source: Path, target: Path, subset: list[str], limit: str | None) -> contest.Effort:
    """Run the command, and take the seconds of the run from its report."""
    command = [sys.executable, "-c", COMMAND, "run", "remove_duplicates_job"]
    command += ["--json", "--root", source.parent]
    for setting in (
        f"read_dataset.path={source.name}",
        f"write_dataset.path={target.name}",
        "write_dataset.overwrite=true",
        f"remove_duplicates.subset=[{','.join(subset)}]",
    ):
        command += ["--set", setting]
    environment = {"DAGSTER_HOME": str(source.parent / "home")}
    if limit is not None:
        environment["DATA_SERVICES_MEMORY_LIMIT"] = limit
    effort = contest.watch(command, environment)
    run = json.loads(target.with_name(f"{target.name}.report.json").read_text())["run"]
    began, ended = (dt.datetime.fromisoformat(run[key]) for key in ("started", "finished"))
    return replace(effort, inside=(ended - began).total_seconds())


def duckdb(source: Path, target: Path, subset: list[str]) -> None:
    """Run the SQL that a careful user would write."""
    import duckdb

    connection = duckdb.connect(config={"temp_directory": str(target.parent / "spill")})
    rows = f"read_parquet('{source}', file_row_number = true)"
    names = [row[0] for row in connection.execute(f"DESCRIBE FROM '{source}'").fetchall()]
    key = ", ".join(subset or names)
    connection.execute(
        f"""COPY (SELECT * EXCLUDE file_row_number FROM {rows}
            WHERE file_row_number IN (SELECT min(file_row_number) FROM {rows} GROUP BY {key})
            ORDER BY file_row_number)
            TO '{target}' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)"""  # noqa: S608
    )


def pandas(source: Path, target: Path, subset: list[str]) -> None:
    """Read, drop, write."""
    import pandas as pd

    frame = pd.read_parquet(source)
    left = frame.drop_duplicates(subset or None)
    left.to_parquet(target, compression="zstd", compression_level=1, index=False)


def polars(source: Path, target: Path, subset: list[str]) -> None:
    """Scan, drop and sink."""
    import polars as pl

    rows = pl.scan_parquet(source).unique(subset or None, keep="first", maintain_order=True)
    rows.sink_parquet(target, compression="zstd", compression_level=1)


def contend(name: str, source: Path, target: Path, subset: list[str]) -> None:
    """Be one peer: do the work and print its seconds."""
    importlib.import_module(name)
    began = time.perf_counter()
    globals()[name](source, target, subset)
    print(json.dumps({"seconds": time.perf_counter() - began}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeat", type=int, default=3, help="turns of each; the best one counts")
    parser.add_argument("--limit", help="DATA_SERVICES_MEMORY_LIMIT of ours, such as 1500MB")
    parser.add_argument("--peers", default=",".join(PEERS), help="who takes part; '' for none")
    parser.add_argument("--folder", type=Path, help="where the files go; default a temporary one")
    parser.add_argument("--contender", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.contender:
        name, source, target, subset = options.contender
        contend(name, Path(source), Path(target), [key for key in subset.split(",") if key])
        return
    peers = [peer for peer in options.peers.split(",") if peer]
    for peer in [peer for peer in peers if importlib.util.find_spec(peer) is None]:
        print(f"{peer} is not installed, so it takes no part")
        peers.remove(peer)
    with tempfile.TemporaryDirectory(dir=options.folder) as place:
        folder = Path(place)
        source = folder / "source.parquet"
        generate.generate(1000, source)
        ours(source, folder / "warm-up.parquet", [], None)  # which makes the home of Dagster
        generate.generate(options.rows, source)
        print(f"{options.rows:,} rows, {source.stat().st_size / 1e6:.0f} MB of Parquet")
        for title, subset in SUBSETS.items():
            print(f"{title}, keep first")
            run(source, folder, subset, peers, options)


def run(
    source: Path, folder: Path, subset: list[str], peers: list[str], options: argparse.Namespace
) -> None:
    """Compare all on one key."""
    digests = set()

    def target(name: str) -> Path:
        return folder / f"{name}.parquet"

    def our_turn() -> contest.Effort:
        effort = ours(source, target("ours"), subset, options.limit)
        with target("ours").open("rb") as file:
            digests.add(hashlib.file_digest(file, "sha256").hexdigest())
        return effort

    def turn_of(peer: str) -> contest.Effort:
        key = ",".join(subset)
        return contest.watch(
            [sys.executable, __file__, "--contender", peer, source, target(peer), key]
        )

    def check(name: str) -> None:
        if name != "ours":
            contest.check_equal(target("ours"), target(name))
            target(name).unlink()

    contenders = {"ours": our_turn}
    contenders |= {peer: (lambda peer=peer: turn_of(peer)) for peer in peers}
    contest.compare(contenders, options.repeat, check)
    print(f"  all results are equal; ours came out as {len(digests)} sequence of bytes")


if __name__ == "__main__":
    main()
