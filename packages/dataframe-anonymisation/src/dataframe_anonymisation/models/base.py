"""What a privacy model is: a condition on each class, tested on many classes at once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import fields
from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from dataframe_anonymisation.errors import PolicyError, UnattainableError
from util_services.errors import quoted_name

if TYPE_CHECKING:
    from dataframe_anonymisation.hierarchies import Taxonomy
    from dataframe_anonymisation.table import Classes, Contingency, Histogram

TOLERANCE = 1e-9  # in favour of the bound, where terms are no integers (AN-18)
DENSE_CELLS = 1 << 22  # of a matrix of classes and values that is worked on at once
SAFE_INTEGER = float(1 << 62)

Monotony = Literal["suppression", "generalisation", "none"]


class Model(ABC):
    """A privacy model; subclasses are frozen dataclasses of their parameters.

    Attributes:
        name: what the literature calls it.
        monotony: what keeps the model once it holds (AN-21): generalising with suppression of the
            classes that fail, generalising alone, or neither. A search may prune by the first only.
        is_relative: whether it compares classes with the original table.
        untold: parameters that reports and errors do not tell, for they may hold cell values, or
            follow from others.
        attribute: the sensitive attribute that it is about; None for a model on sizes.
    """

    name: ClassVar[str]
    monotony: ClassVar[Monotony]
    is_relative: ClassVar[bool] = False
    untold: ClassVar[frozenset[str]] = frozenset()
    attribute: str | None = None

    @abstractmethod
    def holds(self, classes: Classes) -> np.ndarray:
        """Return for each class whether the model holds."""

    @abstractmethod
    def bound(self, table: Contingency, spare: float) -> str | None:
        """Return why no table made of this one can satisfy the model; None if nothing speaks so.

        Args:
            table: the contingency table of all rows.
            spare: how many rows may be suppressed.
        """

    @abstractmethod
    def measure(self, classes: Classes) -> float:
        """Return what the classes reach all together, in the unit of the model's parameter."""

    def requested(self) -> dict[str, Any]:
        """Return the parameters that reports tell by name, the attribute last."""
        told = {name: one for name, one in self._parameters().items() if name not in self.untold}
        return told | ({"attribute": told.pop("attribute")} if "attribute" in told else {})

    def check(self, table: Contingency, spare: float) -> None:
        """Refuse a table that cannot satisfy the model, before any search (AN-11).

        Args:
            table: the contingency table of all rows.
            spare: how many rows may be suppressed.

        Raises:
            UnattainableError: naming the model and the bound.
        """
        reason = self.bound(table, spare)
        if reason is not None:
            raise UnattainableError(f"{self}: {reason}")

    def claim(self) -> dict[str, Any]:
        """Return all that an independent check needs, values of cells included.

        Raises:
            PolicyError: if it is not known what column the model is about.
        """
        parameters = self._parameters()
        if "attribute" in parameters and self.attribute is None:
            raise PolicyError(f"{self.name} needs 'attribute'; name the column that it is about.")
        return {"model": self.name, **parameters}

    def _parameters(self) -> dict[str, Any]:
        return {part.name: getattr(self, part.name) for part in fields(self)}  # type: ignore[arg-type]

    def __str__(self) -> str:
        """Return the model with its parameters, as reports and errors have it."""
        values = ", ".join(f"{k}={v}" for k, v in self.requested().items() if k != "attribute")
        of = f" of {quoted_name(self.attribute)}" if self.attribute else ""
        return f"{self.name} ({values}){of}"

    def to_dict(self) -> dict[str, Any]:
        """Return the model as plain data."""
        return {"model": self.name, **self.requested()}


def histogram_of(classes: Classes, attribute: str | None) -> Histogram:
    """Return the histogram of an attribute that a model is about."""
    if attribute is None:
        raise AssertionError("a model on a sensitive attribute is bound to one before it is tested")
    return classes.histograms[attribute]


def within(numerator: np.ndarray, denominator: np.ndarray, limit: float, scale: int) -> np.ndarray:
    """Return whether ``numerator / denominator <= limit``, exactly where integers allow.

    Args:
        numerator: integers.
        denominator: integers above 0.
        limit: as it was written: 0.2 means one fifth.
        scale: the largest that a numerator or denominator may be.
    """
    exact = Fraction(repr(limit))
    if scale * max(exact.numerator, exact.denominator) < SAFE_INTEGER:
        return numerator * exact.denominator <= denominator * exact.numerator
    return numerator / denominator <= limit + TOLERANCE


def below(numerator: np.ndarray, factor: float, denominator: np.ndarray) -> np.ndarray:
    """Return whether ``numerator < factor * denominator``, exactly where integers allow.

    Args:
        numerator: integers.
        factor: as it was written: 1.1 means eleven tenths.
        denominator: integers.
    """
    exact = Fraction(repr(float(factor)))
    scale = max(int(numerator.max(initial=1)), int(denominator.max(initial=1)))
    if scale * max(exact.numerator, exact.denominator) < SAFE_INTEGER:
        return numerator * exact.denominator < denominator * exact.numerator
    return numerator < factor * denominator - TOLERANCE


def levelled(counts: np.ndarray, spare: float) -> np.ndarray:
    """Return counts without so many of the most frequent values: the most even that can be made.

    No others that are left by suppressing as many rows have a larger entropy, or a smaller share of
    the most frequent value. They are no integers, where that bounds what integers can reach.
    """
    if spare <= 0:
        return counts
    if spare >= counts.sum():
        return np.zeros(0)
    ordered = np.sort(counts)[::-1].astype(float)
    lower = np.append(ordered[1:], 0.0)
    cost = np.cumsum((ordered - lower) * np.arange(1, len(ordered) + 1))  # of levelling down to it
    place = int(np.searchsorted(cost, spare))
    level = lower[place] + (cost[place] - spare) / (place + 1)
    return np.minimum(counts, level * (1 - TOLERANCE))


def whole(name: str, value: Any, least: int) -> None:
    """Refuse a parameter that is no whole number from ``least`` on.

    Raises:
        PolicyError: naming it.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise PolicyError(f"'{name}' must be a whole number of at least {least}.")


def between(name: str, value: Any, low: float, high: float, *, above_low: bool = False) -> None:
    """Refuse a parameter outside its range.

    Raises:
        PolicyError: naming it.
    """
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not (low < value if above_low else low <= value) or not value <= high:
        sign = "above" if above_low else "from"
        upper = "" if high == float("inf") else f" to {high:g}"
        raise PolicyError(f"'{name}' must be a number {sign} {low:g}{upper}.")


def leaves_of(taxonomy: Taxonomy, values: tuple[str | None, ...]) -> np.ndarray:
    """Return the leaf of each value of an attribute."""
    return np.array([taxonomy.index[value] for value in values], np.int64)
