"""Columns as exact numbers, and numbers as values of a column's type.

A float is itself. Everything else is a whole number of units: a decimal of its last digit, a date
of days, a timestamp of ticks since 1970. So nothing but a float is ever a float on its way.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import types as kinds

from data_processing.cleaning.exact import nearest
from util_services.errors import ConfigurationError, DatasetError, quoted_name

TICKS_OF_A_SECOND = {"s": 1, "ms": 10**3, "us": 10**6}
EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - of timestamps without a zone too

Rounding = Callable[[Fraction], int]


@dataclass(frozen=True, slots=True)
class Measure:
    """How the values of an Arrow type are numbers.

    Attributes:
        type: the type.
        unit: what 1 stands for, in the type's own terms.
    """

    type: pa.DataType
    unit: Fraction = Fraction(1)

    @property
    def is_float(self) -> bool:
        """Whether values are floats."""
        return bool(kinds.is_floating(self.type))

    @property
    def is_whole(self) -> bool:
        """Whether values are whole numbers."""
        return bool(kinds.is_integer(self.type))

    @property
    def range(self) -> tuple[int, int]:
        """The least and the greatest number of units; of types that are no floats."""
        if kinds.is_decimal(self.type):
            greatest = 10**self.type.precision - 1
            return -greatest, greatest
        limits = np.iinfo(self.type.to_pandas_dtype() if self.is_whole else np.int64)
        return int(limits.min), int(limits.max)

    def numbers(self, array: pa.Array) -> np.ndarray[Any, Any]:
        """Return the numbers of an array without missing values, in units."""
        if self.is_float:
            return np.asarray(array.cast(pa.float64()).to_numpy(zero_copy_only=False))
        if kinds.is_decimal(self.type):
            return _unscaled(array)
        if kinds.is_date(self.type):
            array = array.cast(pa.int32())
        elif kinds.is_timestamp(self.type):
            array = array.cast(pa.int64())
        values = array.to_numpy(zero_copy_only=False)
        if values.dtype == np.uint64:
            is_wide = len(values) > 0 and values.max() > np.iinfo(np.int64).max
            return np.asarray(values, object if is_wide else np.int64)
        return np.asarray(values, np.int64)

    def value(self, number: Fraction, rounding: Rounding = round) -> Any:
        """Return the value of the type that a number of units is nearest to.

        Args:
            number: the number.
            rounding: how it becomes a whole number of units, where the type has no fractions of
                them; by default ties go to the even one.

        Raises:
            DatasetError: if it is a moment outside the years 1 to 9999.
        """
        if self.is_float:
            return nearest(number)
        if kinds.is_null(self.type):
            return None
        whole = rounding(number)
        if kinds.is_decimal(self.type):
            return Decimal(f"{whole}E-{self.type.scale}")
        if self.is_whole:
            return whole
        try:
            return self._moment(whole)
        except OverflowError:
            raise DatasetError(
                "A date lies outside the years 1 to 9999; take it out first."
            ) from None

    def _moment(self, whole: int) -> Any:
        if kinds.is_date(self.type):
            return (EPOCH + dt.timedelta(days=whole)).date()
        ticks = TICKS_OF_A_SECOND[self.type.unit]
        moment = EPOCH + dt.timedelta(microseconds=whole * (10**6 // ticks))
        return moment if self.type.tz is None else moment.replace(tzinfo=dt.UTC)


def measure_of(kind: pa.DataType, column: str, wish: str, *, moments: bool = True) -> Measure:
    """Return how the values of a column are numbers.

    Args:
        kind: the column's type.
        column: its name.
        wish: what is done with the numbers, for the sentence of an error.
        moments: whether dates and timestamps will do.

    Raises:
        ConfigurationError: if they are none.
    """
    if kinds.is_integer(kind) or kinds.is_float32(kind) or kinds.is_float64(kind):
        return Measure(kind)
    if kinds.is_null(kind):  # of missing values alone, as Arrow holds a column that has no other
        return Measure(kind)
    if kinds.is_decimal128(kind):
        return Measure(kind, Fraction(1, 10**kind.scale))
    is_moment = kinds.is_date32(kind) or (
        kinds.is_timestamp(kind) and kind.unit in TICKS_OF_A_SECOND
    )
    if moments and is_moment:
        return Measure(kind)
    what = "numbers, dates or timestamps" if moments else "numbers"
    raise ConfigurationError(
        f"The column {quoted_name(column)} holds {kind}, and {wish} needs {what}; cast it first."
    )


def _unscaled(array: pa.Array) -> np.ndarray[Any, Any]:
    """Return decimals in units of their last digit, from Arrow's 128-bit two's complements."""
    parts = np.frombuffer(array.buffers()[1] or b"", np.int64).reshape(-1, 2)
    parts = parts[array.offset : array.offset + len(array)]
    low, high = np.ascontiguousarray(parts[:, 0]), parts[:, 1]
    if np.array_equal(high, low >> 63):
        return low
    return np.asarray(high.astype(object) * 2**64 + low.view(np.uint64).astype(object))
