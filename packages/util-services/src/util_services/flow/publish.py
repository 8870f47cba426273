"""From a finished file in staging to a dataset and its reports in a storage.

The reports appear first and the data last, as the commit point (see `appear`). Part files appear
before the reports: they are named by their content, so they replace nothing, and nobody reads them
before the manifest lists them, whose appearance is the commit point.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from util_services.datasets.manifest import MANIFEST, Manifest, Part
from util_services.errors import DatasetError
from util_services.flow.appear import Place, appear
from util_services.flow.beside import RELEASE, TABLE, TABLE_ENDING, is_table, recognised
from util_services.flow.changes import file_state
from util_services.flow.digests import digest_of, digests_of
from util_services.flow.parts import parts_published, remove_parts
from util_services.flow.plan import part_name
from util_services.flow.publish_report import beside_report, is_page, is_record
from util_services.flow.published import Published
from util_services.flow.quarantine import is_quarantine
from util_services.flow.report_plan import QUARANTINE_ENDING
from util_services.flow.run_files import files_published
from util_services.reports.html import render_html
from util_services.reports.record import (
    OutputFacts,
    Report,
    RunFacts,
    build_report,
    columns_of,
)
from util_services.storage.patterns import Pattern

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from util_services.datasets.staged import StagedDataset
    from util_services.encryption.paths import AnyPath
    from util_services.flow.digests import FileDigests
    from util_services.flow.plan import WritePlan
    from util_services.flow.run_files import RunFile
    from util_services.flow.staging import Staging
    from util_services.reports.section import Section
    from util_services.storage.protocol import Claim, Location

    Seal = Callable[[bytes, Report, Mapping[str, str]], bytes]


class NotConservedError(DatasetError):
    """Raised when rows are neither in the output nor counted as dropped."""


def publish_dataset(
    dataset: StagedDataset,
    plan: WritePlan,
    staging: Staging,
    run: RunFacts,
    may_publish: Callable[[], None],
    more_sections: Callable[[Report], Iterable[Section]] = lambda _: (),
    announce: Callable[[OutputFacts], None] = lambda _: None,
    seal: Seal | None = None,
    tell: Callable[[tuple[RunFile, ...]], None] | None = None,
) -> Published:
    """Publish a dataset with its reports, whole or not at all.

    Args:
        dataset: the finished file or part files, in the layout of the plan.
        plan: where it goes.
        staging: the run's staging.
        run: what the report says of the run.
        may_publish: is called before anything changes and right before the commit, and raises if
            the run must not go on.
        more_sections: what others add to the report.
        announce: is told what appears, right before it does, and raises if it must not.
        seal: makes of the decision to let a dataset out the signed statement that appears with it.
        tell: is told all files that appear, right before they do, and raises if they must not.

    Raises:
        NotConservedError: if rows were lost.
        StorageError: if the storage refuses; nothing is left behind then.
    """
    files = [staging.path(file) for file in dataset.files]
    if tuple(map(file_state, files)) != dataset.fingerprints:
        raise DatasetError("The staged output was changed from outside; start the run again.")
    if not dataset.is_output:
        raise DatasetError("The staged files are not in the form to publish; report this defect.")
    check_conserved(dataset)
    content = _content_of(dataset, files, plan, staging, with_blake3=tell is not None)
    report = build_report(dataset, content.facts, run)
    report = replace(report, sections=tuple(more_sections(report)))
    sidecars = _sidecars(dataset, plan, staging, report)
    report_sha256 = digest_of(sidecars[plan.reports["report_json"]])
    if RELEASE in dataset.beside:
        _seal(sidecars, content, plan, report, seal)
    told = files_published(plan, content.by_place(plan) | sidecars, content.digests) if tell else ()

    @contextmanager
    def parts(claim: Claim) -> Iterator[None]:
        with parts_published(plan, claim, content.parts) as former:
            yield
        remove_parts(plan, former - content.parts.keys())

    def announced() -> None:
        if tell is not None:
            tell(told)
        announce(content.facts)

    appear(
        Place(plan.storage, plan.location, _beside(plan, dataset), plan.overwrite),
        content.file,
        sidecars,
        staging,
        may_publish,
        announce=announced,
        around=parts,
    )
    places = plan.reports | ({"quarantine": plan.quarantine} if dataset.quarantined else {})
    places |= {kind: plan.place_beside(kind) for kind in dataset.beside}
    facts = content.facts
    address = str(plan.location).removesuffix(MANIFEST) if facts.parts else str(plan.location)
    return Published(
        plan.location,
        address,
        places,
        dataset.rows,
        facts.bytes,
        facts.sha256,
        report,
        report_sha256,
    )


@dataclass(frozen=True, slots=True)
class _Content:
    """What appears: the object whose appearance is the commit, and the parts that it lists."""

    file: AnyPath
    parts: Mapping[str, AnyPath]  # by name
    facts: OutputFacts
    digests: Mapping[Location, FileDigests]

    def by_place(self, plan: WritePlan) -> dict[Location, AnyPath]:
        """Return object and parts by the places at which they appear."""
        return {
            **{plan.beside(name): file for name, file in self.parts.items()},
            plan.location: self.file,
        }


def _content_of(
    dataset: StagedDataset,
    files: list[AnyPath],
    plan: WritePlan,
    staging: Staging,
    *,
    with_blake3: bool,
) -> _Content:
    layout = plan.layout
    if plan.part_rows is None:
        (file,) = files
        size, digests = file.stat().st_size, digests_of(file, with_blake3=with_blake3)
        facts = OutputFacts(
            plan.path,
            layout.format,
            layout.compression,
            size,
            digests.sha256,
            quarantine=_quarantine_path(dataset, plan),
            columns=columns_of(dataset.schema),
        )
        return _Content(file, {}, facts, {plan.location: digests})
    parts, named, known = [], {}, {}
    for number, (file, rows) in enumerate(zip(files, dataset.file_rows, strict=True)):
        digests = digests_of(file, with_blake3=with_blake3)
        name = part_name(number, digests.sha256, layout)
        parts.append(Part(name, rows, file.stat().st_size, digests.sha256))
        named[name], known[plan.beside(name)] = file, digests
    manifest = staging.file(MANIFEST)
    text = Manifest.of(layout, dataset.schema, tuple(parts)).to_json()
    manifest.write_text(text, encoding="utf-8")
    facts = OutputFacts(
        path=plan.path,
        format=layout.format,
        compression=layout.compression,
        bytes=sum(part.bytes for part in parts),
        sha256=digest_of(manifest),
        parts=len(parts),
        quarantine=_quarantine_path(dataset, plan),
        columns=columns_of(dataset.schema),
    )
    return _Content(manifest, named, facts, known)


def _quarantine_path(dataset: StagedDataset, plan: WritePlan) -> str | None:
    return f"{plan.path.rstrip('/')}{QUARANTINE_ENDING}" if dataset.quarantined else None


def _sidecars(
    dataset: StagedDataset, plan: WritePlan, staging: Staging, report: Report
) -> dict[Location, AnyPath]:
    """Return the files that appear beside the data, by place."""
    sidecars: dict[Location, AnyPath] = {}
    for kind, text in (("report", render_html(report)), ("report_json", report.to_json())):
        file = staging.file(f"beside-{kind}")
        file.write_text(text, encoding="utf-8")
        sidecars[plan.reports[kind]] = file
    if dataset.quarantine is not None and dataset.quarantined:
        sidecars[plan.quarantine] = staging.path(dataset.quarantine)
    for kind, place in dataset.beside.items():
        sidecars[plan.place_beside(kind)] = staging.path(place)
    return sidecars


def _seal(
    sidecars: Mapping[Location, AnyPath],
    content: _Content,
    plan: WritePlan,
    report: Report,
    seal: Seal | None,
) -> None:
    """Turn the decision on a release into the statement on the digests of all that appears."""
    if seal is None:
        raise AssertionError("a dataset that was let out is published by somebody who can sign")
    statement = plan.beside_data[RELEASE]
    appearing = {_name(place, plan): file for place, file in sidecars.items() if place != statement}
    appearing |= {_name(plan.location, plan): content.file}
    folder = "" if not content.parts else _name(plan.location, plan).removesuffix(MANIFEST)
    appearing |= {f"{folder}{name}": file for name, file in content.parts.items()}
    file = sidecars[statement]
    digests = {name: digest_of(file) for name, file in appearing.items()}
    file.write_bytes(seal(file.read_bytes(), report, digests))


def _name(place: Location, plan: WritePlan) -> str:
    """Return what something is called, as seen from the folder in which the reports are."""
    return str(place).removeprefix(str(plan.reports["report"]).rpartition("/")[0] + "/")


def check_conserved(dataset: StagedDataset) -> None:
    """Check that every row that was read is in the output or accounted for, step by step.

    Raises:
        NotConservedError: naming the step.
    """
    rows = sum(one.rows for one in dataset.objects)
    for step in dataset.steps:
        if rows + step.rows_made != step.rows_out + step.rows_dropped + step.rows_quarantined:
            raise NotConservedError(
                f"'{step.operation}' was given {rows} rows but accounts for {step.rows_out} kept, "
                f"{step.rows_dropped} dropped and {step.rows_quarantined} quarantined; nothing was "
                "published, report this as a defect."
            )
        rows = step.rows_out
    if rows != dataset.rows:
        raise NotConservedError(
            f"The last step left {rows} rows but {dataset.rows} are to be published; nothing was, "
            "report this as a defect."
        )


def _beside(plan: WritePlan, dataset: StagedDataset) -> dict[Location, Callable[[bytes], bool]]:
    """Return all places beside the data at which a run may publish something.

    The report of a run that failed is among them: it goes when data appear.
    """
    tables = [plan.place_beside(kind) for kind in dataset.beside if kind.startswith(TABLE)]
    if plan.storage.fingerprint(plan.beside_data[RELEASE]) is not None:  # of a release that goes
        tables += plan.storage.find(Pattern.of(f"{plan.path.rstrip('/')}.*{TABLE_ENDING}"))
    return {
        **dict.fromkeys(tables, is_table),
        plan.reports["report"]: is_page,
        plan.reports["report_json"]: is_record,
        plan.quarantine: is_quarantine,
        **recognised(plan.beside_data),
        **beside_report(plan.failed),
    }
