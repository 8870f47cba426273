"""Local recoding: each row gets the most specific labels under which its class can be released.

Generalisations are visited by ascending loss, on the rows that are left alone: every class that
satisfies all models is released with the labels that it needs, and the search goes on with the
rest. What is left over joins released classes where that is cheapest and no model is undone, or is
suppressed within the budget (AN-10).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from dataframe_anonymisation.search.lattice import LARGEST_LISTED, Lattice
from dataframe_anonymisation.search.leftovers import settled
from dataframe_anonymisation.search.optimal import grouped
from dataframe_anonymisation.search.solution import SUPPRESSED, Solution, all_hold
from dataframe_anonymisation.table import Contingency, classes_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dataframe_anonymisation.models import Model

MAX_VISITED = 20_000
TIE = 1e-12
RENEWED_SHARE = 0.5  # losses are worked out anew once this share of the rows is left
TUPLES_A_LOSS = 4e9  # tuples that may be looked at while the loss rises from 0 to 1, about


def find_local(
    table: Contingency,
    models: Sequence[Model],
    *,
    budget: int,
    weights: Sequence[float] | None = None,
    styles: Mapping[str, str] | None = None,
) -> Solution | None:
    """Return a local recoding; None if not even the whole table satisfies the models.

    Args:
        table: what is generalised.
        models: what every class must satisfy.
        budget: how many rows may be suppressed.
        weights: of the quasi-identifiers in the loss.
        styles: of quasi-identifiers, how classes are to be labelled.
    """
    groups, number, visited = _peel(table, models, weights)
    found = settled(table, models, groups, number, budget, "local", weights, styles=styles)
    return None if found is None else replace(found, visited=visited)


def _peel(
    table: Contingency, models: Sequence[Model], weights: Sequence[float] | None
) -> tuple[np.ndarray, int, int]:
    """Return a class for each tuple that could be released, their number, and nodes visited."""
    peeling = _Peeling(table, models)
    while len(peeling.left) and peeling.pass_over(Lattice(peeling.rest, weights)):
        continue
    return peeling.groups, peeling.number, len(peeling.seen)


class _Peeling:
    """The tuples that are left, and the classes of those that are not."""

    def __init__(self, table: Contingency, models: Sequence[Model]) -> None:
        self.models = models
        self.groups = np.full(len(table), SUPPRESSED, np.int64)
        self.number = 0
        self.left, self.rest = np.arange(len(table)), table
        self.seen: set[tuple[int, ...]] = set()

    def pass_over(self, lattice: Lattice) -> bool:
        """Release classes by ascending loss until few rows are left or the lattice is through.

        Returns:
            Whether the loss is to be worked out anew for the rows that are left.
        """
        rows, last = int(self.rest.counts.sum()), -1.0
        for node, loss in _nodes(lattice):
            if node in self.seen or TIE < loss - last < len(self.rest) / TUPLES_A_LOSS:
                continue
            last = loss
            self.seen.add(node)
            if self._release(node) and not len(self.left):
                return False
            if lattice.size <= LARGEST_LISTED and self.rest.counts.sum() < RENEWED_SHARE * rows:
                return True
        return False

    def _release(self, node: Sequence[int]) -> int:
        """Release every class of a generalisation that satisfies the models, and count them."""
        groups, first = grouped(self.rest, node)
        holds = all_hold(self.models, classes_of(self.rest, groups, len(first)))
        count = int(np.count_nonzero(holds))
        if not count:
            return 0
        numbers = np.where(holds, np.cumsum(holds) - 1 + self.number, SUPPRESSED)
        released = numbers[groups]
        is_released = released >= 0
        self.groups[self.left[is_released]] = released[is_released]
        self.number += count
        kept = np.flatnonzero(~is_released)
        self.left, self.rest = self.left[kept], self.rest.select(kept)
        return count


def _nodes(lattice: Lattice) -> Iterator[tuple[tuple[int, ...], float]]:
    """Yield generalisations by ascending loss, the root last of all."""
    for visited, (node, loss) in enumerate(lattice.ascending()):
        if visited >= MAX_VISITED:
            yield lattice.top, 1.0
            return
        yield node, loss
