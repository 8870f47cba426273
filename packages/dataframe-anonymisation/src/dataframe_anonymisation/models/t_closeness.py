"""t-closeness with three ground distances (Li, Li and Venkatasubramanian 2007).

The reference is the distribution in the original table (AN-15). All three distances are integers
over a common denominator, so that the bound is compared exactly.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from dataframe_anonymisation.errors import PolicyError
from dataframe_anonymisation.models.base import (
    DENSE_CELLS,
    Model,
    Monotony,
    between,
    histogram_of,
    leaves_of,
    within,
)
from dataframe_anonymisation.values import canonical_number
from util_services.errors import quoted_name

if TYPE_CHECKING:
    from dataframe_anonymisation.hierarchies import Taxonomy
    from dataframe_anonymisation.table import Attribute, Classes, Contingency, Histogram

Distance = Literal["equal", "ordered", "hierarchical"]
DISTANCES = ("equal", "ordered", "hierarchical")


@dataclass(frozen=True, slots=True)
class TCloseness(Model):
    """The sensitive values of each class are distributed as in the whole table, up to t.

    Args:
        t: the largest earth mover's distance of a class to the original table.
        attribute: the sensitive attribute; the only one of the policy if not given.
        distance: the ground distance: ``equal`` for any two values, ``ordered`` by rank of numbers
            or of ``order``, ``hierarchical`` by the attribute's hierarchy.
        order: the values in their order, where they are no numbers.
        taxonomy: of the values, for the hierarchical distance; bound by the policy.
    """

    t: float
    attribute: str | None = None
    distance: Distance = "equal"
    order: tuple[str, ...] = ()
    taxonomy: Taxonomy | None = field(default=None, compare=False, repr=False)
    name: ClassVar[str] = "t-closeness"
    monotony: ClassVar[Monotony] = "generalisation"
    is_relative: ClassVar[bool] = True
    untold: ClassVar[frozenset[str]] = frozenset({"order", "taxonomy"})

    def __post_init__(self) -> None:
        """Refuse parameters that are none."""
        between("t", self.t, 0, 1)
        if self.distance not in DISTANCES:
            raise PolicyError(f"'distance' must be one of {', '.join(DISTANCES)}.")
        object.__setattr__(self, "order", tuple(self.order))

    def holds(self, classes: Classes) -> np.ndarray:
        """Return for each class whether it is close enough."""
        moved, whole, scale = self._moved(classes)
        return within(moved, whole, self.t, scale)

    def bound(self, table: Contingency, spare: float) -> str | None:
        """Return None: the whole table has the distance 0."""
        del spare
        if self.distance == "ordered":
            self._ranks(table.attributes[str(self.attribute)])
        return None

    def measure(self, classes: Classes) -> float:
        """Return the distance of the class that is farthest."""
        return float(self.distances(classes).max(initial=0))

    def distances(self, classes: Classes) -> np.ndarray:
        """Return the earth mover's distance of each class."""
        moved, whole, _ = self._moved(classes)
        return moved / whole

    def claim(self) -> dict[str, Any]:
        """Return all that an independent check needs, values of cells included.

        Raises:
            PolicyError: if the hierarchical distance has no hierarchy.
        """
        claimed = Model.claim(self)
        taxonomy = claimed.pop("taxonomy")
        if self.distance != "hierarchical":
            return claimed
        if taxonomy is None:
            raise PolicyError(
                "The hierarchical distance needs the hierarchy of its column, which only a policy "
                "has; use the distance 'equal' or 'ordered'."
            )
        return claimed | {"tree": taxonomy.paths()}

    def _moved(self, classes: Classes) -> tuple[np.ndarray, np.ndarray, int]:
        """Return the distances as integers: numerators, denominators and the largest of all."""
        found = histogram_of(classes, self.attribute)
        rows = int(found.attribute.total.sum())
        factor = 1
        if self.distance == "ordered":
            factor = max(len(found.attribute.values) - 1, 1)
        elif self.distance == "hierarchical" and self.taxonomy is not None:
            factor = max(self.taxonomy.height, 1)
        sizes = found.sizes
        whole = sizes * (rows * factor)
        scale = int(sizes.max(initial=1)) * rows * factor
        if self.distance == "equal":
            return self._equal(found, sizes, rows), whole, scale
        step = max(1, DENSE_CELLS // max(len(found.attribute.values), 1))
        parts = [
            self._part(found, first, min(first + step, len(classes)), sizes, rows)
            for first in range(0, len(classes), step)
        ]
        return np.concatenate(parts) if parts else np.zeros(0, np.int64), whole, scale

    def _equal(self, found: Histogram, sizes: np.ndarray, rows: int) -> np.ndarray:
        """Return ½ Σ|p-q| times size times rows: the sum over values that are too frequent."""
        if not len(sizes):
            return sizes
        excess = found.counts * rows - sizes[found.classes] * found.attribute.total[found.codes]
        return np.add.reduceat(np.maximum(excess, 0), found.starts)

    def _part(
        self, found: Histogram, first: int, last: int, sizes: np.ndarray, rows: int
    ) -> np.ndarray:
        total = found.attribute.total
        extra = found.dense(first, last) * rows - sizes[first:last, None] * total[None, :]
        if self.distance == "ordered":
            ordered = np.cumsum(extra[:, self._ranks(found.attribute)], axis=1)
            return np.abs(ordered).sum(axis=1)
        return self._hierarchical(extra, found.attribute)

    def _hierarchical(self, extra: np.ndarray, attribute: Attribute) -> np.ndarray:
        """Return the sum over inner nodes of height times what is moved between their children."""
        if self.taxonomy is None:
            raise AssertionError("the policy binds a taxonomy to the hierarchical distance")
        taxonomy = self.taxonomy
        nodes = np.zeros((len(extra), len(taxonomy.leaves)), np.int64)
        nodes[:, leaves_of(taxonomy, attribute.values)] = extra
        moved = np.zeros(len(extra), np.int64)
        for level in range(1, taxonomy.height + 1):
            first = taxonomy.first[level]
            children = np.unique(taxonomy.codes[level - 1][first])
            surplus = np.add.reduceat(np.maximum(nodes, 0), children, axis=1)
            lack = np.add.reduceat(np.maximum(-nodes, 0), children, axis=1)
            moved += level * np.minimum(surplus, lack).sum(axis=1)
            nodes = np.add.reduceat(nodes, children, axis=1)
        return moved

    def _ranks(self, attribute: Attribute) -> np.ndarray:
        """Return the codes in the order of their values; missing comes last.

        Raises:
            PolicyError: if values are neither numbers nor in the declared order (AN-22).
        """
        keys: list[float] = []
        places = {value: float(n) for n, value in enumerate(self.order)}
        for value in attribute.values:
            number = None if value is None else canonical_number(value)
            if value is None:
                keys.append(float("inf"))
            elif places and value in places:
                keys.append(places[value])
            elif not places and number is not None:
                keys.append(float(number))
            else:
                raise PolicyError(
                    f"The ordered distance needs an order, and {quoted_name(attribute.name)} has "
                    "values that are no numbers, or not in their declared order; give them "
                    "all as 'values_in_order' (in Python as 'order' of the model), or use the "
                    "distance 'equal' or 'hierarchical'."
                )
        return np.argsort(np.array(keys), kind="stable")
