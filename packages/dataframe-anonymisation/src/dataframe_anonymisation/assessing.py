"""Datasets that are measured or checked, and not changed: the result is a table of findings."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa

from dataframe_anonymisation.datasets import as_rows, count_columns
from dataframe_anonymisation.errors import VerificationError
from dataframe_anonymisation.models import KAnonymity, LDiversity, TCloseness
from dataframe_anonymisation.reporting import LIMITS, risk_section
from dataframe_anonymisation.risk_of_columns import assess
from dataframe_anonymisation.verify import Claims, verify
from dataframe_anonymisation.verify.reading import frames_in
from util_services.flow.operate import Dataset, Outcome
from util_services.reports import Section, Table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dataframe_anonymisation.config import AssessRiskConfig, VerifyAnonymityConfig
    from dataframe_anonymisation.verify import Verdict

FIELDS = pa.schema(
    [
        pa.field("measure", pa.string()),
        pa.field("subject", pa.string()),
        pa.field("value", pa.float64()),
    ]
)


def assess_dataset(dataset: Dataset, config: AssessRiskConfig) -> Outcome:
    """Return the risks of a dataset as a table of measures."""
    entity = [] if config.entity is None else [config.entity]
    columns, counts = count_columns(dataset, [*config.quasi_identifiers, *entity])
    persons = columns.pop(config.entity) if config.entity is not None else None
    assessed = assess(columns, persons, counts, config.threshold)
    risk, ranks = assessed.risk, assessed.ranks
    facts = risk.to_dict()
    rows = [(name, "", value) for name, value in facts.items() if isinstance(value, int | float)]
    rows += [("rows_in_classes_of_size", size, n) for size, n in risk.sizes.items()]
    rows += [
        (measure, name, value) for name, found in ranks.items() for measure, value in found.items()
    ]
    return Outcome(
        _findings(dataset, rows),
        dropped=dataset.staged.rows,
        facts=facts
        | {"counted": "rows" if persons is None else "persons", "quasi_identifiers": ranks},
        limits=LIMITS[1:],
        sections=(risk_section(risk, ranks),),
        is_selection=False,
    )


def verify_dataset(dataset: Dataset, config: VerifyAnonymityConfig) -> Outcome:
    """Return what holds of a dataset, as a table of findings.

    Raises:
        VerificationError: if a claim does not hold and is to fail the run.
    """
    claims = claims_in(config)
    wanted = claims.columns
    aliases = {f"column_{n}": name for n, name in enumerate(wanted)}
    rows = dataset.engine.select(dataset.scan(), aliases)

    def check(reader: Any) -> Verdict:
        return verify(frames_in(reader, wanted), claims)

    verdict = dataset.engine.consume(rows, check)
    if not verdict.holds and config.fail_if_untrue:
        failed = ", ".join(verdict.failures)
        raise VerificationError(f"The table does not hold what is claimed of it: {failed}.")
    found = verdict.to_dict()
    warnings = () if verdict.holds else ("A claim does not hold; see the findings.",)
    return Outcome(
        _findings(dataset, _rows(found)),
        dropped=dataset.staged.rows,
        facts={"verified": found},
        warnings=warnings,
        limits=LIMITS,
        sections=(_section(found),),
        is_selection=False,
    )


def claims_in(config: VerifyAnonymityConfig) -> Claims:
    """Return what a configuration claims of a table.

    Raises:
        PolicyError: if a parameter is out of range, missing or idle.
    """
    models = [KAnonymity(k=config.k).claim()]
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
    )


def _rows(found: Mapping[str, Any]) -> list[tuple[str, str, Any]]:
    rows = [(name, "", found[name]) for name in ("rows", "classes", "masked_rows", "holds")]
    for one in found["models"]:
        subject = one["attribute"] or ""
        rows.append((f"{one['model']}: reached", subject, one["measured"]))
        rows.append((f"{one['model']}: failing classes", subject, one["failing_classes"]))
    for one in found["models_with_masked_rows"] if found["masked_rows"] else []:
        subject = one["attribute"] or ""
        rows.append((f"{one['model']}: reached with masked rows", subject, one["measured"]))
    return rows


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
    return Section("Claims", text=(text,), tables=(Table("Models", columns, rows),))


def _findings(dataset: Dataset, rows: Sequence[tuple[str, str, Any]]) -> Any:
    """Return findings as a frame of the engine."""
    table = pd.DataFrame(
        {
            "measure": [measure for measure, _, _ in rows],
            "subject": [subject for _, subject, _ in rows],
            "value": [math.nan if value is None else float(value) for _, _, value in rows],
        }
    )
    return as_rows(dataset, table, FIELDS)
