"""What the audit records of runs, and the reports that lie beside what they published."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from util_services.errors import ConfigurationError, quoted_name
from util_services.processing_record.document import Source
from util_services.processing_record.places import content_at
from util_services.releases.envelope import STATEMENT_TYPE, Envelope
from util_services.releases.errors import EnvelopeError
from util_services.releases.statement import Statement as ReleaseStatement
from util_services.reports.plain import ReportError
from util_services.reports.record import Report

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from util_services.releases.registered import RegisteredRelease

RECORD_ENDING = ".report.json"
STATEMENT_ENDING = ".release.json"

Record = dict[str, Any]  # one of the audit, as `work_records` returns it


@dataclass(frozen=True, slots=True)
class RecordedRun:
    """A run, as the audit records its beginning and its end.

    Attributes:
        outcome: how it ended; "open" where that is not recorded.
        sources: the records.
    """

    id: str
    job: str
    user: str | None
    requester: str | None
    purpose: str | None
    began: str
    outcome: str
    inputs: tuple[Mapping[str, Any], ...]
    outputs: tuple[Mapping[str, Any], ...]
    counts: Mapping[str, int]
    sources: tuple[Source, ...]

    @property
    def read(self) -> set[str]:
        """The digests of what it read."""
        return {one["sha256"] for one in self.inputs if "sha256" in one}

    @property
    def made(self) -> set[str]:
        """The digests of what it published."""
        return {one["sha256"] for one in self.outputs if "sha256" in one}


@dataclass(frozen=True, slots=True)
class FoundReport:
    """The report of a run, or why there is none that counts.

    Attributes:
        seal: whose word its digest stands in, ``audit`` or ``release``; empty where it is in
            neither, so that the report counts as it was found.
    """

    report: Report | None = None
    source: Source | None = None
    seal: str = ""
    gap: str = ""


@dataclass(frozen=True, slots=True)
class GivenReports:
    """Reports that were named, for runs whose own are not where the audit says."""

    by_run: Mapping[str, Path] = field(default_factory=dict)

    @classmethod
    def of(cls, files: Iterable[Path]) -> GivenReports:
        """Return the reports in files.

        Raises:
            ConfigurationError: if one is none.
        """
        found = {}
        for file in files:
            try:
                found[Report.from_json(file.read_bytes()).run.run_id] = file
            except (OSError, ReportError):
                raise ConfigurationError(
                    f"{quoted_name(file.name)} is no report of a run that can be read; name a "
                    "'….report.json' with '--report'."
                ) from None
        return cls(found)


def audit_source(record: Record) -> Source:
    """Return a record of the audit as a source."""
    facts = (("time", record["time"]), ("action", record["action"]), ("work", record["work"]))
    return Source("audit", f"{record['chain']}:{record['sequence']}", facts)


def runs_in(records: Sequence[Record]) -> list[RecordedRun]:
    """Return the runs that records of the audit tell of, in the order in which they began."""
    works: dict[str, dict[str, Record]] = {}
    for record in records:
        if record["action"] == "run":
            works.setdefault(record["work"], {})[record["phase"]] = record
    return [_run(work, phases) for work, phases in works.items()]


def _run(work: str, phases: Mapping[str, Record]) -> RecordedRun:
    first = phases.get("before") or next(iter(phases.values()))
    last = phases.get("after") or first
    return RecordedRun(
        id=work,
        job=first.get("job", ""),
        user=first.get("user"),
        requester=first.get("requester"),
        purpose=first.get("purpose"),
        began=first["time"],
        outcome=last.get("outcome", "open"),
        inputs=tuple(last.get("inputs") or first.get("inputs") or ()),
        outputs=tuple(last.get("outputs") or ()),
        counts=last.get("counts", {}),
        sources=tuple(dict.fromkeys((audit_source(first), audit_source(last)))),
    )


def find_report(
    run: RecordedRun, given: GivenReports, release: RegisteredRelease | None = None
) -> FoundReport:
    """Return the report of a run that published something.

    It must be of this run and tell of the very output that the audit does. Where the run was a
    release, its statement, whose digest is on the register, must name the digest of the report.

    Args:
        run: the run.
        given: reports that were named.
        release: what it released.
    """
    if not run.outputs:
        return FoundReport(gap=f"The run {run.id} has recorded no output, so no report of it is.")
    output = run.outputs[0]
    address = str(output["path"]).rstrip("/")
    is_report = address.endswith(RECORD_ENDING)
    place = address if is_report else address + RECORD_ENDING
    file = given.by_run.get(run.id)
    try:
        content = file.read_bytes() if file is not None else content_at(place)
        report = Report.from_json(content)
    except OSError:
        return FoundReport(gap=_gap(run, place))
    except ReportError:
        return FoundReport(gap=f"What is at '{place}' is no report of the run {run.id}.")
    sha256 = hashlib.sha256(content).hexdigest()
    published = sha256 if is_report else report.output and report.output.sha256
    if report.run.run_id != run.id or published != output.get("sha256"):
        return FoundReport(
            gap=f"The report at '{place}' is not that of the run {run.id} as the audit knows it."
        )
    seal = "audit" if is_report else ""
    if release is not None:
        signed = _signed_digest(address, release)
        if signed not in {None, sha256}:
            return FoundReport(
                gap=f"The report at '{place}' is not the one that was signed with the release "
                f"{release.id}."
            )
        seal = "release" if signed else seal
    facts = (("run", run.id), ("sha256", sha256), ("digest_known_by", seal or "nobody else"))
    return FoundReport(report, Source("report", place, facts), seal)


def _gap(run: RecordedRun, place: str) -> str:
    if "://" not in place:
        return f"The report of the run {run.id} is no longer at '{place}'."
    return (
        f"The report of the run {run.id} cannot be read at '{place}'; set the credentials of the "
        "store, or give a copy with '--report'."
    )


def _signed_digest(address: str, release: RegisteredRelease) -> str | None:
    """Return the digest of the report that a release's statement names, None where it is gone."""
    try:
        content = content_at(address + STATEMENT_ENDING)
        envelope = Envelope.from_json(content, STATEMENT_TYPE)
        if envelope.payload_sha256 != release.statement_sha256:
            return None
        subjects = ReleaseStatement.from_json(envelope.payload).subjects
    except (OSError, EnvelopeError):
        return None
    return subjects.get(Path(address).name + RECORD_ENDING)
