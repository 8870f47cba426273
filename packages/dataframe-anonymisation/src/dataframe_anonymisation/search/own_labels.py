"""Labels that are made of the values of a class, in place of those of a hierarchy.

A class of numbers is labelled with its range, ``[20, 29]``, both ends included, or with its mean
(microaggregation); a class of other values with their set, ``{a, b}``, in which backslashes stand
before commas, braces and backslashes. Ranges and sets tell less than the smallest label of a
hierarchy leaves open, and ranges tell exact extremes (AN-39).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from dataframe_anonymisation.search.solution import Solution, joined
from dataframe_anonymisation.values import canonical_number

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dataframe_anonymisation.hierarchies import Taxonomy
    from dataframe_anonymisation.table import Contingency

LabelStyle = Literal["hierarchy", "values", "mean"]
ESCAPED = str.maketrans({mark: f"\\{mark}" for mark in "\\,{}"})
DIGITS = 4  # of a mean


def with_own_labels(
    table: Contingency, solution: Solution, styles: Mapping[str, LabelStyle]
) -> tuple[Contingency, Solution]:
    """Return a table and its classes with labels of their values, for the columns with a style."""
    kept = np.flatnonzero(solution.groups >= 0)
    groups = solution.groups[kept]
    taxonomies, levels, nodes = [], [], []
    for taxonomy, codes, level, node in zip(
        table.taxonomies, table.codes, solution.levels, solution.nodes, strict=True
    ):
        style = styles.get(taxonomy.column, "hierarchy")
        if style != "hierarchy":
            taxonomy, level, node = _labelled(
                taxonomy, codes[kept], groups, table.counts[kept], solution.number, style
            )
        taxonomies.append(taxonomy)
        levels.append(level)
        nodes.append(node)
    labelled = replace(table, taxonomies=tuple(taxonomies))
    found = joined(labelled, solution.groups, levels, nodes, solution.algorithm)
    return labelled, replace(found, visited=solution.visited)


def _labelled(
    taxonomy: Taxonomy,
    codes: np.ndarray,
    groups: np.ndarray,
    counts: np.ndarray,
    number: int,
    style: LabelStyle,
) -> tuple[Taxonomy, np.ndarray, np.ndarray]:
    """Return a hierarchy with the labels of classes, and the level and node of each class."""
    pairs = np.unique(np.stack([groups.astype(np.int64), codes.astype(np.int64)]), axis=1)
    starts = np.searchsorted(pairs[0], np.arange(number + 1))
    means = _means(taxonomy, codes, groups, counts, number) if style == "mean" else None
    labels: dict[str, int] = {}
    leaves: list[np.ndarray] = []
    level = np.zeros(number, np.int64)
    node = np.zeros(number, np.int64)
    missing = taxonomy.index.get(None, -1)
    taken = {label for of_level in taxonomy.labels for label in of_level}
    for group in range(number):
        found = pairs[1][starts[group] : starts[group + 1]]
        text = _text(taxonomy, found) if means is None else means[group]
        if len(found) == 1 and (means is None or missing in found):
            node[group] = found[0]
        elif missing in found or (means is None and text in taken):  # AN-33
            level[group] = taxonomy.height
        else:
            place = labels.setdefault(text, len(labels))
            if place == len(leaves):
                leaves.append(found)
            else:
                leaves[place] = np.union1d(leaves[place], found)
            level[group], node[group] = taxonomy.height + 1, place
    return taxonomy.with_own_labels(tuple(labels), leaves), level, node


def _text(taxonomy: Taxonomy, leaves: Sequence[int]) -> str:
    if taxonomy.is_numeric:
        return f"[{taxonomy.leaves[leaves[0]]}, {taxonomy.leaves[leaves[-1]]}]"
    texts = (str(taxonomy.leaves[leaf]).translate(ESCAPED) for leaf in leaves)
    return f"{{{', '.join(texts)}}}"


def _means(
    taxonomy: Taxonomy, codes: np.ndarray, groups: np.ndarray, counts: np.ndarray, number: int
) -> list[str]:
    """Return the mean of the numbers of each class, over its rows."""
    if taxonomy.numbers is None:
        raise AssertionError("only columns of numbers have means")
    known = ~np.isnan(taxonomy.numbers[codes])
    weighted = np.bincount(
        groups[known], (counts * taxonomy.numbers[codes])[known], minlength=number
    )
    sizes = np.bincount(groups[known], counts[known], minlength=number)
    means = (weighted / np.maximum(sizes, 1)).tolist()
    return [canonical_number(repr(round(mean, DIGITS))) or repr(mean) for mean in means]
