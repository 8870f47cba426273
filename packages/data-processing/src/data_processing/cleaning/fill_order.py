"""Fill missing values from the rows before and behind them in an order.

The engine finds these rows and puts what they hold beside each row; what lies between two of them
is computed here, so that engines agree, and so that changed cells are counted as everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal

import narwhals as nw
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types as kinds

from data_processing.cleaning.arrays import array_of, with_arrays
from data_processing.cleaning.fill_statistics import Rounding, filled_type, filling, widened
from data_processing.cleaning.numbers import Measure, measure_of
from data_processing.cleaning.schemas import Changed, free_name
from util_services.engines.stage_batches import Map
from util_services.engines.stages import NUMBER, Rows, Step, Table, Tabled

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pandas as pd

Strategy = Literal["ffill", "bfill", "interpolate"]
Numbers = np.ndarray[Any, Any]
BEFORE, BEHIND, START, END, PLACE = "before", "behind", "start", "end", "place"
NEEDED: Mapping[Strategy, tuple[str, ...]] = {
    "ffill": (BEFORE,),
    "bfill": (BEHIND,),
    "interpolate": (BEFORE, BEHIND, START, END, PLACE),
}


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A fill from the rows around a missing value.

    Attributes:
        column: the column.
        given: its type before.
        strategy: from the row before, from the one behind, or from between the two.
        by: columns that make groups, which do not reach into one another.
        order_by: columns whose ascending order the rows of a group have.
        distance: how values of the only column to order by are distances; None for one from each
            row to the next.
        rounding: what becomes of whole numbers between which there is none.
        beside: the names of the columns beside each row, by what stands in them.
    """

    column: str
    given: pa.DataType
    strategy: Strategy
    by: tuple[str, ...]
    order_by: tuple[str, ...]
    distance: Measure | None
    rounding: Rounding
    beside: Mapping[str, str]

    @property
    def measure(self) -> Measure:
        """How the column's values are numbers.

        Raises:
            ConfigurationError: if they are none.
        """
        return measure_of(self.given, self.column, self.strategy)

    @property
    def kind(self) -> pa.DataType:
        """The type of the column afterwards."""
        if self.strategy != "interpolate":
            return self.given
        return filled_type(self.measure, self.rounding)


def neighbours(schema: pa.Schema, rules: Mapping[str, Any]) -> list[Neighbour]:
    """Return the fills that rules ask for, with names for what is put beside the rows.

    Raises:
        ConfigurationError: if a column holds nothing that lies between two values.
    """
    found: list[Neighbour] = []
    for column, rule in rules.items():
        beside = {}
        for what in NEEDED[rule.strategy]:
            beside[what] = free_name(schema, f"{column} {what}")
            schema = schema.append(pa.field(beside[what], pa.null()))
        distance = None
        if rule.spacing == "values":
            (name,) = rule.order_by
            distance = measure_of(schema.field(name).type, name, "spacing by values")
        one = Neighbour(
            column,
            schema.field(column).type,
            rule.strategy,
            tuple(rule.by),
            tuple(rule.order_by),
            distance,
            rule.rounding,
            beside,
        )
        one.kind  # noqa: B018 - refuses what has nothing in between
        found.append(one)
    return found


def parts(step: str, fills: Sequence[Neighbour]) -> list[Step]:
    """Return the parts that do some fills."""
    types = {one.column: one.kind for one in fills}
    beside = frozenset(name for one in fills for name in one.beside.values())
    return [
        Table(step, _Beside(tuple(fills))),
        Map(step, _Filled(tuple(fills)), frozenset(types) | beside, Changed(types, beside)),
    ]


@dataclass(frozen=True, slots=True)
class _Beside:
    """Puts beside each row what the rows before and behind it hold."""

    fills: tuple[Neighbour, ...]

    def __call__(self, rows: Rows) -> Tabled:
        """Return all rows, in their order, with further columns."""
        frame, places = rows.frame, dict(rows.places)
        for n, one in enumerate(self.fills):
            named = {name: rows.places[name] for name in (one.column, *one.by, *one.order_by)}
            by = [named[name] for name in one.by]
            order: list[str] = []
            for m, name in enumerate(one.order_by):
                rank = f"rank_{n}_{m}"  # so that a row without a value comes last
                frame = frame.with_columns(nw.col(named[name]).is_null().cast(nw.Int8).alias(rank))
                order += [rank, named[name]]
            order.append(NUMBER)
            value = nw.col(named[one.column])
            if kinds.is_floating(one.given) and one.strategy == "interpolate":
                value = nw.when(value.is_finite()).then(value)

            found = {
                BEFORE: _last(value, by, order),
                BEHIND: _next(value, by, order),
            }
            if PLACE in one.beside:
                place = nw.col(NUMBER).cum_count().over(*by, order_by=order)
                if one.distance is not None:
                    place = nw.col(named[one.order_by[0]])
                frame = frame.with_columns(place.alias(f"{PLACE}_{n}"))
                known = nw.when(~value.is_null()).then(nw.col(f"{PLACE}_{n}"))
                found |= {START: _last(known, by, order), END: _next(known, by, order)}
            frame = frame.with_columns(
                expression.alias(f"{what}_{n}")
                for what, expression in found.items()
                if what in one.beside
            )
            places |= {name: f"{what}_{n}" for what, name in one.beside.items()}
        ordered = frame.select(NUMBER, *places.values()).sort(NUMBER)
        return Tabled(ordered, dropped=0, places=places)


def _last(value: nw.Expr, by: Sequence[str], order: Sequence[str]) -> nw.Expr:
    return value.fill_null(strategy="forward").over(*by, order_by=order)


def _next(value: nw.Expr, by: Sequence[str], order: Sequence[str]) -> nw.Expr:
    return value.fill_null(strategy="backward").over(*by, order_by=order)


@dataclass(frozen=True, slots=True)
class _Filled:
    """Fills from what stands beside the rows, and takes that away."""

    fills: tuple[Neighbour, ...]

    def __call__(self, frame: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, int]]:
        arrays: dict[str, pa.Array] = {}
        counts: dict[str, int] = {}
        for one in self.fills:
            given = array_of(frame[one.column])
            beside = {what: array_of(frame[name]) for what, name in one.beside.items()}
            if one.strategy == "interpolate":
                array = _interpolated(widened(given, one.kind, one.column), beside, one)
            else:
                (neighbour,) = beside.values()
                array = pc.coalesce(given, neighbour)
            arrays[one.column] = array
            counts[f"{one.column}: filled"] = given.null_count - array.null_count
        gone = [name for one in self.fills for name in one.beside.values()]
        return with_arrays(frame, arrays).drop(columns=gone), counts


def _interpolated(array: pa.Array, beside: Mapping[str, pa.Array], one: Neighbour) -> pa.Array:
    """Return an array with what lies on the line between the rows before and behind."""
    wanted = array.is_null()
    for other in beside.values():
        wanted = pc.and_(wanted, other.is_valid())
    here = {what: other.filter(wanted) for what, other in beside.items()}
    if not len(here[BEFORE]):
        return array
    distance = one.distance or Measure(pa.int64())
    low, high = (one.measure.numbers(here[what]) for what in (BEFORE, BEHIND))
    start, end, place = (distance.numbers(here[what]) for what in (START, END, PLACE))
    if one.measure.is_float:
        values = pa.array(_on_line(low, high, _shares(start, end, place)), one.kind)
    else:
        values = pa.array(
            [
                filling(number, one.measure, one.rounding, one.column, "value in between")
                for number in _exactly_on_line(low, high, start, end, place)
            ],
            one.kind,
        )
    return pc.replace_with_mask(array, wanted, values)


def _shares(start: Numbers, end: Numbers, place: Numbers) -> Numbers:
    """Return how far along the way from start to end a place is; 0 where there is no way."""
    whole = (end - start).astype(np.float64)
    way = (place - start).astype(np.float64)
    return np.divide(way, whole, out=np.zeros(len(whole)), where=whole != 0)


def _on_line(low: Numbers, high: Numbers, shares: Numbers) -> Numbers:
    with np.errstate(over="ignore", invalid="ignore"):
        rise = high - low
        values = low + rise * shares
    return np.asarray(np.where(np.isfinite(rise), values, low * (1 - shares) + high * shares))


def _exactly_on_line(*numbers: Numbers) -> Iterator[Fraction]:
    for low, high, start, end, place in zip(*(part.tolist() for part in numbers), strict=True):
        share = Fraction(place - start) / Fraction(end - start) if end != start else Fraction(0)
        yield low + share * (high - low)
