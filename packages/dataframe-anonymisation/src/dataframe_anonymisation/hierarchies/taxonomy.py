"""A hierarchy over the values that a column really has: levels of nodes over ordered leaves."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from dataframe_anonymisation.errors import HierarchyError
from util_services.errors import quoted_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ANY = "*"
TINY = 1e-300  # in place of the range of a single number
Label = str | None  # None is the missing value, which is published as such below the root


@dataclass(frozen=True, slots=True)
class Range:
    """The numbers that a label covers, both ends included; infinite where there is no end."""

    lower: float
    upper: float


class Taxonomy:
    """Nested levels of labels over leaves.

    The leaves stand in an order in which every node covers neighbours: numeric order where the
    values are numbers, else depth-first order of the tree. Level 0 holds the values themselves, the
    last level one node, the root.

    Args:
        column: whose values these are, for errors.
        rows: the labels of each leaf, from the value itself to the root.
        numbers: the number that each leaf stands for, if the order of leaves is one of numbers.
        ranges: what labels of intervals cover, where that is more than their leaves.
        present: the leaves that occur in the data; all if not given. The others count for the
            loss of categories, and not for the range of numbers.

    Raises:
        HierarchyError: if the levels are not nested, or a label is ambiguous.
    """

    def __init__(
        self,
        column: str,
        rows: Sequence[Sequence[Label]],
        *,
        numbers: Mapping[Label, float] | None = None,
        ranges: Mapping[Label, Range] | None = None,
        present: frozenset[Label] | None = None,
    ) -> None:
        self.column = column
        if not rows:
            rows, numbers = [[ANY]], None
        height = len(rows[0])
        names = [list(dict.fromkeys(row[level] for row in rows)) for level in range(height)]
        if len(names[-1]) > 1:
            rows = [[*row, ANY] for row in rows]
            names.append([ANY])
            height += 1
        if height == 1 and names[0] != [ANY]:
            rows = [[*row, ANY] for row in rows]
            names.append([ANY])
            height += 1
        places = [{label: n for n, label in enumerate(level)} for level in names]
        codes = np.array(
            [[places[level][row[level]] for row in rows] for level in range(height)], np.int32
        )
        self._refuse_unnested(codes)
        order = self._order(codes, rows, numbers)
        self.is_numeric = order is not None
        if order is None:
            order = np.lexsort(codes)
        codes = codes[:, order]
        self.leaves: tuple[Label, ...] = tuple(rows[n][0] for n in order)
        self.codes = np.empty_like(codes)
        labels: list[tuple[Label, ...]] = []
        for level in range(height):
            first = np.concatenate([[True], codes[level, 1:] != codes[level, :-1]])
            self.codes[level] = np.cumsum(first) - 1
            labels.append(tuple(names[level][code] for code in codes[level, first]))
        self.labels = tuple(labels)
        self._refuse_ambiguous()
        self.present = np.array([present is None or leaf in present for leaf in self.leaves], bool)
        self.numbers = (
            np.array([np.nan if v is None else numbers[v] for v in self.leaves], float)
            if self.is_numeric and numbers is not None
            else None
        )
        self._ranges: dict[Label, Range] = {**({} if ranges is None else ranges)}
        self.height = height - 1  # the level of the root
        self._lists: tuple[np.ndarray, np.ndarray] | None = None

    def with_own_labels(self, labels: Sequence[Label], leaves: Sequence[np.ndarray]) -> Taxonomy:
        """Return the hierarchy with labels of some leaves each, as a level behind the root.

        Args:
            labels: of classes that are not labelled by the hierarchy.
            leaves: of each label, the leaves that it stands for, in ascending order; numbers stand
                for all between the first and the last.
        """
        one = copy(self)
        first = np.array([of_label[0] for of_label in leaves], np.int64)
        sizes = np.array(
            [
                of_label[-1] - of_label[0] + 1 if self.is_numeric else len(of_label)
                for of_label in leaves
            ],
            np.int64,
        )
        if self.numbers is None:
            ncp = np.where(sizes > 1, sizes / len(self.leaves), 0.0)
            ends = np.cumsum(sizes)
            one._lists = np.concatenate([*leaves, np.zeros(0, np.int64)]), ends - sizes
        else:
            known = self.numbers[self.present & ~np.isnan(self.numbers)]
            width = known.max() - known.min() if len(known) else 0.0
            ncp = (self.numbers[first + sizes - 1] - self.numbers[first]) / max(width, TINY)
        lm = ncp if self.is_numeric else (sizes - 1) / max(len(self.leaves) - 1, 1)
        one.labels = (*self.labels, tuple(labels))
        computed = {
            "ncp": (*self.ncp, ncp),
            "lm": (*self.lm, lm),
            "first": (*self.first, first),
            "sizes": (*self.sizes, sizes),
            "flat_ncp": np.concatenate([self.flat_ncp, ncp]),
            "starts": np.append(self.starts, self.starts[-1] + len(labels)),
        }
        one.__dict__.update(computed)  # in place of what is computed from the hierarchy alone
        return one

    def below(self, weights: np.ndarray) -> np.ndarray:
        """Return the sum of weights of the leaves below each node, level by level."""
        summed = np.concatenate([[0], np.cumsum(weights)])
        first, sizes = np.concatenate(self.first), np.concatenate(self.sizes)
        found: np.ndarray = summed[first + np.where(self._is_list, 0, sizes)] - summed[first]
        if self._lists is not None and len(self._lists[1]):
            found[self._is_list] = np.add.reduceat(weights[self._lists[0]], self._lists[1])
        return found

    @property
    def _is_list(self) -> np.ndarray:
        """Which nodes stand for leaves that need not be neighbours."""
        own = 0 if self._lists is None else len(self._lists[1])
        return np.arange(self.starts[-1]) >= self.starts[-1] - own

    def paths(self) -> dict[Label, list[Label]]:
        """Return the labels of each leaf, from the leaf to the root."""
        levels = list(zip(self.labels[: self.height + 1], self.codes, strict=True))
        return {
            leaf: [labels[codes[place]] for labels, codes in levels]
            for place, leaf in enumerate(self.leaves)
        }

    @cached_property
    def index(self) -> dict[Label, int]:
        """The place of each value among the leaves."""
        return {leaf: n for n, leaf in enumerate(self.leaves)}

    @cached_property
    def first(self) -> tuple[np.ndarray, ...]:
        """The first leaf of each node, by level."""
        return tuple(np.searchsorted(level, np.arange(level[-1] + 1)) for level in self.codes)

    @cached_property
    def sizes(self) -> tuple[np.ndarray, ...]:
        """The number of leaves below each node, by level."""
        return tuple(np.bincount(level) for level in self.codes)

    @cached_property
    def ncp(self) -> tuple[np.ndarray, ...]:
        """The normalised certainty penalty of each node, by level (Xu et al. 2006).

        Categories: the share of the leaves that a label covers, 0 for a single one. Numbers: the
        width of the label within the range of the data, as a share of that range.
        """
        return tuple(self._ncp(level) for level in range(self.height + 1))

    @cached_property
    def flat_ncp(self) -> np.ndarray:
        """The penalties of all nodes, level by level."""
        return np.concatenate(self.ncp)

    @cached_property
    def starts(self) -> np.ndarray:
        """Where each level begins among all nodes."""
        return np.concatenate([[0], np.cumsum([len(level) for level in self.labels])])

    @cached_property
    def lm(self) -> tuple[np.ndarray, ...]:
        """The loss metric of each node, by level (Iyengar 2002)."""
        if self.is_numeric:
            return self.ncp
        others = max(len(self.leaves) - 1, 1)
        return tuple((sizes - 1) / others for sizes in self.sizes)

    @property
    def misplaced(self) -> int:
        """How many values a label stands for that do not lie in the numbers it says (AN-36)."""
        if self.numbers is None:
            return 0
        wrong = np.zeros(len(self.leaves), bool)
        for level, labels in enumerate(self.labels[: self.height + 1]):
            for node, label in enumerate(labels):
                if label in self._ranges:
                    covered = self._ranges[label]
                    below = slice(
                        self.first[level][node], self.first[level][node] + self.sizes[level][node]
                    )
                    found = self.numbers[below]
                    wrong[below] |= (found < covered.lower) | (found > covered.upper)
        return int(np.count_nonzero(wrong & self.present))

    def lowest_common(self, low: np.ndarray, high: np.ndarray) -> np.ndarray:
        """Return the level of the smallest node over all leaves from ``low`` to ``high``."""
        level = np.zeros(len(low), np.int8)
        for codes in self.codes[:-1]:
            level += codes[low] != codes[high]
        return level

    def _ncp(self, level: int) -> np.ndarray:
        sizes = self.sizes[level]
        if not self.is_numeric or self.numbers is None:
            return np.where(sizes > 1, sizes / len(self.leaves), 0.0)
        known = self.numbers[self.present & ~np.isnan(self.numbers)]
        low, high = (known.min(), known.max()) if len(known) else (0.0, 0.0)
        width = high - low
        if level == self.height:
            return np.array([1.0 if len(self.leaves) > 1 else 0.0])
        penalties = np.zeros(len(sizes))
        for node, label in enumerate(self.labels[level]):
            if label is None or (sizes[node] == 1 and label not in self._ranges) or width == 0:
                continue
            covered = self._covered(level, node)
            penalties[node] = max(min(covered.upper, high) - max(covered.lower, low), 0.0) / width
        return penalties

    def _covered(self, level: int, node: int) -> Range:
        label = self.labels[level][node]
        if label in self._ranges or self.numbers is None:
            return self._ranges[label]
        start = self.first[level][node]
        found = self.numbers[start : start + self.sizes[level][node]]
        return Range(float(found[0]), float(found[-1]))

    def _order(
        self,
        codes: np.ndarray,
        rows: Sequence[Sequence[Label]],
        numbers: Mapping[Label, float] | None,
    ) -> np.ndarray | None:
        """Return the numeric order of the leaves if every node covers neighbours in it.

        The missing value is behind all numbers, and belongs to no node but the root.
        """
        if numbers is None:
            return None
        keys = np.array([np.inf if row[0] is None else numbers[row[0]] for row in rows])
        order = np.argsort(keys, kind="stable")
        for level in codes[:, order]:
            runs = 1 + np.count_nonzero(level[1:] != level[:-1])
            if runs != level.max() + 1:
                return None
        return order

    def _refuse_unnested(self, codes: np.ndarray) -> None:
        for level in range(len(codes) - 1):
            pairs = np.unique(codes[level : level + 2], axis=1)
            parents = np.bincount(pairs[0])
            several = np.count_nonzero(parents > 1)
            if several:
                raise HierarchyError(
                    f"The hierarchy of {quoted_name(self.column)} is not nested: {several} labels "
                    f"of level {level} have several parents at level {level + 1}; give each label "
                    "one parent."
                )

    def _refuse_ambiguous(self) -> None:
        """Refuse a label that stands for one set of values here and for another there."""
        known: dict[Label, tuple[int, int]] = {}
        for level, labels in enumerate(self.labels):
            for node, label in enumerate(labels):
                first = int(self.first[level][node])
                covered = (first, int(self.sizes[level][node]))
                if known.setdefault(label, covered) != covered:
                    raise HierarchyError(
                        f"The hierarchy of {quoted_name(self.column)} has a label at level {level} "
                        "that stands for other values at a lower level, or is itself a value, as "
                        "'*' must not be; rename the label or the value."
                    )
