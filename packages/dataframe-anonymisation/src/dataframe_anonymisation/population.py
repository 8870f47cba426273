"""The rows of a population that have the quasi-identifiers of a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dataframe_anonymisation.models.k_anonymity import POPULATION
from dataframe_anonymisation.table import Attribute, Contingency
from dataframe_anonymisation.table.keys import dense, fold

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dataframe_anonymisation.preparing import Encoded


def count_population(
    table: Contingency, columns: Mapping[str, Encoded], counts: np.ndarray
) -> Attribute:
    """Return how many rows of a population each tuple of a table has.

    Args:
        table: the contingency table of the data.
        columns: the quasi-identifiers of the population.
        counts: how many rows each row of them stands for.
    """
    codes = []
    for taxonomy in table.taxonomies:
        column = columns[taxonomy.column]
        places = np.array([taxonomy.index.get(value, -1) for value in column.values], np.int64)
        codes.append(places[column.codes])
    is_known = np.logical_and.reduce([column >= 0 for column in codes])
    stacked = [
        np.concatenate([mine, theirs[is_known]])
        for mine, theirs in zip(table.codes, codes, strict=True)
    ]
    numbers, _ = dense(*fold(stacked, [len(taxonomy.leaves) for taxonomy in table.taxonomies]))
    tuples = np.full(int(numbers.max(initial=0)) + 1, -1, np.int64)
    tuples[numbers[: len(table)]] = np.arange(len(table))
    theirs = tuples[numbers[len(table) :]]
    kept = theirs >= 0
    found = np.bincount(theirs[kept], counts[is_known][kept], minlength=len(table))
    used = np.flatnonzero(found)
    total = np.array([int(counts.sum())], np.int64)
    return Attribute(
        POPULATION, ("",), used, np.zeros(len(used), np.int64), found[used].astype(np.int64), total
    )
