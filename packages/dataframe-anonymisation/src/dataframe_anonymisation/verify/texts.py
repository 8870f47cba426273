"""Cells of published files as texts that can be compared, whatever format they went through.

A cell has a declared kind, that of its column in the original table, and comes back in whatever a
format makes of it: the number 1 as ``1``, ``1.0`` or ``1.00``, a date as a time of day at midnight.
This restates on purpose what other modules do before the search.
"""

from __future__ import annotations

from decimal import Context, Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Callable

Kind = Literal[
    "number",
    "float64",
    "float32",
    "float16",
    "boolean",
    "date",
    "time",
    "timestamp",
    "duration",
]
KINDS = get_args(Kind)
EXACT = Context(prec=100)  # more digits than any column of numbers has
BOOLEANS = {"true": "true", "1": "true", "false": "false", "0": "false"}


def comparable(value: Any, kind: str | None = None) -> str | None:
    """Return the text of a cell, None where it is missing.

    Args:
        value: the cell as a format gives it, or a text of it.
        kind: one of ``KINDS``; other cells are texts. What is not of its kind is a text, too.
    """
    if value is None or value != value:
        return None
    known = _OF_KIND.get(kind or "")
    if known is None:
        return _plain(value)
    try:
        return known(value)
    except (ValueError, InvalidOperation, OverflowError):
        return _plain(value)


def _plain(value: Any) -> str:
    """Return the text of a cell: 1 and 1.0 are the same number, True is ``true``."""
    if isinstance(value, bool | np.bool_):
        return str(bool(value)).lower()
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _number(value: Any) -> str | None:
    number = Decimal(str(value))
    if number.is_nan():
        return None
    return str(number.normalize(EXACT)) if number else "0"


def _float(make: Callable[[float], Any]) -> Callable[[Any], str | None]:
    def text(value: Any) -> str | None:
        return _number(repr(float(make(float(value)))))

    return text


def _boolean(value: Any) -> str | None:
    text = str(value).lower().removesuffix(".0")
    return BOOLEANS.get(text, text)


def _date(value: Any) -> str | None:
    return pd.Timestamp(value).date().isoformat()


def _time(value: Any) -> str | None:
    text = value.isoformat() if hasattr(value, "isoformat") else str(value)
    return text.rstrip("0").rstrip(".") if "." in text else text


def _duration(value: Any) -> str | None:
    return pd.Timedelta(value).isoformat()


def _timestamp(value: Any) -> str | None:
    moment = pd.Timestamp(value)
    if moment.tzinfo is not None:
        moment = moment.tz_convert("UTC").tz_localize(None)
    text = moment.isoformat()
    return text.rstrip("0").rstrip(".") if "." in text else text


_OF_KIND: dict[str, Callable[[Any], str | None]] = {
    "number": _number,
    "float64": _float(float),
    "float32": _float(np.float32),
    "float16": _float(np.float16),
    "boolean": _boolean,
    "date": _date,
    "time": _time,
    "timestamp": _timestamp,
    "duration": _duration,
}
