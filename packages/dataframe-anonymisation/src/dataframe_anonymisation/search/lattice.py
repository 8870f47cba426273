"""The lattice of generalisations: a level for each quasi-identifier."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dataframe_anonymisation.table import Contingency

LARGEST_LISTED = 1 << 19  # nodes of a lattice that is listed whole


class Lattice:
    """Generalisations of a table with what each loses at least, before any suppression.

    Args:
        table: whose quasi-identifiers are generalised.
        weights: of the quasi-identifiers in the loss.
    """

    def __init__(self, table: Contingency, weights: Sequence[float] | None = None) -> None:
        self.table = table
        given = np.ones(table.width) if weights is None else np.asarray(weights, float)
        self.weights = given / given.sum() if table.width else given
        self.heights = [taxonomy.height for taxonomy in table.taxonomies]
        rows = max(int(table.counts.sum()), 1)
        self.losses = [
            np.array(
                [
                    float(np.dot(penalties[codes], frequency)) / rows
                    for penalties, codes in zip(taxonomy.ncp, taxonomy.codes, strict=True)
                ]
            )
            * weight
            for taxonomy, frequency, weight in zip(
                table.taxonomies, _frequencies(table), self.weights, strict=True
            )
        ]

    @property
    def size(self) -> int:
        """How many generalisations there are."""
        size = 1
        for height in self.heights:
            size *= height + 1
        return size

    @property
    def top(self) -> tuple[int, ...]:
        """The generalisation of everything to the root."""
        return tuple(self.heights)

    def loss(self, levels: Sequence[int]) -> float:
        """Return what a generalisation loses without suppression."""
        return float(sum(losses[level] for losses, level in zip(self.losses, levels, strict=True)))

    def listed(self) -> tuple[np.ndarray, np.ndarray]:
        """Return all generalisations by ascending loss, and their losses.

        Among equal losses the one with fewer levels comes first, then the one that generalises
        later columns (AN-45).
        """
        shape = [height + 1 for height in self.heights]
        levels = np.indices(shape, np.int8).reshape(len(shape), -1).T
        losses = np.zeros(len(levels))
        for column, of_level in enumerate(self.losses):
            losses += of_level[levels[:, column]]
        order = np.lexsort((*levels.T[::-1], levels.sum(axis=1), np.round(losses, 12)))
        return levels[order], losses[order]

    def ascending(self) -> Iterator[tuple[tuple[int, ...], float]]:
        """Yield generalisations by ascending loss, without listing them all."""
        if self.size <= LARGEST_LISTED:
            levels, losses = self.listed()
            for node, loss in zip(levels.tolist(), losses.tolist(), strict=True):
                yield tuple(node), loss
            return
        start = (0,) * len(self.heights)
        heap = [(round(self.loss(start), 12), 0, start)]
        seen = {start}
        while heap:
            loss, _, node = heapq.heappop(heap)
            yield node, loss
            for column, level in enumerate(node):
                if level < self.heights[column]:
                    above = (*node[:column], level + 1, *node[column + 1 :])
                    if above not in seen:
                        seen.add(above)
                        heapq.heappush(heap, (round(self.loss(above), 12), sum(above), above))


def _frequencies(table: Contingency) -> list[np.ndarray]:
    """Return how many rows each leaf of each quasi-identifier has."""
    return [
        np.bincount(codes, weights=table.counts, minlength=len(taxonomy.leaves))
        for taxonomy, codes in zip(table.taxonomies, table.codes, strict=True)
    ]
