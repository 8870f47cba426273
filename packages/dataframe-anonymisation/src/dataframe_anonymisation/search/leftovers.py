"""What becomes of tuples that no class would take: they join one, or are suppressed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dataframe_anonymisation.loss import of_nodes
from dataframe_anonymisation.search.solution import SUPPRESSED, all_hold
from dataframe_anonymisation.table import Classes, Contingency, Histogram, classes_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dataframe_anonymisation.models import Model

CANDIDATES = 64  # classes that a tuple is tried with at once, the cheapest first
MOST_TRIED = 20_000  # tuples that look for a class; more are too many to be worth the time
MOST_PAIRS = 1 << 30  # of tuples and classes that are compared


class Leftovers:
    """Settles the tuples of a table that are in no class.

    Args:
        table: the whole table.
        models: what every class must satisfy.
        groups: the class of each tuple, -1 for leftovers; a copy is changed.
        number: how many classes there are.
        budget: how many rows may be suppressed.
    """

    def __init__(
        self,
        table: Contingency,
        models: Sequence[Model],
        groups: np.ndarray,
        number: int,
        budget: int,
    ) -> None:
        self.table, self.models, self.budget = table, models, budget
        self.groups, self.number = groups.copy(), number
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
        boxes = _Boxes(self.table, self.groups, self.number)
        within_budget = self._suppressed() <= self.budget
        histograms = {} if self.keeps else self._histograms()
        for item in left[np.argsort(-self.table.counts[left], kind="stable")]:
            codes = [int(column[item]) for column in self.table.codes]
            rows = int(self.table.counts[item])
            cost = boxes.cost(codes, rows)
            order = np.argsort(cost, kind="stable")[:CANDIDATES]
            if within_budget:
                order = order[cost[order] < rows * self.table.width]
            chosen = self._first_that_holds(order, int(item), boxes.sizes, histograms)
            if chosen is None:
                continue
            self.groups[item] = chosen
            boxes.add(chosen, codes, rows)

    def _first_that_holds(
        self,
        order: np.ndarray,
        item: int,
        sizes: np.ndarray,
        histograms: dict[str, np.ndarray],
    ) -> int | None:
        """Return the first class that satisfies the models with a tuple more."""
        if self.keeps or not len(order):
            return int(order[0]) if len(order) else None
        found, added = {}, {}
        for name, matrix in histograms.items():
            one = self.table.attributes[name]
            entries = slice(*np.searchsorted(one.tuples, [item, item + 1]))
            added[name] = (one.codes[entries], one.counts[entries])
            trial = matrix[order].copy()
            trial[:, added[name][0]] += added[name][1]
            found[name] = from_dense(trial, self.table, name)
        classes = Classes(sizes[order] + self.table.counts[item], found)
        holds = np.flatnonzero(all_hold(self.models, classes))
        if not len(holds):
            return None
        chosen = int(order[holds[0]])
        for name, (codes, counts) in added.items():
            histograms[name][chosen, codes] += counts
        return chosen

    def _histograms(self) -> dict[str, np.ndarray]:
        kept = np.flatnonzero(self.groups >= 0)
        classes = classes_of(self.table.select(kept), self.groups[kept], self.number)
        return {name: one.dense(0, self.number) for name, one in classes.histograms.items()}

    def _pool(self) -> bool:
        """Make one class of leftovers, with the classes added that cost most by now."""
        left = self._left()
        boxes = _Boxes(self.table, self.groups, self.number)
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

    def __init__(self, table: Contingency, groups: np.ndarray, number: int) -> None:
        self.taxonomies = table.taxonomies
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
        for taxonomy, first, last in zip(self.taxonomies, low, high, strict=True):
            level = taxonomy.lowest_common(first, last)
            total += of_nodes(taxonomy, level, taxonomy.codes[level, first])
        return total


def from_dense(matrix: np.ndarray, table: Contingency, name: str) -> Histogram:
    """Return a histogram of a matrix with a row for each class."""
    classes, codes = np.nonzero(matrix)
    starts = np.searchsorted(classes, np.arange(len(matrix)))
    return Histogram(classes, codes, matrix[classes, codes], starts, table.attributes[name])
