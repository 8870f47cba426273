"""Seconds and peak memory of comparing a release with earlier ones, each and all of them.

    python packages/dataframe-anonymisation/benchmarks/releases_together.py --rows 200000

Four releases of the same rows group two quasi-identifiers in other ways; once a column of
pseudonyms ties the rows together, and once nothing does and the classes are within one another.
Seconds are those of the comparison alone, without reading the tables; memory is the peak of the
process.
"""

import argparse
import resource
import time

import numpy as np
import pandas as pd

from dataframe_anonymisation.verify.all_together import compare_all
from dataframe_anonymisation.verify.together import Table, Texts, compare

TIED = [(8, 8), (16, 4), (4, 16), (32, 2)]  # widths of the two groupings of each release
UNTIED = [(8, 8), (16, 16), (32, 32), (2, 2)]
K, L = 5, 2


def releases(rows: int, widths: list[tuple[int, int]], *, tied: bool) -> tuple[Texts, list[Table]]:
    """Return releases of the same drawn rows, and the numbers of their texts."""
    drawn = np.random.default_rng(1)
    first, second, values = (drawn.integers(0, most, rows) for most in (96, 64, 20))
    texts, tables = Texts(), []
    for wide, narrow in widths:
        frame = pd.DataFrame(
            {
                "first": [_range(n, wide) for n in first],
                "second": [_range(n, narrow) for n in second],
                "value": values.astype(str),
                "person": [f"p{n}" for n in range(rows)],
            }
        )
        persons = ["person"] if tied else []
        tables.append(Table.of([frame], texts, ["first", "second"], ["value"], persons))
    return texts, tables


def _range(number: int, width: int) -> str:
    low = number // width * width
    return f"[{low}, {low + width})"


def main() -> None:
    """Print what the comparisons take."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=200_000)
    rows = parser.parse_args().rows
    for tied, widths in ((True, TIED), (False, UNTIED)):
        texts, (now, *before) = releases(rows, widths, tied=tied)
        began = time.perf_counter()
        for one in before:
            compare(now, one, texts, K, L)
        each = time.perf_counter() - began
        compare_all(now, before, texts, K, L)
        together = time.perf_counter() - began - each
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
        what = "tied by pseudonyms" if tied else "tied by nothing"
        print(
            f"{rows} rows {what}: {len(before)} pairs {each:.1f} s, all {together:.1f} s, "
            f"peak {peak} MB"
        )


if __name__ == "__main__":
    main()
