"""The contingency table: distinct tuples of quasi-identifiers, with counts per sensitive value.

Searches, models and losses need nothing else; rows are touched to encode them and to label them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from dataframe_anonymisation.table.keys import dense, fold, sums

if TYPE_CHECKING:
    from collections.abc import Container, Mapping, Sequence

    from dataframe_anonymisation.hierarchies import Taxonomy
    from dataframe_anonymisation.values import Values


@dataclass(frozen=True, slots=True)
class Attribute:
    """A sensitive attribute: how often each value occurs in each tuple, sparse.

    Where an entity is named, a value counts once for each person that has it: there is an entry for
    each tuple, value and person, and every count is 1.

    Attributes:
        name: the column.
        values: the text of each value, None for missing.
        tuples: of each entry, the tuple; ascending.
        codes: of each entry, the value.
        counts: of each entry, how many rows; 1 where persons are counted.
        total: how often each value occurs in the original table, before anything is left out.
        persons: of each entry, the person; None where rows are counted.
    """

    name: str
    values: Values
    tuples: np.ndarray
    codes: np.ndarray
    counts: np.ndarray
    total: np.ndarray
    persons: np.ndarray | None = None

    @property
    def missing(self) -> int:
        """The code of the missing value, -1 if it does not occur."""
        return self.values.index(None) if None in self.values else -1

    def distinct(self, number: int) -> np.ndarray:
        """Return how many values, missing ones apart, each of so many tuples has."""
        known = self.tuples[self.codes != self.missing]
        return np.bincount(known, minlength=number)

    def of(self, tuples: np.ndarray, kept: int) -> Attribute:
        """Return the entries of some tuples under new numbers; -1 leaves a tuple out."""
        numbers = tuples[self.tuples]
        chosen = np.flatnonzero(numbers >= 0) if kept else np.zeros(0, np.int64)
        chosen = chosen[np.argsort(numbers[chosen], kind="stable")]
        return replace(
            self,
            tuples=numbers[chosen],
            codes=self.codes[chosen],
            counts=self.counts[chosen],
            persons=None if self.persons is None else self.persons[chosen],
        )

    def grouped(self, groups: np.ndarray, number: int) -> Attribute:
        """Return the entries of groups of tuples, by group and value."""
        return self.joined(slice(None), groups[self.tuples], number)

    def joined(self, entries: Any, groups: np.ndarray, number: int) -> Attribute:
        """Return some entries by the group that each is to belong to, equal ones as one."""
        codes, values = self.codes[entries], len(self.values)
        if self.persons is None:
            used, counts = sums(groups * values + codes, number * values, self.counts[entries])
            tuples, found = np.divmod(used, values)
            return replace(self, tuples=tuples, codes=found, counts=counts)
        persons = self.persons[entries]
        bound = int(self.persons.max(initial=0)) + 1
        _, first = dense(*fold([groups, codes, persons], [number, values, bound]))
        return replace(
            self,
            tuples=groups[first],
            codes=codes[first],
            counts=np.ones(len(first), np.int64),
            persons=persons[first],
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

    @property
    def distinct(self) -> np.ndarray:
        """How many values, missing ones apart, each class has."""
        known = self.classes[self.codes != self.attribute.missing]
        return np.bincount(known, minlength=len(self.starts))

    @property
    def sizes(self) -> np.ndarray:
        """How often any value occurs in each class."""
        return np.bincount(self.classes, weights=self.counts, minlength=len(self.starts)).astype(
            np.int64
        )

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
        name: histogram(attribute.grouped(groups, number), number)
        for name, attribute in table.attributes.items()
    }
    return Classes(sizes, histograms)


def histogram(grouped: Attribute, number: int) -> Histogram:
    """Return the histogram of an attribute whose tuples are classes 0 to ``number`` - 1."""
    classes, codes, counts = grouped.tuples, grouped.codes, grouped.counts
    if grouped.persons is not None:
        values = len(grouped.values)
        used, counts = sums(classes * values + codes, number * values, counts)
        classes, codes = np.divmod(used, values)
    return Histogram(classes, codes, counts, np.searchsorted(classes, np.arange(number)), grouped)


@dataclass(frozen=True, slots=True)
class Cells:
    """The cells of a sensitive attribute.

    Attributes:
        rows: of each cell, its row among those that are counted.
        codes: of each cell, its value.
        values: the text of each value.
        counts: how many rows each cell stands for.
        persons: of each cell, whose it is; None where rows are counted.
    """

    rows: Any
    codes: np.ndarray
    values: Values
    counts: np.ndarray
    persons: np.ndarray | None = None


def tabulate(
    taxonomies: Sequence[Taxonomy],
    codes: Sequence[np.ndarray],
    attributes: Mapping[str, Cells],
    counts: np.ndarray | None = None,
) -> tuple[Contingency, np.ndarray]:
    """Count the distinct tuples of rows, or of rows that stand for several.

    Args:
        taxonomies: the hierarchy of each quasi-identifier.
        codes: of each quasi-identifier, the leaf of each row.
        attributes: the cells of each sensitive attribute.
        counts: how many rows each row stands for; 1 if not given.

    Returns:
        The table, and the tuple of each row.
    """
    rows = len(codes[0]) if codes else 0
    keys, bound = fold(codes, [len(taxonomy.leaves) for taxonomy in taxonomies])
    tuples, first = distinct(keys, bound)
    weights = np.ones(rows, np.int64) if counts is None else counts
    sized = np.bincount(tuples, weights=weights, minlength=len(first)).astype(np.int64)
    found = {
        name: _attribute(name, cells, tuples[cells.rows], len(first))
        for name, cells in attributes.items()
    }
    table = Contingency(
        tuple(taxonomies),
        tuple(column[first] for column in codes),
        sized,
        found,
        int(weights.sum()),
    )
    return table, tuples


def _attribute(name: str, cells: Cells, tuples: np.ndarray, number: int) -> Attribute:
    """Return the entries of an attribute, and how often each value occurs at all."""
    values = len(cells.values)
    columns, bounds = [tuples, cells.codes], [number, values]
    if cells.persons is not None:
        columns.append(cells.persons)
        bounds.append(int(cells.persons.max(initial=0)) + 1)
    numbers, place = distinct(*fold(columns, bounds))
    if cells.persons is None:
        entry = np.bincount(numbers, weights=cells.counts, minlength=len(place)).astype(np.int64)
        counted, weights = cells.codes, cells.counts
    else:
        entry = np.ones(len(place), np.int64)
        _, owned = distinct(*fold(columns[1:], bounds[1:]))
        counted, weights = cells.codes[owned], np.ones(len(owned), np.int64)
    total = np.bincount(counted, weights=weights, minlength=values).astype(np.int64)
    persons = None if cells.persons is None else cells.persons[place]
    codes = cells.codes[place]
    return Attribute(name, cells.values, tuples[place], codes, entry, total, persons)


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
