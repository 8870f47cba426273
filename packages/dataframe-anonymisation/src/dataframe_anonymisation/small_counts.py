"""Small counts of the original table, which reports do not tell (AN-47).

A count of few rows is about few people. Where one count of a whole is withheld, enough others are
withheld beside it that their sum is no small count either: else it would follow from the total.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

THRESHOLD = 10


def is_small(count: int, threshold: int) -> bool:
    """Return whether a count is one of few rows; none at all is not."""
    return 0 < count < threshold


def told(counts: Mapping[str, int], threshold: int) -> dict[str, int | None]:
    """Return the counts that make up a whole, None for those that are withheld."""
    withheld, hidden = set(), 0
    for name, count in sorted(counts.items(), key=lambda item: (item[1], item[0])):
        if is_small(count, threshold) or is_small(hidden, threshold):
            withheld.add(name)
            hidden += count
    return {name: None if name in withheld else count for name, count in counts.items()}


def in_words(count: int, threshold: int) -> str:
    """Return a count of rows for a sentence."""
    return f"fewer than {threshold} rows" if is_small(count, threshold) else f"{count} rows"
