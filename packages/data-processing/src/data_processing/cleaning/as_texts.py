"""Values as texts, in one form whichever engine holds them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types

from data_processing.cleaning.folding import is_text
from util_services.errors import ConfigurationError, quoted_name

if TYPE_CHECKING:
    from collections.abc import Iterable

PLAIN = (types.is_integer, types.is_boolean, types.is_date, types.is_timestamp, types.is_time)


def refuse_formless(schema: pa.Schema, columns: Iterable[str]) -> None:
    """Refuse columns whose values have no one form as texts.

    Raises:
        ConfigurationError: naming the column.
    """
    for name in columns:
        kind = schema.field(name).type
        if not (is_text(kind) or types.is_decimal(kind) or any(test(kind) for test in PLAIN)):
            raise ConfigurationError(
                f"The column {quoted_name(name)} holds {kind}, which has no one form as text; make "
                "it text or decimal in a step before."
            )


def as_texts(values: pa.Array) -> pa.Array:
    """Return values as texts; missing ones stay missing.

    Numbers are written in digits with a point, truth values as ``true`` and ``false``, dates and
    moments as ISO 8601 has them with a space before the time, and ``Z`` behind a moment in UTC.
    """
    if is_text(values.type):
        return values.cast(pa.string())
    if types.is_decimal(values.type):
        texts = [None if one is None else f"{one:f}" for one in values.to_pylist()]
        return pa.array(texts, pa.string())
    return pc.cast(values, pa.string())
