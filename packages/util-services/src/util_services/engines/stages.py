"""Chains of steps, run with as few passes over the data as their dependencies allow.

A step is a map (each row by itself), a fit (all rows reduced to a small state, which gives a map)
or a table step (all rows together). A stage is a row of maps and fits: its fits are one query for
each grouping, and its maps are one pass over batches. A fit that reads what an earlier map of the
stage writes begins the next stage, and so does a table step; results are those of the steps done
one after the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import narwhals as nw
    import pandas as pd
    import pyarrow as pa

    from util_services.engines.protocol import BatchFunction, Engine

    Frame = nw.LazyFrame[Any]

Groups = Sequence[Mapping[str, Any]]  # a row for each group, with its keys and aggregates by name
Aggregates = Callable[[Mapping[str, "nw.Expr"]], Mapping[str, "nw.Expr"]]
SchemaChange = Callable[["pa.Schema"], "pa.Schema"]


def unchanged(schema: pa.Schema) -> pa.Schema:
    """Return the columns of a map that changes values and neither names nor types."""
    return schema


@dataclass(frozen=True, slots=True)
class Map:
    """Row-wise work: a pandas function on batches.

    Attributes:
        function: gets some rows and returns rows; it must not depend on where batches begin.
        writes: the columns whose values it may change, make or take away; None where it may leave
            out rows, on which every column depends.
        schema: the columns that come back, from those that go in.
    """

    function: BatchFunction
    writes: frozenset[str] | None
    schema: SchemaChange = unchanged


@dataclass(frozen=True, slots=True)
class Fit:
    """A state worked out over all rows, and the map that it gives.

    Attributes:
        reads: the columns that the state depends on, those of ``by`` among them.
        aggregates: gets expressions for the columns of ``reads`` by their names, and returns
            expressions that reduce rows to one value, by names for the results.
        then: gets the groups (one row without ``by``) and returns the map.
        writes: the columns that this map writes; None where it may leave out rows.
        by: the columns whose values make groups; a missing value is a group of its own.
    """

    reads: frozenset[str]
    aggregates: Aggregates
    then: Callable[[Groups], Map]
    writes: frozenset[str] | None
    by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """Work on all rows together, written in narwhals."""

    function: Callable[[Engine, Frame], Frame]


Step = Map | Fit | Table
Stage = Table | tuple[Map | Fit, ...]


def plan(steps: Iterable[Step]) -> list[Stage]:
    """Split steps into stages."""
    stages: list[Stage] = []
    pending: list[Map | Fit] = []

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


def run(engine: Engine, frame: Frame, steps: Iterable[Step]) -> Frame:
    """Return the rows that a chain of steps makes of a frame, as step by step would.

    The result of a table step at the end is not yet computed: whoever writes it does so once.
    """
    stages = plan(steps)
    for number, stage in enumerate(stages, start=1):
        if not isinstance(stage, Table):
            frame = _run_maps(engine, frame, stage)
            continue
        frame = stage.function(engine, frame)
        if number < len(stages):
            frame = engine.materialise(frame)
    return frame


def _feeds(earlier: Map | Fit, fit: Fit) -> bool:
    """Whether what an earlier step writes changes what a fit reads."""
    return earlier.writes is None or not earlier.writes.isdisjoint(fit.reads)


def _run_maps(engine: Engine, frame: Frame, steps: Sequence[Map | Fit]) -> Frame:
    fitted = iter(fit_all(engine, frame, [step for step in steps if isinstance(step, Fit)]))
    maps = [step.then(next(fitted)) if isinstance(step, Fit) else step for step in steps]
    schema = engine.arrow_schema(frame)
    for one in maps:
        schema = one.schema(schema)

    def composed(rows: pd.DataFrame) -> pd.DataFrame:
        for one in maps:
            rows = one.function(rows)
        return rows

    return engine.map_batches(frame, composed, schema)


def fit_all(engine: Engine, frame: Frame, fits: Sequence[Fit]) -> list[Groups]:
    """Return the groups of several fits, from one query for each grouping that they ask for."""
    found: dict[int, Groups] = {}
    for by in dict.fromkeys(fit.by for fit in fits):
        alike = {number: fit for number, fit in enumerate(fits) if fit.by == by}
        found |= dict(zip(alike, _fit_alike(engine, frame, by, [*alike.values()]), strict=True))
    return [found[number] for number in range(len(fits))]


def _fit_alike(
    engine: Engine, frame: Frame, by: Sequence[str], fits: Sequence[Fit]
) -> list[Groups]:
    """Return the groups of fits by the same columns, from one query under names of our own."""
    import narwhals as nw

    read = sorted(frozenset().union(by, *(fit.reads for fit in fits)))
    places = {name: f"column_{number}" for number, name in enumerate(read)}
    columns = {name: nw.col(place) for name, place in places.items()}
    wanted = [fit.aggregates({name: columns[name] for name in fit.reads}) for fit in fits]
    aliases = [
        {name: f"fit_{number}_{position}" for position, name in enumerate(aggregates)}
        for number, aggregates in enumerate(wanted)
    ]
    reduced = [
        aggregates[name].alias(alias)
        for aggregates, named in zip(wanted, aliases, strict=True)
        for name, alias in named.items()
    ]
    rows = engine.select(frame, {place: name for name, place in places.items()})
    keys = [places[name] for name in by]
    result = engine.rows(rows.group_by(*keys).agg(*reduced) if keys else rows.select(*reduced))
    return [
        [
            {name: row[place] for name, place in zip(by, keys, strict=True)}
            | {name: row[alias] for name, alias in named.items()}
            for row in result
        ]
        for named in aliases
    ]
