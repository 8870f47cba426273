"""What reports of this package's operations tell for a record of processing activities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from util_services.processing_record.described import (
    Description,
    MeasuredModel,
    MeasuredRisk,
    Treatment,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from util_services.datasets.staged import StepReport
    from util_services.processing_record.described import Role

RECODINGS = ("k_anonymity", "l_diversity", "t_closeness", "anonymise_dataframe")
ROLES: Mapping[str, Role] = {
    "insensitive_attributes": "insensitive",
    "quasi_identifiers": "quasi_identifier",
    "sensitive_attributes": "sensitive",
    "identifiers": "identifier",
}
RISK = "Risk of re-identification"  # the section, as `reporting` and `assess_risk` title it
RISK_TABLE = "Risk"


def descriptions() -> dict[str, Callable[[StepReport], Description]]:
    """Return what reads the report of a step, by the operation."""
    return {
        **dict.fromkeys(RECODINGS, describe_recoding),
        "verify_anonymity": describe_measurement,
        "assess_risk": describe_measurement,
        "private_counts": describe_counts,
    }


def describe_recoding(step: StepReport) -> Description:
    """Return what columns are, how they were recoded, and the models that were met."""
    given = step.configuration
    action = str(given.get("identifier_action", "mask"))
    removed = set(step.columns.removed)
    treated = [
        Treatment(name, "recoding", "generalisation and suppression")
        for name in given.get("quasi_identifiers", ())
    ]
    treated += [
        Treatment(name, action) for name in given.get("identifiers", ()) if name not in removed
    ]
    return Description(_roles(given), tuple(treated), tuple(_models(step)), tuple(_risks(step)))


def describe_measurement(step: StepReport) -> Description:
    """Return what was measured of a table that stays as it is."""
    return Description(
        _roles(step.configuration), models=tuple(_models(step)), risks=tuple(_risks(step))
    )


def describe_counts(step: StepReport) -> Description:
    """Return the privacy that counts with noise kept."""
    kept = step.facts.get("epsilon")
    if kept is None:
        return Description()
    model = MeasuredModel("differential privacy", None, {"epsilon": kept}, None, holds=True)
    return Description(models=(model,))


def _roles(given: Mapping[str, Any]) -> dict[str, Role]:
    return {name: role for key, role in ROLES.items() for name in given.get(key) or ()}


def _models(step: StepReport) -> Iterator[MeasuredModel]:
    """Yield the models as they were tested on the table that was written."""
    verified = step.facts.get("verified") or {}
    for one in verified.get("models", ()):
        yield MeasuredModel(
            one["model"], one["attribute"], one["requested"], one["measured"], holds=one["holds"]
        )


def _risks(step: StepReport) -> Iterator[MeasuredRisk]:
    tables = [
        table
        for section in step.sections
        if section.title == RISK
        for table in section.tables
        if table.title == RISK_TABLE
    ]
    for table in tables:
        for name, *values in table.rows:
            before, after = values if len(values) > 1 else (values[0], None)
            yield MeasuredRisk(str(name), before, after)
