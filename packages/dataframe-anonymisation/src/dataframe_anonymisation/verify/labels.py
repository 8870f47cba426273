"""What labels of values stand for: ``[20, 29]`` and ``{a, b}``, by their text alone."""

from __future__ import annotations

import datetime as dt
import math
import re

RANGE = re.compile(r"\[(.+), (.+)\]")
MEMBER = re.compile(r"((?:[^\\,{}]|\\.)*)(?:, |\})", re.DOTALL)


def is_of_values(label: str | None, value: str | None) -> bool:
    """Return whether a value lies in a range of numbers or moments, or is a member of a set."""
    if label is None or value is None:
        return False
    found = RANGE.fullmatch(label)
    if found is None:
        return value in members(label)
    low, moment, high = (_moment_in(text) for text in (found[1], value, found[2]))
    if low is not None and moment is not None and high is not None:
        return low <= moment <= high
    return number_in(found[1]) <= number_in(value) <= number_in(found[2])


def members(label: str) -> list[str]:
    """Return the members of a set, without the backslashes before its marks."""
    if not (label.startswith("{") and label.endswith("}")):
        return []
    return [re.sub(r"\\(.)", r"\1", found, flags=re.DOTALL) for found in MEMBER.findall(label[1:])]


def number_in(text: str | None) -> float:
    """Return the number that a text is, NaN if it is none."""
    try:
        return math.nan if text is None else float(text)
    except ValueError:
        return math.nan


def _moment_in(text: str) -> dt.datetime | None:
    """Return the date and time that a text is, by the clock of its zone; None if none."""
    try:
        return dt.datetime.fromisoformat(text.strip()).replace(tzinfo=None)
    except ValueError:
        return None
