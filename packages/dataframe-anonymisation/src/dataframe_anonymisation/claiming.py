"""From a solved policy to the plain claims that the independent check is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
        withhold_distances=solved.withholds_distances,
        rows=published,
        suppressed=solved.rows_suppressed if policy.hides_sensitive else 0,
    )
