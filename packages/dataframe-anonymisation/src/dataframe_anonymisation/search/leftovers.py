"""What becomes of tuples that no class would take: they join one, or are suppressed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dataframe_anonymisation.loss import of_nodes
from dataframe_anonymisation.search.solution import (
    SUPPRESSED,
    Solution,
    all_hold,
    labels_of,
    solution_of,
)
from dataframe_anonymisation.table import Classes, Contingency, classes_of, histogram

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dataframe_anonymisation.models import Model

CANDIDATES = 64  # classes that a tuple is tried with at once, the cheapest first
MOST_TRIED = 20_000  # tuples that look for a class; more are too many to be worth the time
MOST_ROUNDS = 8  # in which classes of equal labels are taken apart again
MOST_PAIRS = 1 << 30  # of tuples and classes that are compared


class Leftovers:
    """Settles the tuples of a table that are in no class.

    Args:
        table: the whole table.
        models: what every class must satisfy.
        groups: the class of each tuple, -1 for leftovers; a copy is changed.
        number: how many classes there are.
        budget: how many rows may be suppressed.
        weights: of the quasi-identifiers in the loss.
    """

    def __init__(
        self,
        table: Contingency,
        models: Sequence[Model],
        groups: np.ndarray,
        number: int,
        budget: int,
        weights: Sequence[float] | None = None,
    ) -> None:
        self.table, self.models, self.budget = table, models, budget
        self.groups, self.number = groups.copy(), number
        self.weights = np.ones(table.width) if weights is None else np.asarray(weights, float)
        self.keeps = all(model.monotony == "suppression" for model in models)

    def settle(self) -> bool:
        """Let leftovers join classes, suppress what the budget allows, pool the rest.

        Returns:
            Whether every tuple is in a class that satisfies the models, or within the budget.
        """
        left = self._left()
        if self.number and len(left) <= MOST_TRIED and len(left) * self.number <= MOST_PAIRS:
            self._join(left)
        if self._suppressed() <= self.budget:
            return True
        return self._pool()

    def _left(self) -> np.ndarray:
        return np.flatnonzero(self.groups == SUPPRESSED)

    def _suppressed(self) -> int:
        return int(self.table.counts[self.groups == SUPPRESSED].sum())

    def _join(self, left: np.ndarray) -> None:
        """Let each tuple join the class where that costs least, if less than suppressing it."""
        boxes = _Boxes(self.table, self.groups, self.number, self.weights)
        trials = None if self.keeps else _Trials(self.table, self.groups, self.number, left)
        suppressed = self._suppressed()
        for place in np.argsort(-self.table.counts[left], kind="stable").tolist():
            item = int(left[place])
            codes = [int(column[item]) for column in self.table.codes]
            rows = int(self.table.counts[item])
            cost = boxes.cost(codes, rows)
            order = np.argsort(cost, kind="stable")[:CANDIDATES]
            if suppressed <= self.budget:
                order = order[cost[order] < rows * self.weights.sum()]
            if trials is not None and len(order):
                sizes = boxes.sizes[order] + rows
                order = order[all_hold(self.models, trials.classes(order, place, sizes))]
            if not len(order):
                continue
            chosen = int(order[0])
            if trials is not None:
                trials.add(chosen, place)
            self.groups[item] = chosen
            suppressed -= rows
            boxes.add(chosen, codes, rows)

    def _pool(self) -> bool:
        """Make one class of leftovers, with the classes added that cost most by now."""
        left = self._left()
        boxes = _Boxes(self.table, self.groups, self.number, self.weights)
        order = np.argsort(-boxes.losses, kind="stable")
        place = 0
        while True:
            pooled = np.isin(self.groups, [SUPPRESSED, *order[:place]])
            members = np.flatnonzero(pooled)
            part = self.table.select(members)
            classes = classes_of(part, np.zeros(len(members), np.int64), 1)
            if len(members) and all_hold(self.models, classes)[0]:
                self.groups[members] = self.number
                self._renumber()
                return True
            if place >= self.number:
                return not len(left)
            place = min(self.number, max(1, place * 2))

    def _renumber(self) -> None:
        kept = self.groups >= 0
        _, numbers = np.unique(self.groups[kept], return_inverse=True)
        self.groups[kept] = numbers
        self.number = int(numbers.max()) + 1 if len(numbers) else 0


class _Boxes:
    """The range of leaves, the size and the loss of each class."""

    def __init__(
        self, table: Contingency, groups: np.ndarray, number: int, column_weights: np.ndarray
    ) -> None:
        self.taxonomies, self.column_weights = table.taxonomies, column_weights
        kept = np.flatnonzero(groups >= 0)
        order = kept[np.argsort(groups[kept], kind="stable")]
        starts = np.searchsorted(groups[order], np.arange(number))
        self.low = (
            [np.minimum.reduceat(column[order], starts) for column in table.codes] if number else []
        )
        self.high = (
            [np.maximum.reduceat(column[order], starts) for column in table.codes] if number else []
        )
        weights = table.counts[kept]
        self.sizes = np.bincount(groups[kept], weights=weights, minlength=number).astype(np.int64)
        self.losses = self._losses(self.low, self.high) if number else np.zeros(0)

    def cost(self, codes: Sequence[int], rows: int) -> np.ndarray:
        """Return what it costs if rows with these leaves join each class."""
        low = [np.minimum(mine, code) for mine, code in zip(self.low, codes, strict=True)]
        high = [np.maximum(mine, code) for mine, code in zip(self.high, codes, strict=True)]
        losses = self._losses(low, high)
        return self.sizes * (losses - self.losses) + rows * losses

    def add(self, group: int, codes: Sequence[int], rows: int) -> None:
        """Note that rows with these leaves have joined a class."""
        for low, high, code in zip(self.low, self.high, codes, strict=True):
            low[group], high[group] = min(low[group], code), max(high[group], code)
        self.sizes[group] += rows
        one = slice(group, group + 1)
        self.losses[one] = self._losses([x[one] for x in self.low], [x[one] for x in self.high])

    def _losses(self, low: Sequence[np.ndarray], high: Sequence[np.ndarray]) -> np.ndarray:
        total = np.zeros(len(low[0]) if low else 0)
        for taxonomy, weight, first, last in zip(
            self.taxonomies, self.column_weights, low, high, strict=True
        ):
            level = taxonomy.lowest_common(first, last)
            total += weight * of_nodes(taxonomy, level, taxonomy.codes[level, first])
        return total


class _Trials:
    """What becomes of the sensitive values of classes where a leftover joins them.

    Every leftover is a group of its own behind the classes, so that the entries of a class are
    those of the groups in it.
    """

    def __init__(
        self, table: Contingency, groups: np.ndarray, number: int, left: np.ndarray
    ) -> None:
        self.number = number
        numbers = groups.copy()
        numbers[left] = number + np.arange(len(left))
        total = number + len(left)
        self.attributes = [one.grouped(numbers, total) for one in table.attributes.values()]
        self.starts = [np.searchsorted(one.tuples, np.arange(total + 1)) for one in self.attributes]
        self.joined: dict[int, list[int]] = {}

    def classes(self, order: np.ndarray, place: int, sizes: np.ndarray) -> Classes:
        """Return what classes become if a leftover joins each of them."""
        parts = [
            [group, *self.joined.get(group, ()), self.number + place] for group in order.tolist()
        ]
        flat = np.array([part for of_class in parts for part in of_class])
        classes = np.repeat(np.arange(len(parts)), list(map(len, parts)))
        histograms = {}
        for attribute, starts in zip(self.attributes, self.starts, strict=True):
            first, lengths = starts[flat], starts[flat + 1] - starts[flat]
            ends = np.cumsum(lengths)
            entries = np.arange(ends[-1]) + np.repeat(first - ends + lengths, lengths)
            joined = attribute.joined(entries, np.repeat(classes, lengths), len(parts))
            histograms[attribute.name] = histogram(joined, len(parts))
        return Classes(sizes, histograms)

    def add(self, group: int, place: int) -> None:
        """Note that a leftover has joined a class."""
        self.joined.setdefault(group, []).append(self.number + place)


def settled(
    table: Contingency,
    models: Sequence[Model],
    groups: np.ndarray,
    number: int,
    budget: int,
    algorithm: str,
    weights: Sequence[float] | None = None,
    *,
    styles: Mapping[str, str] | None = None,
) -> Solution | None:
    """Return classes with their labels, leftovers settled; None if they cannot be.

    Classes of equal labels are one to a reader. Some models hold for each of them and not for the
    whole; it is a leftover then. Where columns get labels of the values of classes, these are not
    known yet, and classes are left apart.
    """
    has_own_labels = bool(set((styles or {}).values()) - {"hierarchy"})
    for _ in range(MOST_ROUNDS):
        if (groups == SUPPRESSED).any():
            leftovers = Leftovers(table, models, groups, number, budget, weights)
            if not leftovers.settle():
                return None
            groups, number = leftovers.groups, leftovers.number
        if has_own_labels:
            levels, nodes = labels_of(table, groups, number)
            return Solution(groups, tuple(levels), tuple(nodes), algorithm)
        found = solution_of(table, groups, number, algorithm)
        fails = ~all_hold(models, found.classes(table))
        if not fails.any():
            return found
        fails = np.append(fails, True)  # of the group -1
        numbers = np.where(fails, SUPPRESSED, np.cumsum(~fails) - 1)
        groups, number = numbers[found.groups], int(np.count_nonzero(~fails))
    whole = solution_of(table, np.zeros(len(table), np.int64), 1, algorithm)
    return whole if all_hold(models, whole.classes(table)).all() else None
