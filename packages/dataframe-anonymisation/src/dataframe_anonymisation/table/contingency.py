"""The contingency table: distinct tuples of quasi-identifiers, with counts per sensitive value.

Searches, models and losses need nothing else; rows are touched to encode them and to label them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dataframe_anonymisation.table.keys import dense, fold, sums

if TYPE_CHECKING:
    from collections.abc import Container, Mapping, Sequence

    from dataframe_anonymisation.hierarchies import Taxonomy
    from dataframe_anonymisation.values import Values


@dataclass(frozen=True, slots=True)
class Attribute:
    """A sensitive attribute: how often each value occurs in each tuple, sparse.

    Attributes:
        name: the column.
        values: the text of each value, None for missing.
        tuples: of each entry, the tuple; ascending.
        codes: of each entry, the value.
        counts: of each entry, how many rows.
        total: how often each value occurs in the original table, before anything is left out.
    """

    name: str
    values: Values
    tuples: np.ndarray
    codes: np.ndarray
    counts: np.ndarray
    total: np.ndarray

    @property
    def missing(self) -> int:
        """The code of the missing value, -1 if it does not occur."""
        return self.values.index(None) if None in self.values else -1

    def of(self, tuples: np.ndarray, kept: int) -> Attribute:
        """Return the entries of some tuples under new numbers; -1 leaves a tuple out."""
        numbers = tuples[self.tuples]
        chosen = numbers >= 0
        order = np.argsort(numbers[chosen], kind="stable") if kept else slice(0, 0)
        return Attribute(
            self.name,
            self.values,
            numbers[chosen][order],
            self.codes[chosen][order],
            self.counts[chosen][order],
            self.total,
        )


@dataclass(frozen=True, slots=True)
class Contingency:
    """Distinct tuples of leaf codes in ascending order, and how many rows each has.

    Attributes:
        taxonomies: the hierarchy of each quasi-identifier.
        codes: of each quasi-identifier, the leaf of each tuple.
        counts: the rows of each tuple.
        attributes: sensitive attributes by name.
        rows: how many rows the original table has.
    """

    taxonomies: tuple[Taxonomy, ...]
    codes: tuple[np.ndarray, ...]
    counts: np.ndarray
    attributes: Mapping[str, Attribute]
    rows: int

    @property
    def width(self) -> int:
        """The number of quasi-identifiers."""
        return len(self.taxonomies)

    def __len__(self) -> int:
        return len(self.counts)

    def at(
        self, level_of: Sequence[int], column: int, tuples: np.ndarray | None = None
    ) -> np.ndarray:
        """Return the nodes of a column at its level."""
        codes = self.codes[column] if tuples is None else self.codes[column][tuples]
        return self.taxonomies[column].codes[level_of[column]][codes]

    def about(self, names: Container[str | None]) -> Contingency:
        """Return the table with some of its attributes only."""
        kept = {name: one for name, one in self.attributes.items() if name in names}
        return Contingency(self.taxonomies, self.codes, self.counts, kept, self.rows)

    def select(self, kept: np.ndarray) -> Contingency:
        """Return the table of some of its tuples, by their ascending numbers."""
        numbers = np.full(len(self), -1, np.int64)
        numbers[kept] = np.arange(len(kept))
        return Contingency(
            self.taxonomies,
            tuple(codes[kept] for codes in self.codes),
            self.counts[kept],
            {name: one.of(numbers, len(kept)) for name, one in self.attributes.items()},
            self.rows,
        )


@dataclass(frozen=True, slots=True)
class Histogram:
    """How often each value of an attribute occurs in each class, sparse, by class and value."""

    classes: np.ndarray
    codes: np.ndarray
    counts: np.ndarray
    starts: np.ndarray  # of each class, its first entry
    attribute: Attribute

    def dense(self, first: int, last: int) -> np.ndarray:
        """Return the counts of some classes as a matrix, a row for each class."""
        entries = slice(
            self.starts[first], self.starts[last] if last < len(self.starts) else len(self.codes)
        )
        matrix = np.zeros((last - first, len(self.attribute.values)), np.int64)
        matrix[self.classes[entries] - first, self.codes[entries]] = self.counts[entries]
        return matrix


@dataclass(frozen=True, slots=True)
class Classes:
    """Groups of tuples that are published alike: what privacy models are tested on."""

    sizes: np.ndarray
    histograms: Mapping[str, Histogram]

    def __len__(self) -> int:
        return len(self.sizes)


def classes_of(table: Contingency, groups: np.ndarray, number: int) -> Classes:
    """Return the classes of a grouping of a table's tuples into groups 0 to ``number`` - 1."""
    sizes = np.bincount(groups, weights=table.counts, minlength=number).astype(np.int64)
    histograms = {
        name: _histogram(attribute, groups, number) for name, attribute in table.attributes.items()
    }
    return Classes(sizes, histograms)


def _histogram(attribute: Attribute, groups: np.ndarray, number: int) -> Histogram:
    values = len(attribute.values)
    keys = groups[attribute.tuples] * values + attribute.codes
    used, counts = sums(keys, number * values, attribute.counts)
    classes, codes = np.divmod(used, values)
    starts = np.searchsorted(classes, np.arange(number))
    return Histogram(classes, codes, counts, starts, attribute)


def tabulate(
    taxonomies: Sequence[Taxonomy],
    codes: Sequence[np.ndarray],
    attributes: Mapping[str, tuple[np.ndarray, Values]],
    counts: np.ndarray | None = None,
) -> tuple[Contingency, np.ndarray]:
    """Count the distinct tuples of rows, or of rows that stand for several.

    Args:
        taxonomies: the hierarchy of each quasi-identifier.
        codes: of each quasi-identifier, the leaf of each row.
        attributes: of each sensitive attribute, the code of each row and the values of the codes.
        counts: how many rows each row stands for; 1 if not given.

    Returns:
        The table, and the tuple of each row.
    """
    rows = len(codes[0]) if codes else 0
    keys, bound = fold(codes, [len(taxonomy.leaves) for taxonomy in taxonomies])
    tuples, first = distinct(keys, bound)
    weights = np.ones(rows, np.int64) if counts is None else counts
    sized = np.bincount(tuples, weights=weights, minlength=len(first)).astype(np.int64)
    found = {}
    for name, (cells, values) in attributes.items():
        pairs = tuples * len(values) + cells
        numbers, place = distinct(pairs, len(first) * len(values))
        entry = np.bincount(numbers, weights=weights, minlength=len(place)).astype(np.int64)
        total = np.bincount(cells, weights=weights, minlength=len(values)).astype(np.int64)
        found[name] = Attribute(name, values, tuples[place], cells[place], entry, total)
    table = Contingency(
        tuple(taxonomies),
        tuple(column[first] for column in codes),
        sized,
        found,
        int(weights.sum()),
    )
    return table, tuples


def distinct(keys: np.ndarray, bound: int) -> tuple[np.ndarray, np.ndarray]:
    """Return what `dense` does; many keys that repeat are found by hashing, not by sorting."""
    if bound <= DENSE_ROWS or len(keys) < SORTED_ROWS:
        return dense(keys, bound)
    import pandas as pd

    codes, uniques = pd.factorize(keys)
    order = np.argsort(uniques)
    numbers = np.empty(len(order), np.int64)
    numbers[order] = np.arange(len(order))
    first = np.empty(len(order), np.int64)
    first[codes[::-1]] = np.arange(len(keys) - 1, -1, -1)
    return numbers[codes], first[order]


SORTED_ROWS = 100_000
DENSE_ROWS = 1 << 20
