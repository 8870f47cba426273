"""From a solved policy to the plain claims that the independent check is given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dataframe_anonymisation.models import KAnonymity, PersonAnonymity, TCloseness
from dataframe_anonymisation.verify import Claims

if TYPE_CHECKING:
    from dataframe_anonymisation.models import Model
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
    trees, orders = {}, {}
    for model in solved.prepared.models:
        if isinstance(model, TCloseness) and model.taxonomy is not None:
            trees[str(model.attribute)] = _paths(model)
        if isinstance(model, TCloseness) and model.order:
            orders[str(model.attribute)] = model.order
    return Claims(
        policy.quasi_identifiers,
        [_plain(model) for model in solved.prepared.models],
        exempt_suppressed=policy.hides_sensitive,
        sensitive=policy.sensitive_attributes,
        reference=reference,
        kinds=solved.prepared.kinds,
        trees=trees,
        orders=orders,
        withhold_distances=solved.withholds_distances,
        rows=published,
        suppressed=solved.rows_suppressed if policy.hides_sensitive else 0,
    )


def _plain(model: Model) -> dict[str, Any]:
    if isinstance(model, PersonAnonymity):
        return KAnonymity(model.k).to_dict()
    return model.to_dict() | ({"value": model.value} if hasattr(model, "value") else {})


def _paths(model: TCloseness) -> dict[str | None, list[str]]:
    taxonomy = model.taxonomy
    if taxonomy is None:
        return {}
    return {
        leaf: [
            str(labels[codes[place]])
            for labels, codes in zip(taxonomy.labels, taxonomy.codes, strict=True)
        ]
        for place, leaf in enumerate(taxonomy.leaves)
    }
