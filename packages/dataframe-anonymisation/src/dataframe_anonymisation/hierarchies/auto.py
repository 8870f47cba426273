"""A hierarchy that is chosen by the values of a column."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from dataframe_anonymisation.hierarchies.dates import DateHierarchy
from dataframe_anonymisation.hierarchies.hierarchy import Hierarchy, numbers_of
from dataframe_anonymisation.hierarchies.intervals import IntervalHierarchy
from dataframe_anonymisation.hierarchies.texts import MaskHierarchy, SuppressionHierarchy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dataframe_anonymisation.hierarchies.taxonomy import Label, Taxonomy

FINEST_INTERVALS = 16  # how many intervals the narrowest level has, about
DOUBLINGS = 4
FEWEST_CODES = 10  # texts of one length and fewer kinds than this are names of categories
NICE = (1, 2, 5, 10)


class AutoHierarchy(Hierarchy):
    """Dates by periods, numbers by intervals, codes of one length by prefixes.

    Anything else is published as it is or not at all. What was chosen is told by the taxonomy's
    labels in the report.
    """

    def unknown(self, values: Sequence[str], *, is_numeric: bool) -> frozenset[str]:
        """Return that no value is unknown."""
        del values, is_numeric
        return frozenset()

    def over(self, column: str, values: Sequence[Label], *, is_numeric: bool = False) -> Taxonomy:
        """Return the taxonomy of the hierarchy that fits the values."""
        return choose(values).over(column, values, is_numeric=is_numeric)


def choose(values: Sequence[Label]) -> Hierarchy:
    """Return the hierarchy that fits some values."""
    known = [value for value in values if value is not None]
    dates = DateHierarchy(("month", "quarter", "year", "decade"))
    if known and all(len(v) >= len("2000-01-01") and dates.labels(v) for v in known):
        return dates
    lengths = {len(value) for value in known}
    is_code = len(lengths) == 1 and len(known) > FEWEST_CODES and max(lengths) > 3
    padded = any(value.startswith("0") and len(value) > 1 and "." not in value for value in known)
    numbers = None if padded else numbers_of(known)
    if known and numbers is not None and len(known) > 2:
        return IntervalHierarchy(_widths(list(numbers.values())))
    if is_code and all(value.isalnum() for value in known):
        length = lengths.pop()
        return MaskHierarchy(tuple(range(length - 1, 0, -1)))
    return SuppressionHierarchy()


def _widths(numbers: Sequence[float]) -> tuple[float, ...]:
    """Return nice widths, each twice the one before, that cut the range of some numbers."""
    wanted = max((max(numbers) - min(numbers)) / FINEST_INTERVALS, 1e-9)
    scale = 10.0 ** math.floor(math.log10(wanted))
    width = next(nice * scale for nice in NICE if nice * scale >= wanted * (1 - 1e-9))
    if all(number.is_integer() for number in numbers):
        width = max(1.0, round(width))
    first = int(width) if float(width).is_integer() else width
    return tuple(first * 2**n for n in range(1 if first == 1 else 0, DOUBLINGS))
