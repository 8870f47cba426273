"""What two releases of the same data tell together that neither tells alone.

Somebody who has both knows of a person the class in the one and the class in the other. Where a
column of pseudonyms ties the rows of a person together, the *joined classes* are the persons who
share both; those who are in one release alone, or with another number of rows, are classes of their
own. k-anonymity and l-diversity are asked of
these (Wang and Fung, "Anonymizing sequential releases", KDD 2006; the complementary release and
temporal attacks of Sweeney, "k-anonymity: a model for protecting privacy", 2002, section 4).

Without such a column nobody can be followed, and classes meet by what their labels stand for. Then
two classes must be apart, or one within the other: where they overlap, the part in common has an
unknown size. Of a class and what the other release has within it, the rows that one has and the
other has not are none, or k and more (the difference and intersection of Byun, Sohn, Bertino and
Li, "Secure anonymization for incremental datasets", SDM 2006).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from dataframe_anonymisation.verify.counting import distinct, factorized
from dataframe_anonymisation.verify.regions import Region
from dataframe_anonymisation.verify.texts import comparable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

NOTHING_SHARED: Mapping[str, str] = MappingProxyType({})
ABSENT = -1
PAIRS_AT_ONCE = 1 << 24  # of classes, whose relation takes a byte each
EQUAL, COVERS, WITHIN, OVERLAP, APART = range(5)
CODES = {"equal": EQUAL, "covers": COVERS, "within": WITHIN, "overlap": OVERLAP, "apart": APART}


@dataclass(slots=True)
class Texts:
    """The numbers of the texts of each column, shared by the tables that are compared."""

    known: dict[str, dict[str | None, int]] = field(default_factory=dict)

    def codes(self, cells: pd.Series, name: str) -> np.ndarray:
        """Return the number of the text of each cell."""
        known = self.known.setdefault(name, {None: 0})
        codes, found = factorized(cells)
        numbers = [known.setdefault(comparable(value), len(known)) for value in found]
        return np.array([*numbers, 0], np.int64)[codes]


@dataclass(frozen=True, slots=True)
class Table:
    """A released table: the numbers of the texts of its columns."""

    quasi_identifiers: Sequence[str]
    sensitive: Sequence[str]
    pseudonyms: Sequence[str]
    codes: dict[str, np.ndarray]
    rows: int

    @classmethod
    def of(
        cls,
        frames: Iterable[pd.DataFrame],
        texts: Texts,
        quasi_identifiers: Sequence[str],
        sensitive: Sequence[str],
        pseudonyms: Sequence[str],
        shared: Mapping[str, str] = NOTHING_SHARED,
    ) -> Table:
        """Return the table in some frames.

        Args:
            frames: its rows.
            texts: the numbers of texts.
            quasi_identifiers: the columns that make classes.
            sensitive: the columns of sensitive values.
            pseudonyms: the columns that say whose rows these are.
            shared: columns whose texts have the numbers of another column's.
        """
        names = list(dict.fromkeys([*quasi_identifiers, *sensitive, *pseudonyms]))
        parts: dict[str, list[np.ndarray]] = {name: [] for name in names}
        rows = 0
        for frame in frames:
            rows += len(frame)
            for name in names:
                parts[name].append(texts.codes(frame[name], shared.get(name, name)))
        none = [np.zeros(0, np.int64)]
        codes = {name: np.concatenate(found or none) for name, found in parts.items()}
        return cls(quasi_identifiers, sensitive, pseudonyms, codes, rows)

    def only(self, chosen: np.ndarray) -> Table:
        """Return the table of some rows."""
        codes = {name: of_column[chosen] for name, of_column in self.codes.items()}
        return replace(self, codes=codes, rows=int(chosen.sum()))

    def classes(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the class of each row, and a row of each class."""
        if not (self.quasi_identifiers and self.rows):
            return np.zeros(self.rows, np.int64), np.zeros(min(self.rows, 1), np.int64)
        return distinct([self.codes[name] for name in self.quasi_identifiers])


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found of two releases together.

    Attributes:
        tied_by: the column of pseudonyms that ties rows together, None where none does.
        groups: how many groups of persons or rows the two releases make together.
        small: how many of them have fewer than k.
        smallest: how many the smallest has; None where there is none.
        uniform: how many joined classes have fewer than l values of a sensitive column.
        overlapping: how many pairs of classes overlap.
    """

    tied_by: str | None
    groups: int
    small: int
    smallest: int | None
    uniform: int = 0
    overlapping: int = 0

    @property
    def holds(self) -> bool:
        """Whether nothing fails."""
        return not (self.small or self.uniform or self.overlapping)


def compare(now: Table, before: Table, texts: Texts, k: int, l: int | None = None) -> list[Finding]:  # noqa: E741 - the name of the model
    """Return what two releases tell together, for each column of pseudonyms that ties them.

    Where none does, what their classes tell is returned; nothing if these are of different columns.
    """
    tied = tied_columns(now, before)
    if not tied:
        return _untied(now, before, texts, k)
    found = [_joined(now, before, name, k, l) for name in tied]
    for name in tied:  # rows of nobody known are tied by nothing
        ours, theirs = (table.only(table.codes[name] == 0) for table in (now, before))
        if ours.rows or theirs.rows:
            rest = _untied(ours, theirs, texts, k)
            found = [*found, *rest] if rest else []
    return found


def tied_columns(now: Table, before: Table) -> list[str]:
    """Return the columns of pseudonyms by which somebody is known in both releases."""
    shared = [name for name in now.pseudonyms if name in before.pseudonyms]
    return [name for name in shared if _have_common(now.codes[name], before.codes[name])]


def same_rows(one: Table, other: Table) -> bool:
    """Return whether two tables hold the same rows, in whatever order."""
    names = sorted({*one.quasi_identifiers, *one.sensitive})
    if one.rows != other.rows or names != sorted({*other.quasi_identifiers, *other.sensitive}):
        return False
    if not names:
        return True
    first, second = (
        np.array([table.codes[name] for name in names])[
            :, np.lexsort([table.codes[name] for name in reversed(names)])
        ]
        for table in (one, other)
    )
    return bool((first == second).all())


def _untied(now: Table, before: Table, texts: Texts, k: int) -> list[Finding]:
    if set(now.quasi_identifiers) != set(before.quasi_identifiers):
        return []
    if same_rows(now, before):  # in another order or format, of which nothing is learned
        return [Finding(None, 0, 0, None)]
    return [_nested(now, before, texts, k)]


def _have_common(one: np.ndarray, other: np.ndarray) -> bool:
    return bool((np.intersect1d(one, other) > 0).any())  # 0 is missing


def _joined(now: Table, before: Table, person: str, k: int, l: int | None) -> Finding:  # noqa: E741 - as above
    """Return what joined classes there are of persons."""
    ours, theirs = class_members(now, person, "now"), class_members(before, person, "before")
    both = rows_of(ours, "now").merge(
        rows_of(theirs, "before"), on="person", how="outer", suffixes=(" now", " before")
    )
    both = both.fillna(ABSENT).astype(np.int64)
    both["is changed"] = both["rows now"] != both["rows before"]
    sizes = both.groupby(["now", "before", "is changed"]).size()
    uniform: set[tuple[int, int]] = set()
    for rows, side, table in ((ours, "now", now), (theirs, "before", before)):
        for name in table.sensitive if l else ():
            uniform |= _uniform(both, rows, side, name, l or 1)
    return Finding(
        person,
        len(sizes),
        int((sizes < k).sum()),
        int(sizes.min()) if len(sizes) else None,
        uniform=len(uniform),
    )


def class_members(table: Table, person: str, side: str) -> pd.DataFrame:
    """Return whose rows are in which class; rows of nobody known are left out."""
    classes, _ = table.classes()
    frame = pd.DataFrame({"person": table.codes[person], side: classes})
    for name in table.sensitive:
        frame[f"value {name}"] = table.codes[name]
    return frame[frame["person"] > 0]


def rows_of(members: pd.DataFrame, side: str) -> pd.DataFrame:
    """Return how many rows each person has in each class."""
    sizes = members.groupby(["person", side]).size()
    return sizes.rename("rows").reset_index()


def _uniform(
    both: pd.DataFrame, rows: pd.DataFrame, side: str, name: str, least: int
) -> set[tuple[int, int]]:
    """Return the joined classes in which one release shows too few values of a column."""
    value = f"value {name}"
    found = both.merge(rows[["person", side, value]].drop_duplicates(), on=["person", side])
    counts = found.groupby(["now", "before"])[value].nunique()
    return set(counts[counts < least].index)


def _nested(now: Table, before: Table, texts: Texts, k: int) -> Finding:
    """Return how classes of two releases lie to one another, and how their rows differ."""
    names = list(now.quasi_identifiers)
    before = replace(before, quasi_identifiers=names)
    values = [name for name in now.sensitive if name in before.sensitive]
    ours, theirs = Counted.of(now, values), Counted.of(before, values)
    overlapping = 0
    inside = [np.zeros((2, 0), np.int64)]
    around = [np.zeros((2, 0), np.int64)]
    for first, relations in class_relations(now, before, texts, names):
        overlapping += int((relations == OVERLAP).sum())
        for code, pairs in ((COVERS, inside), (WITHIN, around)):
            own, other = np.nonzero((relations == code) | (relations == EQUAL))
            pairs.append(np.array([own + first, other]))
    differences = [
        *_differences(ours, theirs, np.concatenate(inside, axis=1)),
        *_differences(theirs, ours, np.concatenate(around, axis=1)[::-1]),
    ]
    sizes = np.array([size for size in differences if size], np.int64)
    return Finding(
        None,
        len(sizes),
        int((sizes < k).sum()),
        int(sizes.min()) if len(sizes) else None,
        overlapping=overlapping,
    )


@dataclass(frozen=True, slots=True)
class Counted:
    """How many rows of each class of a release have which values."""

    classes: int
    rows: pd.DataFrame  # class, values, count

    @classmethod
    def of(cls, table: Table, values: Sequence[str]) -> Counted:
        """Count the rows of a table by class and by its values of some columns."""
        classes, first = table.classes()
        frame = pd.DataFrame({"class": classes})
        for number, name in enumerate(values):
            frame[f"value {number}"] = table.codes[name]
        counted = frame.groupby(list(frame.columns)).size().rename("count").reset_index()
        return cls(len(first), counted)


def _differences(of: Counted, others: Counted, pairs: np.ndarray) -> list[int]:
    """Return, of each class and what others have within it, how many rows only one side has."""
    values = [name for name in of.rows.columns if name.startswith("value ")]
    covered = pd.DataFrame({"outer": pairs[0], "class": pairs[1]})
    within = covered.merge(others.rows, on="class").groupby(["outer", *values])["count"].sum()
    own = of.rows.rename(columns={"class": "outer"}).set_index(["outer", *values])["count"]
    balance = pd.concat([own, -within]).groupby(level="outer" if not values else ["outer", *values])
    difference = balance.sum().rename("count").reset_index()
    more = difference[difference["count"] > 0].groupby("outer")["count"].sum()
    less = -difference[difference["count"] < 0].groupby("outer")["count"].sum()
    return [*map(int, more), *map(int, less)]


def class_relations(
    now: Table, before: Table, texts: Texts, names: Sequence[str]
) -> Iterable[tuple[int, np.ndarray]]:
    """Yield the relations of some classes to all of the other release, and the first of them."""
    _, ours = now.classes()
    _, theirs = before.classes()
    tables = {
        name: _relations_of_labels(now.codes[name], before.codes[name], texts.known[name])
        for name in names
    }
    step = max(1, PAIRS_AT_ONCE // max(1, len(theirs)))
    for first in range(0, len(ours), step):
        some = ours[first : first + step]
        result = np.full((len(some), len(theirs)), EQUAL, np.int8)
        for name, (rows, columns, table) in tables.items():
            mine = np.searchsorted(rows, now.codes[name][some])
            other = np.searchsorted(columns, before.codes[name][theirs])
            result = _combined(result, table[np.ix_(mine, other)])
        yield first, result


def _relations_of_labels(
    ours: np.ndarray, theirs: np.ndarray, known: dict[str | None, int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the relation of each label of a release to each of the other, and both."""
    rows, columns = np.unique(ours), np.unique(theirs)
    labels = list(known)
    first = [Region.of(labels[code]) for code in rows]
    second = [Region.of(labels[code]) for code in columns]
    together = [frozenset(one.label for one in side) for side in (first, second)]
    table = np.array(
        [[CODES[one.relation(other, together)] for other in second] for one in first], np.int8
    )
    return rows, columns, table.reshape(len(rows), len(columns))


def _combined(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return the relation of combinations of labels, by that of what went before and one more."""
    result = np.full(one.shape, OVERLAP, np.int8)
    result[one == EQUAL] = other[one == EQUAL]
    kept = (other == EQUAL) | (other == one)
    result[kept & (one != EQUAL)] = one[kept & (one != EQUAL)]
    result[(one == APART) | (other == APART)] = APART
    return result
