"""l-diversity in its three forms (Machanavajjhala et al. 2006, 2007)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from dataframe_anonymisation.errors import PolicyError
from dataframe_anonymisation.models.base import (
    TOLERANCE,
    Model,
    Monotony,
    below,
    between,
    histogram_of,
    levelled,
    whole,
)

if TYPE_CHECKING:
    from dataframe_anonymisation.table import Classes, Contingency, Histogram

Variant = Literal["distinct", "entropy", "recursive"]
VARIANTS = ("distinct", "entropy", "recursive")


def LDiversity(  # noqa: N802 - one model to its users, whatever its variant
    l: float,  # noqa: E741 - the literature's name
    attribute: str | None = None,
    variant: Variant = "distinct",
    c: float | None = None,
    *,
    missing_counts: bool = False,
) -> Model:
    """Return l-diversity of a sensitive attribute.

    Args:
        l: how many values, or how many of equal share (``entropy``), a class has at least.
        attribute: the sensitive attribute; the only one of the policy if not given.
        variant: ``distinct``, ``entropy`` or ``recursive``.
        c: the constant of recursive (c,l)-diversity.
        missing_counts: whether missing counts as a value for the distinct form (AN-03).

    Raises:
        PolicyError: if parameters are out of range, or c is missing or idle.
    """
    if variant not in VARIANTS:
        raise PolicyError(f"'variant' must be one of {', '.join(VARIANTS)}.")
    if (c is None) == (variant == "recursive"):
        raise PolicyError("'c' belongs to the variant 'recursive', and to no other.")
    if variant == "entropy":
        return EntropyLDiversity(l, attribute)
    if isinstance(l, float) and l.is_integer():  # type: ignore[redundant-expr]
        l = int(l)  # noqa: E741
    if variant == "recursive" and c is not None:
        return RecursiveLDiversity(l, c, attribute)  # type: ignore[arg-type]
    return DistinctLDiversity(l, attribute, missing_counts=missing_counts)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class DistinctLDiversity(Model):
    """Each class has at least l distinct sensitive values."""

    l: int  # noqa: E741
    attribute: str | None = None
    missing_counts: bool = False
    name: ClassVar[str] = "distinct l-diversity"
    untold: ClassVar[frozenset[str]] = frozenset({"missing_counts"})
    monotony: ClassVar[Monotony] = "suppression"

    def __post_init__(self) -> None:
        """Refuse an l that is none."""
        whole("l", self.l, 1)

    def holds(self, classes: Classes) -> np.ndarray:
        """Return for each class whether it has l values."""
        return self._distinct(classes) >= self.l

    def bound(self, table: Contingency, spare: float) -> str | None:
        """Return that there are fewer than l values, if so."""
        del spare
        values = table.attributes[str(self.attribute)].values
        known = len(values) - (None in values and not self.missing_counts)
        if known < self.l:
            return f"the column has {known} distinct values, so at most l={known} could be reached."
        return None

    def measure(self, classes: Classes) -> float:
        """Return the number of values in the class with the fewest."""
        return int(self._distinct(classes).min()) if len(classes) else 0

    def _distinct(self, classes: Classes) -> np.ndarray:
        found = histogram_of(classes, self.attribute)
        if self.missing_counts:
            return np.bincount(found.classes, minlength=len(classes))
        return found.distinct


@dataclass(frozen=True, slots=True)
class EntropyLDiversity(Model):
    """The entropy of the sensitive values of each class is at least log l."""

    l: float  # noqa: E741
    attribute: str | None = None
    name: ClassVar[str] = "entropy l-diversity"
    monotony: ClassVar[Monotony] = "generalisation"

    def __post_init__(self) -> None:
        """Refuse an l that is none."""
        between("l", self.l, 1, math.inf)

    def holds(self, classes: Classes) -> np.ndarray:
        """Return for each class whether its entropy is large enough."""
        return self._entropy(classes) >= math.log(self.l) - TOLERANCE

    def bound(self, table: Contingency, spare: float) -> str | None:
        """Return that the whole table has not enough entropy, if so."""
        counts = levelled(table.attributes[str(self.attribute)].total, spare)
        if not len(counts):
            return None
        shares = counts[counts > 0] / counts.sum()
        reached = math.exp(-float(np.sum(shares * np.log(shares))))
        if reached < self.l - TOLERANCE:
            return f"the whole table has the entropy of l={reached:.4f}, the most to be reached."
        return None

    def measure(self, classes: Classes) -> float:
        """Return the smallest exp(entropy) of a class."""
        return float(np.exp(self._entropy(classes).min())) if len(classes) else 0.0

    def _entropy(self, classes: Classes) -> np.ndarray:
        found = histogram_of(classes, self.attribute)
        terms = found.counts * np.log(found.counts)
        weighted = np.bincount(found.classes, weights=terms, minlength=len(classes))
        sizes = found.sizes
        return np.log(sizes) - weighted / sizes


@dataclass(frozen=True, slots=True)
class RecursiveLDiversity(Model):
    """The most frequent value is rarer than c times all from the l-th most frequent on (strict)."""

    l: int  # noqa: E741
    c: float
    attribute: str | None = None
    name: ClassVar[str] = "recursive (c,l)-diversity"
    monotony: ClassVar[Monotony] = "generalisation"

    def __post_init__(self) -> None:
        """Refuse parameters that are none."""
        whole("l", self.l, 1)
        between("c", self.c, 0, math.inf, above_low=True)

    def holds(self, classes: Classes) -> np.ndarray:
        """Return for each class whether its most frequent value is rare enough."""
        largest, rest = self._parts(histogram_of(classes, self.attribute), len(classes))
        return below(largest, self.c, rest)

    def bound(self, table: Contingency, spare: float) -> str | None:
        """Return that the whole table fails, if so."""
        total = levelled(table.attributes[str(self.attribute)].total, spare)
        total = np.sort(total)[::-1]
        rest = total[self.l - 1 :].sum(keepdims=True)
        if len(total) and not below(total[:1], self.c, rest)[0]:
            best = "no c" if rest[0] == 0 else f"c above {total[0] / rest[0]:.4f}"
            return f"the whole table fails; {best} could be met with l={self.l}."
        return None

    def measure(self, classes: Classes) -> float:
        """Return the largest quotient of the most frequent and the tail, which is below c."""
        largest, rest = self._parts(histogram_of(classes, self.attribute), len(classes))
        with np.errstate(divide="ignore"):
            return float((largest / rest).max(initial=0))

    def _parts(self, found: Histogram, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the count of the most frequent value, and the sum from the l-th on."""
        order = np.lexsort((-found.counts, found.classes))
        ordered = found.counts[order]
        rank = np.arange(len(order)) - found.starts[found.classes]
        tail = np.where(rank >= self.l - 1, ordered, 0)
        rest = np.bincount(found.classes, weights=tail, minlength=number)
        return ordered[found.starts], rest
