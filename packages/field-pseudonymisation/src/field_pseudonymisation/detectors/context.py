"""Words near a value that tell what it is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from field_pseudonymisation.detectors.linear import compiled

if TYPE_CHECKING:
    from collections.abc import Iterable

BEFORE, AFTER = 64, 24  # bytes on either side in which words count
HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


class ContextWords:
    """Words, made ready to search.

    Args:
        words: in lower case; one that ends in ``*`` may go on.
    """

    def __init__(self, words: Iterable[str]) -> None:
        words = tuple(words)
        if any("*" in word[:-1] for word in words):
            raise ValueError("Only the end of a context word may be left open, by '*'.")
        forms = (
            _quoted(word[:-1]) if word.endswith("*") else rf"{_quoted(word)}(?:\PL|$)"
            for word in words
        )
        self._pattern = compiled(rf"(?i)(?:^|\PL)(?:{'|'.join(forms)})", "context")

    def are_near(self, content: bytes, start: int, end: int, first: int, last: int) -> bool:
        """Return whether one is near a place, inside the document from ``first`` to ``last``."""
        before = content[max(first, start - BEFORE) : start]
        if self._pattern.search(before):
            return True
        after = content[end : min(last, end + AFTER)]
        return bool(self._pattern.search(after))

    def are_in_name(self, name: str) -> bool:
        """Return whether one is in a name such as ``phoneNumber`` or ``PHONE_2``."""
        return bool(name) and bool(self._pattern.search(HUMP.sub(" ", name).encode()))


def _quoted(word: str) -> str:
    """Return a word as a pattern, with any spaces, underscores or hyphens between its parts."""
    return r"[\s_-]{0,3}".join(re.escape(part) for part in word.split())
