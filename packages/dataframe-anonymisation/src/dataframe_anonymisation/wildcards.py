"""Risk where a reader takes ``*`` for any value, and not for a value of its own (AN-14).

The guarantees of the models count ``*`` as a value of its own. Whoever reads it as any value finds
more rows that somebody's may be, never fewer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from dataframe_anonymisation.search.solution import Solution
    from dataframe_anonymisation.table import Contingency

CHUNK = 64  # classes that are compared with all others at once
MAX_CELLS = 1 << 27  # that are compared, in all chunks


def wildcard_risk(table: Contingency, solution: Solution, masked: int = 0) -> float:
    """Return the highest risk of a row whose ``*``, and that of others, may be any value.

    It is exact, or, where so many classes would have to be compared, what it is at most.

    Args:
        table: the original table.
        solution: its classes.
        masked: how many rows are published as ``*`` in all columns.
    """
    sizes = solution.classes(table).sizes
    if not len(sizes):
        return 0.0
    labels = [np.stack(pair) for pair in zip(solution.levels, solution.nodes, strict=True)]
    stars = [
        level == taxonomy.height
        for level, taxonomy in zip(solution.levels, table.taxonomies, strict=True)
    ]
    order = np.argsort(sizes, kind="stable")
    smallest, compared = int(sizes.sum()), 0
    for start in range(0, len(order), CHUNK):
        some = order[start : start + CHUNK]
        least = int(sizes[some[0]])
        if smallest <= least or compared > MAX_CELLS:
            smallest = min(smallest, least)
            break
        alike = np.ones((len(some), len(sizes)), bool)
        for (level, node), is_star in zip(labels, stars, strict=True):
            is_same = (level[some, None] == level) & (node[some, None] == node)
            alike &= is_same | is_star[some, None] | is_star
        smallest = min(smallest, int(np.where(alike, sizes, 0).sum(axis=1).min()))
        compared += alike.size * len(labels)
    return 1 / (smallest + masked)
