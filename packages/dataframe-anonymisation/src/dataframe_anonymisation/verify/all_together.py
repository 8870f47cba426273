"""What all releases of the same data tell together, where each two of them may tell little enough.

Whoever has more than two releases knows of a person the class in each of them, so the joined
classes of `together` are taken over all (Wang and Fung 2006 speak of two; Ganta et al.,
"Composition attacks and auxiliary information in data privacy", KDD 2008, of any number). Of them
count those that the new release makes: that it holds persons of, or takes persons out of. The
others were judged when the earlier ones were let out.

Without pseudonyms a class may have within it classes of several other releases, which are apart.
The rows that all of these leave of it are none, or k and more: of eleven rows, two releases may
have five each, so that one row is known that no two releases tell.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import permutations
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from dataframe_anonymisation.verify.together import (
    ABSENT,
    COVERS,
    EQUAL,
    OVERLAP,
    Counted,
    Finding,
    class_members,
    class_relations,
    rows_of,
    same_rows,
    tied_columns,
)
from util_services.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dataframe_anonymisation.verify.together import Table, Texts

MOST_PATHS = 10_000_000  # of persons through the classes of releases; more only for more persons
NEW = 0  # the place of the new release among all


class TooManyPathsError(DatasetError):
    """Raised where persons have rows in so many classes that joining them takes all the memory.

    Args:
        paths: how many ways there are through the classes of all releases.
    """

    def __init__(self, paths: float) -> None:
        super().__init__(paths)
        self.paths = paths

    def __str__(self) -> str:
        """Return the sentence."""
        return (
            f"the persons have rows in so many classes of so many releases that {self.paths:.1e} "
            f"ways through them were to be counted and {MOST_PATHS:.0e} can be; release fewer rows "
            "of each person, or have the policy signed with 'criterion: none'."
        )


def compare_all(
    now: Table,
    before: Sequence[Table],
    texts: Texts,
    k: int,
    l: int | None = None,  # noqa: E741 - the name of the model
) -> list[Finding]:
    """Return what a release and two earlier ones or more tell together.

    Each column of pseudonyms that ties two of the earlier ones to the new one makes a finding, and
    so do those that nothing ties to it.

    Raises:
        TooManyPathsError: if there is no room to count what is joined.
    """
    ties = [tied_columns(now, one) for one in before]
    found = []
    for name in now.pseudonyms:
        tied = [one for one, names in zip(before, ties, strict=True) if name in names]
        if len(tied) > 1:
            found.append(joined([now, *tied], name, k, l))
    different = [now]
    for one, names in zip(before, ties, strict=True):
        is_like = set(one.quasi_identifiers) == set(now.quasi_identifiers)
        if not names and is_like and not any(same_rows(one, other) for other in different):
            different.append(one)
    if len(different) > 2:
        found.append(nested(different, texts, k))
    return found


def joined(
    tables: Sequence[Table],
    person: str,
    k: int,
    l: int | None = None,  # noqa: E741 - as above
) -> Finding:
    """Return what joined classes there are of persons in all tables, the first of which is new."""
    sides = [f"class {number}" for number in range(len(tables))]
    found = [class_members(table, person, side) for table, side in zip(tables, sides, strict=True)]
    paths = _paths([rows_of(one, side) for one, side in zip(found, sides, strict=True)], sides)
    paths["is new"] = paths[sides[NEW]] != ABSENT
    sizes = paths.groupby([*sides, "equal"]).agg(
        size=("person", "size"), is_new=("is new", "first"), before=("size before", "first")
    )
    is_made = sizes["is_new"] | (sizes["size"] < sizes["before"])
    made = sizes["size"][is_made]
    uniform: set[tuple[int, ...]] = set()
    if l:
        ways = made.reset_index()[sides].drop_duplicates()
        judged = paths[["person", *sides]].merge(ways, on=sides)
        for rows, side, table in zip(found, sides, tables, strict=True):
            for name in table.sensitive:
                uniform |= _uniform(judged, rows, sides, side, f"value {name}", l)
    return Finding(
        person,
        len(made),
        int((made < k).sum()),
        int(made.min()) if len(made) else None,
        uniform=len(uniform),
    )


def _paths(found: Sequence[pd.DataFrame], sides: Sequence[str]) -> pd.DataFrame:
    """Return each way of each person through the classes of all releases.

    Beside the classes stand, as ``equal``, which releases have as many rows of the person there as
    others, and as ``size before`` how many ways are alike but for the first release.
    """
    counts = [one.groupby("person").size() for one in found]
    of_each = pd.concat(counts, axis=1).fillna(1).prod(axis=1)
    if of_each.sum() > max(MOST_PATHS, len(of_each)):
        raise TooManyPathsError(float(of_each.sum()))
    both = found[0].rename(columns={"rows": "rows 0"})
    for number, one in enumerate(found[1:], start=1):
        named = one.rename(columns={"rows": f"rows {number}"})
        both = both.merge(named, on="person", how="outer")
    both = both.fillna(ABSENT).astype(np.int64)
    rows = both[[f"rows {number}" for number in range(len(found))]].to_numpy()
    both["equal"] = _alike(rows)
    both["equal before"] = _alike(rows[:, 1:])
    before = both.groupby([*sides[1:], "equal before"])["person"]
    both["size before"] = before.transform("size")
    return both


def _alike(rows: np.ndarray) -> np.ndarray:
    """Return a number for each pattern of equal numbers in a row of numbers."""
    pattern = np.zeros(len(rows), np.int64)
    for column in range(1, rows.shape[1]):
        first = (rows[:, : column + 1] == rows[:, [column]]).argmax(axis=1)
        pattern = pd.factorize(pattern * (column + 1) + first)[0]
    return pattern


def _uniform(
    paths: pd.DataFrame,
    rows: pd.DataFrame,
    sides: Sequence[str],
    side: str,
    value: str,
    least: int,
) -> set[tuple[int, ...]]:
    """Return the joined classes in which one release shows too few values of a column."""
    found = paths.merge(rows[["person", side, value]].drop_duplicates(), on=["person", side])
    counts = found.groupby(list(sides))[value].nunique()
    return set(counts[counts < least].index)


@dataclass(frozen=True, slots=True)
class _Classes:
    """The classes of all releases, each with a number of its own, and which holds which.

    Attributes:
        release: of which release each class is.
        rows: how many rows each class has of which values.
        within: pairs of a class and one of another release within it, or as large, which is told.
        overlapping: how many pairs of classes of two earlier releases or the new one overlap.
    """

    release: np.ndarray
    rows: pd.DataFrame
    within: pd.DataFrame
    overlapping: int

    @classmethod
    def of(cls, tables: Sequence[Table], texts: Texts) -> _Classes:
        names = list(tables[NEW].quasi_identifiers)
        tables = [replace(table, quasi_identifiers=names) for table in tables]
        values = [
            name for name in tables[NEW].sensitive if all(name in one.sensitive for one in tables)
        ]
        counted = [Counted.of(table, values) for table in tables]
        first = np.cumsum([0, *(one.classes for one in counted)])
        rows = [
            one.rows.assign(**{"class": one.rows["class"] + start})
            for one, start in zip(counted, first, strict=False)
        ]
        pairs = [np.zeros((3, 0), np.int64)]
        overlapping = 0
        for outer, inner in permutations(range(len(tables)), 2):
            for offset, some in class_relations(tables[outer], tables[inner], texts, names):
                overlapping += int((some == OVERLAP).sum()) if outer < inner else 0
                own, other = np.nonzero((some == COVERS) | (some == EQUAL))
                is_equal = (some[own, other] == EQUAL).astype(np.int64)
                pairs.append(
                    np.array([own + offset + first[outer], other + first[inner], is_equal])
                )
        columns = np.concatenate(pairs, axis=1)
        within = pd.DataFrame(dict(zip(("outer", "inner", "is equal"), columns, strict=True)))
        release = np.repeat(np.arange(len(tables)), [one.classes for one in counted])
        return cls(release, pd.concat(rows), within, overlapping)


def nested(tables: Sequence[Table], texts: Texts, k: int) -> Finding:
    """Return what classes of several releases leave of the class that they are all within."""
    classes = _Classes.of(tables, texts)
    sizes = [
        size
        for is_new_preferred in (True, False)  # of classes that are equal, which one is taken away
        for size in _remainders(classes, is_new_preferred=is_new_preferred)
    ]
    left = np.array([size for size in sizes if size], np.int64)
    return Finding(
        None,
        len(left),
        int((left < k).sum()),
        int(left.min()) if len(left) else None,
        overlapping=classes.overlapping,
    )


def _remainders(classes: _Classes, *, is_new_preferred: bool) -> list[int]:
    """Return of each class, less the largest ones within it, the rows that only one side has."""
    within = classes.within
    strict = within[within["is equal"] == 0][["outer", "inner"]]
    is_first = within["outer"] < within["inner"]
    hides = within[(within["is equal"] == 0) | (is_first == is_new_preferred)]
    hidden = strict.merge(
        hides[["outer", "inner"]].rename(columns={"outer": "inner", "inner": "hidden"}), on="inner"
    )
    hidden = hidden[["outer", "hidden"]].drop_duplicates().rename(columns={"hidden": "inner"})
    largest = strict.merge(hidden, how="left", indicator=True)
    largest = largest[largest["_merge"] == "left_only"][["outer", "inner"]]
    release = classes.release[largest["inner"].to_numpy()]
    told = largest.assign(release=release).groupby("outer")["release"].agg(["nunique", "min"])
    has_new = (told["min"] == NEW) | (classes.release[told.index.to_numpy()] == NEW)
    chosen = told.index[(told["nunique"] > 1) & has_new]
    largest = largest[largest["outer"].isin(chosen)]

    values = [name for name in classes.rows.columns if name.startswith("value ")]
    inner = classes.rows.rename(columns={"class": "inner", "count": "taken"})
    taken = largest.merge(inner, on="inner").groupby(["outer", *values])["taken"].sum()
    own = classes.rows[classes.rows["class"].isin(chosen)].rename(columns={"class": "outer"})
    balance = pd.concat([own.set_index(["outer", *values])["count"], -taken])
    left = balance.groupby(level=["outer", *values]).sum().rename("count").reset_index()
    more = left[left["count"] > 0].groupby("outer")["count"].sum()
    less = -left[left["count"] < 0].groupby("outer")["count"].sum()
    return [*map(int, more), *map(int, less)]
