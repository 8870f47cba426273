"""Which search finds the labels, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from dataframe_anonymisation.search.local import find_local
from dataframe_anonymisation.search.mondrian import find_mondrian
from dataframe_anonymisation.search.optimal import find_optimal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dataframe_anonymisation.models import Model
    from dataframe_anonymisation.search.solution import Solution
    from dataframe_anonymisation.table import Contingency

Algorithm = Literal["auto", "optimal", "local", "mondrian"]
ALGORITHMS = ("auto", "optimal", "local", "mondrian")
MOST_TUPLES_FOR_LOCAL = 2_000_000


def find(
    algorithm: Algorithm,
    table: Contingency,
    models: Sequence[Model],
    *,
    budget: int,
    weights: Sequence[float] | None = None,
    styles: Mapping[str, str] | None = None,
) -> tuple[Solution | None, str]:
    """Return what a search finds, and a sentence on why it was this one."""
    reason = "It was asked for."
    if algorithm == "auto":
        algorithm, reason = chosen(table)
    match algorithm:
        case "optimal":
            return find_optimal(table, models, budget=budget, weights=weights), reason
        case "mondrian":
            return find_mondrian(table, models, weights=weights, styles=styles), reason
        case _:
            found = find_local(table, models, budget=budget, weights=weights, styles=styles)
            return found, reason


def chosen(table: Contingency) -> tuple[Algorithm, str]:
    """Return the search for a table, and why."""
    if len(table) > MOST_TUPLES_FOR_LOCAL:
        return "mondrian", (
            f"There are {len(table)} distinct combinations of quasi-identifiers, more than the "
            f"{MOST_TUPLES_FOR_LOCAL} up to which local recoding is tried."
        )
    return "local", "Local recoding loses less than the other searches on tables of this size."
