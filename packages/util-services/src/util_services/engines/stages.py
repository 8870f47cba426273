"""Chains of steps, run with as few passes over the data as their dependencies allow.

A step is row-wise (`Map`, `Filter`, `Expand`), a `Fit` (all rows reduced to a small state, which
gives row-wise steps) or a `Table` (all rows together). A stage is a row of row-wise steps and fits:
its fits share queries, and its row-wise work is one pass over batches. A fit that depends on what
an earlier step of the stage does begins the next stage, and so does a table step; results are those
of the steps done one after the other.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, cast

import narwhals as nw
import pyarrow as pa

from util_services.engines.batches import apply_to_batch, with_beside
from util_services.engines.failures import BrokenRulesError, naming
from util_services.engines.stage_batches import (
    CHANGED,
    DATA,
    QUARANTINED,
    TALLY,
    Composed,
    Expand,
    Filter,
    Map,
    Names,
    RowWise,
    free_name,
    looked_at,
    schemas_of,
)
from util_services.engines.stage_fits import Fit, Fitted, Groups, datasets_of, fit_all
from util_services.engines.stage_notes import Note, Tally, Told, add_up

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from util_services.engines.local import LocalEngine
    from util_services.engines.protocol import Engine

Frame = nw.LazyFrame[Any]

NUMBER = "number"  # the column that numbers rows, as table steps see it


@dataclass(frozen=True, slots=True)
class Rows:
    """All rows, as a table step sees them.

    Attributes:
        engine: the engine of the frame.
        frame: the rows under names that any engine takes as they are, and `NUMBER`, which numbers
            them in their order.
        places: these names by the names of the columns, in the order of the columns.
        others: other datasets that the chain was given, by the names under which it was.
    """

    engine: Engine
    frame: Frame
    places: Mapping[str, str]
    others: Mapping[str, Rows] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Tabled(Told):
    """What a table step makes of all rows.

    Attributes:
        frame: the rows, each with a `NUMBER` of its own, in ascending order of these.
        dropped: how many rows it left out; None where rows out are no selection of rows in.
        places: the names in the frame by the names of the columns; None if all are as before.
        failures: what rows break that they must not, so that nothing may be published.
        is_scan: whether going through the rows again costs hardly more than going through those
            that the step was given, so that they need not be kept.
    """

    frame: Frame
    dropped: int | None
    places: Mapping[str, str] | None = None
    failures: tuple[str, ...] = ()
    is_scan: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """Work on all rows together, written in narwhals.

    Attributes:
        name: the step's name in notes and errors.
        function: what it does.
        place: where the step stands in a recipe, for errors.
    """

    name: str
    function: Callable[[Rows], Tabled]
    place: str = ""


Step = RowWise | Fit | Table
Stage = Table | tuple[RowWise | Fit, ...]


@dataclass(frozen=True, slots=True)
class Ran:
    """What a chain of steps made of a dataset.

    Attributes:
        frame: the rows, with their numbers if the chain was given any.
        number: the column of their numbers; another than was given where a step has made a column
            of that name.
        notes: what each step did, in order; the row-wise steps of a fit are one.
        states: of each fit, by its place in the chain.
        quarantine: frames of one text column: JSON of the rows that were set aside.
        changes: frames of one text column: JSON of the cells that were changed.
    """

    frame: Frame
    number: str | None
    notes: tuple[Note, ...]
    states: Mapping[int, Groups]
    quarantine: tuple[Frame, ...] = ()
    changes: tuple[Frame, ...] = ()


def plan(steps: Iterable[Step]) -> list[Stage]:
    """Split steps into stages."""
    stages: list[Stage] = []
    pending: list[RowWise | Fit] = []

    def close() -> None:
        if pending:
            stages.append(tuple(pending))
            pending.clear()

    for step in steps:
        if isinstance(step, Table):
            close()
            stages.append(step)
            continue
        if isinstance(step, Fit) and any(_feeds(earlier, step) for earlier in pending):
            close()
        pending.append(step)
    close()
    return stages


def run(
    engine: Engine,
    frame: Frame,
    steps: Sequence[Step],
    *,
    rows: int,
    number: str | None = None,
    others: Mapping[str, Frame] | None = None,
    states: Mapping[int, Groups] | None = None,
    logs_changes: bool = False,
    is_trial: bool = False,
) -> Ran:
    """Return what a chain of steps makes of a frame.

    The result of a table step at the end is not yet computed: whoever writes it does so once.

    Args:
        engine: the engine of the frame.
        frame: the rows.
        steps: the chain.
        rows: how many rows the frame has.
        number: the column that numbers the rows in order; table steps need one.
        others: further datasets that table steps and fits ask for, by name; where table steps do,
            with numbered rows.
        states: states of fits that were worked out before, by their places in the chain.
        logs_changes: whether each changed cell is told with its values before and after.
        is_trial: whether there are no rows, since only columns are to be found out: nothing fails
            then for what rows lack. The engine is a local one.

    Raises:
        BrokenRulesError: if a step found that rows break what they must not.
    """
    chain = _Chain(
        engine, frame, rows, number, others or {}, dict(states or {}), logs_changes=logs_changes
    )
    chain.is_trial = is_trial
    stages = plan(steps)
    place = 0
    for number_of_stage, stage in enumerate(stages, start=1):
        if isinstance(stage, Table):
            chain.table(stage, is_last=number_of_stage == len(stages))
            place += 1
        else:
            chain.row_wise(stage, place)
            place += len(stage)
    return Ran(
        chain.frame,
        chain.number,
        tuple(chain.notes),
        chain.states,
        tuple(chain.quarantine),
        tuple(chain.changes),
    )


def _feeds(earlier: RowWise | Fit, fit: Fit) -> bool:
    """Whether what an earlier step does changes what a fit reads."""
    writes = earlier.writes if isinstance(earlier, Map | Fit) else None
    return writes is None or not writes.isdisjoint(fit.reads)


def _is_quarantine(step: RowWise) -> bool:
    """Whether rows that leave are set aside."""
    return isinstance(step, Filter) and step.reason is not None


def _placed(step: RowWise, place: str) -> RowWise:
    return replace(step, place=place)


def _only(schema: pa.Schema, names: Iterable[str]) -> pa.Schema:
    return pa.schema([schema.field(name) for name in names])


def _without(schema: pa.Schema, names: Collection[str]) -> pa.Schema:
    return pa.schema([field for field in schema if field.name not in names])


def _rows(
    engine: Engine, frame: Frame, number: str, others: Mapping[str, Rows] | None = None
) -> Rows:
    """Return the rows of a frame as table steps see them."""
    names = [name for name in engine.arrow_schema(frame).names if name != number]
    places = {name: f"column_{place}" for place, name in enumerate(names)}
    given = {place: name for name, place in places.items()} | {NUMBER: number}
    return Rows(engine, engine.select(frame, given), places, others or {})


class _Chain:
    """Rows on their way through the stages, and what has been noted of them."""

    def __init__(
        self,
        engine: Engine,
        frame: Frame,
        rows: int,
        number: str | None,
        others: Mapping[str, Frame],
        states: dict[int, Groups],
        *,
        logs_changes: bool,
    ) -> None:
        self.engine, self.frame, self.rows, self.number = engine, frame, rows, number
        self.states, self.logs_changes = states, logs_changes
        self.others, self.number_of_others = others, number
        self.is_trial = False
        self.repeats_numbers = False  # as rows do that were made of one row
        self.notes: list[Note] = []
        self.quarantine: list[Frame] = []
        self.changes: list[Frame] = []

    def table(self, step: Table, *, is_last: bool) -> None:
        """Do a table step."""
        if self.number is None:
            raise AssertionError("table steps need numbered rows")
        if self.repeats_numbers:
            alone = self._without(self.frame, self.number)
            self.frame = self.engine.number_rows(alone, self.number)
            self.repeats_numbers = False
        others = {
            name: _rows(self.engine, frame, self.number_of_others or "")
            for name, frame in self.others.items()
        }
        rows = _rows(self.engine, self.frame, self.number, others)
        with naming(step.place):
            result = step.function(rows)
        places = dict(rows.places if result.places is None else result.places)
        note = Note(step.name, self.rows, None, is_selection=result.dropped is not None)
        note.tell(result)
        self.notes.append(note)
        if result.failures and not self.is_trial:
            raise BrokenRulesError(step.place or step.name, result.failures, tuple(self.notes))
        self.number = free_name(self.number, {name.casefold() for name in places})
        frame = self.engine.select(result.frame, places | {self.number: NUMBER})
        with naming(step.place):
            self.frame = frame if is_last or result.is_scan else self.engine.materialise(frame)
        if result.dropped is not None:
            note.dropped, note.rows_out = result.dropped, self.rows - result.dropped
        elif not is_last:
            (row,) = self.engine.rows(self.frame.select(nw.len().alias("rows")))
            note.rows_out = row["rows"]
        self.rows = note.rows_out or 0

    def row_wise(self, steps: Sequence[RowWise | Fit], place: int) -> None:
        """Do the fits of a stage, then all its row-wise work."""
        fitted = self._fit(steps, place)
        work = [
            fitted[number].steps if isinstance(step, Fit) else (step,)
            for number, step in enumerate(steps)
        ]
        composed = [one for given in work for one in given]
        tallies = iter(self._apply(composed) if composed else ())
        for number, step in enumerate(steps):
            note = Note(step.name, self.rows, self.rows)
            if number in fitted:
                note.tell(fitted[number])
            note.is_selection = not any(isinstance(one, Expand) for one in work[number])
            for one in work[number]:
                next(tallies).add_to(note, is_quarantine=_is_quarantine(one))
            self.rows = note.rows_out or 0
            self.notes.append(note)

    def _fit(self, steps: Sequence[RowWise | Fit], place: int) -> dict[int, Fitted]:
        """Return what the fits of a stage give, by their places in it."""
        fits = {number: step for number, step in enumerate(steps) if isinstance(step, Fit)}
        unknown = [number for number in fits if place + number not in self.states]
        asked = [fits[number] for number in unknown]
        with naming(" and ".join(dict.fromkeys(fit.place for fit in asked if fit.place))):
            found = fit_all(
                self.engine, self.frame, asked, self._others_of(asked), has_rows=not self.is_trial
            )
        for number, groups in zip(unknown, found, strict=True):
            self.states[place + number] = groups
        fitted = {}
        for number, fit in fits.items():
            with naming(fit.place):
                given = fit.then(self.states[place + number])
            placed = tuple(_placed(one, fit.place) for one in given.steps)
            fitted[number] = replace(given, steps=placed)
        return fitted

    def _others_of(self, fits: Sequence[Fit]) -> dict[str, Frame]:
        """Return the other datasets that fits ask, without the numbers of their rows."""
        return {
            name: self._without(self.others[name], self.number_of_others)
            for name in datasets_of(fits)
        }

    def _without(self, frame: Frame, number: str | None) -> Frame:
        names = [name for name in self.engine.arrow_schema(frame).names if name != number]
        return self.engine.select(frame, {name: name for name in names})

    def _apply(self, steps: Sequence[RowWise]) -> list[Tally]:
        """Do row-wise steps in one pass, and return what each of them counted."""
        data = self._data()
        whole = schemas_of(steps, data)
        names = Names(self.number, "kind", "note").free_of(whole)
        self._call_numbers(names.number)
        seen = data.names if self.logs_changes else looked_at(steps, data)
        beside = [name for name in data.names if name not in seen]
        schemas = [_without(schema, beside) for schema in whole] if beside else whole
        counts: list[list[dict[str, Any]]] | None = None
        if self.engine.shares_memory and not self.logs_changes:
            counts = None if any(map(_is_quarantine, steps)) else []
        function = Composed(steps, schemas, names, logs_changes=self.logs_changes, tallies=counts)
        number = {} if self.number is None else {self.number: self.number}
        columns = {name: name for name in whole[-1].names} | number
        self.repeats_numbers |= any(isinstance(step, Expand) for step in steps)
        if self.is_trial:
            return self._try_out(function, beside, columns)
        mapped = self.engine.map_batches(
            self.frame, function, function.schema, beside, at_once=True
        )
        if counts is not None:
            self.frame = self.engine.select(mapped, columns)
            return add_up(counts, len(steps))
        kind, note = nw.col(names.kind).alias("kind"), nw.col(names.note).alias("note")
        told = mapped.filter(~note.is_null() & (kind <= TALLY)).select(kind, note)
        tallied = self.engine.rows(told)
        tallies = add_up([json.loads(row["note"]) for row in tallied], len(steps))
        pairs = zip(steps, tallies, strict=True)
        sets_aside = any(tally.left and _is_quarantine(step) for step, tally in pairs)
        if sets_aside:
            self.quarantine.append(mapped.filter(kind == QUARANTINED).select(note))
        if self.logs_changes:
            self.changes.append(mapped.filter(kind == CHANGED).select(note))
        is_mixed = sets_aside or self.logs_changes or any(row["kind"] != DATA for row in tallied)
        self.frame = self.engine.select(
            mapped.filter(kind == DATA) if is_mixed else mapped, columns
        )
        return tallies

    def _try_out(
        self, function: Composed, beside: Sequence[str], columns: Iterable[str]
    ) -> list[Tally]:
        """Apply composed steps to no rows, which takes no engine, and go on with none."""
        given = self.engine.arrow_schema(self.frame)
        seen = _only(given, [name for name in given.names if name not in beside])
        apply_to_batch(pa.RecordBatch.from_pylist([], seen), function, function.schema)
        made = with_beside(function.schema, given, beside)
        self.frame = cast("LocalEngine", self.engine).nothing(_only(made, columns))
        return [Tally() for _ in function.steps]

    def _call_numbers(self, name: str | None) -> None:
        """Give the column of numbers another name, where a step makes a column of its own."""
        if self.number is not None and name is not None and name != self.number:
            columns = {one: one for one in self._data().names} | {name: self.number}
            self.frame, self.number = self.engine.select(self.frame, columns), name

    def _data(self) -> pa.Schema:
        """Return the columns of the rows, without their numbers."""
        schema = self.engine.arrow_schema(self.frame)
        return pa.schema([field for field in schema if field.name != self.number])
