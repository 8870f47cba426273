"""How the values that two labels stand for lie to each other, by the texts of the labels alone.

Known are ``*``, ranges and bounds of numbers and moments, periods of the calendar, sets, and texts
whose end is masked. Two other texts are two values where one table has both; whether a label of one
table and another one of another table have values in common cannot be told then.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from dataframe_anonymisation.verify.labels import members

if TYPE_CHECKING:
    from collections.abc import Collection

Relation = Literal["equal", "covers", "within", "apart", "overlap"]
ANY = "*"
RANGE = re.compile(r"([\[(])(.+), (.+)([\])])")
BOUND = re.compile(r"(<=|<|>=|>) (.+)")
PERIOD = re.compile(r"(\d{4})(?:-(?:(\d{2})(?:-(\d{2}))?|Q([1-4])|(\d{4})))?")
MONTHS = 12
QUARTER = 3


@dataclass(frozen=True, slots=True)
class Region:
    """What a label stands for.

    Attributes:
        label: its text, None for missing.
        spans: its least and greatest value with whether each belongs to it, by kind of value.
        members: the values of a set.
        prefix: what is left of a text whose end is masked.
    """

    label: str | None
    spans: dict[str, tuple[float, int, float, int]]
    members: frozenset[str]
    prefix: str | None

    @classmethod
    def of(cls, label: str | None) -> Region:
        """Return what a label stands for."""
        if label is None:
            return cls(None, {}, frozenset(), None)
        prefix = label.rstrip(ANY) if label.endswith(ANY) else None
        return cls(label, _spans(label), frozenset(members(label)), prefix)

    def relation(self, other: Region, together: Collection[frozenset[str | None]] = ()) -> Relation:
        """Return how another region lies to this one.

        Args:
            other: the other one.
            together: the labels of each table; plain texts of one table are values apart.
        """
        if self.label == other.label:
            return "equal"
        if ANY in (self.label, other.label):
            return "covers" if self.label == ANY else "within"
        if self.label is None or other.label is None:
            return "apart"
        if self.members or other.members:
            return _of_sets(self.members or {self.label}, other.members or {other.label})
        if self.prefix is not None or other.prefix is not None:
            return _of_prefixes(self, other)
        for kind in ("number", "day"):
            if kind in self.spans and kind in other.spans:
                return _of_spans(self.spans[kind], other.spans[kind])
        is_told = any(self.label in labels and other.label in labels for labels in together)
        return "apart" if is_told else "overlap"


def _of_sets(one: Collection[str], other: Collection[str]) -> Relation:
    first, second = set(one), set(other)
    if first == second:
        return "equal"
    if first > second:
        return "covers"
    if first < second:
        return "within"
    return "overlap" if first & second else "apart"


def _of_prefixes(one: Region, other: Region) -> Relation:
    first = one.label if one.prefix is None else one.prefix
    second = other.label if other.prefix is None else other.prefix
    if first is None or second is None:
        raise AssertionError("a missing value has no prefix")
    if one.prefix is not None and second.startswith(first) and first != second:
        return "covers"
    if other.prefix is not None and first.startswith(second) and first != second:
        return "within"
    return "overlap" if first == second else "apart"


def _of_spans(one: tuple[float, int, float, int], other: tuple[float, int, float, int]) -> Relation:
    """Compare spans by their ends: a bound that is left out lies a step inside of itself."""
    first, second = (
        ((one[0], -one[1]), (one[2], one[3])),
        ((other[0], -other[1]), (other[2], other[3])),
    )
    if first == second:
        return "equal"
    if first[0] <= second[0] and second[1] <= first[1]:
        return "covers"
    if second[0] <= first[0] and first[1] <= second[1]:
        return "within"
    low, high = max(first, second), min(first, second, key=lambda ends: ends[1])
    start, end = low[0], high[1]
    is_apart = start[0] > end[0] or (start[0] == end[0] and not (start[1] == -1 and end[1] == 1))
    return "apart" if is_apart else "overlap"


def _spans(label: str) -> dict[str, tuple[float, int, float, int]]:
    found = RANGE.fullmatch(label)
    if found:
        closed = int(found[1] == "["), int(found[4] == "]")
        ends = [_spans(text) for text in (found[2], found[3])]
        return {
            kind: (ends[0][kind][0], closed[0], ends[1][kind][2], closed[1])
            for kind in ("number", "day")
            if kind in ends[0] and kind in ends[1]
        }
    found = BOUND.fullmatch(label)
    if found:
        return {
            kind: (-math.inf, 0, span[0], int("=" in found[1]))
            if "<" in found[1]
            else (span[2], int("=" in found[1]), math.inf, 0)
            for kind, span in _spans(found[2]).items()
        }
    spans = {}
    number = _number(label)
    if number is not None:
        spans["number"] = (number, 1, number, 1)
    days = _days(label)
    if days is not None:
        spans["day"] = (days[0], 1, days[1], 1)
    return spans


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _days(text: str) -> tuple[float, float] | None:
    """Return the first and the last day of a period, in days since the year 1."""
    found = PERIOD.fullmatch(text)
    try:
        if found is None:
            day = float(dt.datetime.fromisoformat(text.strip()).toordinal())
            return day, day
        year, month, day_of, quarter, last = (int(part or 0) for part in found.groups())
        if day_of:
            day = float(dt.date(year, month, day_of).toordinal())
            return day, day
        if last:
            return _first(year, 1), _first(last + 1, 1) - 1
        if quarter:
            month = (quarter - 1) * QUARTER + 1
            return _first(year, month), _first(year, month + QUARTER) - 1
        if month:
            return _first(year, month), _first(year, month + 1) - 1
        return _first(year, 1), _first(year + 1, 1) - 1
    except ValueError:
        return None


def _first(year: int, month: int) -> float:
    """Return the first day of a month; the thirteenth is the first of the next year."""
    years, months = divmod(month - 1, MONTHS)
    if year + years > dt.MAXYEAR:
        return float(dt.date.max.toordinal() + 1)
    return float(dt.date(year + years, months + 1, 1).toordinal())
