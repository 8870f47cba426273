"""Counts of tables, taken from their texts by means that searches do not use."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa

from dataframe_anonymisation.verify.texts import comparable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from dataframe_anonymisation.verify.claims import Claims

SUPPRESSED = "*"
LARGEST_KEY = 1 << 62
Labels = tuple[str | None, ...]
Entries = tuple[np.ndarray, np.ndarray, np.ndarray]  # classes, texts, and how often


@dataclass(slots=True)
class Names:
    """The numbers of classes and of sensitive texts, in the order in which they are met.

    Attributes:
        classes: of each combination of labels, told apart by whether all that masked rows hide is
            missing.
        texts: of each sensitive attribute, its texts; None for missing.
    """

    classes: dict[tuple[Labels, bool], int] = field(default_factory=dict)
    texts: dict[str, dict[str | None, int]] = field(default_factory=dict)

    def class_of(self, labels: Labels, *, is_hidden: bool = False) -> int:
        """Return the number of a class."""
        return self.classes.setdefault((labels, is_hidden), len(self.classes))

    def text_of(self, name: str, text: str | None) -> int:
        """Return the number of a text of an attribute."""
        known = self.texts.setdefault(name, {})
        return known.setdefault(text, len(known))

    def codes(self, cells: pd.Series, name: str, kind: str | None) -> np.ndarray:
        """Return the number of the text of each cell."""
        codes, found = factorized(cells)
        numbers = [self.text_of(name, comparable(value, kind)) for value in found]
        if (codes < 0).any():
            numbers.append(self.text_of(name, None))  # where the code -1 finds it
        return np.array(numbers, np.int64)[codes]


@dataclass(slots=True)
class Tally:
    """How many rows each class has, and how often each value occurs in it."""

    sizes: list[tuple[np.ndarray, ...]] = field(default_factory=list)
    cells: dict[str, list[tuple[np.ndarray, ...]]] = field(default_factory=dict)

    def add(self, classes: np.ndarray, cells: Mapping[str, np.ndarray]) -> None:
        """Count rows by the class of each, and by the text of each attribute."""
        self.sizes.append(_counted([classes]))
        for name, codes in cells.items():
            self.cells.setdefault(name, []).append(_counted([classes, codes]))

    def rows(self, length: int) -> np.ndarray:
        """Return how many rows each class has."""
        total = np.zeros(length, np.int64)
        for numbers, counts in self.sizes:
            total[numbers] += counts
        return total

    def entries(self, name: str) -> Entries:
        """Return classes and texts of an attribute that occur together, and in how many rows."""
        parts = self.cells.get(name)
        if not parts:
            return _none(), _none(), _none()
        classes, codes, counts = (np.concatenate(column) for column in zip(*parts, strict=True))
        return summed(classes, codes, counts)


@dataclass(slots=True)
class Persons:
    """Whose rows are in each class, and who has each value there."""

    known: dict[str | None, int] = field(default_factory=lambda: {None: 0})
    members: list[np.ndarray] = field(default_factory=list)
    owners: dict[str, list[np.ndarray]] = field(default_factory=dict)

    def numbers(self, cells: pd.Series, kind: str | None) -> np.ndarray:
        """Return the number of the person of each cell, 0 for nobody known."""
        codes, found = factorized(cells)
        texts = (comparable(value, kind) for value in found)
        places = [self.known.setdefault(text, len(self.known)) for text in texts]
        return np.array([*places, 0], np.int64)[codes]

    def add(
        self, persons: np.ndarray, classes: np.ndarray, cells: Mapping[str, np.ndarray]
    ) -> None:
        """Note the persons of rows by the class of each, and by the text of each attribute."""
        self.members.append(_distinct([classes, persons]))
        for name, codes in cells.items():
            self.owners.setdefault(name, []).append(_distinct([classes, codes, persons]))

    def sizes(self, numbers: np.ndarray, length: int) -> np.ndarray:
        """Return how many known persons each class has, by its new number."""
        classes, persons = _renumbered(self.members, numbers, 2)
        return np.bincount(classes[persons > 0], minlength=length)

    def entries(self, name: str, numbers: np.ndarray) -> Entries:
        """Return classes and texts that occur together, and for how many persons."""
        classes, codes, _ = _renumbered(self.owners.get(name, []), numbers, 3)
        return summed(classes, codes, np.ones(len(classes), np.int64))


@dataclass(slots=True)
class Published:
    """The published rows, counted.

    Attributes:
        tally: rows by class and value.
        persons: whose rows are in each class; no person where the rows do not say.
    """

    tally: Tally = field(default_factory=Tally)
    persons: Persons = field(default_factory=Persons)


def count(frames: Iterable[pd.DataFrame], claims: Claims, names: Names) -> Published:
    """Count the published rows by class and value, and whose they are where they say so."""
    found = Published()
    for frame in frames:
        if not len(frame):
            continue
        classes, cells = _classes(frame, claims, names), cells_of(frame, claims, names)
        found.tally.add(classes, cells)
        if claims.counts_published_persons:
            kind = claims.kinds.get(str(claims.entity))
            persons = found.persons.numbers(frame[claims.entity], kind)
            found.persons.add(persons, classes, cells)
    return found


def cells_of(frame: pd.DataFrame, claims: Claims, names: Names) -> dict[str, np.ndarray]:
    """Return the numbers of the texts of each sensitive attribute."""
    return {
        name: names.codes(frame[name], name, claims.kinds.get(name)) for name in claims.attributes
    }


def hidden_rows(frame: pd.DataFrame, claims: Claims) -> np.ndarray:
    """Return the rows in which everything is missing that masked rows hide."""
    if not claims.exempt_suppressed:
        return np.zeros(len(frame), bool)
    return frame[claims.hidden].isna().all(axis=1).to_numpy(bool)


def factorized(cells: pd.Series) -> tuple[np.ndarray, Any]:
    """Return a number for each cell, -1 where it is missing, and the cells by their numbers."""
    try:
        return pd.factorize(cells, use_na_sentinel=True)
    except pa.ArrowException:  # of types that Arrow stores and cannot compare
        values = pa.chunked_array(pa.array(cells)).to_pylist()
        return pd.factorize(pd.Series(values, dtype=object), use_na_sentinel=True)


def distinct(columns: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return a number for each distinct row of columns of numbers, and the first row of each."""
    key, bound = np.zeros(len(columns[0]), np.int64), 1
    for column in columns:
        size = int(column.max(initial=0)) + 1
        if bound * size > LARGEST_KEY:
            key, found = pd.factorize(key)
            bound = len(found) + 1
        key, bound = key * size + column, bound * size
    numbers, found = pd.factorize(key)
    first = np.zeros(len(found), np.int64)
    first[numbers[::-1]] = np.arange(len(numbers) - 1, -1, -1)
    return numbers, first


def summed(classes: np.ndarray, codes: np.ndarray, counts: np.ndarray) -> Entries:
    """Return pairs of class and text, each once, with the sum of their counts."""
    numbers, first = distinct([classes, codes])
    total = np.zeros(len(first), np.int64)
    np.add.at(total, numbers, counts)
    return classes[first], codes[first], total


def _classes(frame: pd.DataFrame, claims: Claims, names: Names) -> np.ndarray:
    """Return the class of each published row."""
    is_hidden = hidden_rows(frame, claims)
    labels: list[list[str | None]] = []
    columns: list[np.ndarray] = []
    for name in claims.quasi_identifiers:
        codes, found = factorized(frame[name])
        labels.append([*map(comparable, found), None])
        columns.append(np.where(codes < 0, len(found), codes))
    numbers, first = distinct([*columns, is_hidden.astype(np.int64)])
    texts = (
        [of_column[code] for code in codes[first].tolist()]
        for of_column, codes in zip(labels, columns, strict=True)
    )
    rows = zip(zip(*texts, strict=True), is_hidden[first].tolist(), strict=True)
    return np.array([names.class_of(row, is_hidden=hidden) for row, hidden in rows])[numbers]


def _counted(columns: Sequence[np.ndarray]) -> tuple[np.ndarray, ...]:
    """Return the distinct rows of columns, and how often each occurs."""
    numbers, first = distinct(columns)
    return (*(column[first] for column in columns), np.bincount(numbers, minlength=len(first)))


def _distinct(columns: Sequence[np.ndarray]) -> np.ndarray:
    """Return the distinct rows of columns."""
    _, first = distinct(columns)
    return np.array([column[first] for column in columns])


def _renumbered(parts: Sequence[np.ndarray], numbers: np.ndarray, width: int) -> np.ndarray:
    """Return distinct rows whose classes have new numbers, without those below 0."""
    if not parts:
        return np.zeros((width, 0), np.int64)
    classes, *others = np.concatenate(parts, axis=1)
    classes = numbers[classes]
    return _distinct([column[classes >= 0] for column in (classes, *others)])


def _none() -> np.ndarray:
    return np.zeros(0, np.int64)
