"""Optimal full-domain generalisation with suppression of the classes that fail.

A generalisation loses at least what its levels lose, so generalisations are visited by ascending
loss of levels until that passes the best found. Where every model is monotone with suppression, a
failure rules out all that generalise less; failures are sought by halving chains to the root, as
Flash does (Kohlmayer et al. 2012). Other models are tested at every generalisation that is left
(AN-21). Classes of a generalisation are computed from those of one that generalises less.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dataframe_anonymisation.errors import UnattainableError
from dataframe_anonymisation.search.lattice import LARGEST_LISTED, Lattice
from dataframe_anonymisation.search.solution import SUPPRESSED, Solution, all_hold
from dataframe_anonymisation.table import Contingency, classes_of
from dataframe_anonymisation.table.keys import dense, fold

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dataframe_anonymisation.models import Model

MAX_VISITED = 20_000  # generalisations that are tested before the best so far is the answer
MAX_TUPLES = 5e8  # or tuples that are looked at
TABLES_KEPT = 32
SHRUNK = 0.6  # a table of classes is kept for others if it is this much smaller
Levels = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Tested:
    loss: float  # infinite where too much would be suppressed
    is_feasible: bool


def find_optimal(
    table: Contingency,
    models: Sequence[Model],
    *,
    budget: int,
    weights: Sequence[float] | None = None,
    max_visited: int = MAX_VISITED,
    max_tuples: float = MAX_TUPLES,
) -> Solution | None:
    """Return the full-domain generalisation that loses least; None if none satisfies the models.

    The root is tested first, so that there is an answer whenever the search ends early.

    Args:
        table: what is generalised.
        models: what every class must satisfy; classes that do not are suppressed.
        budget: how many rows may be suppressed.
        weights: of the quasi-identifiers in the loss.
        max_visited: how many generalisations are tested; with that many the result is the best
            so far and ``is_optimal`` is False.
        max_tuples: how many tuples are looked at in all of them.

    Raises:
        UnattainableError: if the search ends early and has found none.
    """
    search = _Search(table, models, budget, weights, max_visited, max_tuples)
    if search.lattice.size <= LARGEST_LISTED:
        search.run_listed()
    else:
        search.run_ascending()
    if search.best is None and not search.is_complete:
        raise UnattainableError(
            f"The search found none among {search.visited} generalisations that satisfies the "
            "models, and there are more; use the algorithm 'local', raise 'suppression_limit', or "
            "ask for less."
        )
    return None if search.best is None else search.solution()


class _Search:
    def __init__(
        self,
        table: Contingency,
        models: Sequence[Model],
        budget: int,
        weights: Sequence[float] | None,
        max_visited: int,
        max_tuples: float,
    ) -> None:
        self.table, self.models, self.budget = table, models, budget
        self.lattice = Lattice(table, weights)
        self.max_visited, self.max_tuples = max_visited, max_tuples
        self.is_monotone = all(model.monotony == "suppression" for model in models)
        self.best: Levels | None = None
        self.best_loss = np.inf
        self.visited = self.looked_at = 0
        self.is_complete = False
        self.tested: dict[Levels, _Tested] = {}
        self.kept: list[tuple[np.ndarray, Contingency]] = [(np.zeros(table.width, np.int8), table)]

    def run_listed(self) -> None:
        """Search a lattice that is listed whole."""
        root = self._test(self.lattice.top)
        self.best, self.best_loss = None, np.inf  # else it would win over what loses as much
        self._visit(*self.lattice.listed())
        if root.is_feasible:
            self._consider(self.lattice.top, root.loss)

    def _visit(self, levels: np.ndarray, losses: np.ndarray) -> None:
        """Visit generalisations by ascending loss."""
        is_open = np.ones(len(levels), bool)
        place = 0
        while place < len(levels):
            if losses[place] >= self.best_loss - 1e-12:
                break
            if self.is_spent:
                return
            if not is_open[place]:
                place += 1
                continue
            if self.is_monotone:
                self._halve(levels, is_open, tuple(levels[place].tolist()))
            else:
                self._test(tuple(levels[place].tolist()))
                is_open[place] = False
        self.is_complete = True

    def run_ascending(self) -> None:
        """Search a lattice that is too large to be listed, from a greedy start."""
        self._test(self.lattice.top)
        for node, loss in self.lattice.ascending():
            if loss >= self.best_loss - 1e-12:
                self.is_complete = True
                return
            if self.is_spent:
                return
            self._test(node)
        self.is_complete = True

    @property
    def is_spent(self) -> bool:
        """Whether as much was done as may be."""
        return self.visited >= self.max_visited or self.looked_at >= self.max_tuples

    def _halve(self, levels: np.ndarray, is_open: np.ndarray, start: Levels) -> None:
        """Find the first feasible generalisation on a chain to the root, and close what fails."""
        chain = self._chain(start)
        low, high = 0, len(chain) - 1
        while low <= high:
            middle = (low + high) // 2
            node = chain[middle]
            if self._test(node).is_feasible:
                high = middle - 1
            else:
                is_open &= (levels > np.array(node, np.int8)).any(axis=1)
                low = middle + 1
            is_open &= (levels != np.array(node, np.int8)).any(axis=1)

    def _chain(self, start: Levels) -> list[Levels]:
        """Return generalisations from one to the root, each step the one that loses least."""
        chain, node = [start], start
        while node != self.lattice.top:
            steps = [
                (losses[level + 1] - losses[level], column)
                for column, (losses, level) in enumerate(
                    zip(self.lattice.losses, node, strict=True)
                )
                if level < self.lattice.heights[column]
            ]
            _, column = min(steps)
            node = (*node[:column], node[column] + 1, *node[column + 1 :])
            if self.lattice.loss(node) >= self.best_loss:
                break
            chain.append(node)
        return chain

    def _test(self, node: Levels) -> _Tested:
        if node in self.tested:
            return self.tested[node]
        self.visited += 1
        base = self._base(node)
        self.looked_at += len(base)
        groups, first = grouped(base, node)
        classes = classes_of(base, groups, len(first))
        holds = all_hold(self.models, classes)
        suppressed = int(classes.sizes[~holds].sum())
        found = _Tested(np.inf, is_feasible=suppressed <= self.budget)
        if found.is_feasible:
            found = _Tested(self._loss(base, node, first, classes.sizes, holds), is_feasible=True)
            self._consider(node, found.loss)
        self.tested[node] = found
        if len(first) <= SHRUNK * len(base):
            self._keep(node, reduced(base, groups, first, classes.sizes))
        return found

    def _consider(self, node: Levels, loss: float) -> None:
        """Take a generalisation for the best if it loses less, or as much with fewer levels."""
        key = (round(loss, 12), sum(node), node)
        if self.best is None or key < (round(self.best_loss, 12), sum(self.best), self.best):
            self.best, self.best_loss = node, loss

    def _loss(
        self,
        base: Contingency,
        node: Levels,
        first: np.ndarray,
        sizes: np.ndarray,
        holds: np.ndarray,
    ) -> float:
        weights = np.where(holds, sizes, 0)
        lost = float(sizes[~holds].sum())
        for column, taxonomy in enumerate(base.taxonomies):
            nodes = base.at(node, column, first)
            penalties = taxonomy.ncp[node[column]][nodes]
            lost += float(np.dot(penalties, weights)) * self.lattice.weights[column]
        return lost / max(int(self.table.counts.sum()), 1)

    def _base(self, node: Levels) -> Contingency:
        """Return the smallest table of classes that generalises less."""
        fitting = [table for levels, table in self.kept if (levels <= np.array(node)).all()]
        return min(fitting, key=len)

    def _keep(self, node: Levels, table: Contingency) -> None:
        self.kept.append((np.array(node, np.int8), table))
        if len(self.kept) > TABLES_KEPT:
            del self.kept[1]

    def solution(self) -> Solution:
        """Return the best generalisation with its classes."""
        if self.best is None:
            raise AssertionError("there is a best generalisation")
        groups, first = grouped(self.table, self.best)
        holds = all_hold(self.models, classes_of(self.table, groups, len(first)))
        numbers = np.where(holds, np.cumsum(holds) - 1, SUPPRESSED)
        kept = first[holds]
        return Solution(
            numbers[groups],
            tuple(np.full(len(kept), level, np.int8) for level in self.best),
            tuple(
                self.table.at(self.best, column, kept).astype(np.int64)
                for column in range(self.table.width)
            ),
            "optimal",
            is_optimal=self.is_complete,
            visited=self.visited,
        )


def grouped(table: Contingency, node: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Return the class of each tuple under a generalisation, and the first tuple of each class."""
    columns, sizes = [], []
    for column, taxonomy in enumerate(table.taxonomies):
        if node[column] == taxonomy.height:
            continue
        columns.append(table.at(node, column))
        sizes.append(len(taxonomy.labels[node[column]]))
    if not columns:
        return np.zeros(len(table), np.int64), np.zeros(min(len(table), 1), np.int64)
    return dense(*fold(columns, sizes))


def reduced(
    table: Contingency, groups: np.ndarray, first: np.ndarray, sizes: np.ndarray
) -> Contingency:
    """Return the table of classes, each with the codes of its first tuple."""
    attributes = {name: one.grouped(groups, len(first)) for name, one in table.attributes.items()}
    return Contingency(
        table.taxonomies,
        tuple(codes[first] for codes in table.codes),
        sizes,
        attributes,
        table.rows,
    )
