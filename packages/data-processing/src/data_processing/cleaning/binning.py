"""Make intervals of numbers; a value always lies in the interval that is written for it.

A float counts as its shortest decimal here, as it is printed. That order is the one of doubles, so
a float is compared with the double nearest to an edge, and every other number with the edge itself.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pyarrow as pa

from data_processing.cleaning import exact, selection
from data_processing.cleaning.arrays import array_of, with_arrays
from data_processing.cleaning.bounds import as_written
from data_processing.cleaning.group_states import state_of, told_of
from data_processing.cleaning.groups import Grouping
from data_processing.cleaning.numbers import Measure, measure_of
from data_processing.cleaning.schemas import Changed, check_new
from data_processing.cleaning.summary import Ask, Summary, summaries
from util_services.engines.stage_batches import Map
from util_services.engines.stage_fits import Fit, Fitted, Groups
from util_services.errors import DatasetError, quoted_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from data_processing.rules.features import BinRule
    from util_services.engines.stages import Step

STEP = "bin"
MOST_BINS = 100_000  # of one width, in a batch
EXACT_GUESS = 1 << 51  # so many widths from 0 the number of an interval is off by one at most

Closed = Literal["left", "right"]
Numbers = np.ndarray[Any, Any]


def binned(schema: pa.Schema, rules: Mapping[str, BinRule]) -> list[Step]:
    """Return the parts that bin some columns.

    Raises:
        ConfigurationError: if a column holds no numbers, or a new column cannot be called so.
    """
    check_new(schema, "into", *(rule.into for rule in rules.values() if rule.into))
    measures = {
        name: measure_of(schema.field(name).type, name, "binning", moments=False) for name in rules
    }
    bins: list[_Bins] = []
    fitted: dict[str, BinRule] = {}
    for name, rule in rules.items():
        if rule.method == "width":
            width, origin = as_written(rule.width or 0), as_written(rule.origin)
            bins.append(Widths(name, measures[name], rule.closed, rule.into, width, origin))
        elif rule.method == "edges":
            edges = tuple(map(as_written, rule.edges))
            bins.append(Edges(name, measures[name], rule.closed, rule.into, edges))
        else:
            fitted[name] = rule
    parts: list[Step] = [_fit(fitted, measures)] if fitted else []
    return [*parts, *([_work(bins)] if bins else [])]


@dataclass(frozen=True, slots=True)
class Edges:
    """Intervals between edges, the outer ones reaching to the infinities.

    Attributes:
        column: the column.
        measure: how its values are numbers.
        closed: which end belongs to an interval.
        into: the column of the labels, if it is a new one.
        edges: where intervals begin and end, ascending.
    """

    column: str
    measure: Measure
    closed: Closed
    into: str | None
    edges: tuple[Fraction, ...]

    def __call__(self, array: pa.Array) -> pa.Array:
        """Return the labels of numbers, none of them missing."""
        values = self.measure.numbers(array)
        compared = (_comparable(one, self.measure, self.closed) for one in self.edges)
        inner = selection.array_of(compared)
        if inner.dtype != values.dtype:
            inner, values = inner.astype(object), values.astype(object)
        side: Literal["left", "right"] = "right" if self.closed == "left" else "left"
        index = np.searchsorted(inner, values, side=side)
        ends = ["-inf", *(_written(one, self.measure) for one in self.edges), "inf"]
        return _labels(ends, self.closed).take(pa.array(index))


@dataclass(frozen=True, slots=True)
class Widths:
    """Intervals of one width.

    Attributes:
        column: the column.
        measure: how its values are numbers.
        closed: which end belongs to an interval.
        into: the column of the labels, if it is a new one.
        width: the width.
        origin: where one of the intervals begins.
    """

    column: str
    measure: Measure
    closed: Closed
    into: str | None
    width: Fraction
    origin: Fraction

    def __call__(self, array: pa.Array) -> pa.Array:
        """Return the labels of numbers, none of them missing; missing ones for infinities.

        Raises:
            DatasetError: if the width is too small to tell the numbers apart.
        """
        values = self.measure.numbers(array)
        finite = np.isfinite(values) if self.measure.is_float else np.ones(len(values), bool)
        numbers = self._floats(values[finite]) if self.measure.is_float else self._exact(values)
        distinct, places = np.unique(numbers, return_inverse=True)
        if len(distinct) > MOST_BINS:
            raise self._too_small()
        labels = pa.array([self._label(int(number)) for number in distinct], pa.string())
        index = np.zeros(len(values), np.int64)
        index[finite] = places
        return labels.take(pa.array(index, mask=~finite))

    def _exact(self, values: Numbers) -> Numbers:
        """Return the numbers of the intervals of whole numbers of units."""
        # (value * unit - origin) / width, as one quotient of whole numbers
        step, start = self.width / self.measure.unit, self.origin / self.measure.unit
        below = step.numerator * start.denominator
        times, less = step.denominator * start.denominator, start.numerator * step.denominator
        largest = max((abs(int(value)) for value in (values.min(), values.max())), default=0)
        if largest * times + abs(less) + below > np.iinfo(np.int64).max:
            values = values.astype(object)
        above = values * times - less
        if self.closed == "left":
            return np.asarray(above // below)
        return np.asarray(-(-above // below) - 1)

    def _floats(self, values: Numbers) -> Numbers:
        """Return the numbers of the intervals of floats."""
        with np.errstate(over="ignore"):
            widths, start = values / float(self.width), exact.nearest(self.origin / self.width)
        if abs(start) >= EXACT_GUESS or np.abs(widths).max(initial=0) >= EXACT_GUESS:
            raise self._too_small()
        guess = np.floor(widths - start)  # which may be the number of an interval beside
        distinct, places = np.unique(guess, return_inverse=True)
        if len(distinct) > MOST_BINS:
            raise self._too_small()
        edges = np.array(
            [[self._edge(int(one) + end) for end in (-1, 0, 1, 2)] for one in distinct]
        ).reshape(-1, 4)
        if (np.diff(edges) <= 0).any():
            raise self._too_small()
        side = np.greater_equal if self.closed == "left" else np.greater
        reached = sum(side(values, edges[places, end]).astype(np.int64) for end in range(4))
        return np.asarray(guess.astype(np.int64) + reached - 2)

    def _edge(self, number: int) -> float:
        return exact.nearest(self.origin + number * self.width)

    def _label(self, number: int) -> str:
        low, high = (
            _written(self.origin + end * self.width, self.measure) for end in (number, number + 1)
        )
        return _label(low, high, self.closed)

    def _too_small(self) -> DatasetError:
        return DatasetError(
            f"The intervals of the column {quoted_name(self.column)} are too narrow for its values "
            "to be told apart; choose a larger 'width'."
        )


_Bins = Edges | Widths


@dataclass(frozen=True, slots=True)
class Binned:
    """Bins some columns."""

    bins: tuple[_Bins, ...]

    def __call__(self, frame: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, int]]:
        """Return the rows with the intervals, and how many infinities are in none."""
        arrays, counts = dict[str, pa.Array](), dict[str, int]()
        for one in self.bins:
            array = array_of(frame[one.column])
            present = array.drop_null()
            labels = one(present) if len(present) else pa.array([], pa.string())
            counts[f"{one.column}: infinite"] = labels.null_count
            place = np.cumsum(array.is_valid().to_numpy(zero_copy_only=False)) - 1
            missing = array.is_null().to_numpy(zero_copy_only=False)
            arrays[one.into or one.column] = labels.take(pa.array(place, mask=missing))
        return with_arrays(frame, arrays), counts


def _work(bins: Sequence[_Bins]) -> Map:
    types = {one.into or one.column: pa.string() for one in bins}
    reads = frozenset(one.column for one in bins)
    return Map(STEP, Binned(tuple(bins)), frozenset(types), Changed(types), reads=reads)


def _fit(rules: Mapping[str, BinRule], measures: Mapping[str, Measure]) -> Fit:
    asks = [Ask(name, measures[name], shares=_shares(rule)) for name, rule in rules.items()]
    told = [partial(_told, ask) for ask in asks]
    return Fit(
        STEP,
        frozenset(rules),
        summaries(asks, partial(state_of, asks, told=told)),
        partial(_fitted, rules, measures),
        frozenset(rule.into or name for name, rule in rules.items()),
    )


def _shares(rule: BinRule) -> tuple[Fraction, ...]:
    count = rule.bins or 0
    return tuple(Fraction(number, count) for number in range(1, count))


def _told(ask: Ask, summary: Summary) -> dict[str, float | None]:
    """Return the edges that the state holds, as floats."""
    return {
        f"edge_{n}": exact.nearest(summary.quantiles[share] * ask.measure.unit)
        if summary.count
        else None
        for n, share in enumerate(ask.shares)
    }


def _fitted(rules: Mapping[str, BinRule], measures: Mapping[str, Measure], state: Groups) -> Fitted:
    bins, facts, warnings = [], {}, []
    for name, rule in rules.items():
        whole, _ = told_of(state, name, Grouping())
        found = [(whole or {}).get(f"edge_{n}") for n, _ in enumerate(_shares(rule))]
        edges = sorted({as_written(edge) for edge in found if edge is not None})
        bins.append(Edges(name, measures[name], rule.closed, rule.into, tuple(edges)))
        facts[name] = {"bins": len(edges) + 1}
        if not edges:
            warnings.append(f"The column {quoted_name(name)} has no values to bin.")
        elif len(edges) < len(found):
            warnings.append(
                f"Quantiles of the column {quoted_name(name)} are equal, so that it has "
                f"{len(edges) + 1} intervals instead of {rule.bins}."
            )
    return Fitted((_work(bins),), facts=facts, warnings=tuple(warnings))


def _comparable(edge: Fraction, measure: Measure, closed: Closed) -> selection.Number:
    """Return what numbers of units are compared with: at or beyond it they are past the edge."""
    if measure.is_float:
        return exact.nearest(edge)
    units = edge / measure.unit
    return math.ceil(units) if closed == "left" else math.floor(units)


def _written(number: Fraction, measure: Measure) -> str:
    """Return a number in digits: as its double has it for floats, else exactly."""
    if measure.is_float:
        return repr(exact.nearest(number)).removesuffix(".0")
    digits = number.denominator.bit_length()  # as many are behind the mark at most
    scaled = Decimal(number.numerator * 10**digits // number.denominator)
    text = f"{Decimal(f'{scaled}E-{digits}'):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _labels(ends: Sequence[str], closed: Closed) -> pa.Array:
    return pa.array(
        [_label(low, high, closed) for low, high in itertools.pairwise(ends)], pa.string()
    )


def _label(low: str, high: str, closed: Closed) -> str:
    begins = "[" if closed == "left" or low == "-inf" else "("
    ends = "]" if closed == "right" or high == "inf" else ")"
    return f"{begins}{low}, {high}{ends}"
