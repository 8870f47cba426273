"""Columns as codes and canonical texts, so that data and hierarchies speak of the same values.

The canonical text of a number has no exponent, no needless zeros and no negative zero: 1, 1.0 and
-0.0 become ``1``, ``1`` and ``0`` in a column of numbers; a column of text is taken as it is. Dates
are ISO 8601, booleans ``true`` and ``false``. None, NaN, NA and NaT are the one missing value.
"""

from __future__ import annotations

import math
import re
import uuid
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from util_services.errors import DatasetError, quoted_name

if TYPE_CHECKING:
    from collections.abc import Callable

Values = tuple[str | None, ...]
TEXT = pa.large_string()
PLAIN_EXTENSIONS = frozenset({"arrow.json"})  # what these store is what they mean
NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", re.ASCII)
PLAIN_NUMBER = re.compile(r"[-+]?\d+(\.\d+)?", re.ASCII)
LARGEST_EXPONENT = 400  # beyond that of any float; a text may have any


def encode(array: Any, column: str, *, strip: bool = False) -> tuple[np.ndarray, Values]:
    """Return a code for each cell of an Arrow array, and the canonical text of each code.

    Each text occurs once and in at least one cell; None stands for missing.

    Raises:
        DatasetError: if the column is of a kind whose values have no canonical text.
    """
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks() if array.num_chunks != 1 else array.chunk(0)
    is_uuid = isinstance(array.type, pa.UuidType)
    if is_uuid or getattr(array.type, "extension_name", None) in PLAIN_EXTENSIONS:
        array = array.storage
    if not pa.types.is_dictionary(array.type):
        _refuse_nested(array.type, column, is_uuid=is_uuid)
        array = array.dictionary_encode()
    _refuse_nested(array.type.value_type, column, is_uuid=is_uuid)
    raw = pc.fill_null(array.indices, -1).to_numpy(zero_copy_only=False).astype(np.int32)
    texts = _uuids(array.dictionary) if is_uuid else _texts(array.dictionary)
    if strip:
        stripped = [text if text is None else text.strip() for text in texts.to_pylist()]
        texts = pa.array(stripped, TEXT)
    return _compact(raw, texts)


def array_of(series: pd.Series, column: str) -> Any:
    """Return a pandas column as an Arrow array.

    Raises:
        DatasetError: if the column holds values of several kinds.
    """
    if isinstance(series.dtype, pd.PeriodDtype):
        series = series.astype(object).map(str, na_action="ignore")
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
    if NUMBER.fullmatch(text) is None:
        return None
    number = Decimal(text)
    if abs(number.adjusted()) > LARGEST_EXPONENT:
        return None
    plain = format(number, "f")
    if "." in plain:
        plain = plain.rstrip("0").rstrip(".")
    return "0" if plain in {"-0", ""} else plain


def plain_number(text: str) -> float | None:
    """Return the number that digits stand for; None for other texts, such as the code ``12e4``."""
    if PLAIN_NUMBER.fullmatch(text) is None:
        return None
    number = float(text)
    return number if math.isfinite(number) else None


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


def _compact(raw: np.ndarray, texts: Any) -> tuple[np.ndarray, Values]:
    """Drop codes that no cell has (AN-27), and join codes of one text; code -1 is missing."""
    raw = np.where(raw < 0, len(texts), raw)
    texts = pa.concat_arrays([texts, pa.nulls(1, TEXT)])
    used = np.flatnonzero(np.bincount(raw, minlength=len(texts)))
    joined = texts.take(pa.array(used)).dictionary_encode(null_encoding="encode")
    codes = np.zeros(len(texts), np.int32)
    codes[used] = joined.indices.to_numpy()
    return codes[raw], tuple(joined.dictionary.to_pylist())


def _texts(dictionary: Any) -> Any:
    """Return the canonical text of each value of an Arrow array."""
    kind = dictionary.type
    if pa.types.is_floating(kind):
        return _float_texts(dictionary.cast(pa.float64()))
    if pa.types.is_decimal(kind):
        return _each(dictionary, lambda value: canonical_number(str(value)))
    if pa.types.is_temporal(kind):
        return _each(dictionary, lambda v: v.isoformat() if hasattr(v, "isoformat") else str(v))
    return dictionary.cast(TEXT)


def _uuids(dictionary: Any) -> Any:
    return _each(dictionary, lambda value: str(uuid.UUID(bytes=value)))


def _each(values: Any, text: Callable[[Any], str | None]) -> Any:
    return pa.array([None if v is None else text(v) for v in values.to_pylist()], TEXT)


def _float_texts(numbers: Any) -> Any:
    """Return the shortest digits that stand for floats; Arrow writes most as they are wanted."""
    texts = numbers.cast(TEXT)
    is_other = pc.match_substring_regex(texts, "[a-z]|^-0$")  # exponents, NaN, infinities
    others = [_float_text(value) for value in numbers.filter(is_other).to_pylist()]
    return pc.replace_with_mask(texts, pc.fill_null(is_other, False), pa.array(others, TEXT))


def _float_text(value: float) -> str | None:
    return None if value != value else canonical_number(repr(value)) or str(value)


def _refuse_nested(kind: Any, column: str, *, is_uuid: bool) -> None:
    is_bytes = any(
        getattr(pa.types, f"is_{name}")(kind)
        for name in ("binary", "large_binary", "binary_view", "fixed_size_binary")
    )
    is_other = isinstance(kind, pa.BaseExtensionType) or pa.types.is_nested(kind)
    if is_other or (is_bytes and not is_uuid):
        raise DatasetError(
            f"The column {quoted_name(column)} is of the type {kind}, which no hierarchy can be "
            "over; leave it out or cast it to text."
        )
