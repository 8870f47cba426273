"""A declared hierarchy: what a policy says about a column, before its values are known."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from dataframe_anonymisation.errors import HierarchyError
from dataframe_anonymisation.hierarchies.taxonomy import ANY, Label, Taxonomy
from dataframe_anonymisation.values import plain_number
from util_services.errors import quoted_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Hierarchy(ABC):
    """Nested levels of labels over a column's values; subclasses say how labels are made.

    `over` gives a taxonomy of the values that occur. A missing value is a leaf of its own below
    the root (Sweeney's ``*``), so that it joins others only where everything is suppressed.
    """

    @abstractmethod
    def unknown(self, values: Sequence[str], *, is_numeric: bool) -> frozenset[str]:
        """Return the values that the hierarchy does not know."""

    @abstractmethod
    def over(self, column: str, values: Sequence[Label], *, is_numeric: bool = False) -> Taxonomy:
        """Return the taxonomy over the values of a column; unknown ones become own leaves.

        Args:
            column: its name, for errors.
            values: the distinct values, None for missing.
            is_numeric: whether the column is one of numbers, so that ``1.0`` means ``1``.

        Raises:
            HierarchyError: if no tree comes of it.
        """

    def stripped(self) -> Hierarchy:
        """Return the hierarchy of values without blanks around them."""
        return self

    @staticmethod
    def from_rows(rows: Sequence[Sequence[str]], *, pad: bool = False) -> Hierarchy:
        """Return a hierarchy of rows, each from a value over its labels to the most general one.

        Args:
            rows: one for each value; identical repetitions are accepted.
            pad: whether the value of shorter rows is repeated; they are refused otherwise.
        """
        from dataframe_anonymisation.hierarchies.rows import RowHierarchy

        return RowHierarchy(tuple(tuple(map(str, row)) for row in rows), pad=pad)

    @staticmethod
    def from_file(path: str, *, delimiter: str | None = None, pad: bool = False) -> Hierarchy:
        """Return the hierarchy of a CSV file in the usual form: a row per value, ``*`` last.

        Args:
            path: the file, in UTF-8 with or without a byte-order mark.
            delimiter: ``;`` or ``,``; by default the one of the two that the first line holds.
            pad: as `from_rows` has it.
        """
        from pathlib import Path

        from dataframe_anonymisation.hierarchies.rows import RowHierarchy

        return RowHierarchy.parse(Path(path).read_bytes(), delimiter=delimiter, pad=pad)

    @staticmethod
    def mapping(mapping: Mapping[str, str | Sequence[str]], *, pad: bool = False) -> Hierarchy:
        """Return a hierarchy of the labels of each value, without the value itself."""
        rows = [
            [value, *([labels] if isinstance(labels, str) else labels)]
            for value, labels in mapping.items()
        ]
        return Hierarchy.from_rows(rows, pad=pad)

    @staticmethod
    def intervals(
        widths: Sequence[float],
        *,
        origin: float = 0,
        closed: str = "left",
        bottom: float | None = None,
        top: float | None = None,
        outside: str = "class",
    ) -> Hierarchy:
        """Return intervals of growing widths, each a multiple of the one before.

        Args:
            widths: the width of the intervals of each level.
            origin: a bound of an interval.
            closed: the side that belongs to an interval: ``left`` as ``[20, 30)``, or ``right``.
            bottom: values below it share a class at every level (bottom coding).
            top: values from it on share a class at every level (top coding).
            outside: ``class`` for these classes, or ``error`` if no value may lie there.
        """
        from dataframe_anonymisation.hierarchies.intervals import IntervalHierarchy

        return IntervalHierarchy(tuple(widths), origin, closed, bottom, top, outside)

    @staticmethod
    def rounding(bases: Sequence[float]) -> Hierarchy:
        """Return rounding to multiples of growing bases, published as what rounds to them."""
        from dataframe_anonymisation.hierarchies.intervals import rounding

        return rounding(bases)

    @staticmethod
    def mask(keep: Sequence[int], *, character: str = "*") -> Hierarchy:
        """Return prefixes of texts: how many characters each level keeps; the rest is masked."""
        from dataframe_anonymisation.hierarchies.texts import MaskHierarchy

        return MaskHierarchy(tuple(keep), character)

    @staticmethod
    def date(levels: Sequence[str] = ("month", "quarter", "year")) -> Hierarchy:
        """Return periods of dates: ``day``, ``month``, ``quarter``, ``year``, ``decade``."""
        from dataframe_anonymisation.hierarchies.dates import DateHierarchy

        return DateHierarchy(tuple(levels))

    @staticmethod
    def suppression() -> Hierarchy:
        """Return the hierarchy of the value itself and ``*``."""
        from dataframe_anonymisation.hierarchies.texts import SuppressionHierarchy

        return SuppressionHierarchy()

    @staticmethod
    def auto() -> Hierarchy:
        """Return a hierarchy chosen by the values: dates, intervals, prefixes, else suppression."""
        from dataframe_anonymisation.hierarchies.auto import AutoHierarchy

        return AutoHierarchy()


class RuleHierarchy(Hierarchy):
    """A hierarchy whose labels follow from each value by a rule."""

    @abstractmethod
    def labels(self, value: str) -> list[str] | None:
        """Return the labels above a value, without the root; None if it is not of the domain."""

    @abstractmethod
    def depth(self) -> int:
        """Return how many labels `labels` gives."""

    def unknown(self, values: Sequence[str], *, is_numeric: bool) -> frozenset[str]:
        """Return the values that the rule has no labels for."""
        del is_numeric
        return frozenset(value for value in values if self.labels(value) is None)

    def rows(self, values: Sequence[Label]) -> list[list[Label]]:
        """Return the labels of each value; what the rule does not know is a leaf below the root."""
        rows: list[list[Label]] = []
        for value in values:
            labels = None if value is None else self.labels(value)
            above: list[Label] = [value] * self.depth() if labels is None else [*labels]
            rows.append([value, *above, ANY])
        return rows


def numbers_of(values: Sequence[Label]) -> dict[Label, float] | None:
    """Return the number of each value, infinity for missing; None if one of them is no number."""
    numbers = {value: math.inf if value is None else plain_number(value) for value in values}
    if None in numbers.values():
        return None
    return {value: number for value, number in numbers.items() if number is not None}


def refuse(column: str, rule: str) -> HierarchyError:
    """Return the error for a hierarchy that breaks a rule."""
    return HierarchyError(f"The hierarchy of {quoted_name(column)} {rule}")
