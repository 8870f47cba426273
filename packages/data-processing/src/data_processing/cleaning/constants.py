"""Constants of a configuration as values of a column's type."""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal, InvalidOperation
from typing import Any

import pyarrow as pa
from pyarrow import types as kinds

from data_processing.cleaning.folding import is_text
from util_services.errors import ConfigurationError, quoted_name


def constant(value: Any, kind: pa.DataType, column: str) -> pa.Scalar:
    """Return a constant as a value of a type, exactly.

    A text may be given as a number, a date or a timestamp as a text in ISO 8601.

    Raises:
        ConfigurationError: if it is none, which is said without it.
    """
    try:
        return pa.scalar(_exact(value, kind), kind)
    except (ValueError, TypeError, OverflowError, InvalidOperation, pa.ArrowException):
        raise ConfigurationError(
            f"The constant for the column {quoted_name(column)} is no value of its type, {kind}; "
            "correct it, or cast the column first."
        ) from None


def _exact(value: Any, kind: pa.DataType) -> Any:
    """Return what Arrow takes for the value without changing it."""
    is_number = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
    if is_text(kind) and (is_number or isinstance(value, str)):
        return str(value)
    if kinds.is_boolean(kind) and isinstance(value, bool):
        return value
    if kinds.is_integer(kind) and isinstance(value, int) and not isinstance(value, bool):
        return value
    if kinds.is_floating(kind) and is_number and not math.isnan(value):
        return float(value)
    if kinds.is_decimal(kind) and (is_number or isinstance(value, str)):
        return Decimal(str(value))
    if kinds.is_timestamp(kind):
        moment = dt.datetime.fromisoformat(value) if isinstance(value, str) else value
        if isinstance(moment, dt.datetime) and (moment.tzinfo is None) == (kind.tz is None):
            return moment
    if kinds.is_date(kind):
        day = dt.date.fromisoformat(value) if isinstance(value, str) else value
        if isinstance(day, dt.date) and not isinstance(day, dt.datetime):
            return day
    raise TypeError("a value of another kind")
