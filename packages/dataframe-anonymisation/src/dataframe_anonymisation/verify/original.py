"""What the original table should have become, by its own rows and the classes that are claimed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from dataframe_anonymisation.verify.counting import (
    SUPPRESSED,
    Names,
    Persons,
    Tally,
    cells_of,
    distinct,
    factorized,
    hidden_rows,
)
from dataframe_anonymisation.verify.labels import is_of_values, number_in
from dataframe_anonymisation.verify.texts import comparable
from util_services.errors import quoted_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pandas as pd

    from dataframe_anonymisation.verify.claims import Claims, Relabelling

EPSILON = 1e-3  # of means, which are rounded


@dataclass(slots=True)
class Original:
    """The rows of the original table, counted.

    Attributes:
        expected: what is to be published of them.
        whole: how often each text occurs in all rows, which are one class.
        persons: whose rows are in each class; no person where no entity is named.
        everybody: whose rows there are, in one class.
        population: how many rows of a population have a combination that is in a class.
        left_out: the number of the class that stands for suppressed rows among persons.
        suppressed: how many rows are suppressed.
        unknown: how many rows have a combination that no claim is about.
        rows: how many rows there are.
    """

    left_out: int
    expected: Tally = field(default_factory=Tally)
    whole: Tally = field(default_factory=Tally)
    persons: Persons = field(default_factory=Persons)
    everybody: Persons = field(default_factory=Persons)
    population: Tally = field(default_factory=Tally)
    suppressed: int = 0
    unknown: int = 0
    rows: int = 0


def count_original(
    frames: Iterable[pd.DataFrame], claims: Claims, relabelling: Relabelling, names: Names
) -> Original:
    """Count the rows of the original table by the classes that they are claimed to be in."""
    found = Original(names.class_of((), is_hidden=True))
    index = _Index(relabelling)
    shown, blank = (_numbers(names, claims, relabelling, is_hidden=h) for h in (False, True))
    for frame in frames:
        if not len(frame):
            continue
        combinations = index.find(frame, claims)
        classes = np.where(combinations >= 0, relabelling.classes[combinations], -1)
        is_suppressed = classes < 0
        cells = cells_of(frame, claims, names)
        one = np.zeros(len(frame), np.int64)
        found.rows += len(frame)
        found.unknown += int(np.count_nonzero(combinations < 0))
        found.suppressed += int(np.count_nonzero(is_suppressed))
        found.whole.add(one, cells)
        if claims.entity is not None:
            kind = claims.kinds.get(claims.entity)
            persons = found.everybody.numbers(frame[claims.entity], kind)
            found.everybody.add(persons, one, cells)
        numbers = shown[classes]
        if claims.exempt_suppressed:
            numbers = np.where(is_suppressed | hidden_rows(frame, claims), blank[classes], numbers)
            cells = _hidden(cells, is_suppressed, names)
        if claims.entity is not None:
            members = np.where(is_suppressed, found.left_out, numbers)
            found.persons.add(persons, members, cells)
        kept = slice(None) if relabelling.is_masked else ~is_suppressed
        found.expected.add(numbers[kept], {name: codes[kept] for name, codes in cells.items()})
    return found


def count_population(
    frames: Iterable[pd.DataFrame],
    claims: Claims,
    relabelling: Relabelling,
    source: Original,
    names: Names,
) -> None:
    """Count the rows of a population by the classes of their combinations."""
    index, numbers = _Index(relabelling), _numbers(names, claims, relabelling, is_hidden=False)
    for frame in frames:
        if len(frame):
            combinations = index.find(frame, claims)
            classes = relabelling.classes[combinations]
            kept = (combinations >= 0) & (classes >= 0)
            source.population.add(numbers[classes[kept]], {})


def uncovered(relabelling: Relabelling) -> list[str]:
    """Say which quasi-identifiers have labels that do not stand for the values of their class."""
    wrong = []
    kept = np.flatnonzero(relabelling.classes >= 0)
    for (name, values), codes in zip(
        relabelling.values.items(), relabelling.combinations, strict=True
    ):
        labels = list(dict.fromkeys(relabelling.labels[name]))
        place = {label: n for n, label in enumerate(labels)}
        numbers = np.array([place[label] for label in relabelling.labels[name]], np.int64)
        pairs = [codes[kept].astype(np.int64), numbers[relabelling.classes[kept]]]
        _, first = distinct(pairs)
        used = zip(*(column[first].tolist() for column in pairs), strict=True)
        style, paths = relabelling.styles.get(name, "hierarchy"), relabelling.paths[name]
        if style == "mean":
            stands = _between(pairs, labels, values)
        else:
            stands = all(
                labels[label] in paths[values[leaf]]
                or (style == "values" and is_of_values(labels[label], values[leaf]))
                for leaf, label in used
            )
        if not stands:
            wrong.append(f"{quoted_name(name)} has labels that do not stand for their values")
    return wrong


def _between(
    pairs: Sequence[np.ndarray], labels: Sequence[str | None], values: Sequence[str | None]
) -> bool:
    """Return whether every mean lies between the numbers that it stands for."""
    numbers = np.array([number_in(value) for value in values])
    for place, label in enumerate(labels):
        of_label = numbers[pairs[0][pairs[1] == place]]
        mean = number_in(label)
        is_mean = of_label.min() - EPSILON <= mean <= of_label.max() + EPSILON
        if label != SUPPRESSED and not is_mean and not np.isnan(of_label).all():
            return False
    return True


def _hidden(
    cells: dict[str, np.ndarray], is_suppressed: np.ndarray, names: Names
) -> dict[str, np.ndarray]:
    """Return cells that are missing in suppressed rows."""
    if not is_suppressed.any():
        return cells
    return {
        name: np.where(is_suppressed, names.text_of(name, None), codes)
        for name, codes in cells.items()
    }


def _numbers(
    names: Names, claims: Claims, relabelling: Relabelling, *, is_hidden: bool
) -> np.ndarray:
    """Return the number of each class by its labels; the last one is that of masked rows."""
    rows = zip(*(relabelling.labels[name] for name in claims.quasi_identifiers), strict=True)
    stars = (SUPPRESSED,) * len(claims.quasi_identifiers)
    return np.array([names.class_of(row, is_hidden=is_hidden) for row in (*rows, stars)], np.int64)


class _Index:
    """Finds the combinations of original rows that come in frames."""

    def __init__(self, relabelling: Relabelling) -> None:
        self.strips, self.kinds = relabelling.strip, relabelling.kinds
        self.places = [
            {comparable(text, self.kinds.get(name)): n for n, text in enumerate(texts)}
            for name, texts in relabelling.values.items()
        ]
        self.steps: list[tuple[int, np.ndarray]] = []
        carried = np.zeros(len(relabelling.classes), np.int64)
        for column, texts in zip(
            relabelling.combinations, relabelling.values.values(), strict=True
        ):
            keys = carried * len(texts) + column
            known = np.unique(keys)
            self.steps.append((len(texts), known))
            carried = np.searchsorted(known, keys)
        self.numbers = np.empty(len(carried), np.int64)
        self.numbers[carried] = np.arange(len(carried))

    def find(self, frame: pd.DataFrame, claims: Claims) -> np.ndarray:
        """Return the combination of each row, -1 where no claim is about it."""
        columns = [
            self._codes(frame[name], name, places)
            for name, places in zip(claims.quasi_identifiers, self.places, strict=True)
        ]
        numbers, first = distinct([column + 1 for column in columns])
        return self._find([column[first] for column in columns])[numbers]

    def _find(self, columns: Sequence[np.ndarray]) -> np.ndarray:
        carried = np.zeros(len(columns[0]), np.int64)
        is_known = np.full(len(carried), len(self.numbers) > 0)
        for (size, known), column in zip(self.steps, columns, strict=True):
            keys = np.where(is_known & (column >= 0), carried * size + column, -1)
            carried = np.minimum(np.searchsorted(known, keys), max(len(known) - 1, 0))
            is_known[is_known] = known[carried[is_known]] == keys[is_known]
        found = np.full(len(carried), -1, np.int64)
        found[is_known] = self.numbers[carried[is_known]]
        return found

    def _codes(self, cells: pd.Series, name: str, places: dict[str | None, int]) -> np.ndarray:
        codes, found = factorized(cells)
        texts = [comparable(value, self.kinds.get(name)) for value in found]
        if self.strips:
            texts = [text if text is None else text.strip() for text in texts]
        return np.array([places.get(text, -1) for text in (*texts, None)], np.int64)[codes]
