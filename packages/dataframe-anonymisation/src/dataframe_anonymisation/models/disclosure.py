"""Models that bound how much a class tells beyond the whole table: δ-disclosure and β-likeness.

The reference is the original table, in which each value of a class occurs, so that no share there
is 0 (AN-16).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from dataframe_anonymisation.models.base import (
    TOLERANCE,
    Model,
    Monotony,
    between,
    histogram_of,
)

if TYPE_CHECKING:
    from dataframe_anonymisation.table import Classes, Contingency, Histogram


@dataclass(frozen=True, slots=True)
class DeltaDisclosure(Model):
    """``|ln(p/q)|`` < δ for each value of a class (Brickell and Shmatikov 2008; strict).

    Args:
        delta: the bound.
        attribute: the sensitive attribute.
        zero: ``fail`` if a value of the table that a class lacks lets it fail, ``pass`` if not.
    """

    delta: float
    attribute: str | None = None
    zero: str = "pass"
    name: ClassVar[str] = "δ-disclosure privacy"
    monotony: ClassVar[Monotony] = "none"
    is_relative: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Refuse parameters that are none."""
        between("delta", self.delta, 0, math.inf, above_low=True)

    def holds(self, classes: Classes) -> np.ndarray:
        """Return for each class whether all its values are near their share in the table."""
        return self._farthest(classes) < self.delta - TOLERANCE

    def bound(self, table: Contingency, spare: float) -> str | None:
        """Return None: the whole table has the distance 0."""
        del table, spare
        return None

    def measure(self, classes: Classes) -> float:
        """Return the largest ``|ln(p/q)|``."""
        return float(self._farthest(classes).max(initial=0))

    def _farthest(self, classes: Classes) -> np.ndarray:
        found = histogram_of(classes, self.attribute)
        if not len(classes):
            return np.zeros(0)
        p, q = _shares(found)
        farthest = np.maximum.reduceat(np.abs(np.log(p / q)), found.starts)
        if self.zero == "fail":
            present = np.bincount(found.classes, minlength=len(classes))
            farthest = np.where(present < len(found.attribute.values), np.inf, farthest)
        return farthest


@dataclass(frozen=True, slots=True)
class BetaLikeness(Model):
    """(p-q)/q ≤ β for each value of a class; enhanced: ≤ min(β, -ln q) (Cao and Karras 2012)."""

    beta: float
    attribute: str | None = None
    enhanced: bool = False
    name: ClassVar[str] = "β-likeness"
    monotony: ClassVar[Monotony] = "generalisation"
    is_relative: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Refuse a β that is none."""
        between("beta", self.beta, 0, math.inf, above_low=True)

    def holds(self, classes: Classes) -> np.ndarray:
        """Return for each class whether no value is too much more frequent than in the table."""
        found = histogram_of(classes, self.attribute)
        if not len(classes):
            return np.zeros(0, bool)
        p, q = _shares(found)
        bound = np.minimum(self.beta, -np.log(q)) if self.enhanced else self.beta
        is_within = (p - q) / q <= bound + TOLERANCE
        return np.logical_and.reduceat(is_within, found.starts)

    def bound(self, table: Contingency, spare: float) -> str | None:
        """Return None: the whole table gains nothing."""
        del table, spare
        return None

    def measure(self, classes: Classes) -> float:
        """Return the largest (p-q)/q."""
        p, q = _shares(histogram_of(classes, self.attribute))
        return float(((p - q) / q).max(initial=0))


@dataclass(frozen=True, slots=True)
class DeltaPresence(Model):
    """The share of flagged rows of each class lies in a range (Nergiz, Atzori and Clifton 2007).

    Args:
        minimum: the least share.
        maximum: the largest share.
        attribute: the column that flags rows.
        value: the text that flags a row.
    """

    minimum: float
    maximum: float
    attribute: str | None = None
    value: str = "1"
    name: ClassVar[str] = "δ-presence"
    untold: ClassVar[frozenset[str]] = frozenset({"value"})
    monotony: ClassVar[Monotony] = "generalisation"

    def __post_init__(self) -> None:
        """Refuse shares that are none."""
        between("minimum", self.minimum, 0, 1)
        between("maximum", self.maximum, self.minimum, 1)

    def holds(self, classes: Classes) -> np.ndarray:
        """Return for each class whether its share is in the range."""
        share = self._share(classes)
        return (share >= self.minimum - TOLERANCE) & (share <= self.maximum + TOLERANCE)

    def bound(self, table: Contingency, spare: float) -> str | None:
        """Return that the share of the whole table is out of the range, if so."""
        attribute = table.attributes[str(self.attribute)]
        flagged = (
            int(attribute.total[attribute.values.index(self.value)])
            if (self.value in attribute.values)
            else 0
        )
        rows = int(attribute.total.sum())
        share = flagged / max(rows, 1)
        fewest, most = flagged - min(spare, flagged), rows - min(spare, rows - flagged)
        least, largest = fewest / max(rows - spare, 1), flagged / max(most, 1)
        if least > self.maximum + TOLERANCE or largest < self.minimum - TOLERANCE:
            if not flagged:
                return "no row has the value that flags rows; name it as 'value'."
            return f"the whole table has a share of {share:.4f}, and some class reaches beyond it."
        return None

    def measure(self, classes: Classes) -> float:
        """Return the share that is farthest from the middle of the range."""
        share = self._share(classes)
        middle = (self.minimum + self.maximum) / 2
        return float(share[np.argmax(np.abs(share - middle))]) if len(classes) else 0.0

    def _share(self, classes: Classes) -> np.ndarray:
        found = histogram_of(classes, self.attribute)
        values = found.attribute.values
        code = values.index(self.value) if self.value in values else -1
        flagged = np.where(found.codes == code, found.counts, 0)
        return np.bincount(found.classes, weights=flagged, minlength=len(classes)) / found.sizes


def _shares(found: Histogram) -> tuple[np.ndarray, np.ndarray]:
    """Return the share of each entry in its class, and of its value in the original table."""
    total = found.attribute.total
    return found.counts / found.sizes[found.classes], total[found.codes] / total.sum()
