"""States that all rows are reduced to: several of them in as few queries as they allow."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from util_services.engines.stage_notes import Told

if TYPE_CHECKING:
    import narwhals as nw
    import pandas as pd

    from util_services.engines.protocol import Engine
    from util_services.engines.stage_batches import RowWise

    Frame = nw.LazyFrame[Any]

PART = "part"  # where a group of a state of several parts tells which it is of

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
            own; returns the rows of the state, in an order of its own.
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
        combine: gets the summaries and returns the state, or the fold of another pass that is
            needed to tell it; neither their order nor how rows were split into batches may matter.
    """

    summarise: Callable[[pd.DataFrame], Any]
    combine: Callable[[Sequence[Any]], Groups | Fold]


Reduce = Aggregates | Query | Fold


@dataclass(frozen=True, slots=True)
class Several:
    """Several ways of reducing rows, whose groups make up one state.

    Attributes:
        parts: the ways, by names; each group tells its part's under `PART`.
    """

    parts: Mapping[str, Reduce]


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
        place: where the step stands in a recipe, for errors.
    """

    name: str
    reads: frozenset[str]
    reduce: Reduce | Several
    then: Callable[[Groups], Fitted]
    writes: frozenset[str] | None
    place: str = ""


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a fit, or a part of one, asks of all rows."""

    fit: int
    part: str | None
    reads: frozenset[str]
    reduce: Reduce

    def told(self, groups: Groups) -> Groups:
        """Return groups as the fit's state holds them."""
        return groups if self.part is None else [{PART: self.part, **group} for group in groups]


def fit_all(
    engine: Engine,
    frame: Frame,
    fits: Sequence[Fit],
    others: Mapping[str, Frame] | None = None,
    *,
    has_rows: bool = True,
) -> list[Groups]:
    """Return the states of several fits.

    Aggregates by the same columns are one query, and all folds are one pass over batches, or as
    many as the one that needs most.

    Args:
        engine: the engine of the frame.
        frame: the rows.
        fits: what is to be known of them.
        others: further datasets that queries ask for, by name.
        has_rows: whether there may be rows at all; folds of none take no pass.
    """
    asked = list(_asked(fits))
    found: dict[int, Groups] = {}
    aggregates = {n: a for n, a in enumerate(asked) if isinstance(a.reduce, Aggregates)}
    for by in dict.fromkeys(_by(one) for one in aggregates.values()):
        alike = {n: one for n, one in aggregates.items() if _by(one) == by}
        groups = _aggregate(engine, frame, by, list(alike.values()))
        found |= dict(zip(alike, groups, strict=True))
    for n, one in enumerate(asked):
        if isinstance(one.reduce, Query):
            queried, read = frame, sorted(one.reads)
            if one.reduce.dataset is not None:
                queried = (others or {})[one.reduce.dataset]
                read = engine.arrow_schema(queried).names
            rows, places = _under_safe_names(engine, queried, read)
            found[n] = engine.rows(one.reduce.function(rows, places))
    folds = {n: one for n, one in enumerate(asked) if isinstance(one.reduce, Fold)}
    found |= _fold(engine, frame if has_rows else None, folds)
    states: list[list[Group]] = [[] for _ in fits]
    for n, one in enumerate(asked):
        states[one.fit] += one.told(found[n])
    return list(states)


def _asked(fits: Sequence[Fit]) -> Iterator[_Asked]:
    for n, fit in enumerate(fits):
        if isinstance(fit.reduce, Several):
            for part, reduce in fit.reduce.parts.items():
                yield _Asked(n, part, fit.reads, reduce)
        else:
            yield _Asked(n, None, fit.reads, fit.reduce)


def datasets_of(fits: Sequence[Fit]) -> list[str]:
    """Return the names of the further datasets that fits ask for."""
    queries = [one.reduce for one in _asked(fits) if isinstance(one.reduce, Query)]
    return list(dict.fromkeys(query.dataset for query in queries if query.dataset is not None))


def _by(asked: _Asked) -> tuple[str, ...]:
    if not isinstance(asked.reduce, Aggregates):
        raise AssertionError("only aggregates are aggregated")
    return asked.reduce.by


def _in_order(groups: Groups) -> Groups:
    """Return groups in an order that neither engine nor threads change, for states are kept."""
    return sorted(groups, key=repr)


def _under_safe_names(
    engine: Engine, frame: Frame, read: Sequence[str]
) -> tuple[Frame, dict[str, str]]:
    places = {name: f"column_{number}" for number, name in enumerate(read)}
    return engine.select(frame, {place: name for name, place in places.items()}), places


def _aggregate(
    engine: Engine, frame: Frame, by: Sequence[str], asked: Sequence[_Asked]
) -> list[Groups]:
    """Return the groups by the same columns, from one query."""
    import narwhals as nw

    read = sorted(frozenset(by).union(*(one.reads for one in asked)))
    rows, places = _under_safe_names(engine, frame, read)
    columns = {name: nw.col(place) for name, place in places.items()}
    wanted: list[Mapping[str, nw.Expr]] = []
    for one in asked:
        if not isinstance(one.reduce, Aggregates):
            raise AssertionError("only aggregates are aggregated")
        wanted.append(one.reduce.expressions({name: columns[name] for name in one.reads}))
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
    reduced_rows = rows.group_by(*keys).agg(*reduced) if keys else rows.select(*reduced)
    result = _in_order(engine.rows(reduced_rows))
    return [
        [
            {name: row[key] for name, key in zip(by, keys, strict=True)}
            | {name: row[alias] for name, alias in named.items()}
            for row in result
        ]
        for named in aliases
    ]


def _fold(engine: Engine, frame: Frame | None, asked: Mapping[int, _Asked]) -> dict[int, Groups]:
    """Return the states of folds, from as few passes over the columns that they read as they need.

    Each pass is one for all folds that need it. Without a frame there are no rows.
    """
    found: dict[int, Groups] = {}
    pending = {n: one.reduce for n, one in asked.items() if isinstance(one.reduce, Fold)}
    while pending:
        read = sorted(frozenset().union(*(asked[n].reads for n in pending)))
        summaries = [] if frame is None else _summaries(engine, frame, read, pending.values())
        combined = {
            n: fold.combine([summary[number] for summary in summaries])
            for number, (n, fold) in enumerate(pending.items())
        }
        pending = {n: result for n, result in combined.items() if isinstance(result, Fold)}
        found |= {n: result for n, result in combined.items() if not isinstance(result, Fold)}
    return found


def _summaries(
    engine: Engine, frame: Frame, read: Sequence[str], folds: Iterable[Fold]
) -> list[Sequence[Any]]:
    """Return what folds tell of each batch of some columns."""
    function = Summarised(tuple(fold.summarise for fold in folds))
    told = engine.tell_batches(frame, read, function)
    return [json.loads(one) for one in told]


@dataclass(frozen=True, slots=True)
class Summarised:
    """Several summaries as one function on batches, which returns them as JSON."""

    functions: tuple[Callable[[pd.DataFrame], Any], ...]

    def __call__(self, batch: pd.DataFrame) -> str:
        """Return the summaries of a batch."""
        return json.dumps([function(batch.copy(deep=False)) for function in self.functions])
