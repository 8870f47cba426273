"""The type that holds the values of several columns without a change."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
from pyarrow import types

from data_processing.steps.kinds import kind_of

if TYPE_CHECKING:
    from collections.abc import Sequence


def common_type(given: Sequence[pa.DataType]) -> pa.DataType | None:
    """Return the type that holds all values of some types; None if they are not of one kind."""
    present = [kind for kind in given if not types.is_null(kind)]
    if len(set(present)) <= 1:
        return (present or given)[0]
    kinds = {kind_of(kind) for kind in present}
    if kinds == {"text"}:
        return pa.string()
    if kinds == {"integer"} and all(map(types.is_signed_integer, present)):
        return max(present, key=lambda kind: int(kind.bit_width))
    return pa.float64() if kinds == {"float"} else None


def told(given: Sequence[pa.DataType]) -> str:
    """Return types for a sentence, each once."""
    return ", ".join(str(kind) for kind in dict.fromkeys(given))
