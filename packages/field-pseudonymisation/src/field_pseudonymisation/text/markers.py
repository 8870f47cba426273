"""Pseudonyms in a text: ``TYPE(length):pseudonym``, by which they are found and read back.

The length counts the code points of the pseudonym, so that a reader needs no other end. TYPE is the
entity, or the detector where that has a rule of its own, in upper case.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# A run of letters is tried at its beginning alone, so that the search is linear.
MARKER = re.compile(r"(?<![A-Z0-9_])([A-Z][A-Z0-9_]*+)\(([0-9]{1,7})\):")


@dataclass(frozen=True, slots=True)
class Marked:
    """A pseudonym in a text: where it stands with its marker, its type in lower case."""

    start: int
    end: int
    type: str
    pseudonym: str


def mark(type_: str, pseudonym: str) -> str:
    """Return a pseudonym with its type and length before it."""
    return f"{type_.upper()}({len(pseudonym)}):{pseudonym}"


def marked_in(text: str) -> Iterator[Marked]:
    """Yield the pseudonyms of a text in their order."""
    place = 0
    while found := MARKER.search(text, place):
        length = int(found[2])
        place = found.end() + length
        if place > len(text):
            place = found.end()
            continue
        yield Marked(found.start(), place, found[1].lower(), text[found.end() : place])
