"""What reports of this package's operations tell for a record of processing activities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from util_services.processing_record.described import Description, Treatment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from util_services.datasets.staged import StepReport

OPERATIONS = (
    "anonymise_pseudonymise_structured",
    "anonymise_pseudonymise_unstructured",
    "repseudonymise_structured",
)
NO_TERM = "none"  # of a technique that changes nothing


def descriptions() -> dict[str, Callable[[StepReport], Description]]:
    """Return what reads the report of a step, by the operation."""
    return dict.fromkeys(OPERATIONS, describe_techniques)


def describe_techniques(step: StepReport) -> Description:
    """Return what was done to each column; those with a key are pseudonyms."""
    columns = [one for one in step.facts.get("columns", ()) if "technique" in one]
    keyset = str(step.facts.get("keyset") or "")
    return Description(
        roles={one["column"]: "pseudonym" for one in columns if one.get("key_id")},
        treatments=tuple(_treatment(one, keyset) for one in columns),
    )


def _treatment(told: Mapping[str, Any], keyset: str) -> Treatment:
    is_keyed = bool(told.get("key_id"))
    path = told.get("path")
    term = told.get("term")
    return Treatment(
        column=told["column"],
        technique=f"{told['technique']} at {path}" if path else told["technique"],
        term="" if term in {None, NO_TERM} else str(term),
        keyset=keyset if is_keyed else "",
        domain=str(told.get("domain") or "") if is_keyed else "",
        is_reversible=bool(told.get("reversible")),
    )
