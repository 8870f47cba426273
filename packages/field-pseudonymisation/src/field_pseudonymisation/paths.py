"""Paths inside of nested values, such as ``$.contacts[*].phone``; ``**`` is any part of one."""

from __future__ import annotations

import re
from enum import Enum
from functools import lru_cache

from field_pseudonymisation.errors import PolicyError


class Wildcard(Enum):
    """What stands for parts of a place in a pattern; a quoted part is never one of these."""

    ONE = "*"
    SOME = "**"


Part = str | int
Place = tuple[Part, ...]
Pattern = tuple[Part | Wildcard, ...]
PART = re.compile(r"\.(\*\*|\*|[^.\[\]*]+)|\[(\*|\d+)\]|\['([^']*)'\]")


@lru_cache(maxsize=256)
def parse_path(text: str) -> Pattern:
    """Return the parts of a path.

    Raises:
        PolicyError: if it is none.
    """
    if not text.startswith("$"):
        raise PolicyError("A path inside of a column begins with '$', as in '$.name'; correct it.")
    parts: list[Part | Wildcard] = []
    place = 1
    while place < len(text):
        found = PART.match(text, place)
        if found is None:
            raise PolicyError(
                "A path is made of '.name', '[0]', '[*]', '.*' and '.**', as in "
                "'$.contacts[*].phone'; correct it."
            )
        name, index, quoted = found.groups()
        is_item = index is not None and index.isdigit()
        parts.append(int(index) if is_item else _part(name or index, quoted))
        place = found.end()
    return tuple(parts)


def _part(bare: str | None, quoted: str) -> Part | Wildcard:
    if bare is None:
        return quoted
    if bare in {one.value for one in Wildcard}:
        return Wildcard(bare)
    return bare


def matches(pattern: Pattern, path: Place) -> bool:
    """Return whether a place is one that a pattern names."""
    if not pattern:
        return not path
    if pattern[0] is Wildcard.SOME:
        return any(matches(pattern[1:], path[skip:]) for skip in range(len(path) + 1))
    if not path:
        return False
    return pattern[0] in {Wildcard.ONE, path[0]} and matches(pattern[1:], path[1:])


def leads_on(pattern: Pattern, path: Place) -> bool:
    """Return whether a pattern names places below a place."""
    if not pattern:
        return False
    if pattern[0] is Wildcard.SOME:
        return True
    if not path:
        return True
    return pattern[0] in {Wildcard.ONE, path[0]} and leads_on(pattern[1:], path[1:])
