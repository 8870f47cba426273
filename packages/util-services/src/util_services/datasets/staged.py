"""References to data on its way through a run; the only thing that ops hand to one another."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from util_services.datasets.csv_dialect import CsvDialect
    from util_services.datasets.formats import Format
    from util_services.datasets.schema import Schema
    from util_services.storage.protocol import Fingerprint, Location


@dataclass(frozen=True, slots=True)
class StepReport:
    """What one operation did, in counts and names; never a cell value."""

    operation: str
    rows_in: int
    rows_out: int
    rows_dropped: int
    configuration: Mapping[str, Any]
    facts: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    engine: str = "local"

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain data."""
        return {
            "operation": self.operation,
            "engine": self.engine,
            "configuration": dict(self.configuration),
            "rows": {"in": self.rows_in, "out": self.rows_out, "dropped": self.rows_dropped},
            "facts": dict(self.facts),
            "warnings": list(self.warnings),
        }


@dataclass(frozen=True, slots=True)
class Origin:
    """The dataset that a run reads: where it is and how it is laid out."""

    path: str  # as the configuration names it
    location: Location
    format: Format
    dialect: CsvDialect | None = None
    limit_rows: int | None = None


@dataclass(frozen=True, slots=True)
class StagedDataset:
    """A reference to a dataset: where it is, what it looks like, and how it came to be.

    ``file`` is the source itself where an engine can scan it as it is, else a file in the run's
    private staging; ``fingerprint`` is its state when the reference was made.
    """

    file: str
    format: Format
    schema: Schema
    rows: int
    fingerprint: Fingerprint
    origin: Origin
    origin_bytes: int
    origin_sha256: str
    steps: tuple[StepReport, ...] = ()
    keep_nan: bool = False
