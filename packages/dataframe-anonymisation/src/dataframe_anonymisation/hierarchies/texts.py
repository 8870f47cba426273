"""Hierarchies over texts: prefixes, and the value itself or nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dataframe_anonymisation.errors import HierarchyError
from dataframe_anonymisation.hierarchies.hierarchy import RuleHierarchy, numbers_of
from dataframe_anonymisation.hierarchies.taxonomy import ANY, Label, Taxonomy

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class MaskHierarchy(RuleHierarchy):
    """Prefixes of falling lengths; a masked text keeps its length.

    A text of one character is masked by the root alone, which means every text.
    """

    keep: tuple[int, ...]
    character: str = "*"

    def __post_init__(self) -> None:
        """Refuse prefixes that do not nest.

        Raises:
            HierarchyError: naming the rule.
        """
        if not all(type(n) is int for n in self.keep):
            raise HierarchyError("'keep' of a mask must be whole numbers, such as [4, 3, 1].")
        falls = all(a > b for a, b in zip(self.keep, self.keep[1:], strict=False))
        if not self.keep or not falls or self.keep[-1] < 0:
            raise HierarchyError("'keep' of a mask must be falling lengths, such as [4, 3, 1].")
        if len(self.character) != 1:
            raise HierarchyError("'character' of a mask must be one character.")

    def depth(self) -> int:
        """Return the number of prefixes."""
        return len(self.keep)

    def labels(self, value: str) -> list[str]:
        """Return the masked texts of a value; one that would be the root's ``*`` is left out."""
        labels = [value[:n] + self.character * (len(value) - n) for n in self.keep]
        if labels[-1] == ANY:
            labels[-1] = labels[-2] if len(labels) > 1 else value
        return labels

    def over(self, column: str, values: Sequence[Label], *, is_numeric: bool = False) -> Taxonomy:
        """Return the taxonomy over texts: categories, even where they look like numbers."""
        del is_numeric
        return Taxonomy(column, self.rows(sorted(values, key=_text_order)))


@dataclass(frozen=True, slots=True)
class SuppressionHierarchy(RuleHierarchy):
    """The value itself, and ``*``."""

    def depth(self) -> int:
        """Return that there is nothing in between."""
        return 0

    def labels(self, value: str) -> list[str]:
        """Return no labels."""
        del value
        return []

    def over(self, column: str, values: Sequence[Label], *, is_numeric: bool = False) -> Taxonomy:
        """Return the taxonomy of one level above the values."""
        ordered = sorted(values, key=_text_order)
        numbers = numbers_of(ordered) if is_numeric else None
        return Taxonomy(column, self.rows(ordered), numbers=numbers)


def _text_order(value: Label) -> tuple[bool, str]:
    return value is None, value or ""
