"""How a person reads what a report holds: words for keys, grouped numbers, units, visible names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from util_services.errors import printable

NOTHING = "\N{EN DASH}"
THIN = "\N{NARROW NO-BREAK SPACE}"  # between groups of three digits, as in SI
MINUS = "\N{MINUS SIGN}"
LARGE = 1e15  # beyond it a float knows no single units any more
UNITS = {"_seconds": "s", "_bytes": "bytes"}
SHARE = "_share"
MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.\d+)?Z")

MODEL = re.compile(r"k_anonymity|l_diversity|t_closeness")  # which papers write with a hyphen


def words(key: str) -> str:
    """Return a key of a report as words; one that tells a unit leaves it to the value."""
    for ending in (*UNITS, SHARE):
        if key.endswith(ending) and key != ending.lstrip("_"):
            key = key.removesuffix(ending) + (" share" if ending == SHARE else "")
    if MODEL.fullmatch(key):
        return key.replace("_", "-")
    text = visible(key.replace("_", " ").strip())
    return text if len(text) == 1 else text[:1].upper() + text[1:]


def shown(value: Any, key: str = "") -> str:
    """Return a value of a report on one line, with the unit that its key tells."""
    match value:
        case None | "":
            return NOTHING
        case bool():
            return "yes" if value else "no"
        case int() | float() if key.endswith(SHARE):
            return f"{number(100 * value)}{THIN}%"
        case int() | float():
            unit = next((unit for ending, unit in UNITS.items() if key.endswith(ending)), "")
            return f"{number(value)}{THIN}{unit}" if unit else number(value)
        case list() | tuple():
            return ", ".join(shown(part) for part in value) or NOTHING
        case Mapping():
            parts = (f"{visible(name)}: {shown(part, name)}" for name, part in value.items())
            return ", ".join(parts) or NOTHING
        case _:
            return visible(str(value))


def number(value: float) -> str:
    """Return a number with its digits in groups of three; of a fraction, four digits that count."""
    if isinstance(value, int):
        text = f"{value:,}"
    elif abs(value) < LARGE and (value.is_integer() or abs(value) >= 1000):
        text = f"{value:,.0f}"
    else:
        text = f"{value:.4g}"
    return text.replace(",", THIN).replace("-", MINUS)


def moment(text: str) -> str:
    """Return a time in UTC as ISO 8601 has it without its fraction of a second, in two words."""
    match = MOMENT.fullmatch(text)
    return f"{match[1]} {match[2]} UTC" if match else shown(text)


def visible(text: str) -> str:
    """Return a text in which nothing hides: what cannot be printed is written as an escape.

    Among that are the characters that turn the direction of a line, with which one name can be
    made to look like another.
    """
    return printable(text)
