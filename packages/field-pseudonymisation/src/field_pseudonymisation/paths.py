"""Paths inside of nested values, such as ``$.contacts[*].phone``; ``**`` is any part of one."""

from __future__ import annotations

import re
from functools import lru_cache

from field_pseudonymisation.errors import PolicyError

Part = str | int
PART = re.compile(r"\.(\*\*|\*|[^.\[\]*]+)|\[(\*|\d+)\]|\['([^']*)'\]")


@lru_cache(maxsize=256)
def parse_path(text: str) -> tuple[Part, ...]:
    """Return the parts of a path.

    Raises:
        PolicyError: if it is none.
    """
    if not text.startswith("$"):
        raise PolicyError("A path inside of a column begins with '$', as in '$.name'; correct it.")
    parts: list[Part] = []
    place = 1
    while place < len(text):
        found = PART.match(text, place)
        if found is None:
            raise PolicyError(
                "A path is made of '.name', '[0]', '[*]', '.*' and '.**', as in "
                "'$.contacts[*].phone'; correct it."
            )
        name, index, quoted = found.groups()
        parts.append(int(index) if index and index.isdigit() else name or index or quoted)
        place = found.end()
    return tuple(parts)


def matches(pattern: tuple[Part, ...], path: tuple[Part, ...]) -> bool:
    """Return whether a place is one that a pattern names."""
    if not pattern:
        return not path
    if pattern[0] == "**":
        return any(matches(pattern[1:], path[skip:]) for skip in range(len(path) + 1))
    if not path:
        return False
    return pattern[0] in {"*", path[0]} and matches(pattern[1:], path[1:])


def leads_on(pattern: tuple[Part, ...], path: tuple[Part, ...]) -> bool:
    """Return whether a pattern names places below a place."""
    if not pattern:
        return False
    if pattern[0] == "**":
        return True
    if not path:
        return True
    return pattern[0] in {"*", path[0]} and leads_on(pattern[1:], path[1:])
