"""From a solved policy to the plain claims that the independent check is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dataframe_anonymisation.hierarchies import ANY
from dataframe_anonymisation.verify import Claims

if TYPE_CHECKING:
    from dataframe_anonymisation.policy import AnonymisationPolicy
    from dataframe_anonymisation.solving import Solved


def claims_of(policy: AnonymisationPolicy, solved: Solved) -> Claims:
    """Return what is claimed of the published rows.

    Persons are not published, so that of k persons the check sees k rows.
    """
    table = solved.prepared.table
    published = table.rows
    if policy.suppressed == "drop":
        published -= solved.rows_suppressed
    reference = {
        name: dict(zip(one.values, one.total.tolist(), strict=True))
        for name, one in table.attributes.items()
    }
    return Claims(
        policy.quasi_identifiers,
        [model.claim() for model in solved.prepared.models],
        exempt_suppressed=policy.hides_sensitive,
        sensitive=policy.sensitive_attributes,
        reference=reference,
        kinds=solved.prepared.kinds,
        labels=_labels(policy, solved),
        masked=policy.identifiers if policy.identifier_action == "mask" else (),
        withhold_distances=solved.withholds_distances,
        rows=published,
        suppressed=solved.rows_suppressed if policy.hides_sensitive else 0,
    )


def _labels(policy: AnonymisationPolicy, solved: Solved) -> dict[str, frozenset[str | None]]:
    """Return the labels of each quasi-identifier that classes have, and ``*`` of masked rows."""
    solution = solved.solution
    star = [ANY] if policy.suppressed == "mask" and solved.rows_suppressed else []
    return {
        taxonomy.column: frozenset(
            [
                *star,
                *(
                    taxonomy.labels[level][node]
                    for level, node in set(zip(levels, nodes, strict=True))
                ),
            ]
        )
        for taxonomy, levels, nodes in zip(
            solved.prepared.table.taxonomies,
            (one.tolist() for one in solution.levels),
            (one.tolist() for one in solution.nodes),
            strict=True,
        )
    }
