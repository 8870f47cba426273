"""What a search finds: a class for each tuple, and the label of each class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dataframe_anonymisation.table import Classes, Contingency, classes_of
from dataframe_anonymisation.table.keys import dense, fold

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dataframe_anonymisation.models import Model

SUPPRESSED = -1


@dataclass(frozen=True, slots=True)
class Solution:
    """Classes of tuples with a node of each hierarchy as label.

    Attributes:
        groups: of each tuple its class, -1 where it is suppressed.
        levels: of each quasi-identifier, the level of each class.
        nodes: of each quasi-identifier, the node of each class at that level.
        algorithm: who found it.
        is_optimal: whether it is proven that no other full-domain generalisation loses less.
        visited: how many generalisations were looked at.
    """

    groups: np.ndarray
    levels: tuple[np.ndarray, ...]
    nodes: tuple[np.ndarray, ...]
    algorithm: str
    is_optimal: bool = False
    visited: int = 0

    @property
    def number(self) -> int:
        """How many classes there are."""
        return len(self.levels[0]) if self.levels else int(self.groups.max(initial=-1)) + 1

    def classes(self, table: Contingency) -> Classes:
        """Return the classes for tests, without what is suppressed."""
        kept = np.flatnonzero(self.groups >= 0)
        return classes_of(table.select(kept), self.groups[kept], self.number)

    def suppressed(self, table: Contingency) -> int:
        """Return how many rows are suppressed."""
        return int(table.counts[self.groups < 0].sum())


def solution_of(table: Contingency, groups: np.ndarray, number: int, algorithm: str) -> Solution:
    """Return classes with the most specific labels over them; equal labels are one class."""
    levels, nodes = labels_of(table, groups, number)
    return joined(table, groups, levels, nodes, algorithm)


def joined(
    table: Contingency,
    groups: np.ndarray,
    levels: Sequence[np.ndarray],
    nodes: Sequence[np.ndarray],
    algorithm: str,
) -> Solution:
    """Return classes with their labels, those of equal labels as one."""
    number = len(levels[0]) if levels else int(groups.max(initial=-1)) + 1
    heights = [len(taxonomy.labels) for taxonomy in table.taxonomies]
    sizes = [max(map(len, taxonomy.labels)) for taxonomy in table.taxonomies]
    columns = [column for pair in zip(levels, nodes, strict=True) for column in pair]
    bounds = [bound for pair in zip(heights, sizes, strict=True) for bound in pair]
    merged, first = (
        dense(*fold(columns, bounds))
        if columns
        else (np.zeros(number, int), np.zeros(min(number, 1), int))
    )
    of_tuples = np.where(groups >= 0, merged[np.maximum(groups, 0)] if number else 0, SUPPRESSED)
    return Solution(
        of_tuples,
        tuple(level[first] for level in levels),
        tuple(node[first] for node in nodes),
        algorithm,
    )


def labels_of(
    table: Contingency, groups: np.ndarray, number: int
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return level and node of the smallest label over each group, for each quasi-identifier."""
    kept = np.flatnonzero(groups >= 0)
    order = kept[np.argsort(groups[kept], kind="stable")]
    starts = np.searchsorted(groups[order], np.arange(number))
    levels, nodes = [], []
    for taxonomy, codes in zip(table.taxonomies, table.codes, strict=True):
        if not number:
            levels.append(np.zeros(0, np.int8))
            nodes.append(np.zeros(0, np.int64))
            continue
        low = np.minimum.reduceat(codes[order], starts)
        high = np.maximum.reduceat(codes[order], starts)
        level = taxonomy.lowest_common(low, high)
        levels.append(level)
        nodes.append(taxonomy.codes[level, low].astype(np.int64))
    return levels, nodes


def all_hold(models: Sequence[Model], classes: Classes) -> np.ndarray:
    """Return for each class whether every model holds (AN-20)."""
    holds = np.ones(len(classes), bool)
    for model in models:
        holds &= model.holds(classes)
    return holds
