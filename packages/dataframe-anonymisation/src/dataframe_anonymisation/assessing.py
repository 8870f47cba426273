"""Datasets that are measured or checked, and not changed: the result is what the report tells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from dataframe_anonymisation.datasets import count_columns
from dataframe_anonymisation.hierarchies import Hierarchy
from dataframe_anonymisation.models import KAnonymity, LDiversity, TCloseness
from dataframe_anonymisation.reporting import LIMITS, risk_section
from dataframe_anonymisation.risk import rank_columns, risk_of
from dataframe_anonymisation.table import tabulate
from dataframe_anonymisation.verify import Claims, verify
from util_services.flow.operate import Dataset, FindingsError, Outcome
from util_services.reports import Section, Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dataframe_anonymisation.config import VerifyAnonymityConfig
    from dataframe_anonymisation.verify import Verdict


def assess_dataset(dataset: Dataset, quasi_identifiers: Sequence[str], threshold: float) -> Outcome:
    """Return the risks of a dataset."""
    columns, counts = count_columns(dataset, quasi_identifiers)
    taxonomies = [
        Hierarchy.suppression().over(name, column.values) for name, column in columns.items()
    ]
    codes = [
        np.array([taxonomy.index[value] for value in column.values], np.int32)[column.codes]
        for taxonomy, column in zip(taxonomies, columns.values(), strict=True)
    ]
    table, _ = tabulate(taxonomies, codes, {}, counts)
    risk, ranks = risk_of(table.counts, threshold), rank_columns(table)
    return Outcome(
        None,
        facts=risk.to_dict() | {"quasi_identifiers": ranks},
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
        return verify(_frames(reader, wanted), claims)

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
    models = [KAnonymity(k=config.k).claim()]
    for name in config.sensitive_attributes:
        if config.l is not None:
            diverse = LDiversity(l=config.l, attribute=name, variant=config.variant, c=config.c)
            models.append(diverse.claim())
        if config.t is not None:
            models.append(TCloseness(t=config.t, attribute=name, distance=config.distance).claim())
    return Claims(
        tuple(config.quasi_identifiers),
        models,
        exempt_suppressed=config.suppressed_class == "exempt",
        sensitive=tuple(config.sensitive_attributes),
    )


def _frames(reader: Any, names: Sequence[str]) -> Iterator[pd.DataFrame]:
    for batch in reader:
        frame = batch.to_pandas(types_mapper=pd.ArrowDtype)
        frame.columns = list(names)
        yield frame


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
    return Section("Claims", text=(text,), tables=(Table("Models", columns, rows),))
