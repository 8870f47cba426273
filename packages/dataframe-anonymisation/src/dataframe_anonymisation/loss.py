"""How much information a solution loses; 0 is the original table, 1 a fully suppressed one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dataframe_anonymisation.hierarchies import Taxonomy
    from dataframe_anonymisation.search.solution import Solution
    from dataframe_anonymisation.table import Contingency


def cell_losses(table: Contingency, solution: Solution, metric: str = "ncp") -> list[float]:
    """Return the mean loss of the cells of each quasi-identifier; a suppressed cell loses 1."""
    rows = max(table.rows, 1)
    kept = solution.groups >= 0
    weights = np.bincount(
        solution.groups[kept], weights=table.counts[kept], minlength=solution.number
    )
    suppressed = table.rows - int(table.counts[kept].sum())
    losses = []
    for taxonomy, levels, nodes in zip(
        table.taxonomies, solution.levels, solution.nodes, strict=True
    ):
        penalties = of_nodes(taxonomy, levels, nodes, metric)
        losses.append(float(np.dot(penalties, weights) + suppressed) / rows)
    return losses


def gcp(table: Contingency, solution: Solution, weights: Sequence[float] | None = None) -> float:
    """Return the global certainty penalty: the mean NCP of all cells (Ghinita et al. 2007)."""
    losses = cell_losses(table, solution)
    return float(np.average(losses, weights=weights)) if losses else 0.0


def of_nodes(
    taxonomy: Taxonomy, levels: np.ndarray, nodes: np.ndarray, metric: str = "ncp"
) -> np.ndarray:
    """Return the loss of nodes at levels."""
    flat = taxonomy.flat_ncp if metric == "ncp" else np.concatenate(taxonomy.lm)
    return flat[taxonomy.starts[levels] + nodes]


def discernibility(table: Contingency, solution: Solution) -> int:
    """Return Σ f² over published classes, and N for each suppressed row (Bayardo, Agrawal 2005)."""
    kept = solution.groups >= 0
    sizes = np.bincount(solution.groups[kept], weights=table.counts[kept])
    suppressed = table.rows - int(table.counts[kept].sum())
    return int((sizes**2).sum()) + suppressed * table.rows


def average_class_size(table: Contingency, solution: Solution, k: int) -> float:
    """Return C_avg: published rows per class and k (LeFevre et al. 2006)."""
    published = int(table.counts[solution.groups >= 0].sum())
    return published / solution.number / k if solution.number else 0.0


def non_uniform_entropy(table: Contingency, solution: Solution) -> list[float]:
    """Return the information lost in each quasi-identifier as a share of what it held.

    By de Waal and Willenborg 1999 and Gionis and Tassa 2009: a cell loses -log2 of its value's
    share in what its label covers.
    """
    kept = solution.groups >= 0
    counts = table.counts.astype(float)
    lost = []
    for column, taxonomy in enumerate(table.taxonomies):
        codes = table.codes[column]
        frequency = np.bincount(codes, weights=counts, minlength=len(taxonomy.leaves))
        held = -counts * np.log2(frequency[codes] / frequency.sum())
        found = held.copy()  # what is suppressed loses all
        places = taxonomy.starts[solution.levels[column]] + solution.nodes[column]
        covered = taxonomy.below(frequency)[places][solution.groups[kept]]
        found[kept] = -counts[kept] * np.log2(frequency[codes[kept]] / covered)
        lost.append(float(found.sum() / held.sum()) if held.sum() > 0 else 0.0)
    return lost
