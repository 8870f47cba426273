"""Bounds that values may not be beyond, and what becomes of those that are."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types as kinds

from data_processing.cleaning import exact
from data_processing.cleaning.arrays import array_of, with_arrays
from data_processing.cleaning.groups import Places

if TYPE_CHECKING:
    from collections.abc import Callable

    from data_processing.cleaning.numbers import Measure

Limit = Fraction | None  # exact, in units; None where there is no bound
Action = Literal["cap", "drop", "flag", "null"]


def as_written(number: float) -> Fraction:
    """Return a number of a configuration as its shortest decimal has it: 0.1 is a tenth."""
    return Fraction(repr(number))


def values(lower: Limit, upper: Limit, measure: Measure) -> tuple[Any, Any]:
    """Return the bounds as values of a column's type, on the inner side of the exact ones.

    Where there is no value between them, they are the next ones outside. A bound is None where the
    type has nothing beyond it.
    """
    inner = _value(lower, measure, math.ceil), _value(upper, measure, math.floor)
    if None not in inner and inner[0] > inner[1]:
        return _value(lower, measure, math.floor), _value(upper, measure, math.ceil)
    return inner


def _value(limit: Limit, measure: Measure, rounding: Callable[[Fraction], int]) -> Any:
    if limit is None:
        return None
    if kinds.is_float32(measure.type):
        with np.errstate(over="ignore"):
            number = np.float32(exact.nearest(limit))
        if np.isfinite(number) and Fraction(float(number)) != limit:
            toward = np.float32(math.inf if rounding is math.ceil else -math.inf)
            is_inside = (Fraction(float(number)) > limit) == (rounding is math.ceil)
            number = number if is_inside else np.nextafter(number, toward)
        value = float(number)
    else:
        value = measure.value(limit, rounding)
    if measure.is_float:
        return value if math.isfinite(value) else None
    least, greatest = measure.range
    return value if least <= rounding(limit) <= greatest else None


@dataclass(frozen=True, slots=True)
class Bounds:
    """The bounds of a column's groups, by their places, and behind them those of all rows.

    Attributes:
        column: the column.
        action: what becomes of an outlier.
        flag: the new column that tells of it, where that is the action.
        lower: the lower bounds; missing where there is none.
        upper: the upper bounds.
        places: finds a row's group.
    """

    column: str
    action: Action
    flag: str
    lower: pa.Array
    upper: pa.Array
    places: Places = field(default_factory=Places)

    @property
    def written(self) -> str:
        """The column that changes."""
        return self.flag if self.action == "flag" else self.column

    def beyond(self, frame: pd.DataFrame) -> Beyond:
        """Return the column with the bounds of its rows."""
        array = array_of(frame[self.column])
        lower, upper = self.lower[0], self.upper[0]
        if kinds.is_null(array.type):  # whose values, all missing, Arrow does not compare
            none = pa.array(np.zeros(len(array), bool))
            return Beyond(array, lower, upper, none, none, none)
        if self.places.by:
            index = pa.array(self.places.find(frame))
            lower, upper = self.lower.take(index), self.upper.take(index)
        is_low = pc.fill_null(pc.less(array, lower), False)
        is_high = pc.fill_null(pc.greater(array, upper), False)
        is_outlier = pc.or_(is_low, is_high)
        if kinds.is_floating(array.type):
            is_outlier = pc.or_(is_outlier, pc.fill_null(pc.is_inf(array), False))
        return Beyond(array, lower, upper, is_low, is_high, is_outlier)


@dataclass(frozen=True, slots=True)
class Beyond:
    """A column of a batch, the bounds of its rows, and which of them are beyond."""

    array: pa.Array
    lower: pa.Array | pa.Scalar
    upper: pa.Array | pa.Scalar
    is_low: pa.Array
    is_high: pa.Array
    is_outlier: pa.Array


@dataclass(frozen=True, slots=True)
class Handled:
    """Caps, flags or blanks outliers."""

    bounds: tuple[Bounds, ...]

    def __call__(self, frame: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, int]]:
        """Return the rows, and how many outliers there are in each column."""
        arrays: dict[str, pa.Array] = {}
        counts: dict[str, int] = {}
        for one in self.bounds:
            found = one.beyond(frame)
            counts[f"{one.column}: outliers"] = pc.sum(found.is_outlier).as_py() or 0
            match one.action:
                case "cap":
                    raised = pc.if_else(found.is_low, found.lower, found.array)
                    arrays[one.column] = pc.if_else(found.is_high, found.upper, raised)
                case "null":
                    nothing = pa.scalar(None, found.array.type)
                    arrays[one.column] = pc.if_else(found.is_outlier, nothing, found.array)
                case _:
                    arrays[one.flag] = found.is_outlier
        return with_arrays(frame, arrays), counts


@dataclass(frozen=True, slots=True)
class Inside:
    """Chooses the rows without outliers."""

    bounds: tuple[Bounds, ...]

    def __call__(self, frame: pd.DataFrame) -> pd.Series:
        """Return whether each row stays."""
        stays = np.ones(len(frame), bool)
        for one in self.bounds:
            stays &= ~one.beyond(frame).is_outlier.to_numpy(zero_copy_only=False)
        return pd.Series(stays)
