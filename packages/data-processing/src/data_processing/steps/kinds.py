"""What kinds of values expressions tell apart, and which of them go together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pyarrow import types

from data_processing.cleaning.folding import is_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import pyarrow as pa

Kind = Literal[
    "text",
    "integer",
    "decimal",
    "float",
    "boolean",
    "date",
    "moment",
    "zoned",
    "time",
    "interval",
    "missing",
    "other",
]

NUMBERS: tuple[Kind, ...] = ("integer", "decimal", "float")  # each holds those before it
DAYS: tuple[Kind, ...] = ("date", "moment")
DATED: tuple[Kind, ...] = (*DAYS, "zoned")
WORDS: dict[Kind, str] = {
    "text": "a text",
    "integer": "a number",
    "decimal": "a number",
    "float": "a number",
    "boolean": "a truth value",
    "date": "a date",
    "moment": "a date with a time",
    "zoned": "a moment in a time zone",
    "time": "a time of day",
    "interval": "a length of time",
    "missing": "a missing value",
    "other": "a list, a struct or bytes",
}
TESTS: tuple[tuple[Kind, Callable[[pa.DataType], bool]], ...] = (
    ("text", is_text),
    ("integer", types.is_integer),
    ("decimal", types.is_decimal),
    ("float", types.is_floating),
    ("boolean", types.is_boolean),
    ("date", types.is_date),
    ("time", types.is_time),
    ("missing", types.is_null),
)


def kind_of(kind: pa.DataType) -> Kind:
    """Return the kind of the values of an Arrow type."""
    if types.is_dictionary(kind):
        return kind_of(kind.value_type)
    if types.is_timestamp(kind):
        return "moment" if kind.tz is None else "zoned"
    return next((name for name, test in TESTS if test(kind)), "other")


def common_kind(kinds: Iterable[Kind]) -> Kind | None:
    """Return the kind that values of several kinds have in common; None if they have none."""
    found = set(kinds) - {"missing"}
    if not found:
        return "missing"
    if len(found) == 1:
        return found.pop()
    for family in (NUMBERS, DAYS):
        if found <= set(family):
            return max(found, key=family.index)
    return None
