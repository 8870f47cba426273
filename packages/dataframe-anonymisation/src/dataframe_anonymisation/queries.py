"""How well counts are answered from a published table: the error of random count queries."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from dataframe_anonymisation.search.solution import Solution
    from dataframe_anonymisation.table import Contingency

QUERIES = 200
SELECTED_SHARE = 0.3
SMALLEST_SHARE = 0.001  # errors are relative to at least this share of the rows
SEED = 20
MOST_LOOKED_AT = 40_000_000  # tuples and classes over all queries, else there are fewer queries
FEWEST = 25


def query_error(
    table: Contingency, solution: Solution, *, queries: int = QUERIES, seed: int = SEED
) -> float:
    """Return the median relative error of count queries on two or three quasi-identifiers.

    Each query selects 30 % of the values that occur in each column, a contiguous run of numbers. It
    is answered as a reader would who takes the rows of a label for spread evenly over its values.
    """
    if not table.width or not table.rows:
        return 0.0
    random = np.random.default_rng(seed)
    queries = max(FEWEST, min(queries, MOST_LOOKED_AT // (len(table) + solution.number)))
    kept = solution.groups >= 0
    sizes = np.bincount(
        solution.groups[kept], weights=table.counts[kept], minlength=solution.number
    )
    present = [
        np.bincount(codes, minlength=len(taxonomy.leaves)) > 0
        for codes, taxonomy in zip(table.codes, table.taxonomies, strict=True)
    ]
    places = [
        taxonomy.starts[levels] + nodes
        for taxonomy, levels, nodes in zip(
            table.taxonomies, solution.levels, solution.nodes, strict=True
        )
    ]
    errors = []
    for _ in range(queries):
        width = min(int(random.integers(2, 4)), table.width)
        columns = random.choice(table.width, width, replace=False)
        tuples: np.ndarray | slice = slice(None)  # those that the columns so far leave
        classes: np.ndarray | slice = slice(None)
        share = sizes
        for column in columns:
            taxonomy = table.taxonomies[column]
            chosen = _chosen(random, present[column], is_run=taxonomy.is_numeric)
            tuples = _where(chosen[table.codes[column][tuples]], tuples)
            selected, covered = taxonomy.below(chosen), taxonomy.below(present[column])
            share = share * (selected / np.maximum(covered, 1))[places[column][classes]]
            left = share > 0
            share, classes = share[left], _where(left, classes)
        count = float(table.counts[tuples].sum())
        error = abs(float(share.sum()) - count) / max(count, SMALLEST_SHARE * table.rows)
        errors.append(error)
    return float(np.median(errors))


def _where(left: np.ndarray, places: np.ndarray | slice) -> np.ndarray:
    """Return which of some places are left."""
    return np.flatnonzero(left) if isinstance(places, slice) else places[left]


def _chosen(random: np.random.Generator, present: np.ndarray, *, is_run: bool) -> np.ndarray:
    places = np.flatnonzero(present)
    wanted = max(1, round(SELECTED_SHARE * len(places)))
    chosen = np.zeros(len(present), bool)
    if is_run:
        start = int(random.integers(0, len(places) - wanted + 1))
        chosen[places[start : start + wanted]] = True
    else:
        chosen[random.choice(places, wanted, replace=False)] = True
    return chosen
