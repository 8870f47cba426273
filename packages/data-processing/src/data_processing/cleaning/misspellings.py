"""Find rare texts that are probably misspellings of a near and far more frequent one.

The distance is the number of single characters to insert, delete, exchange, or swap with their
neighbour (Damerau, "A technique for computer detection and correction of spelling errors", 1964, in
the restricted form that is also known as optimal string alignment).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np
from rapidfuzz import process
from rapidfuzz.distance import OSA, Levenshtein

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

CELLS_AT_ONCE = 4_000_000  # of a matrix of distances, two bytes each
ERROR_EVERY = 5  # characters; as many errors as a text may have by default


@dataclass(frozen=True, slots=True)
class Nearness:
    """When a text is taken for a misspelling of another.

    Attributes:
        max_distance: how far it may be; by default one for each 5 characters, and at least one.
        times_rarer: how many times as often the other must stand there.
        min_length: texts of fewer characters are nobody's misspelling.
        keep_numbers: whether texts that differ in a digit which is added, left out or another one
            stay apart, as 'ward 1' and 'ward 2' do; a digit may have become another character.
    """

    max_distance: int | None = None
    times_rarer: float = 10
    min_length: int = 4
    keep_numbers: bool = True

    def reach(self, length: int) -> int:
        """Return how far a text of some length may be from what was meant."""
        return self.max_distance or max(1, length // ERROR_EVERY)


@dataclass(frozen=True, slots=True)
class Found:
    """What misspelt texts stand for, and how many could stand for several texts as well."""

    meant: Mapping[str, str]
    ambiguous: int


def misspellings(
    asked: Mapping[str, int],
    weights: Mapping[str, int],
    nearness: Nearness,
    *,
    however_rare: bool = False,
) -> Found:
    """Return what those texts stand for that are misspellings of others.

    The nearest text counts; of several, the most frequent one, if it is frequent enough to make the
    others its misspellings. What is itself a misspelling is not meant by another text.

    Args:
        asked: how often the texts stand there that may be misspelt.
        weights: how often the texts stand there that may be meant.
        nearness: when one is a misspelling of another.
        however_rare: whether a text may be meant that is no more frequent.
    """
    times = nearness.times_rarer
    heaviest = max(weights.values(), default=0)
    rare = [text for text, count in asked.items() if however_rare or heaviest >= times * count]
    near = _near(rare, weights, nearness)
    meant: dict[str, str] = {}
    ambiguous = 0
    for text in sorted(near, key=lambda one: (-asked[one], one)):
        candidates = [
            (distance, -weights[other], other)
            for other, distance in near[text]
            if other not in meant
            and (however_rare or weights[other] >= times * asked[text])
            and not (nearness.keep_numbers and differ_in_number(text, other))
        ]
        best = _best(candidates, times)
        if best is not None:
            meant[text] = best
        elif candidates:
            ambiguous += 1
    return Found(meant, ambiguous)


def differ_in_number(text: str, other: str) -> bool:
    """Return whether a digit is added, left out or another one, between two texts."""
    for edit in Levenshtein.editops(text, other):
        was = edit.tag != "insert" and text[edit.src_pos].isdigit()
        now = edit.tag != "delete" and other[edit.dest_pos].isdigit()
        if (was and now) or (edit.tag != "replace" and (was or now)):
            return True
    return False


def _best(candidates: list[tuple[int, int, str]], times: float) -> str | None:
    """Return the nearest text, unless another one is as near and not much rarer."""
    if not candidates:
        return None
    first, *others = sorted(candidates)
    rivals = [other for other in others if other[0] == first[0]]
    if rivals and -first[1] < times * max(-rivals[0][1], 1):
        return None
    return first[2]


def _near(
    texts: Iterable[str], others: Iterable[str], nearness: Nearness
) -> dict[str, list[tuple[str, int]]]:
    """Return the other texts within reach of each text, with their distances."""
    found: dict[str, list[tuple[str, int]]] = {}
    by_length = _by_length(others)
    for length, alike in _by_length(texts).items():
        reach = nearness.reach(length)
        within = range(max(length - reach, nearness.min_length), length + reach + 1)
        choices = [other for size in within for other in by_length.get(size, ())]
        if choices and length >= nearness.min_length:
            for text, other, distance in _pairs(alike, choices, reach):
                found.setdefault(text, []).append((other, distance))
    return found


def _pairs(
    texts: Sequence[str], others: Sequence[str], reach: int
) -> Iterator[tuple[str, str, int]]:
    """Yield pairs of texts within reach, with their distance."""
    rows = max(1, CELLS_AT_ONCE // len(others))
    for start in range(0, len(texts), rows):
        some = texts[start : start + rows]
        distances = process.cdist(
            some, others, scorer=OSA.distance, score_cutoff=reach, dtype=np.uint16
        )
        for row, place in np.argwhere(distances <= reach).tolist():
            yield some[row], others[place], int(distances[row, place])


def _by_length(texts: Iterable[str]) -> dict[int, list[str]]:
    return {length: list(alike) for length, alike in groupby(sorted(texts, key=len), key=len)}
