"""The figures of an anonymisation as plain data: what was done, what it cost, what risk is left."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dataframe_anonymisation import loss
from dataframe_anonymisation.hierarchies.rows import RowHierarchy
from dataframe_anonymisation.models.k_anonymity import POPULATION
from dataframe_anonymisation.queries import query_error
from dataframe_anonymisation.risk import rank_columns, risk_of
from dataframe_anonymisation.search.solution import SUPPRESSED
from dataframe_anonymisation.small_counts import told
from dataframe_anonymisation.table import Contingency
from dataframe_anonymisation.techniques import techniques_of
from dataframe_anonymisation.wildcards import wildcard_risk

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dataframe_anonymisation.models import Model
    from dataframe_anonymisation.policy import AnonymisationPolicy
    from dataframe_anonymisation.solving import Solved
    from dataframe_anonymisation.table import Classes
    from dataframe_anonymisation.verify import Verdict

OWN = "own labels"


def build_facts(
    policy: AnonymisationPolicy,
    solved: Solved,
    verdict: Verdict | None,
    strangers: Sequence[str] = (),
) -> dict[str, Any]:
    """Return the figures of an anonymisation as plain data."""
    table, solution = solved.prepared.table, solved.solution
    classes = solution.classes(table)
    before = risk_of(_members(table, policy), population=_in_population(table))
    after = risk_of(_members(classes, policy), population=_in_population(classes))
    ncp = loss.cell_losses(table, solution)
    return {
        "models": [
            {**model.to_dict(), "achieved": _achieved(model, classes, solved)}
            for model in solved.prepared.models
        ],
        "techniques": techniques_of(policy, solved, strangers),
        "algorithm": solution.algorithm,
        "algorithm_reason": solved.reason,
        "optimal": solution.is_optimal,
        "generalisations_visited": solution.visited,
        "counted": "rows" if policy.entity is None else "persons",
        "has_population": POPULATION in table.attributes,
        "rows": table.rows,
        "rows_suppressed": solved.rows_suppressed,
        "suppressed_share": solved.rows_suppressed / table.rows if table.rows else 0.0,
        "suppression_limit_share": policy.suppression_limit,
        "suppressed_by_reason": told(solved.suppressed, policy.report_threshold),
        "report_threshold": policy.report_threshold,
        "distinct_combinations": len(table),
        "loss": {
            "gcp": loss.gcp(table, solution, _weights(policy)),
            "gcp_by_column": dict(zip(policy.quasi_identifiers, ncp, strict=True)),
            "lm": float(np.mean(loss.cell_losses(table, solution, "lm"))),
            "non_uniform_entropy": dict(
                zip(
                    policy.quasi_identifiers, loss.non_uniform_entropy(table, solution), strict=True
                )
            ),
            "discernibility": loss.discernibility(table, solution),
            "average_class_size": loss.average_class_size(table, solution, solved.k),
            "median_query_error": query_error(table, solution),
        },
        "risk_before": before.to_dict_without_small_counts(policy.report_threshold),
        "risk_after": after.to_dict() | _wildcards(policy, solved),
        "quasi_identifiers": rank_columns(table),
        "levels": _levels(solved),
        "hierarchies": {
            taxonomy.column: [len(labels) for labels in taxonomy.labels[: taxonomy.height + 1]]
            for taxonomy in table.taxonomies
        },
        "hierarchy_delimiters": {
            name: hierarchy.delimiter
            for name, hierarchy in policy.hierarchies.items()
            if isinstance(hierarchy, RowHierarchy) and hierarchy.delimiter is not None
        },
        "shift_of_sensitive_attributes": _shifts(policy, solved),
        "distances_withheld": solved.withholds_distances,
        "missing_quasi_identifiers": policy.missing_quasi_identifiers,
        "suppressed_class": policy.suppressed_class,
        "rows_exempt": solved.rows_suppressed if policy.hides_sensitive else 0,
        "order": policy.order,
        "verified": None if verdict is None else verdict.to_dict(),
    }


def brief(facts: dict[str, Any]) -> dict[str, Any]:
    """Return the figures that stand at the top of a report; the sections have the others."""
    left_to_sections = {
        "hierarchies",
        "levels",
        "quasi_identifiers",
        "risk_after",
        "risk_before",
        "rows",
        "techniques",
        "shift_of_sensitive_attributes",
        "verified",
    }
    kept = {name: value for name, value in facts.items() if name not in left_to_sections}
    kept["loss"] = {k: v for k, v in facts["loss"].items() if not isinstance(v, dict)}
    return kept


def _members(counted: Contingency | Classes, policy: AnonymisationPolicy) -> np.ndarray:
    """Return how many rows, or persons where an entity is named, are alike."""
    if policy.entity is None:
        return counted.counts if isinstance(counted, Contingency) else counted.sizes
    if isinstance(counted, Contingency):
        return counted.attributes[policy.entity].distinct(len(counted))
    return counted.histograms[policy.entity].distinct


def _in_population(counted: Contingency | Classes) -> np.ndarray | None:
    """Return how many rows of the population are alike, None where there is no population."""
    if isinstance(counted, Contingency):
        found = counted.attributes.get(POPULATION)
        return None if found is None else np.bincount(found.tuples, found.counts, len(counted))
    return counted.histograms[POPULATION].sizes if POPULATION in counted.histograms else None


def _wildcards(policy: AnonymisationPolicy, solved: Solved) -> dict[str, float]:
    """Return the risk where ``*`` may be any value; persons can be in several such classes."""
    if policy.entity is not None:
        return {}
    masked = solved.rows_suppressed if policy.suppressed == "mask" else 0
    return {"wildcard_highest": wildcard_risk(solved.prepared.table, solved.solution, masked)}


def _levels(solved: Solved) -> dict[str, dict[str, int]]:
    """Return how many published rows each column has at each level."""
    table, solution = solved.prepared.table, solved.solution
    kept = solution.groups != SUPPRESSED
    sizes = np.bincount(
        solution.groups[kept], weights=table.counts[kept], minlength=solution.number
    )
    found = {}
    for taxonomy, levels in zip(table.taxonomies, solution.levels, strict=True):
        rows = np.bincount(levels, weights=sizes, minlength=taxonomy.height + 2).astype(int)
        found[taxonomy.column] = {str(level): int(n) for level, n in enumerate(rows[:-1])}
        found[taxonomy.column][OWN] = int(rows[-1])
    return found


def _achieved(model: Model, classes: Classes, solved: Solved) -> float | None:
    """Return what the classes reach, unless it tells what became of a few rows."""
    if model.is_relative and solved.withholds_distances:
        return None
    reached: float = rounded(model.measure(classes))
    return reached


def _shifts(policy: AnonymisationPolicy, solved: Solved) -> dict[str, float]:
    """Return how far each published sensitive distribution is from the original one.

    There is none where it would tell what became of a few rows.
    """
    if solved.withholds_distances:
        return {}
    table = solved.prepared.table
    kept = solved.solution.groups != SUPPRESSED
    shifts = {}
    for name in policy.sensitive_attributes:
        attribute = table.attributes[name]
        inside = kept[attribute.tuples]
        published = np.bincount(
            attribute.codes[inside],
            weights=attribute.counts[inside],
            minlength=len(attribute.total),
        )
        if published.sum():
            p, q = published / published.sum(), attribute.total / attribute.total.sum()
            shifts[name] = rounded(float(np.abs(p - q).sum() / 2))
    return shifts


def _weights(policy: AnonymisationPolicy) -> list[float]:
    return [policy.weights.get(name, 1.0) for name in policy.quasi_identifiers]


def rounded(value: Any) -> Any:
    """Return a figure with the digits that a report shows."""
    return round(value, 4) if isinstance(value, float) else value
