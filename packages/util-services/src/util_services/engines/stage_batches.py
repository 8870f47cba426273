"""Row-wise steps composed into one function on batches, which also notes what each step does.

Batches may be worked on in other processes, so the notes travel with the rows: as JSON in a column
of their own, beside the first row of a batch or in a row of another kind. For the same reason the
composed function and its parts must be picklable. Where it is called in this process, and there are
no notes but counts, these go into a list instead.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from util_services.engines.batches import as_declared
from util_services.engines.failures import BatchContractError, RefusedCellsError, naming

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

Counts = Mapping[str, int]
SchemaChange = Callable[[pa.Schema], pa.Schema]

DATA, TALLY, QUARANTINED, CHANGED = range(4)  # kinds of rows that a composed function returns
KIND_TYPE, NOTE_TYPE = pa.int8(), pa.large_string()


def unchanged(schema: pa.Schema) -> pa.Schema:
    """Return the columns of a step that changes values and neither names nor types."""
    return schema


@dataclass(frozen=True, slots=True)
class Map:
    """Work on the values of each row by itself.

    Attributes:
        name: the step's name in notes and errors.
        function: gets some rows and returns as many in the same order, alone or with counts of its
            own for the report; it must not depend on where batches begin.
        writes: the columns whose values it may change, make or take away; None if it may be any.
        schema: the columns that come back, from those that go in.
        place: where the step stands in a recipe, for errors.
        reads: the columns that it looks at beside those it writes, so that others need not be given
            to it; None if it may be any.
    """

    name: str
    function: Callable[[pd.DataFrame], pd.DataFrame | tuple[pd.DataFrame, Counts]]
    writes: frozenset[str] | None = None
    schema: SchemaChange = unchanged
    place: str = ""
    reads: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Filter:
    """The choice of rows that stay.

    Attributes:
        name: the step's name in notes and errors.
        function: gets some rows and returns one truth value for each; missing is false.
        reason: why the other rows go to the quarantine; None where they are dropped.
        marks: columns that steps have made for their own use; the quarantine does not hold them.
        place: where the step stands in a recipe, for errors.
    """

    name: str
    function: Callable[[pd.DataFrame], pd.Series]
    reason: str | None = None
    marks: frozenset[str] = frozenset()
    place: str = ""


@dataclass(frozen=True, slots=True)
class Expand:
    """Work that makes of each row any number of rows.

    Attributes:
        name: the step's name in notes and errors.
        function: gets some rows and returns others, with the position of the row that each is from,
            in ascending order.
        schema: the columns that come back, from those that go in.
        place: where the step stands in a recipe, for errors.
    """

    name: str
    function: Callable[[pd.DataFrame], tuple[pd.DataFrame, Sequence[int]]]
    schema: SchemaChange = unchanged
    place: str = ""


RowWise = Map | Filter | Expand
NOTHING_ELSE: frozenset[str] = frozenset()  # what a map reads that looks at what it writes alone


@dataclass(frozen=True, slots=True)
class Names:
    """What the columns beside the data are called; none of the data's own is called so."""

    number: str | None
    kind: str
    note: str

    def free_of(self, schemas: Iterable[pa.Schema]) -> Names:
        """Return names that no column of the data has, whichever step it is at."""
        taken = {name.casefold() for schema in schemas for name in schema.names}
        number = None if self.number is None else free_name(self.number, taken)
        return Names(number, free_name(self.kind, taken), free_name(self.note, taken))


def free_name(wish: str, taken: Collection[str]) -> str:
    """Return a name, lengthened until it is none of those taken, which are case-folded."""
    while wish.casefold() in taken:
        wish += "_"
    return wish


def schemas_of(steps: Sequence[RowWise], given: pa.Schema) -> list[pa.Schema]:
    """Return the columns that go into the first of some steps, and those that each leaves."""
    schemas = [given]
    for step in steps:
        schemas.append(schemas[-1] if isinstance(step, Filter) else step.schema(schemas[-1]))
    return schemas


def looked_at(steps: Sequence[RowWise], given: pa.Schema) -> list[str]:
    """Return the columns that some steps must be given; all others can go by beside their rows."""
    names: list[str] = given.names
    seen = set[str]()
    for step in steps:
        if not isinstance(step, Map) or step.reads is None or step.writes is None:
            return names
        seen |= step.reads | step.writes
    return [name for name in names if name in seen] or names


class Composed:
    """Row-wise steps one after the other, as one function on batches.

    Args:
        steps: the steps.
        schemas: the columns of the data, as `schemas_of` tells them.
        names: what stands beside the data.
        logs_changes: whether each changed cell is noted with its values before and after.
        tallies: where the counts of each batch go; None where they go with the rows, as all other
            notes do.
    """

    def __init__(
        self,
        steps: Sequence[RowWise],
        schemas: Sequence[pa.Schema],
        names: Names,
        *,
        logs_changes: bool,
        tallies: list[list[dict[str, Any]]] | None = None,
    ) -> None:
        self.steps, self.names, self.logs_changes = tuple(steps), names, logs_changes
        self.schemas, self.tallies = tuple(schemas[1:]), tallies

    @property
    def data(self) -> pa.Schema:
        """The columns of the data that come out."""
        return self.schemas[-1]

    @property
    def schema(self) -> pa.Schema:
        """All columns that come out: the data, the number of its row, and kind and note if any."""
        beside = []
        if self.tallies is None:
            beside = [pa.field(self.names.kind, KIND_TYPE), pa.field(self.names.note, NOTE_TYPE)]
        if self.names.number is not None:
            beside.insert(0, pa.field(self.names.number, pa.int64()))
        return pa.schema([*self.data, *beside])

    def __call__(self, batch: pd.DataFrame) -> pd.DataFrame:
        """Return what the steps make of a batch, with their notes."""
        rows = _Batch.of(batch, self.names.number)
        tallies, notes = [], list[tuple[int, dict[str, Any]]]()
        for step, schema in zip(self.steps, self.schemas, strict=True):
            tally: dict[str, Any] = {"in": len(rows.frame)}
            with naming(step.place):
                rows, told = self._done(step, schema, rows, tally)
            notes += told
            tallies.append(tally | {"out": len(rows.frame)})
        if self.tallies is None:
            return self._with_notes(rows, tallies, notes)
        self.tallies.append(tallies)
        return self._numbered(rows)

    def _done(
        self, step: RowWise, schema: pa.Schema, rows: _Batch, tally: dict[str, Any]
    ) -> tuple[_Batch, list[tuple[int, dict[str, Any]]]]:
        """Return what a step makes of rows, and its notes; its counts go into the tally."""
        match step:
            case Map():
                done = rows.mapped(step, schema, tally)
                changes = list(_changes(rows.frame, done.frame))
                tally["changed"] = {name: int(mask.sum()) for name, mask in changes}
                log = _log(step.name, rows, done, changes) if self.logs_changes else ()
                return done, [(CHANGED, note) for note in log]
            case Filter():
                done, left = rows.chosen(step)
                tally["left"] = len(left.frame)
                records = left.records(step) if step.reason is not None else ()
                return done, [(QUARANTINED, note) for note in records]
            case Expand():
                return rows.expanded(step, schema), []

    def _numbered(self, rows: _Batch) -> pd.DataFrame:
        if rows.numbers is None:
            return rows.frame
        return rows.frame.assign(**{str(self.names.number): _arrow(rows.numbers, pa.int64())})

    def _with_notes(
        self,
        rows: _Batch,
        tallies: Sequence[Mapping[str, Any]],
        notes: Sequence[tuple[int, Mapping[str, Any]]],
    ) -> pd.DataFrame:
        """Return the rows with the tallies beside the first, or behind them where there is none."""
        frame, size = self._numbered(rows), len(rows.frame)
        tally = json.dumps(tallies)
        beside = pa.concat_arrays([pa.array([tally], NOTE_TYPE), pa.nulls(size, NOTE_TYPE)])[:size]
        frame = frame.assign(
            **{
                self.names.kind: _arrow(np.zeros(size), KIND_TYPE),
                self.names.note: _arrow(beside, NOTE_TYPE),
            }
        )
        behind = [(kind, json.dumps(note, default=str)) for kind, note in notes]
        if not size:
            behind.insert(0, (TALLY, tally))
        if not behind:
            return frame
        columns: dict[str, Any] = {
            field.name: _arrow([None] * len(behind), field.type) for field in self.schema
        }
        columns[self.names.kind] = _arrow([kind for kind, _ in behind], KIND_TYPE)
        columns[self.names.note] = _arrow([note for _, note in behind], NOTE_TYPE)
        return pd.concat([frame, pd.DataFrame(columns)], ignore_index=True)


@dataclass(frozen=True, slots=True)
class _Batch:
    """Rows on their way through the steps, with the numbers of the rows that they are from."""

    frame: pd.DataFrame
    numbers: np.ndarray[Any, Any] | None

    @classmethod
    def of(cls, batch: pd.DataFrame, number: str | None) -> _Batch:
        if number is None:
            return cls(batch, None)
        return cls(batch.drop(columns=number), batch[number].to_numpy(np.int64))

    def given_to(self, function: Callable[[pd.DataFrame], Any]) -> Any:
        """Return what a step's function makes of the rows.

        Raises:
            DatasetError: with the numbers of rows, if the function refuses some cells.
        """
        try:
            return function(self.frame.copy(deep=False))
        except RefusedCellsError as error:
            if self.numbers is None:
                raise
            raise error.in_rows(self.numbers[list(error.positions)].tolist()) from None

    def mapped(self, step: Map, schema: pa.Schema, tally: dict[str, Any]) -> _Batch:
        result = self.given_to(step.function)
        if isinstance(result, tuple):
            result, counts = result
            tally["counts"] = {name: int(count) for name, count in counts.items()}
        if len(result) != len(self.frame):
            raise BatchContractError(
                f"The step '{step.name}' returned {len(result)} rows for {len(self.frame)}; a step "
                "that leaves out rows or adds some must be declared so."
            )
        return _Batch(as_declared(result, schema, step.name), self.numbers)

    def chosen(self, step: Filter) -> tuple[_Batch, _Batch]:
        """Return the rows that stay, and those that leave."""
        answers = self.given_to(step.function)
        if len(answers) != len(self.frame):
            raise BatchContractError(
                f"The step '{step.name}' returned {len(answers)} answers for {len(self.frame)} "
                "rows; return one truth value for each."
            )
        stays = np.asarray(pd.Series(answers).fillna(value=False), dtype=bool)
        if stays.all():
            return self, self.taken(np.zeros(0, np.int64))
        return self.taken(np.flatnonzero(stays)), self.taken(np.flatnonzero(~stays))

    def expanded(self, step: Expand, schema: pa.Schema) -> _Batch:
        frame, origins = self.given_to(step.function)
        positions = np.asarray(origins, dtype=np.int64)
        if len(positions) != len(frame) or (np.diff(positions) < 0).any():
            raise BatchContractError(
                f"The step '{step.name}' does not say in ascending order which row each of its "
                "rows is from; return one position for each."
            )
        numbers = None if self.numbers is None else self.numbers[positions]
        return _Batch(as_declared(frame, schema, step.name), numbers)

    def taken(self, positions: np.ndarray[Any, Any]) -> _Batch:
        numbers = None if self.numbers is None else self.numbers[positions]
        return _Batch(self.frame.take(positions).reset_index(drop=True), numbers)

    def number(self, position: int) -> int | None:
        return None if self.numbers is None else int(self.numbers[position])

    def records(self, step: Filter) -> Iterator[dict[str, Any]]:
        """Yield each row as the quarantine holds it."""
        names = [name for name in self.frame if name not in step.marks]
        columns = {str(name): _held(self.frame[name]).to_pylist() for name in names}
        for position in range(len(self.frame)):
            record = {name: values[position] for name, values in columns.items()}
            number = self.number(position)
            yield {"row": number, "step": step.name, "reason": step.reason, "record": record}


def _changes(
    before: pd.DataFrame, after: pd.DataFrame
) -> Iterator[tuple[str, np.ndarray[Any, Any]]]:
    """Yield the columns that a step changed, with a mask of the cells that are other than before.

    Of a column whose type has changed, those cells count that became missing.
    """
    names = set(before.columns)
    for name in after.columns:
        if name not in names:
            continue
        old, new = _held(before[name]), _held(after[name])
        if old is new:
            continue
        mask = different(old, new)
        if mask.any():
            yield str(name), mask


def different(old: pa.ChunkedArray, new: pa.ChunkedArray) -> np.ndarray[Any, Any]:
    """Return which cells of two columns differ; missing equals missing, and NaN equals NaN."""
    was, now = _flags(pc.is_null(old)), _flags(pc.is_null(new))
    if old.type != new.type:
        return np.asarray(now & ~was)
    try:
        values = _flags(pc.fill_null(pc.not_equal(old, new), fill_value=False))
    except pa.ArrowNotImplementedError:  # of lists, structs and maps
        pairs = zip(old.to_pylist(), new.to_pylist(), strict=True)
        values = np.fromiter((a != b for a, b in pairs), bool, len(old))
    if pa.types.is_floating(old.type):
        values &= ~(_flags(pc.is_nan(old)) & _flags(pc.is_nan(new)))
    return np.asarray((was != now) | values)


def _log(
    step: str,
    before: _Batch,
    after: _Batch,
    changes: Iterable[tuple[str, np.ndarray[Any, Any]]],
) -> Iterator[dict[str, Any]]:
    """Yield the change log's entries, column by column."""
    for name, mask in changes:
        positions = np.flatnonzero(mask)
        old, new = (
            _held(batch.frame[name].take(positions)).to_pylist() for batch in (before, after)
        )
        for position, was, now in zip(positions, old, new, strict=True):
            number = before.number(int(position))
            yield {"row": number, "step": step, "column": name, "before": was, "after": now}


def _held(series: pd.Series) -> pa.ChunkedArray:
    array: pa.ChunkedArray = series.array.__arrow_array__()
    return array


def _flags(array: pa.ChunkedArray) -> np.ndarray[Any, Any]:
    return np.asarray(pc.fill_null(array, fill_value=False), dtype=bool)


def _arrow(values: Any, kind: pa.DataType) -> pd.arrays.ArrowExtensionArray:
    array = values if isinstance(values, pa.Array) else pa.array(values, kind)
    return pd.arrays.ArrowExtensionArray(pa.chunked_array([array]))
