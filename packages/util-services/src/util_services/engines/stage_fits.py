"""States that all rows are reduced to: several of them in as few queries as they allow."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from util_services.engines.stage_notes import Told

if TYPE_CHECKING:
    import narwhals as nw
    import pandas as pd

    from util_services.engines.protocol import Engine
    from util_services.engines.stage_batches import RowWise

    Frame = nw.LazyFrame[Any]

NOTE = "note"

Group = Mapping[str, Any]  # keys and results of a group by their names, as plain values
Groups = Sequence[Group]


@dataclass(frozen=True, slots=True)
class Aggregates:
    """A few values over all rows, or over each group of them.

    Attributes:
        expressions: gets expressions for the columns that are read, by their names, and returns
            expressions that reduce rows to one value, by names for the results.
        by: the columns whose values make groups; a missing value is a group of its own. Without
            them the result is one row, also of no rows.
    """

    expressions: Callable[[Mapping[str, nw.Expr]], Mapping[str, nw.Expr]]
    by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Query:
    """Whatever else a lazy frame can tell in a few rows.

    Attributes:
        function: gets the columns that are read under safe names, and these names by the columns'
            own; returns the rows of the state.
        dataset: the name of another dataset that the chain was given; all its columns are read in
            place of the rows at hand.
    """

    function: Callable[[Frame, Mapping[str, str]], Frame]
    dataset: str | None = None


@dataclass(frozen=True, slots=True)
class Fold:
    """A summary of each batch, and what all of them together say.

    Attributes:
        summarise: gets some rows and returns plain data, which JSON holds.
        combine: gets the summaries and returns the state; neither their order nor how rows were
            split into batches may matter.
    """

    summarise: Callable[[pd.DataFrame], Any]
    combine: Callable[[Sequence[Any]], Groups]


@dataclass(frozen=True, slots=True)
class Fitted(Told):
    """What a state gives: row-wise steps, and what the report says of it."""

    steps: tuple[RowWise, ...]


@dataclass(frozen=True, slots=True)
class Fit:
    """A state worked out over all rows, and the row-wise work that it gives.

    Attributes:
        name: the step's name in notes and errors.
        reads: the columns that the state depends on, at least one; none if it depends on another
            dataset.
        reduce: how rows become the state.
        then: returns what a state gives.
        writes: the columns that these write; None where they may leave out rows.
    """

    name: str
    reads: frozenset[str]
    reduce: Aggregates | Query | Fold
    then: Callable[[Groups], Fitted]
    writes: frozenset[str] | None


def fit_all(
    engine: Engine,
    frame: Frame,
    fits: Sequence[Fit],
    others: Mapping[str, Frame] | None = None,
) -> list[Groups]:
    """Return the states of several fits.

    Aggregates by the same columns are one query, and all folds are one pass over batches.

    Args:
        engine: the engine of the frame.
        frame: the rows.
        fits: what is to be known of them.
        others: further datasets that queries ask for, by name.
    """
    found: dict[int, Groups] = {}
    numbered = dict(enumerate(fits))
    aggregates = {n: f.reduce for n, f in numbered.items() if isinstance(f.reduce, Aggregates)}
    for by in dict.fromkeys(one.by for one in aggregates.values()):
        alike = [n for n, one in aggregates.items() if one.by == by]
        groups = _aggregate(engine, frame, by, [numbered[n] for n in alike])
        found |= dict(zip(alike, groups, strict=True))
    for n, fit in numbered.items():
        if isinstance(fit.reduce, Query):
            asked, read = frame, sorted(fit.reads)
            if fit.reduce.dataset is not None:
                asked = (others or {})[fit.reduce.dataset]
                read = engine.arrow_schema(asked).names
            rows, places = _under_safe_names(engine, asked, read)
            found[n] = engine.rows(fit.reduce.function(rows, places))
    folds = {n: fit for n, fit in numbered.items() if isinstance(fit.reduce, Fold)}
    if folds:
        found |= dict(zip(folds, _fold(engine, frame, list(folds.values())), strict=True))
    return [found[n] for n in numbered]


def _under_safe_names(
    engine: Engine, frame: Frame, read: Sequence[str]
) -> tuple[Frame, dict[str, str]]:
    places = {name: f"column_{number}" for number, name in enumerate(read)}
    return engine.select(frame, {place: name for name, place in places.items()}), places


def _aggregate(
    engine: Engine, frame: Frame, by: Sequence[str], fits: Sequence[Fit]
) -> list[Groups]:
    """Return the groups of fits by the same columns, from one query."""
    import narwhals as nw

    read = sorted(frozenset(by).union(*(fit.reads for fit in fits)))
    rows, places = _under_safe_names(engine, frame, read)
    columns = {name: nw.col(place) for name, place in places.items()}
    wanted: list[Mapping[str, nw.Expr]] = []
    for fit in fits:
        if not isinstance(fit.reduce, Aggregates):
            raise AssertionError("only aggregates are aggregated")
        wanted.append(fit.reduce.expressions({name: columns[name] for name in fit.reads}))
    aliases = [
        {name: f"result_{number}_{position}" for position, name in enumerate(expressions)}
        for number, expressions in enumerate(wanted)
    ]
    reduced = [
        expressions[name].alias(alias)
        for expressions, named in zip(wanted, aliases, strict=True)
        for name, alias in named.items()
    ]
    keys = [places[name] for name in by]
    result = engine.rows(rows.group_by(*keys).agg(*reduced) if keys else rows.select(*reduced))
    return [
        [
            {name: row[key] for name, key in zip(by, keys, strict=True)}
            | {name: row[alias] for name, alias in named.items()}
            for row in result
        ]
        for named in aliases
    ]


def _fold(engine: Engine, frame: Frame, fits: Sequence[Fit]) -> list[Groups]:
    """Return the states of folds, from one pass over the columns that they read."""
    import pyarrow as pa

    folds = [fit.reduce for fit in fits if isinstance(fit.reduce, Fold)]
    read = sorted(frozenset().union(*(fit.reads for fit in fits)))
    summarise = Summarised(tuple(fold.summarise for fold in folds))
    notes = engine.map_batches(
        engine.select(frame, {name: name for name in read}),
        summarise,
        pa.schema([(NOTE, pa.large_string())]),
    )
    summaries = [json.loads(row[NOTE]) for row in engine.rows(notes)]
    return [
        fold.combine([summary[number] for summary in summaries])
        for number, fold in enumerate(folds)
    ]


@dataclass(frozen=True, slots=True)
class Summarised:
    """Several summaries as one function on batches, which returns them in one row of JSON."""

    functions: tuple[Callable[[pd.DataFrame], Any], ...]

    def __call__(self, batch: pd.DataFrame) -> pd.DataFrame:
        """Return the summaries of a batch."""
        import pandas as pd

        note = json.dumps([function(batch.copy(deep=False)) for function in self.functions])
        return pd.DataFrame({NOTE: pd.Series([note], dtype="string[pyarrow]")})
