"""Columns as codes and canonical texts, so that data and hierarchies speak of the same values.

The canonical text of a number has no exponent, no needless zeros and no negative zero: 1, 1.0 and
-0.0 become ``1``, ``1`` and ``0`` in a column of numbers; a column of text is taken as it is. Dates
are ISO 8601, booleans ``true`` and ``false``. None, NaN, NA and NaT are the one missing value.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from util_services.errors import DatasetError, quoted_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

Values = tuple[str | None, ...]


def encode(array: Any, column: str, *, strip: bool = False) -> tuple[np.ndarray, Values]:
    """Return a code for each cell of an Arrow array, and the canonical text of each code.

    Each text occurs once and in at least one cell; None stands for missing.

    Raises:
        DatasetError: if the column is of a kind whose values have no canonical text.
    """
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks() if array.num_chunks != 1 else array.chunk(0)
    if isinstance(array, pa.ExtensionArray):
        array = array.storage
    if not pa.types.is_dictionary(array.type):
        _refuse_nested(array.type, column)
        array = array.dictionary_encode()
    _refuse_nested(array.type.value_type, column)
    raw = pc.fill_null(array.indices, -1).to_numpy(zero_copy_only=False).astype(np.int32)
    texts = _texts(array.dictionary)
    if strip:
        texts = [text if text is None else text.strip() for text in texts]
    return _compact(raw, [*texts, None])


def array_of(series: pd.Series, column: str) -> Any:
    """Return a pandas column as an Arrow array.

    Raises:
        DatasetError: if the column holds values of several kinds.
    """
    try:
        return pa.Array.from_pandas(series)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        raise DatasetError(
            f"The column {quoted_name(column)} holds values of several kinds; cast it to one type."
        ) from None


def encode_series(
    series: pd.Series, column: str, *, strip: bool = False
) -> tuple[np.ndarray, Values]:
    """Return a code for each cell of a pandas column, and the canonical text of each code.

    Raises:
        DatasetError: if the column holds values of several kinds.
    """
    return encode(array_of(series, column), column, strip=strip)


def canonical_number(text: str) -> str | None:
    """Return the canonical text of a number, None if the text is none."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    if not number.is_finite():
        return None
    plain = format(number, "f")
    if "." in plain:
        plain = plain.rstrip("0").rstrip(".")
    return "0" if plain in {"-0", ""} else plain


def is_numeric(kind: Any) -> bool:
    """Return whether an Arrow type is one of numbers."""
    return bool(
        pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    )


def kind_of(kind: Any) -> str:
    """Return what the cells of an Arrow type are to the independent check."""
    if pa.types.is_dictionary(kind):
        return kind_of(kind.value_type)
    if pa.types.is_floating(kind):
        return f"float{kind.bit_width}"
    if is_numeric(kind):
        return "number"
    for name in ("boolean", "date", "time", "timestamp", "duration"):
        if getattr(pa.types, f"is_{name}")(kind):
            return name
    return "text"


def _compact(raw: np.ndarray, texts: Sequence[str | None]) -> tuple[np.ndarray, Values]:
    """Drop codes that no cell has (AN-27), and join codes of one text; code -1 is the last text."""
    raw = np.where(raw < 0, len(texts) - 1, raw)
    used = np.bincount(raw, minlength=len(texts)) > 0
    known: dict[str | None, int] = {}
    codes = np.zeros(len(texts), np.int32)
    for place in np.flatnonzero(used).tolist():
        codes[place] = known.setdefault(texts[place], len(known))
    return codes[raw], tuple(known)


def _texts(dictionary: Any) -> list[str | None]:
    kind = dictionary.type
    if pa.types.is_boolean(kind):
        return [None if v is None else str(v).lower() for v in dictionary.to_pylist()]
    if pa.types.is_floating(kind):
        return [_float_text(value) for value in dictionary.to_pylist()]
    if pa.types.is_integer(kind) or pa.types.is_decimal(kind):
        return [None if v is None else canonical_number(str(v)) for v in dictionary.to_pylist()]
    if pa.types.is_temporal(kind):
        return [
            None
            if value is None
            else value.isoformat()
            if hasattr(value, "isoformat")
            else str(value)
            for value in dictionary.to_pylist()
        ]
    return [None if value is None else str(value) for value in dictionary.to_pylist()]


def _float_text(value: float | None) -> str | None:
    if value is None or value != value:
        return None
    return canonical_number(repr(value)) or str(value)


def _refuse_nested(kind: Any, column: str) -> None:
    if pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        raise DatasetError(
            f"The column {quoted_name(column)} is of the type {kind}, which no hierarchy can be "
            "over; leave it out or cast it to text."
        )
