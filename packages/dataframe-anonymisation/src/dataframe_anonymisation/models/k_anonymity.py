"""k-anonymity and (α,k)-anonymity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from dataframe_anonymisation.models.base import (
    Model,
    Monotony,
    between,
    histogram_of,
    levelled,
    whole,
    within,
)

POPULATION = "a population table"  # among attributes, beside those of columns

if TYPE_CHECKING:
    from dataframe_anonymisation.table import Classes, Contingency


@dataclass(frozen=True, slots=True)
class KAnonymity(Model):
    """Each class has at least k rows (Samarati and Sweeney 1998; Sweeney 2002)."""

    k: int
    name: ClassVar[str] = "k-anonymity"
    monotony: ClassVar[Monotony] = "suppression"

    def __post_init__(self) -> None:
        """Refuse a k that is none."""
        whole("k", self.k, 1)

    def holds(self, classes: Classes) -> np.ndarray:
        """Return for each class whether it has k rows."""
        return classes.sizes >= self.k

    def bound(self, table: Contingency, spare: float) -> str | None:
        """Return that there are fewer than k rows, if so."""
        del spare
        if table.rows < self.k:
            return f"the table has {table.rows} rows, so at most k={table.rows} could be reached."
        return None

    def measure(self, classes: Classes) -> float:
        """Return the size of the smallest class."""
        return int(classes.sizes.min(initial=np.iinfo(np.int64).max)) if len(classes) else 0


@dataclass(frozen=True, slots=True)
class PersonAnonymity(Model):
    """Each class has rows of at least k persons, where a person may have several rows (AN-23)."""

    k: int
    attribute: str | None = None
    name: ClassVar[str] = "k-anonymity of persons"
    monotony: ClassVar[Monotony] = "suppression"

    def __post_init__(self) -> None:
        """Refuse a k that is none."""
        whole("k", self.k, 1)

    def holds(self, classes: Classes) -> np.ndarray:
        """Return for each class whether it has k persons; rows of nobody known count for none."""
        return histogram_of(classes, self.attribute).distinct >= self.k

    def bound(self, table: Contingency, spare: float) -> str | None:
        """Return that there are fewer than k persons, if so."""
        del spare
        persons = len([v for v in table.attributes[str(self.attribute)].values if v is not None])
        if persons < self.k:
            return f"the table has {persons} persons, so at most k={persons} could be reached."
        return None

    def measure(self, classes: Classes) -> float:
        """Return the number of persons in the class with the fewest."""
        return int(histogram_of(classes, self.attribute).distinct.min()) if len(classes) else 0

    def claim(self) -> dict[str, Any]:
        """Return that there are k persons, whoever they are."""
        return {"model": self.name, "k": self.k}


@dataclass(frozen=True, slots=True)
class KMap(Model):
    """Each class stands for at least k rows of a population table (Sweeney 2002).

    What counts are the rows of the population whose combination of quasi-identifiers is one of the
    class; others that its labels would stand for, too, are left out, so that there may be more.
    """

    k: int
    name: ClassVar[str] = "k-map"
    monotony: ClassVar[Monotony] = "suppression"

    def __post_init__(self) -> None:
        """Refuse a k that is none."""
        whole("k", self.k, 1)

    def holds(self, classes: Classes) -> np.ndarray:
        """Return for each class whether it has k rows of the population."""
        return histogram_of(classes, POPULATION).sizes >= self.k

    def bound(self, table: Contingency, spare: float) -> str | None:
        """Return that fewer than k rows of the population are like those of the table, if so."""
        del spare
        found = int(table.attributes[POPULATION].counts.sum())
        if found < self.k:
            return f"the population has {found} rows like those of the table, the most for k."
        return None

    def measure(self, classes: Classes) -> float:
        """Return the rows of the population that the class with the fewest has."""
        return int(histogram_of(classes, POPULATION).sizes.min()) if len(classes) else 0


@dataclass(frozen=True, slots=True)
class AlphaKAnonymity(Model):
    """k-anonymity, and no sensitive value has a share above α in a class (Wong et al. 2006)."""

    k: int
    alpha: float
    attribute: str | None = None
    name: ClassVar[str] = "(α,k)-anonymity"
    monotony: ClassVar[Monotony] = "generalisation"

    def __post_init__(self) -> None:
        """Refuse parameters that are none."""
        whole("k", self.k, 1)
        between("alpha", self.alpha, 0, 1, above_low=True)

    def holds(self, classes: Classes) -> np.ndarray:
        """Return for each class whether it is large enough and no value too frequent."""
        largest, sizes = self._largest(classes)
        scale = int(sizes.max(initial=1))
        return (classes.sizes >= self.k) & within(largest, sizes, self.alpha, scale)

    def bound(self, table: Contingency, spare: float) -> str | None:
        """Return that there are too few rows, or that a value is too frequent everywhere."""
        if table.rows < self.k:
            return f"the table has {table.rows} rows, so at most k={table.rows} could be reached."
        counts = levelled(table.attributes[str(self.attribute)].total, spare)
        if not len(counts):
            return None
        largest, rows = counts.max(keepdims=True), counts.sum(keepdims=True)
        if not within(largest, rows, self.alpha, int(rows[0]))[0]:
            share = largest[0] / rows[0]
            return (
                f"the most frequent value has a share of {share:.4f}, the best that alpha can be."
            )
        return None

    def measure(self, classes: Classes) -> float:
        """Return the largest share of a value in a class."""
        largest, sizes = self._largest(classes)
        return float((largest / sizes).max(initial=0))

    def _largest(self, classes: Classes) -> tuple[np.ndarray, np.ndarray]:
        """Return how often the most frequent value of each class occurs, and any value."""
        found = histogram_of(classes, self.attribute)
        if not len(classes):
            return found.counts, found.counts
        return np.maximum.reduceat(found.counts, found.starts), found.sizes


def of_persons(model: Model, entity: str) -> tuple[Model, ...]:
    """Return models in which every k counts persons and not rows.

    Args:
        model: any model.
        entity: the column that says whose rows these are.
    """
    if isinstance(model, KAnonymity):
        return (PersonAnonymity(model.k, entity),)
    if isinstance(model, AlphaKAnonymity):
        return (PersonAnonymity(model.k, entity), model)
    return (model,)
