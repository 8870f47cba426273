"""The classes of persons in tables that are released together and can be joined.

Somebody may know of a person what the main table says and one row of a further table, or all rows
of all further tables. The first makes the classes of the joined view, in which persons count and
not rows; the second makes persons alike who have equal rows in every table: multirelational
k-anonymity (Nergiz, Clifton and Nergiz, "Multirelational k-anonymity", IEEE TKDE 21(8), 2009).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dataframe_anonymisation.verify.together import Table

ABSENT = -1
MAIN, FURTHER, PERSON = " class", " further class", " person"  # begin as no column does
VALUE = " value of"


@dataclass(frozen=True, slots=True)
class JoinedTable:
    """A further table, and the columns in which it refers to the main one."""

    table: Table
    references: Mapping[str, str]  # its own: that of the main table


@dataclass(frozen=True, slots=True)
class JoinedClasses:
    """What was found of classes of persons.

    Attributes:
        classes: how many there are.
        small: how many of them have fewer than k persons.
        smallest: how many persons the smallest has; None where there is none.
        uniform: how many show fewer than l values of a sensitive column.
    """

    classes: int
    small: int
    smallest: int | None
    uniform: int = 0

    @property
    def holds(self) -> bool:
        """Whether there is a class, and none fails."""
        return bool(self.classes) and not self.small and not self.uniform


def joined_classes(main: Table, further: JoinedTable, k: int, least: int | None) -> JoinedClasses:
    """Return the classes of the view that joins a further table to the main one.

    Persons who have no row there are in classes too.

    Args:
        main: the main table.
        further: the further one.
        k: how many persons each class has at least.
        least: how many values of each sensitive column it shows at least; None for any.
    """
    keys = list(further.references.values())
    ours = _frame(main, keys, MAIN)
    theirs = _frame(further.table, list(further.references), FURTHER)
    theirs = theirs.rename(columns=further.references)
    view = ours.merge(theirs, on=keys, how="left")
    view[FURTHER] = view[FURTHER].fillna(ABSENT).astype(np.int64)
    view[PERSON] = view.groupby(keys).ngroup()
    persons = view.groupby([MAIN, FURTHER])[PERSON].nunique()
    uniform = np.zeros(len(persons), bool)
    values = [name for name in view.columns if name.startswith(VALUE)] if least else []
    for name in values:  # of persons without a row there is none
        present = view.dropna(subset=[name]).groupby([MAIN, FURTHER])[name].nunique()
        uniform |= (present.reindex(persons.index) < (least or 1)).to_numpy()
    return _judged(persons, k, int(uniform.sum()))


def whole_persons(main: Table, further: Sequence[JoinedTable], k: int) -> JoinedClasses:
    """Return the classes of persons who are alike in all rows of all tables.

    Args:
        main: the main table.
        further: the others; all refer to the columns of the main one that say whose rows these are.
        k: how many persons each class has at least.
    """
    keys = list(main.pseudonyms)
    ours = _frame(main, keys, MAIN)
    persons = ours.groupby(keys)[MAIN].agg(_all_of).to_frame()
    for number, one in enumerate(further):
        own = _frame(one.table, list(one.references), FURTHER).rename(columns=one.references)
        names = list(one.references.values())
        rows = own.groupby(names)[FURTHER].agg(_all_of)
        persons = persons.join(rows.rename(f"{FURTHER} {number}"), on=names)
    alike = persons.groupby(list(persons.columns), dropna=False).size()
    return _judged(alike, k)


def _judged(persons: pd.Series, k: int, uniform: int = 0) -> JoinedClasses:
    smallest = int(persons.min()) if len(persons) else None
    return JoinedClasses(len(persons), int((persons < k).sum()), smallest, uniform)


def _frame(table: Table, keys: Sequence[str], name: str) -> pd.DataFrame:
    classes, _ = table.classes()
    frame = pd.DataFrame({key: table.codes[key] for key in keys} | {name: classes})
    for column in table.sensitive:
        frame[f"{VALUE}{name} {column}"] = table.codes[column]
    return frame


def _all_of(classes: Any) -> Any:
    """Return the classes of all rows of a person, whatever the order of these."""
    return tuple(sorted(classes))
