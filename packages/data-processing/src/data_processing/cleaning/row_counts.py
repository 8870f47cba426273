"""How many rows there are for which something holds, in one pass over batches."""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals as nw
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from data_processing.cleaning.arrays import array_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from data_processing.steps.expressions import Expression
    from util_services.engines.stages import Rows


def rows_where(rows: Rows, conditions: Sequence[Expression], *, is_true: bool) -> list[int]:
    """Return for how many rows each condition is true, or is false; missing is neither."""
    read = [name for one in conditions for name in one.columns]

    def counted(batch: pd.DataFrame) -> list[int]:
        return [int((one(batch) == is_true).fillna(value=False).sum()) for one in conditions]

    return added_up(rows, read, counted, len(conditions))


def rows_with(rows: Rows, columns: Sequence[str], tokens: Sequence[str]) -> list[dict[str, int]]:
    """Return how many rows hold each of some short texts, but for case and spaces, by column."""
    longest = max(map(len, tokens))

    def counted(batch: pd.DataFrame) -> list[int]:
        return [
            n for name in columns for n in _held(array_of(batch[name]), tokens, longest).values()
        ]

    counts = iter(added_up(rows, columns, counted, len(columns) * len(tokens)))
    return [{token: next(counts) for token in tokens} for _ in columns]


def _held(texts: pa.Array, tokens: Sequence[str], longest: int) -> dict[str, int]:
    trimmed = pc.utf8_trim_whitespace(texts.cast(pa.large_string()))
    short = pc.utf8_lower(trimmed.filter(pc.less_equal(pc.utf8_length(trimmed), longest)))
    found = {one["values"].as_py(): one["counts"].as_py() for one in pc.value_counts(short)}
    return {token: found.get(token, 0) for token in tokens}


def added_up(
    rows: Rows, read: Sequence[str], counted: Callable[[pd.DataFrame], list[int]], size: int
) -> list[int]:
    """Return the sums of so many counts of each batch.

    Args:
        rows: the rows.
        read: the columns that are looked at.
        counted: returns the counts of some rows.
        size: how many counts there are.
    """
    if not size:
        return []
    names = list(dict.fromkeys(read)) or list(rows.places)[:1]  # else a batch would have no rows
    schema = pa.schema([(f"count_{n}", pa.int64()) for n in range(size)])

    def one_row(batch: pd.DataFrame) -> pd.DataFrame:
        counts = zip(schema.names, counted(batch), strict=True)
        return pd.DataFrame({name: pd.array([n], dtype="int64[pyarrow]") for name, n in counts})

    frame = rows.engine.select(rows.frame, {name: rows.places[name] for name in names})
    counts = rows.engine.materialise(rows.engine.map_batches(frame, one_row, schema))
    (sums,) = rows.engine.rows(counts.select(nw.col(*schema.names).sum()))
    return [int(sums[name] or 0) for name in schema.names]
