"""Rows whose columns lie in files that are mapped into memory, as passes over batches leave them.

A later pass reads the columns that it works on and writes those that it makes; all others stay
where they are. So do rows that are dropped: they are marked, for columns that were written before
and after must go on standing beside one another.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from util_services.datasets.schema import Schema
from util_services.engines.spread import spread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    import pandas as pd

    from util_services.engines.protocol import BatchFunction


@dataclass(frozen=True, slots=True)
class MappedRows:
    """Columns in files, and which of their rows are left.

    Attributes:
        columns: the columns, with the rows that were dropped.
        kept: a truth value for each of their rows, in one piece; None if all are left.
    """

    columns: pa.Table
    kept: pa.BooleanArray | None = None

    def selected(self, columns: Mapping[str, str]) -> MappedRows:
        """Return columns, each under the new name that maps to it."""
        chosen = [self.columns.column(name) for name in columns.values()]
        return MappedRows(pa.table(chosen, names=list(columns)), self.kept)

    def without(self, number: str, losers: Iterable[pa.RecordBatch]) -> MappedRows:
        """Return the rows whose number, in a column, is in none of some batches of one column."""
        numbers = self.columns.column(number)
        is_gone = np.zeros(1 + (pc.max(numbers).as_py() or 0), bool)
        for batch in losers:
            found = batch.column(0).to_numpy()
            is_gone[found[found < len(is_gone)]] = True
        if not is_gone.any():
            return self
        stays = [~is_gone[chunk.fill_null(0).to_numpy()] for chunk in numbers.chunks]
        kept = pa.array(np.concatenate(stays))
        return MappedRows(self.columns, kept if self.kept is None else pc.and_(kept, self.kept))

    def marked(self) -> tuple[pa.Table, str | None]:
        """Return the columns with one behind them that tells which rows are left, and its name."""
        if self.kept is None:
            return self.columns, None
        name = Schema.of(self.columns.schema).free_name("kept")
        return self.columns.append_column(name, self.kept), name

    def bytes_of(self, rows: int) -> int:
        """Return how much memory so many of the rows take, one with another."""
        return int(self.columns.nbytes * rows / max(len(self.columns), 1))

    def batches(self, names: Iterable[str], rows: int) -> Iterator[pa.RecordBatch]:
        """Yield some columns batch by batch, with one behind them if rows are marked."""
        table, _ = MappedRows(self.columns.select(list(names)), self.kept).marked()
        yield from table.to_batches(max_chunksize=rows)


@dataclass(frozen=True, slots=True)
class Work:
    """A function on the batches of mapped rows.

    Attributes:
        function: gets the rows that are left.
        given: names and types that it sees.
        schema: the columns that come back.
        stays: whether other columns stay where they are, so that each row keeps its place.
    """

    function: BatchFunction
    given: pa.Schema
    schema: pa.Schema
    stays: bool

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return what the function makes of a batch; nothing stands where a row was dropped.

        Raises:
            BatchContractError: if it returns other columns or types, or moves rows that must stay.
        """
        from util_services.engines.batches import apply_to_batch, refuse_other_rows

        left, kept = _seen(batch, self.given)
        if self.stays and not len(left):
            nothing = [pa.nulls(len(batch), kind) for kind in self.schema.types]
            return pa.RecordBatch.from_arrays(nothing, schema=self.schema)
        result = apply_to_batch(left, self.function, self.schema)
        if not self.stays:
            return result
        refuse_other_rows(len(result), len(left))
        return result if kept is None else _spread(result, kept)


@dataclass(frozen=True, slots=True)
class Look:
    """A function that tells something of each batch of mapped rows.

    Attributes:
        function: gets the rows that are left.
        given: names and types that it sees.
    """

    function: Callable[[pd.DataFrame], str]
    given: pa.Schema

    def __call__(self, batch: pa.RecordBatch) -> str:
        """Return what the function tells of a batch."""
        from util_services.engines.batches import as_frame

        return self.function(as_frame(_seen(batch, self.given)[0]))


def _spread(batch: pa.RecordBatch, kept: pa.BooleanArray) -> pa.RecordBatch:
    """Return rows in the places where a truth value says so, and nothing in the others."""
    is_left = kept.to_numpy(zero_copy_only=False)
    columns = [spread(column, is_left) for column in batch.columns]
    return pa.RecordBatch.from_arrays(columns, schema=batch.schema)


def _seen(batch: pa.RecordBatch, given: pa.Schema) -> tuple[pa.RecordBatch, pa.BooleanArray | None]:
    """Return the rows of a batch that are left, and, where rows are marked, which these are."""
    *columns, kept = (*batch.columns, None)[: len(given) + 1]
    pairs = zip(columns, given.types, strict=True)
    held = [column if column.type == kind else column.cast(kind) for column, kind in pairs]
    seen = pa.RecordBatch.from_arrays(held, schema=given)
    return (seen if kept is None else seen.filter(kept)), kept
