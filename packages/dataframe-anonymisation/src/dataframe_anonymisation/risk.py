"""Risks of re-identification by sizes of classes (El Emam 2013; Dankar and El Emam 2010)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dataframe_anonymisation.small_counts import is_small, told

if TYPE_CHECKING:
    from dataframe_anonymisation.table import Contingency

RISK_THRESHOLD = 0.2  # a row in a class of fewer than five
SIZE_BINS = (1, 2, 3, 5, 10, 20, 50, 100, 1000)


@dataclass(frozen=True, slots=True)
class Risk:
    """Risks of a table; without a population, classes count as large as they are in the table.

    By El Emam 2013, and Dankar and El Emam 2010.

    Attributes:
        rows: rows, or persons where an entity is named; whoever is in several classes counts in
            each.
        classes: how many classes they make.
        smallest: the size of the smallest class.
        uniques: rows that are alone in their class.
        prosecutor_highest: the risk of the rows in the smallest class.
        prosecutor_average: the mean risk of a row that is known to be in the table.
        journalist_highest: the risk of a row of the class with the fewest rows of the population.
        journalist_average: the mean risk of a row that may be anybody's of the population.
        marketer: the share of rows that linking with the population gets right on average.
        at_risk_share: the share of rows with a risk above ``threshold``.
        threshold: that risk.
    """

    rows: int
    classes: int
    smallest: int
    uniques: int
    prosecutor_highest: float
    prosecutor_average: float
    journalist_highest: float
    journalist_average: float
    marketer: float
    at_risk_share: float
    threshold: float
    sizes: dict[str, int]  # rows by the size of their class

    def to_dict(self) -> dict[str, Any]:
        """Return the risks as plain data."""
        return asdict(self)

    def to_dict_without_small_counts(self, threshold: int) -> dict[str, Any]:
        """Return the risks as plain data, None for what tells a count of few rows (AN-47)."""
        found, sizes = self.to_dict(), told(self.sizes, threshold)
        at_risk = round(self.at_risk_share * self.rows)
        if sizes[str(SIZE_BINS[0])] is None:
            found["uniques"] = None
        if is_small(at_risk, threshold) or is_small(self.rows - at_risk, threshold):
            found["at_risk_share"] = None
        return found | {"sizes": sizes}


def risk_of(
    sizes: np.ndarray,
    threshold: float = RISK_THRESHOLD,
    population: np.ndarray | None = None,
) -> Risk:
    """Return the risks of classes.

    Args:
        sizes: how many rows or persons each class has; nobody is in one of the size 0.
        threshold: the risk above which a row counts as at risk.
        population: how many rows of a population each class stands for, and at least as many as it
            has itself; without one, a class is as large there as it is here.
    """
    kept = sizes > 0
    sizes, in_population = sizes[kept], sizes[kept]
    if population is not None:
        in_population = np.maximum(population[kept], sizes)
    rows, classes = int(sizes.sum()), len(sizes)
    smallest = int(sizes.min()) if classes else 0
    highest = 1 / smallest if smallest else 0.0
    average = classes / rows if rows else 0.0
    found = float((sizes / in_population).sum()) / rows if rows else 0.0
    at_risk = int(sizes[sizes * threshold < 1 - 1e-12].sum())
    return Risk(
        rows=rows,
        classes=classes,
        smallest=smallest,
        uniques=int(np.count_nonzero(sizes == 1)),
        prosecutor_highest=highest,
        prosecutor_average=average,
        journalist_highest=1 / int(in_population.min()) if classes else 0.0,
        journalist_average=max(classes / int(in_population.sum()), found) if rows else 0.0,
        marketer=found,
        at_risk_share=at_risk / rows if rows else 0.0,
        threshold=threshold,
        sizes=_by_size(sizes),
    )


def rank_columns(table: Contingency) -> dict[str, dict[str, float]]:
    """Return distinction and separation of each quasi-identifier (Motwani and Xu 2007).

    Distinction is the number of values per row; separation is the share of pairs of rows that the
    column tells apart.
    """
    pairs = table.rows * (table.rows - 1) / 2
    ranked = {}
    for taxonomy, codes in zip(table.taxonomies, table.codes, strict=True):
        sizes = np.bincount(codes, weights=table.counts)
        alike = float((sizes * (sizes - 1) / 2).sum())
        ranked[taxonomy.column] = {
            "distinction_share": np.count_nonzero(sizes) / max(table.rows, 1),
            "separation_share": 1 - alike / pairs if pairs else 0.0,
        }
    return ranked


def _by_size(sizes: np.ndarray) -> dict[str, int]:
    found = {}
    for low, high in zip(SIZE_BINS, [*SIZE_BINS[1:], None], strict=True):
        inside = (sizes >= low) & (sizes < high if high is not None else True)
        name = (
            f"{low} or more"
            if high is None
            else str(low)
            if high == low + 1
            else f"{low}-{high - 1}"
        )
        found[name] = int(sizes[inside].sum())
    return found
