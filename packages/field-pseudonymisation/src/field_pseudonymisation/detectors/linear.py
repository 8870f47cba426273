"""Patterns that are searched in linear time, by RE2 (google-re2)."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import re2

from field_pseudonymisation.errors import PolicyError


@lru_cache(maxsize=1024)
def compiled(pattern: str, name: str) -> Any:
    """Return a pattern made ready to search bytes of UTF-8.

    Raises:
        PolicyError: if it is none in the syntax of RE2, naming what it is for.
    """
    options = re2.Options()
    options.log_errors = False
    options.never_capture = True
    try:
        return re2.compile(pattern, options)
    except re2.error:
        raise PolicyError(
            f"The pattern of '{name}' is none in the syntax of RE2 (no look-around, no "
            "back-references); correct it."
        ) from None
