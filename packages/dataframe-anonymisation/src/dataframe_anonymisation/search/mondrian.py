"""Mondrian: the table is cut again and again, as long as both sides satisfy all models.

After LeFevre, DeWitt and Ramakrishnan 2006, with all partitions of a generation at once. A
partition is cut between children of the smallest label over it, so that labels are those of the
hierarchies; a column that is labelled with the values of its classes is cut between any two of
them. The column whose label loses most is cut first, at the boundary nearest the median. A column
whose cut fails is left alone in that partition, and others are tried.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from dataframe_anonymisation.hierarchies.taxonomy import TINY, Taxonomy
from dataframe_anonymisation.loss import of_nodes
from dataframe_anonymisation.models.k_anonymity import AlphaKAnonymity, KAnonymity, PersonAnonymity
from dataframe_anonymisation.search.leftovers import settled
from dataframe_anonymisation.search.solution import Solution, all_hold
from dataframe_anonymisation.table import Contingency, classes_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dataframe_anonymisation.models import Model


def find_mondrian(
    table: Contingency,
    models: Sequence[Model],
    *,
    weights: Sequence[float] | None = None,
    styles: Mapping[str, str] | None = None,
) -> Solution | None:
    """Return a partition; None if the whole table does not satisfy the models."""
    whole = np.zeros(len(table), np.int64)
    if not len(table) or not all_hold(models, classes_of(table, whole, 1))[0]:
        return None
    cutting = _Cutting(table, models, weights, styles or {})
    while cutting.cut():
        continue
    found = settled(
        table, models, cutting.parts, cutting.number, 0, "mondrian", weights, styles=styles
    )
    return None if found is None else replace(found, visited=cutting.generations)


class _Cutting:
    def __init__(
        self,
        table: Contingency,
        models: Sequence[Model],
        weights: Sequence[float] | None,
        styles: Mapping[str, str],
    ) -> None:
        self.is_free = [
            styles.get(taxonomy.column, "hierarchy") != "hierarchy" for taxonomy in table.taxonomies
        ]
        self.table, self.models = table, models
        self.weights = np.ones(table.width) if weights is None else np.asarray(weights, float)
        self.least = max((m.k for m in models if isinstance(m, _SIZED)), default=1)
        self.parts = np.zeros(len(table), np.int64)
        self.number, self.generations = 1, 0
        self.barred = np.zeros((1, table.width), bool)

    def cut(self) -> bool:
        """Cut every partition that can be cut once more; return whether any is left to try."""
        self.generations += 1
        spans, levels = self._spans()
        spans = np.where(self.barred, 0.0, spans)
        column = np.argmax(spans, axis=1) if self.table.width else np.zeros(self.number, int)
        active = spans.max(axis=1, initial=0.0) > 0
        if not active.any():
            return False
        members = np.flatnonzero(active[self.parts])
        parts = self.parts[members]
        children = self._children(members, parts, column, levels)
        cut, is_right = self._boundaries(parts, children, members)
        tentative = np.where(is_right, self.number + parts, parts)
        is_cut = np.zeros(self.number, bool)
        is_cut[cut] = True
        inside = is_cut[parts]
        is_cut = self._both_hold(members[inside], tentative[inside], is_cut)
        self.barred[active & ~is_cut, column[active & ~is_cut]] = True
        self._apply(members, parts, is_right, is_cut)
        return True

    def _spans(self) -> tuple[np.ndarray, np.ndarray]:
        order = np.argsort(self.parts, kind="stable")
        starts = np.searchsorted(self.parts[order], np.arange(self.number))
        spans, levels = [], []
        for taxonomy, codes, weight, is_free in zip(
            self.table.taxonomies, self.table.codes, self.weights, self.is_free, strict=True
        ):
            low = np.minimum.reduceat(codes[order], starts)
            high = np.maximum.reduceat(codes[order], starts)
            level = taxonomy.lowest_common(low, high)
            levels.append(level)
            nodes = taxonomy.codes[level, low]
            lost = of_nodes(taxonomy, level, nodes)
            if is_free:
                lost = self._lost_by_values(taxonomy, codes, low, high)
            spans.append(lost * weight)
        return np.array(spans).T, np.array(levels).T

    def _lost_by_values(
        self, taxonomy: Taxonomy, codes: np.ndarray, low: np.ndarray, high: np.ndarray
    ) -> np.ndarray:
        """Return what partitions lose that are labelled with their own values."""
        if taxonomy.numbers is not None:
            numbers = np.nan_to_num(taxonomy.numbers, nan=np.nanmax(taxonomy.numbers, initial=0))
            width = max(float(np.ptp(numbers[taxonomy.present])), TINY)
            span = (numbers[high] - numbers[low]) / width
            return np.where((span <= 0) & (high > low), 1.0, span)
        pairs = np.unique(self.parts.astype(np.int64) * len(taxonomy.leaves) + codes)
        sizes = np.bincount(pairs // len(taxonomy.leaves), minlength=self.number)
        return np.where(sizes > 1, sizes / len(taxonomy.leaves), 0.0)

    def _children(
        self, members: np.ndarray, parts: np.ndarray, column: np.ndarray, levels: np.ndarray
    ) -> np.ndarray:
        """Return the child of its partition's label that each tuple is below."""
        children = np.zeros(len(members), np.int64)
        chosen = column[parts]
        for number, taxonomy in enumerate(self.table.taxonomies):
            here = np.flatnonzero(chosen == number)
            level = levels[parts[here], number].astype(np.int64)
            leaves = self.table.codes[number][members[here]]
            children[here] = leaves if self.is_free[number] else taxonomy.codes[level - 1, leaves]
        return children

    def _boundaries(
        self, parts: np.ndarray, children: np.ndarray, members: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the partitions with a boundary, and which tuples are to the right of theirs."""
        order = np.lexsort((children, parts))
        part, child = parts[order], children[order]
        counts = np.cumsum(self.table.counts[members][order])
        starts = np.concatenate([[True], part[1:] != part[:-1]])
        first = np.maximum.accumulate(np.where(starts, np.arange(len(part)), 0))
        before = np.where(first > 0, counts[first - 1], 0)
        sizes = np.bincount(parts, weights=self.table.counts[members], minlength=self.number)
        left = counts - before  # rows up to and with this tuple
        right = sizes[part] - left
        is_edge = np.zeros(len(part), bool)
        is_edge[:-1] = (part[1:] == part[:-1]) & (child[1:] != child[:-1])
        allowed = np.flatnonzero(is_edge & (left >= self.least) & (right >= self.least))
        distance = np.abs(left[allowed] - sizes[part[allowed]] / 2)
        best = allowed[np.lexsort((distance, part[allowed]))]
        cut, place = np.unique(part[best], return_index=True)
        last_left = np.full(self.number, np.iinfo(np.int64).max)
        last_left[cut] = child[best[place]]
        return cut, children > last_left[parts]

    def _both_hold(
        self, members: np.ndarray, tentative: np.ndarray, is_cut: np.ndarray
    ) -> np.ndarray:
        """Return the partitions of which both sides satisfy the models."""
        if not len(members):
            return np.zeros(self.number, bool)
        used, numbers = np.unique(tentative, return_inverse=True)
        order = np.sort(members)
        place = np.argsort(members, kind="stable")
        classes = classes_of(self.table.select(order), numbers[place], len(used))
        holds = all_hold(self.models, classes)
        fine = is_cut.copy()
        np.logical_and.at(fine, used % self.number, holds)
        return fine

    def _apply(
        self, members: np.ndarray, parts: np.ndarray, is_right: np.ndarray, is_cut: np.ndarray
    ) -> None:
        numbers = np.cumsum(is_cut) - 1 + self.number
        moved = is_right & is_cut[parts]
        self.parts[members[moved]] = numbers[parts[moved]]
        self.barred = np.concatenate([self.barred, self.barred[is_cut]])
        self.number += int(np.count_nonzero(is_cut))


_SIZED = (KAnonymity, PersonAnonymity, AlphaKAnonymity)
