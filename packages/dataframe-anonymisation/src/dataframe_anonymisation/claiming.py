"""From a solved policy to the plain claims that the independent check is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dataframe_anonymisation.models.k_anonymity import POPULATION
from dataframe_anonymisation.verify import Claims, Relabelling

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dataframe_anonymisation.policy import AnonymisationPolicy
    from dataframe_anonymisation.solving import Solved


def claims_of(policy: AnonymisationPolicy, solved: Solved, published: Sequence[str]) -> Claims:
    """Return what is claimed of the published rows, and of how they came of the original ones."""
    return Claims(
        policy.quasi_identifiers,
        [model.claim() for model in solved.prepared.models],
        exempt_suppressed=policy.hides_sensitive,
        sensitive=policy.sensitive_attributes,
        kinds=solved.prepared.kinds,
        published=tuple(published),
        relabelling=_relabelling(policy, solved),
        entity=policy.entity,
        masked=policy.identifiers if policy.identifier_action == "mask" else (),
        has_population=POPULATION in solved.prepared.table.attributes,
        withhold_distances=solved.withholds_distances,
    )


def _relabelling(policy: AnonymisationPolicy, solved: Solved) -> Relabelling:
    table, solution = solved.prepared.table, solved.solution
    names = [taxonomy.column for taxonomy in table.taxonomies]
    return Relabelling(
        values={taxonomy.column: taxonomy.leaves for taxonomy in table.taxonomies},
        kinds={name: solved.prepared.kinds[name] for name in names},
        paths={taxonomy.column: taxonomy.paths() for taxonomy in table.taxonomies},
        combinations=table.codes,
        classes=solution.groups,
        labels={
            taxonomy.column: [
                taxonomy.labels[level][node]
                for level, node in zip(levels.tolist(), nodes.tolist(), strict=True)
            ]
            for taxonomy, levels, nodes in zip(
                table.taxonomies, solution.levels, solution.nodes, strict=True
            )
        },
        styles=policy.labels,
        is_masked=policy.suppressed == "mask",
        strip=policy.strip,
    )
