"""What a caller says of a step, as JSON has it, and without what looks like a secret."""

from __future__ import annotations

import datetime as dt
import math
import os
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

from util_services.logs.redaction import REDACTED, is_secret_name, redacted

MOST_WORDS, MOST_CHARACTERS = 200, 2000


def plain(value: Any) -> Any:
    """Return a value made of JSON types, with secrets replaced by a mark."""
    return redacted(_simple(value))


def plain_command(words: Sequence[str]) -> tuple[str, ...]:
    """Return the words of a command, with secrets replaced by a mark."""
    found, hides_next = [], False
    for word in words[:MOST_WORDS]:
        found.append(REDACTED if hides_next else str(redacted(word[:MOST_CHARACTERS])))
        hides_next = word.startswith("-") and "=" not in word and is_secret_name(word.lstrip("-"))
    return tuple(found)


def _simple(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _simple(one) for name, one in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_simple(one) for one in value]
    if isinstance(value, Enum):
        return _simple(value.value)
    if isinstance(value, os.PathLike):
        return os.fsdecode(value)
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if type(value).__module__ == "numpy" and getattr(value, "shape", None) == ():
        return _simple(value.item())
    return value
