"""The report of a run as one plain record."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from util_services.datasets.compression import Compression
    from util_services.datasets.formats import Format
    from util_services.datasets.staged import ReadObject, StagedDataset

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
    audit: str = ""  # where the audit records that the run began


@dataclass(frozen=True, slots=True)
class OutputFacts:
    """What the report says of the object that is published."""

    path: str  # as the configuration names it
    format: Format
    compression: Compression | None
    bytes: int
    sha256: str  # of the only file, or of the manifest that lists the digests of the parts
    parts: int | None = None  # how many part files, None for a single file
    quarantine: str | None = None  # where the records are that could not be read


def build_report(dataset: StagedDataset, output: OutputFacts, run: RunFacts) -> dict[str, Any]:
    """Return the report of a run: equal runs give equal reports but for the part ``run``."""
    origin = dataset.origin
    columns = [{"name": column.name, "type": column.type} for column in dataset.schema]
    objects = dataset.objects
    read = sum(one.rows for one in objects)
    return {
        "schema": REPORT_SCHEMA,
        "input": {
            "path": origin.path,
            **origin.layout.to_dict(),
            "bytes": sum(one.bytes for one in objects),
            "sha256": _digest(objects),
            "limit_rows": origin.limit_rows,
            "objects": [one.to_dict() for one in objects] if len(objects) > 1 else [],
        },
        "output": asdict(output) | {"columns": columns},
        "rows": {
            "in": read + dataset.quarantined,
            "out": dataset.rows,
            "dropped": sum(step.rows_dropped for step in dataset.steps),
            "quarantined": dataset.quarantined,
        },
        "steps": [step.to_dict() for step in dataset.steps],
        "run": asdict(run),
    }


def _digest(objects: Sequence[ReadObject]) -> str:
    """Return the digest of an input; of several objects, that of what sha256sum prints of them."""
    if len(objects) == 1:
        return objects[0].sha256
    listing = "".join(f"{one.sha256}  {one.name}\n" for one in objects)
    return hashlib.sha256(listing.encode(errors="surrogateescape")).hexdigest()


def to_json(report: Mapping[str, Any]) -> str:
    """Return a report as sorted, indented JSON that ends in a newline."""
    return json.dumps(report, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
