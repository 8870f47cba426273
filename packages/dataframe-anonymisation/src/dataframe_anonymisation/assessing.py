"""Datasets that are measured or checked, and not changed: the result is what the report tells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dataframe_anonymisation.datasets import count_columns
from dataframe_anonymisation.models import KAnonymity, LDiversity, TCloseness, of_persons
from dataframe_anonymisation.reporting import LIMITS, risk_section
from dataframe_anonymisation.risk_of_columns import assess, refuse_entity
from dataframe_anonymisation.verify import Claims, verify
from util_services.flow.operate import Dataset, FindingsError, Outcome
from util_services.flow.written import frames_in
from util_services.reports import Section, Table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dataframe_anonymisation.config import AssessRiskConfig, VerifyAnonymityConfig
    from dataframe_anonymisation.verify import Verdict


def assess_dataset(dataset: Dataset, config: AssessRiskConfig) -> Outcome:
    """Return the risks of a dataset."""
    entity = [] if config.entity is None else [config.entity]
    columns, counts = count_columns(dataset, [*config.quasi_identifiers, *entity])
    persons = columns.pop(config.entity) if config.entity is not None else None
    assessed = assess(columns, persons, counts, config.threshold)
    risk, ranks = assessed.risk, assessed.ranks
    return Outcome(
        None,
        facts=risk.to_dict()
        | {"counted": "rows" if persons is None else "persons", "quasi_identifiers": ranks},
        limits=LIMITS[1:],
        sections=(risk_section(risk, ranks),),
    )


def verify_dataset(dataset: Dataset, config: VerifyAnonymityConfig) -> Outcome:
    """Return what holds of a dataset.

    Raises:
        FindingsError: if a claim does not hold and is to fail the run.
    """
    claims = claims_in(config)
    wanted = claims.columns
    aliases = {f"column_{n}": name for n, name in enumerate(wanted)}
    rows = dataset.engine.select(dataset.scan(), aliases)

    def check(reader: Any) -> Verdict:
        return verify(frames_in(reader, wanted), claims)

    verdict = dataset.engine.consume(rows, check)
    found = verdict.to_dict()
    warnings = () if verdict.holds else ("A claim does not hold; see the findings.",)
    told = Outcome(
        None,
        facts={"verified": found, "checks": _checks(found, config)},
        warnings=warnings,
        limits=LIMITS,
        sections=(_section(found),),
    )
    if not verdict.holds and config.fail_if_untrue:
        failed = ", ".join(verdict.failures)
        sentence = f"The table does not hold what is claimed of it: {failed}."
        raise FindingsError.of(sentence, told)
    return told


def claims_in(config: VerifyAnonymityConfig) -> Claims:
    """Return what a configuration claims of a table.

    Raises:
        PolicyError: if a parameter is out of range, missing or idle.
    """
    refuse_entity(config.quasi_identifiers, config.entity)
    anonymous = KAnonymity(k=config.k)
    counted = (anonymous,) if config.entity is None else of_persons(anonymous, config.entity)
    models = [model.claim() for model in counted]
    for name in config.sensitive_attributes:
        if config.l is not None:
            diverse = LDiversity(l=config.l, attribute=name, variant=config.variant, c=config.c)
            models.append(diverse.claim())
        if config.t is not None:
            order = tuple(config.values_in_order.get(name, ()))
            close = TCloseness(t=config.t, attribute=name, distance=config.distance, order=order)
            models.append(close.claim())
    return Claims(
        tuple(config.quasi_identifiers),
        models,
        exempt_suppressed=config.suppressed_class == "exempt",
        sensitive=tuple(config.sensitive_attributes),
        entity=config.entity,
    )


def _checks(found: Mapping[str, Any], config: VerifyAnonymityConfig) -> list[dict[str, Any]]:
    """Return the claims as checks of an asset, whose classes keep or break them."""
    return [
        {
            "name": f"{one['model']} of {one['attribute']}" if one["attribute"] else one["model"],
            "rule": one["model"],
            "severity": "error" if config.fail_if_untrue else "warn",
            "broken": one["failing_classes"],
            "of": found["classes"],
            "passed": found["classes"] > 0 and not one["failing_classes"],
        }
        for one in found["models"]
    ]


def _section(found: Mapping[str, Any]) -> Section:
    rows = tuple(
        (
            one["model"],
            one["attribute"] or "",
            ", ".join(f"{k} = {v}" for k, v in one["requested"].items()),
            "no finite value" if one["measured"] is None else one["measured"],
            one["failing_classes"],
        )
        for one in found["models"]
    )
    columns = ("model", "column", "claimed", "measured", "failing classes")
    text = "Every claim holds." if found["holds"] else "Not every claim holds."
    return Section(
        "Claims", text=(text,), tables=(Table("Models", columns, rows),), shows=("checks",)
    )
