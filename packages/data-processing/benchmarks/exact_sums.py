"""Compare exact sums, means and quantiles of doubles with numpy's and DuckDB's rounded ones.

    uv run packages/data-processing/benchmarks/exact_sums.py --rows 10000000

Everything is in memory and in one process; the best of several turns counts. Ours runs on one
thread and in batches of 100,000 rows, DuckDB on all threads. `math.fsum`, which is exact for a
sequence but cannot be split, stands beside.
"""

from __future__ import annotations

import argparse
import math
import time
from functools import reduce
from typing import TYPE_CHECKING

import duckdb
import numpy as np
import pyarrow as pa

from data_processing.cleaning import exact, selection

if TYPE_CHECKING:
    from collections.abc import Callable

BATCH_ROWS = 100_000
GROUPS = 50


def batches(values: np.ndarray, codes: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    return [
        (values[start : start + BATCH_ROWS], codes[start : start + BATCH_ROWS])
        for start in range(0, len(values), BATCH_ROWS)
    ]


def total(parts: list, groups: int, function: Callable = exact.sums) -> list[exact.Dyadic]:
    found = [function(values, codes, groups) for values, codes in parts]
    return [reduce(exact.added, of_group) for of_group in zip(*found, strict=True)]


def mean(parts: list, rows: int) -> float:
    return exact.nearest(exact.fraction(total(parts, 1)[0]) / rows)


def deviation(parts: list, rows: int) -> float:
    sums = (exact.fraction(total(parts, 1, f)[0]) for f in (exact.sums, exact.squares))
    return exact.root(exact.variance(rows, *sums))


def median(parts: list, rows: int) -> float:
    sample = selection.Sample()
    for values, codes in parts:
        told = selection.sampled(values, codes, 1)
        sample.add(told["ranks"], told["values"])
    first, last = selection.ranks(selection.Fraction(1, 2), rows)
    interval, kept = sample.ordered().around(first, last), selection.Kept()
    for values, codes in parts:
        told = selection.kept(values, codes, [interval])
        kept.add(told["below"][0], told["values"], told["counts"])
    ordered = kept.ordered()
    return exact.nearest(selection.quantile(selection.Fraction(1, 2), rows, ordered.at))


def best(work: Callable[[], object], turns: int) -> tuple[float, object]:
    """Return the seconds of the best turn, and what came out."""
    seconds = math.inf
    for _ in range(turns):
        began = time.perf_counter()
        result = work()
        seconds = min(seconds, time.perf_counter() - began)
    return seconds, result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    random = np.random.default_rng(20240229)
    values = random.lognormal(10, 3, options.rows)
    codes = random.integers(0, GROUPS, options.rows)
    alike = np.zeros(options.rows, np.int64)
    connection = duckdb.connect()
    table = pa.table({"x": values, "g": codes})
    connection.register("given", table)
    connection.execute("CREATE TABLE t AS FROM given").fetchall()

    def sql(query: str) -> list:
        return connection.execute(query).fetchall()

    whole, grouped = batches(values, alike), batches(values, codes)
    contests = {
        "sum": {
            "ours": lambda: exact.nearest(exact.fraction(total(whole, 1)[0])),
            "numpy": lambda: float(np.sum(values)),
            "DuckDB sum": lambda: sql("SELECT sum(x) FROM t")[0][0],
            "DuckDB fsum": lambda: sql("SELECT fsum(x) FROM t")[0][0],
            "math.fsum": lambda: math.fsum(values),
        },
        "mean": {
            "ours": lambda: mean(whole, options.rows),
            "numpy": lambda: float(np.mean(values)),
            "DuckDB avg": lambda: sql("SELECT avg(x) FROM t")[0][0],
        },
        f"sums of {GROUPS} groups": {
            "ours": lambda: exact.fraction(total(grouped, GROUPS)[7]),
            "DuckDB": lambda: dict(sql("SELECT g, sum(x) FROM t GROUP BY g"))[7],
        },
        "deviation": {
            "ours": lambda: deviation(whole, options.rows),
            "numpy": lambda: float(np.std(values, ddof=1)),
            "DuckDB": lambda: sql("SELECT stddev_samp(x) FROM t")[0][0],
        },
        "median": {
            "ours": lambda: median(whole, options.rows),
            "numpy": lambda: float(np.median(values)),
            "DuckDB": lambda: sql("SELECT median(x) FROM t")[0][0],
        },
    }
    for title, contenders in contests.items():
        print(f"{title} of {options.rows:,} doubles")
        ours = None
        for name, work in contenders.items():
            seconds, result = best(work, options.repeat)
            ours = ours or (seconds, float(result))
            error = abs(float(result) - ours[1]) / abs(ours[1])
            print(
                f"  {name:12} {seconds:7.3f} s  {seconds / options.rows * 1e9:6.1f} ns a row  "
                f"ours / theirs {ours[0] / seconds:6.2f}  relative difference {error:.1e}"
            )


if __name__ == "__main__":
    main()
