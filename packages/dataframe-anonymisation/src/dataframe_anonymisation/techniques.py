"""What was done to a table, in the terms of ISO/IEC 20889."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dataframe_anonymisation.hierarchies.intervals import IntervalHierarchy, RoundingHierarchy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dataframe_anonymisation.policy import AnonymisationPolicy
    from dataframe_anonymisation.solving import Solved


def techniques_of(
    policy: AnonymisationPolicy, solved: Solved, strangers: Sequence[str]
) -> list[str]:
    """Return the techniques that changed the published table."""
    solution, taxonomies = solved.solution, solved.prepared.table.taxonomies
    changed = [
        taxonomy.column
        for taxonomy, levels in zip(taxonomies, solution.levels, strict=True)
        if (levels > 0).any()
    ]
    is_cell_suppressed = any(
        (levels == taxonomy.height).any() and taxonomy.height > 0
        for taxonomy, levels in zip(taxonomies, solution.levels, strict=True)
    )
    used = [policy.hierarchies.get(name) for name in changed]
    coded = [one for one in used if isinstance(one, IntervalHierarchy)]
    found = {
        "masking": policy.identifiers or (strangers and policy.unclassified == "drop"),
        "generalisation": changed and solution.algorithm == "optimal",
        "local generalisation": changed and solution.algorithm != "optimal",
        "rounding": any(isinstance(one, RoundingHierarchy) for one in used),
        "top and bottom coding": any(
            one.top is not None or one.bottom is not None for one in coded
        ),
        "micro-aggregation": any(policy.labels.get(name) == "mean" for name in changed),
        "local suppression": is_cell_suppressed,
        "record suppression": solved.rows_suppressed,
    }
    return [name for name, is_used in found.items() if is_used]
