"""Write a seeded, untidy table of any number of rows, for benchmarks.

    uv run packages/util-services/benchmarks/generate.py --rows 10000000 --parquet big.parquet

Eleven columns: two integers, five texts with untidy case and spaces, two floats, a nullable integer
and a date; 5 % of the rows repeat an earlier one, and up to 30 % of a column is missing. A cell
depends on the seed and the number of its row alone, so the rows are made chunk by chunk in bounded
memory, and a table begins with the rows of any smaller one.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

SEED = 20240229
CHUNK_ROWS = 491_520
ROW_GROUP_ROWS = 122_880
DUPLICATE_EVERY = 20  # one row in so many repeats an earlier one
CITIES = ["Berlin ", "PARIS", "rome", "  Madrid", "Wien", "new  york", "LYON ", " Graz"]
FIRST = ["Anna", "BERND", "  carla", "David ", "eva", "Frank", "GRETA", "hans ", " Ida", "Jon"]
DOMAINS = ["@example.org", "@Example.ORG", "@example.com"]
DAYS = 9000
EPOCH_DAY = 10_957  # 2000-01-01


def mixed(numbers: np.ndarray, salt: int) -> np.ndarray:
    """Return pseudo-random 64-bit numbers (splitmix64: Steele, Lea and Flood, 2014)."""
    z = numbers + np.uint64(0x9E3779B97F4A7C15 * (salt + SEED) % 2**64)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def originals(start: int, stop: int) -> np.ndarray:
    """Return, for each row, the number of the row whose content it has."""
    rows = np.arange(start, stop, dtype=np.uint64)
    repeats = (rows % DUPLICATE_EVERY == DUPLICATE_EVERY - 1) & (rows > 0)
    earlier = mixed(rows, 0) % np.maximum(rows, 1)
    earlier -= earlier % DUPLICATE_EVERY == DUPLICATE_EVERY - 1  # which repeats a row itself
    return np.where(repeats, earlier, rows)


def chunk(start: int, stop: int) -> pa.Table:
    """Return the rows from ``start`` up to ``stop``."""
    n = originals(start, stop)

    def below(bound: int, salt: int) -> np.ndarray:
        return (mixed(n, salt) % np.uint64(bound)).astype(np.int64)

    def missing(percent: int, salt: int) -> np.ndarray:
        return below(100, salt) < percent

    def chosen(words: list[str], salt: int, mask: np.ndarray | None = None) -> pa.Array:
        return pa.array(words).take(pa.array(below(len(words), salt), mask=mask))

    def text(*parts: pa.Array | str) -> pa.Array:
        return pc.binary_join_element_wise(*parts, "")

    def digits(numbers: np.ndarray, mask: np.ndarray | None = None) -> pa.Array:
        return pa.array(numbers, mask=mask).cast(pa.string())

    number = n.astype(np.int64)
    return pa.table(
        {
            "id": number + 1_000_000,
            "customer": below(1_000_000, 1),
            "name": text(chosen(FIRST, 2), " Name", digits(below(500_000, 3), missing(5, 4)), " "),
            "email": text("user", digits(number, missing(10, 5)), chosen(DOMAINS, 6)),
            "city": chosen(CITIES, 7, missing(5, 8)),
            "segment": text("seg", digits(below(50, 9), missing(20, 10))),
            "note": text("Note ", digits(below(1 << 40, 11)), chosen(FIRST, 12)),
            "income": pa.array(below(10_000_000, 13) / 100, mask=missing(20, 14)),
            "score": below(10_000, 15) / 7,
            "visits": pa.array(below(100, 16).astype(np.int32), mask=missing(30, 17)),
            "since": pa.array((EPOCH_DAY + below(DAYS, 18)).astype(np.int32)).cast(pa.date32()),
        }
    )


def generate(rows: int, parquet: Path) -> None:
    """Write ``rows`` rows to a Parquet file."""
    with pq.ParquetWriter(parquet, chunk(0, 1).schema, compression="zstd") as writer:
        for start in range(0, rows, CHUNK_ROWS):
            writer.write_table(chunk(start, min(start + CHUNK_ROWS, rows)), ROW_GROUP_ROWS)


def generate_csv(rows: int, csv: Path) -> None:
    """Write ``rows`` rows to a CSV file, a missing value as an empty field."""
    with csv.open("wb") as file:
        for start in range(0, rows, CHUNK_ROWS):
            table = chunk(start, min(start + CHUNK_ROWS, rows))
            pa.csv.write_csv(
                table, file, pa.csv.WriteOptions(include_header=start == 0, quoting_style="none")
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--parquet", type=Path)
    parser.add_argument("--csv", type=Path)
    options = parser.parse_args()
    if options.parquet is not None:
        generate(options.rows, options.parquet)
    if options.csv is not None:
        generate_csv(options.rows, options.csv)


if __name__ == "__main__":
    main()
