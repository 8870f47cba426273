"""Hierarchies that are given as rows, in a file or in the configuration."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dataframe_anonymisation.errors import HierarchyError
from dataframe_anonymisation.hierarchies.hierarchy import Hierarchy, numbers_of, refuse
from dataframe_anonymisation.hierarchies.taxonomy import ANY, Label, Range, Taxonomy
from dataframe_anonymisation.values import canonical_number

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

DELIMITERS = (";", ",")
NUMBER = r"([-+]?\d+(?:\.\d+)?)"
SPAN = re.compile(rf"{NUMBER}\s*[-–]\s*{NUMBER}")  # such as 20-29


@dataclass(frozen=True, slots=True)
class RowHierarchy(Hierarchy):
    """The labels of each value, as rows from the value to the most general label."""

    labels: tuple[tuple[str, ...], ...]
    pad: bool = False
    delimiter: str | None = None  # of the file that it was read from

    @classmethod
    def parse(
        cls, content: bytes, *, delimiter: str | None = None, pad: bool = False
    ) -> RowHierarchy:
        """Return the hierarchy that a CSV file holds.

        Raises:
            HierarchyError: if the bytes are no UTF-8, or no rows, or the delimiter is none.
        """
        if delimiter is not None and (len(delimiter) != 1 or delimiter in '"\r\n'):
            raise HierarchyError(
                "'delimiter' of a hierarchy file must be one character, such as ';'; correct it."
            )
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise HierarchyError("The hierarchy file is not UTF-8; convert it.") from None
        if delimiter is None:
            head = text.split("\n", 1)[0]
            delimiter = next((mark for mark in DELIMITERS if mark in head), DELIMITERS[0])
        rows = tuple(
            tuple(row)
            for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
            if row
        )
        if not rows:
            raise HierarchyError("The hierarchy file has no rows; give one for each value.")
        return cls(rows, pad, delimiter)

    def stripped(self) -> RowHierarchy:
        """Return the hierarchy of values without blanks around them."""
        rows = tuple((row[0].strip(), *row[1:]) for row in self.labels)
        return replace(self, labels=rows)

    def unknown(self, values: Sequence[str], *, is_numeric: bool) -> frozenset[str]:
        """Return the values that have no row."""
        known = {_key(row[0], is_numeric=is_numeric) for row in self.labels}
        return frozenset(values) - known

    def over(self, column: str, values: Sequence[Label], *, is_numeric: bool = False) -> Taxonomy:
        """Return the taxonomy over all values of the rows and of the data."""
        height = max(map(len, self.labels))
        known: dict[Label, list[Label]] = {}
        conflicts = ragged = 0
        for given in self.labels:
            ragged += len(given) < height and not self.pad
            key = _key(given[0], is_numeric=is_numeric)
            row: list[Label] = [*[key] * (height - len(given) + 1), *given[1:]]
            conflicts += known.setdefault(row[0], row) != row
        if ragged:
            raise refuse(
                column, f"has {ragged} rows with fewer than {height} labels; complete them, or pad."
            )
        if conflicts:
            raise refuse(
                column, f"has {conflicts} rows that contradict one for the same value; keep one."
            )
        if len({row[-1] for row in known.values()}) > 1:
            for row in known.values():
                row.append(ANY)
            height += 1
        (root,) = {row[-1] for row in known.values()}
        if height == 1:
            known = {value: [value, ANY] for value in known}
            root, height = ANY, 2
        for value in values:
            if value not in known:
                known[value] = [*[value] * (height - 1), root]
        leaves = list(known)
        numbers = numbers_of(leaves)
        ranges = _ranges(known.values()) if numbers is not None else {}
        return Taxonomy(
            column,
            list(known.values()),
            numbers=numbers,
            ranges=ranges,
            present=frozenset(values),
        )


def _key(value: str, *, is_numeric: bool) -> str:
    return (canonical_number(value) or value) if is_numeric else value


def _ranges(rows: Iterable[Sequence[Label]]) -> dict[Label, Range]:
    """Return what labels such as ``20-29`` say that they cover: that is what readers know."""
    ranges: dict[Label, Range] = {}
    for label in {label for row in rows for label in row[1:]}:
        found = SPAN.fullmatch(label) if label is not None else None
        if found is not None and label is not None:
            ranges[label] = Range(float(found[1]), float(found[2]))
    return ranges
