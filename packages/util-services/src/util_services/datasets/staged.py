"""References to data on its way through a run; the only thing that ops hand to one another."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from util_services.datasets.schema import ColumnChanges
from util_services.errors import StorageError
from util_services.reports.section import Section
from util_services.storage.patterns import Pattern, names_many

if TYPE_CHECKING:
    from collections.abc import Mapping

    from util_services.datasets.formats import Format
    from util_services.datasets.layout import Layout
    from util_services.datasets.schema import Schema
    from util_services.storage.protocol import Fingerprint, Location, Storage


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
    columns: ColumnChanges = field(default_factory=ColumnChanges)
    limits: tuple[str, ...] = ()
    sections: tuple[Section, ...] = ()
    rows_quarantined: int = 0
    rows_made: int = 0  # rows out beyond those given, below zero where rows were merged
    inputs: tuple[Mapping[str, Any], ...] = ()  # path, bytes and digest of what else was read

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain data."""
        return {
            "operation": self.operation,
            "engine": self.engine,
            "configuration": dict(self.configuration),
            "rows": {"in": self.rows_in, "out": self.rows_out, "dropped": self.rows_dropped}
            | ({"quarantined": self.rows_quarantined} if self.rows_quarantined else {})
            | ({"made": self.rows_made} if self.rows_made else {}),
            **({"inputs": [dict(one) for one in self.inputs]} if self.inputs else {}),
            "columns": self.columns.to_dict(),
            "facts": dict(self.facts),
            "warnings": list(self.warnings),
            "limits": list(self.limits),
            "sections": [section.to_dict() for section in self.sections],
        }

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> StepReport:
        """Return the report that ``to_dict`` describes."""
        rows = record["rows"]
        return cls(
            operation=record["operation"],
            rows_in=rows["in"],
            rows_out=rows["out"],
            rows_dropped=rows["dropped"],
            configuration=record["configuration"],
            facts=record["facts"],
            warnings=tuple(record["warnings"]),
            engine=record["engine"],
            columns=ColumnChanges.from_dict(record["columns"]),
            limits=tuple(record["limits"]),
            sections=tuple(map(Section.from_dict, record["sections"])),
            rows_quarantined=rows.get("quarantined", 0),
            rows_made=rows.get("made", 0),
            inputs=tuple(record.get("inputs", ())),
        )


@dataclass(frozen=True, slots=True)
class Origin:
    """The dataset that a run reads: where it is and how it is laid out."""

    path: str  # as the configuration names it
    locations: tuple[Location, ...]
    layout: Layout
    limit_rows: int | None = None

    def address(self, storage: Storage) -> str:
        """Return where it is; of many objects, their folder and what the path says below it."""
        if not names_many(self.path):
            is_sample = ":" in self.path and "://" not in self.path
            return self.path if is_sample else str(self.locations[0])
        folder = Pattern.of(self.path).folder
        with suppress(StorageError):  # of a whole bucket, which is an address already
            below = self.path.removeprefix(folder)
            return f"{storage.resolve(folder.rstrip('/') or '.')}/{below}"
        return self.path


@dataclass(frozen=True, slots=True)
class ReadObject:
    """An object that was read: its bytes as they are in the storage, and what it held."""

    name: str  # below the folder that the configuration names
    bytes: int
    sha256: str
    rows: int
    quarantined: int = 0
    blake3: str | None = None  # where somebody records the run

    def to_dict(self) -> dict[str, Any]:
        """Return what reports tell of it, which is the same whether the run is recorded or not."""
        told = asdict(self)
        del told["blake3"]
        return told


@dataclass(frozen=True, slots=True)
class StagedDataset:
    """A reference to a dataset: where it is, what it looks like, and how it came to be.

    ``files`` are the source itself where an engine can scan it as it is, else files in the run's
    private staging; ``fingerprints`` are their states when the reference was made.
    """

    files: tuple[str, ...]
    format: Format
    schema: Schema
    file_rows: tuple[int, ...]  # of each file
    fingerprints: tuple[Fingerprint, ...]
    origin: Origin
    objects: tuple[ReadObject, ...]
    steps: tuple[StepReport, ...] = ()
    keep_nan: bool = False
    quarantine: str | None = None  # the file of records and rows that were set aside
    beside: Mapping[str, str] = field(default_factory=dict)  # further files of the output, by kind
    is_output: bool = False  # whether the files are in the layout that is published

    @property
    def rows(self) -> int:
        """The number of rows."""
        return sum(self.file_rows)

    @property
    def quarantined(self) -> int:
        """The number of records that could not be read, and of rows that steps set aside."""
        unread = sum(one.quarantined for one in self.objects)
        return unread + sum(step.rows_quarantined for step in self.steps)
