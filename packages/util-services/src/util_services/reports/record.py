"""The report of a run as one plain record."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from util_services.datasets.formats import Format
    from util_services.datasets.staged import StagedDataset

REPORT_SCHEMA = 1
REPORT_PARTS = frozenset({"schema", "input", "output", "rows", "steps", "run"})


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What is different in every run, and so stands apart from the rest of a report."""

    run_id: str
    job: str
    started: str  # ISO 8601 in UTC
    finished: str
    versions: Mapping[str, str]  # of the packages that took part


@dataclass(frozen=True, slots=True)
class OutputFacts:
    """What the report says of the object that is published."""

    path: str  # as the configuration names it
    format: Format
    bytes: int
    sha256: str


def build_report(dataset: StagedDataset, output: OutputFacts, run: RunFacts) -> dict[str, Any]:
    """Return the report of a run: equal runs give equal reports but for the part ``run``."""
    origin = dataset.origin
    columns = [{"name": column.name, "type": column.type} for column in dataset.schema]
    rows_in = dataset.steps[0].rows_in if dataset.steps else dataset.rows
    return {
        "schema": REPORT_SCHEMA,
        "input": {
            "path": origin.path,
            "format": origin.format,
            "bytes": dataset.origin_bytes,
            "sha256": dataset.origin_sha256,
            "dialect": origin.dialect.to_dict() if origin.dialect else None,
            "limit_rows": origin.limit_rows,
        },
        "output": asdict(output) | {"columns": columns},
        "rows": {
            "in": rows_in,
            "out": dataset.rows,
            "dropped": sum(step.rows_dropped for step in dataset.steps),
        },
        "steps": [step.to_dict() for step in dataset.steps],
        "run": asdict(run),
    }


def to_json(report: Mapping[str, Any]) -> str:
    """Return a report as sorted, indented JSON that ends in a newline."""
    return json.dumps(report, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
