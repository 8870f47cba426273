"""Plans on the batches of an engine: in this process, or on workers that tell what they counted.

Plans count what reports tell as they go, and take imprints of rows in their order. Where workers do
the batches, each has a plan of its own: what it counts in a batch comes back in a row of its own
behind the batch's rows, and imprints are taken here, of rows that stream by.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import narwhals as nw
import numpy as np
import pandas as pd
import pyarrow as pa

from field_pseudonymisation.errors import CellsError
from util_services.engines.stage_batches import free_name

if TYPE_CHECKING:
    from field_pseudonymisation.imprint import Imprint
    from util_services.engines.protocol import Engine
    from util_services.flow.operate import Dataset

Function = Callable[[Mapping[str, pa.Array], int], dict[str, pa.Array]]
What = tuple[int | str, ...]
NOTE_TYPE = pa.large_string()


class Counting(Protocol):
    """What counts as it works on batches."""

    def tally(self) -> Mapping[What, int]:
        """Return all that was counted so far."""

    def add_tally(self, counted: Mapping[What, int]) -> None:
        """Add what was counted elsewhere."""


@dataclass
class Work:
    """What is done to batches.

    Attributes:
        apply: the function on columns and their number of rows.
        output: names and types of what it returns.
        counting: all that counts on the way.
        given: takes an imprint of the rows that come in.
        done: takes an imprint of those that come out, as ``apply`` sees to.
    """

    apply: Function
    output: pa.Schema
    counting: tuple[Counting, ...] = ()
    given: Imprint | None = None
    done: Imprint | None = None


def apply_to_rows(dataset: Dataset, work: Work) -> nw.LazyFrame[Any]:
    """Return what some work makes of the rows of a dataset, all of which it has done by then."""
    engine = dataset.engine
    if not engine.shares_memory:
        return _on_workers(dataset, work)

    def here(batch: Mapping[str, pa.Array], rows: int) -> dict[str, pa.Array]:
        if work.given is not None:
            work.given.add(batch, rows)
        return work.apply(batch, rows)

    return engine.map_batches(dataset.scan(), _Batches(here), work.output)


@dataclass
class _Batches:
    """A function on columns as one on batches of pandas; batches come in order."""

    function: Function

    def __call__(self, batch: pd.DataFrame) -> pd.DataFrame:
        return _as_frame(self.function(_as_arrays(batch), len(batch)))


def _on_workers(dataset: Dataset, work: Work) -> nw.LazyFrame[Any]:
    engine = dataset.engine
    taken = {name.casefold() for name in (*dataset.schema.names, *work.output.names)}
    number = free_name("row_number", taken)
    note = free_name("note", taken | {number})
    schema = work.output.append(pa.field(note, NOTE_TYPE))
    worker = _Worker(work, number, note)
    both = engine.map_batches(dataset.scan(number), worker, schema, is_secret=True)
    is_row = nw.col(note).is_null()
    frame = engine.select(both.filter(is_row), {name: name for name in work.output.names})
    notes = engine.rows(engine.select(both.filter(~is_row), {note: note}))
    rows = _add_notes(work, [json.loads(row[note]) for row in notes])
    if work.given is not None:
        _take(engine, dataset.scan(), work.given, rows)
    if work.done is not None:
        _take(engine, frame, work.done, rows)
    return frame


def _add_notes(work: Work, notes: list[Any]) -> int:
    """Add what workers have counted, and return how many rows they were given."""
    for place, counting in enumerate(work.counting):
        counted = Counter[What]()
        for told in notes:
            for *what, count in told["counted"][place]:
                counted[tuple(what)] += count
        counting.add_tally(counted)
    return sum(told["rows"] for told in notes)


def _take(engine: Engine, frame: nw.LazyFrame[Any], imprint: Imprint, rows: int) -> None:
    """Take an imprint of rows that stream by, of which nothing is kept."""
    imprint.rows += rows
    columns = {name: name for name in imprint.columns}
    if not columns:
        return

    def add(reader: pa.RecordBatchReader) -> None:
        for batch in reader:
            imprint.add(dict(zip(batch.schema.names, batch.columns, strict=True)), 0)

    engine.consume(engine.select(frame, columns), add)


@dataclass
class _Worker:
    """Work on batches that come in any order, each with the numbers of its rows."""

    work: Work
    number: str
    note: str
    seen: int = 0

    def __call__(self, batch: pd.DataFrame) -> pd.DataFrame:
        """Return the rows, and behind them one with what was counted."""
        if self.work.done is not None:
            self.work.done.columns = ()  # it is taken of all rows in their order, not here
        arrays, rows = _as_arrays(batch), len(batch)
        numbers = arrays.pop(self.number).to_numpy(zero_copy_only=False)
        before = [dict(one.tally()) for one in self.work.counting]
        try:
            done = self.work.apply(arrays, rows)
        except CellsError as error:
            places = np.array(error.positions, np.int64) - self.seen
            raise type(error)(error.column, error.reason, numbers[places], error.cure) from None
        self.seen += rows
        told = [
            [[*what, count - old.get(what, 0)] for what, count in one.tally().items()]
            for one, old in zip(self.work.counting, before, strict=True)
        ]
        length = len(next(iter(done.values())))
        columns = {
            name: pa.chunked_array([array, pa.nulls(1, array.type)]).combine_chunks()
            for name, array in done.items()
        }
        note = json.dumps({"rows": rows, "counted": told})
        columns[self.note] = pa.array([None] * length + [note], NOTE_TYPE)
        return _as_frame(columns)


def _as_arrays(batch: pd.DataFrame) -> dict[str, pa.Array]:
    return {str(name): whole(batch[name].array.__arrow_array__()) for name in batch.columns}


def _as_frame(columns: Mapping[str, pa.Array]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            name: pd.arrays.ArrowExtensionArray(pa.chunked_array([array]))
            for name, array in columns.items()
        }
    )


def whole(array: Any) -> pa.Array:
    """Return a column in one piece."""
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
