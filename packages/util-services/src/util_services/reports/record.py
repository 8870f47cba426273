"""The report of a run: one plain record for all operations, whatever it is shown as."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from util_services.reports.plain import ReportError
from util_services.reports.section import Section

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from util_services.datasets.schema import Schema
    from util_services.datasets.staged import ReadObject, StagedDataset, StepReport

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
class InputFacts:
    """The dataset that was read."""

    path: str  # as the configuration names it
    format: str
    compression: str | None
    dialect: Mapping[str, Any] | None
    bytes: int
    sha256: str  # of the only object, or of what sha256sum prints of them all
    limit_rows: int | None  # set for a slice, which is no result to release
    objects: tuple[Mapping[str, Any], ...]  # each of them, where there are several


@dataclass(frozen=True, slots=True)
class OutputFacts:
    """The dataset that is published."""

    path: str  # as the configuration names it
    format: str
    compression: str | None
    bytes: int
    sha256: str  # of the only file, or of the manifest that lists the digests of the parts
    parts: int | None = None  # how many part files, None for a single file
    quarantine: str | None = None  # where the records are that could not be read
    columns: tuple[Mapping[str, str], ...] = ()  # name and type of each


@dataclass(frozen=True, slots=True)
class RowCounts:
    """What became of the rows: those read and made are those published, dropped, quarantined."""

    read: int
    out: int
    dropped: int
    quarantined: int
    made: int = 0  # by steps that make several rows of one; below zero where rows were merged

    def to_dict(self) -> dict[str, int]:
        """Return the counts as plain data."""
        return {
            "in": self.read,
            "out": self.out,
            "dropped": self.dropped,
            "quarantined": self.quarantined,
            **({"made": self.made} if self.made else {}),
        }

    @classmethod
    def from_dict(cls, record: Mapping[str, int]) -> RowCounts:
        """Return the counts that ``to_dict`` describes."""
        read, out, dropped = record["in"], record["out"], record["dropped"]
        return cls(read, out, dropped, record["quarantined"], record.get("made", 0))


@dataclass(frozen=True, slots=True)
class Report:
    """What a run tells about itself: counts, digests and configuration, no values.

    Equal runs give equal reports but for the part ``run``. ``output`` is None for a run that
    publishes no dataset: one that measures, or one that failed for what it found, in which case
    ``failure`` says why.
    """

    input: InputFacts
    output: OutputFacts | None
    rows: RowCounts
    steps: tuple[StepReport, ...]
    run: RunFacts
    sections: tuple[Section, ...] = field(default=())
    failure: str | None = None

    @property
    def title(self) -> str:
        """The dataset that the report is about."""
        return self.output.path if self.output is not None else self.input.path

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain data."""
        return {
            "schema": REPORT_SCHEMA,
            "input": asdict(self.input) | {"objects": [dict(one) for one in self.input.objects]},
            "output": _output(self.output),
            "rows": self.rows.to_dict(),
            "steps": [step.to_dict() for step in self.steps],
            "sections": [section.to_dict() for section in self.sections],
            "run": asdict(self.run),
            **({} if self.failure is None else {"failure": self.failure}),
        }

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Report:
        """Return the report that ``to_dict`` describes.

        Raises:
            ReportError: if it is none that is known here.
        """
        from util_services.datasets.staged import StepReport

        if not isinstance(record, dict) or "schema" not in record:
            raise ReportError("This is no report of data-services; name a '….report.json'.")
        if record["schema"] != REPORT_SCHEMA:
            raise ReportError(
                "The report was written by a newer version of data-services; update to read it."
            )
        try:
            read, written = record["input"], record["output"]
            return cls(
                input=InputFacts(**read | {"objects": tuple(read["objects"])}),
                output=written and OutputFacts(**written | {"columns": tuple(written["columns"])}),
                rows=RowCounts.from_dict(record["rows"]),
                steps=tuple(map(StepReport.from_dict, record["steps"])),
                run=RunFacts(**record["run"]),
                sections=tuple(map(Section.from_dict, record["sections"])),
                failure=record.get("failure"),
            )
        except (KeyError, TypeError, AttributeError):
            raise ReportError("The report is damaged; publish its dataset anew.") from None

    def to_json(self) -> str:
        """Return the report as sorted, indented JSON that ends in a newline."""
        return json.dumps(self.to_dict(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, content: str | bytes) -> Report:
        """Read a report.

        Raises:
            ReportError: if it is none that is known here.
        """
        try:
            record = json.loads(content)
        except ValueError:
            raise ReportError("The report is no JSON; publish its dataset anew.") from None
        return cls.from_dict(record)


def build_report(dataset: StagedDataset, output: OutputFacts | None, run: RunFacts) -> Report:
    """Return the report of a run whose last step made this dataset."""
    origin, objects = dataset.origin, dataset.objects
    return Report(
        input=InputFacts(
            path=origin.path,
            **origin.layout.to_dict(),
            bytes=sum(one.bytes for one in objects),
            sha256=digest_of_objects(objects),
            limit_rows=origin.limit_rows,
            objects=tuple(one.to_dict() for one in objects) if len(objects) > 1 else (),
        ),
        output=output,
        rows=RowCounts(
            read=sum(one.rows + one.quarantined for one in objects),
            out=0 if output is None else dataset.rows,
            dropped=sum(step.rows_dropped for step in dataset.steps),
            quarantined=dataset.quarantined,
            made=sum(step.rows_made for step in dataset.steps),
        ),
        steps=dataset.steps,
        run=run,
    )


def columns_of(schema: Schema) -> tuple[dict[str, str], ...]:
    """Return columns as a report lists them."""
    return tuple({"name": column.name, "type": column.type} for column in schema)


def digest_of_objects(objects: Sequence[ReadObject]) -> str:
    """Return the digest of an input; of several objects, that of what sha256sum prints of them."""
    if len(objects) == 1:
        return objects[0].sha256
    return digest_of_listing((one.name, one.sha256) for one in objects)


def digest_of_listing(digests: Iterable[tuple[str, str]]) -> str:
    """Return the digest of what sha256sum prints of files, given the name and digest of each."""
    listing = "".join(f"{sha256}  {name}\n" for name, sha256 in digests)
    return hashlib.sha256(listing.encode(errors="surrogateescape")).hexdigest()


def _output(output: OutputFacts | None) -> dict[str, Any] | None:
    if output is None:
        return None
    return asdict(output) | {"columns": [dict(column) for column in output.columns]}
