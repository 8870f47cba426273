"""From a finished file in staging to a dataset and its reports in a storage.

No storage changes several objects in one step, so the order is what keeps them together:

1. The place is claimed. One run at a time publishes there; the claim of a dead one is taken away.
2. The bytes of the data are brought into the store, unseen: the parts of an upload, or a file on
   the target's disk. This is the long step and the likeliest to fail, and nothing has changed yet.
3. Where there are no data, the reports appear first and the data last, as the commit point, on
   condition that the place is still empty. Reports found there belong to a run that died before
   its commit: there are no data, and whoever holds the claim knows that nobody else is at work.
   They are replaced, if they are reports at all; any other file there is refused.
   Part files appear before the reports. They are named by their content, so they replace nothing,
   and nobody reads them before the manifest lists them: its appearance is the commit point.
4. Where data are replaced (``overwrite: true``), the former reports go first, then the data are
   replaced in one step, then the new reports appear. If the data cannot be replaced, the former
   reports come back. A kill or a lost store in between leaves data without a report until the
   next run, never a report beside data that it does not describe: a missing report is honest.
"""

from __future__ import annotations

import json
import shutil
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from util_services.datasets.manifest import MANIFEST, Manifest, Part
from util_services.errors import DatasetError, StorageError
from util_services.flow.beside import is_change_log, is_policy, is_recipe, is_state
from util_services.flow.bring import digest_of
from util_services.flow.changes import file_state
from util_services.flow.parts import parts_published, remove_parts
from util_services.flow.plan import QUARANTINE_ENDING, part_name
from util_services.flow.quarantine import is_quarantine
from util_services.reports.html import GENERATOR, render_html
from util_services.reports.record import (
    REPORT_PARTS,
    OutputFacts,
    Report,
    RunFacts,
    build_report,
    columns_of,
)
from util_services.storage.protocol import Location, already_exists

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from util_services.datasets.staged import StagedDataset
    from util_services.encryption.paths import AnyPath
    from util_services.flow.plan import WritePlan
    from util_services.flow.staging import Staging
    from util_services.reports.section import Section
    from util_services.storage.protocol import Claim, Fingerprint

MAX_REPORT_BYTES = 64 << 20


class NotConservedError(DatasetError):
    """Raised when rows are neither in the output nor counted as dropped."""


@dataclass(frozen=True, slots=True)
class Published:
    """What a run has published."""

    location: Location
    address: str  # the data as a person names them: a folder of part files ends in "/"
    reports: Mapping[str, Location]
    rows: int
    bytes: int
    sha256: str
    report: Report


def publish_dataset(
    dataset: StagedDataset,
    plan: WritePlan,
    staging: Staging,
    run: RunFacts,
    may_publish: Callable[[], None],
    more_sections: Callable[[Report], Iterable[Section]] = lambda _: (),
    announce: Callable[[OutputFacts], None] = lambda _: None,
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

    Raises:
        NotConservedError: if rows were lost.
        StorageError: if the storage refuses; nothing is left behind then.
    """
    files = [staging.path(file) for file in dataset.files]
    if tuple(map(file_state, files)) != dataset.fingerprints:
        raise DatasetError("The staged output was changed from outside; start the run again.")
    check_conserved(dataset)
    content = _content_of(dataset, files, plan, staging)
    report = build_report(dataset, content.facts, run)
    report = replace(report, sections=tuple(more_sections(report)))
    sidecars = _sidecars(dataset, plan, staging, report)
    with plan.storage.claim(plan.location, exclusive=not plan.overwrite) as claim:
        former = plan.storage.fingerprint(plan.location)
        if former is not None and not plan.overwrite:
            raise already_exists(plan.location)
        if former is None and not plan.overwrite:
            _refuse_strangers(plan)
        with (
            parts_published(plan, claim, content.parts) as former_parts,
            claim.prepare(content.file, overwrite=plan.overwrite) as appear,
        ):

            def commit() -> None:
                may_publish()
                announce(content.facts)
                appear()

            if former is None:
                _publish_new(plan, claim, sidecars, commit)
            else:
                may_publish()
                _replace(claim, sidecars, commit, _Aside(plan, former, staging))
        remove_parts(plan, former_parts - content.parts.keys())
    places = plan.reports | ({"quarantine": plan.quarantine} if dataset.quarantined else {})
    places |= {kind: plan.beside_data[kind] for kind in dataset.beside}
    facts = content.facts
    address = str(plan.location).removesuffix(MANIFEST) if facts.parts else str(plan.location)
    return Published(
        plan.location, address, places, dataset.rows, facts.bytes, facts.sha256, report
    )


@dataclass(frozen=True, slots=True)
class _Content:
    """What appears: the object whose appearance is the commit, and the parts that it lists."""

    file: AnyPath
    parts: Mapping[str, AnyPath]  # by name
    facts: OutputFacts


def _content_of(
    dataset: StagedDataset, files: list[AnyPath], plan: WritePlan, staging: Staging
) -> _Content:
    layout = plan.layout
    if plan.part_rows is None:
        (file,) = files
        size, digest = file.stat().st_size, digest_of(file)
        facts = OutputFacts(
            plan.path,
            layout.format,
            layout.compression,
            size,
            digest,
            quarantine=_quarantine_path(dataset, plan),
            columns=columns_of(dataset.schema),
        )
        return _Content(file, {}, facts)
    parts, named = [], {}
    for number, (file, rows) in enumerate(zip(files, dataset.file_rows, strict=True)):
        digest = digest_of(file)
        part = Part(part_name(number, digest, layout), rows, file.stat().st_size, digest)
        parts.append(part)
        named[part.name] = file
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
    return _Content(manifest, named, facts)


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
        sidecars[plan.beside_data[kind]] = staging.path(place)
    return sidecars


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


def _publish_new(
    plan: WritePlan, claim: Claim, sidecars: Mapping[Location, AnyPath], commit: Callable[[], None]
) -> None:
    """Make the reports appear, then the data; withdraw the reports if the data do not."""
    try:
        for place in _places(plan):
            if place in sidecars:
                claim.put(sidecars[place], place)
            else:
                plan.storage.remove(place)  # of a run that died before its commit
        commit()
    except BaseException:
        with suppress(Exception):  # what went wrong before says more
            if plan.storage.fingerprint(plan.location) is None:
                for place in sidecars:
                    plan.storage.remove(place)
        raise


def _replace(
    claim: Claim,
    sidecars: Mapping[Location, AnyPath],
    commit: Callable[[], None],
    aside: _Aside,
) -> None:
    """Replace data and reports; no report ever lies beside data that it does not describe."""
    try:
        aside.clear()
        commit()
    except BaseException:
        with suppress(Exception):  # what went wrong before says more
            aside.restore(claim)
        raise
    try:
        for place, sidecar in sidecars.items():
            claim.put(sidecar, place)
    except StorageError as error:
        raise StorageError(
            f"The data were replaced, but not all their reports could be written; start the run "
            f"again with 'overwrite: true'. {error}"
        ) from None


class _Aside:
    """The reports of data that are about to be replaced, kept in staging until that is done."""

    def __init__(self, plan: WritePlan, former: Fingerprint, staging: Staging) -> None:
        self._storage, self._data, self._former = plan.storage, plan.location, former
        self._copies: dict[Location, AnyPath] = {}
        for number, place in enumerate(_places(plan)):
            if plan.storage.fingerprint(place) is not None:
                copy = staging.file(f"former-{number}")
                with plan.storage.open(place) as source, copy.open("wb") as sink:
                    shutil.copyfileobj(source, sink)
                self._copies[place] = copy

    def clear(self) -> None:
        """Remove the reports from their places."""
        for place in self._copies:
            self._storage.remove(place)

    def restore(self, claim: Claim) -> None:
        """Bring the reports back if the data are still those that they describe."""
        if self._storage.fingerprint(self._data) == self._former:
            for place, copy in self._copies.items():
                claim.put(copy, place)


def _places(plan: WritePlan) -> list[Location]:
    """Return all places beside the data at which a run may publish something."""
    return [*plan.reports.values(), plan.quarantine, *plan.beside_data.values()]


def _refuse_strangers(plan: WritePlan) -> None:
    """Refuse a place where a file that is no report has the name of one.

    Raises:
        StorageError: naming it.
    """
    recognises = {
        plan.reports["report"]: _is_page,
        plan.reports["report_json"]: _is_record,
        plan.quarantine: is_quarantine,
        plan.beside_data["changes"]: is_change_log,
        plan.beside_data["policy"]: is_policy,
        plan.beside_data["recipe"]: is_recipe,
        plan.beside_data["state"]: is_state,
    }
    for place, is_ours in recognises.items():
        if plan.storage.fingerprint(place) is not None:
            with plan.storage.open(place) as file:
                if not is_ours(file.read(MAX_REPORT_BYTES)):
                    raise already_exists(place)


def _is_page(content: bytes) -> bool:
    return GENERATOR.encode() in content


def _is_record(content: bytes) -> bool:
    try:
        record = json.loads(content)
    except ValueError:
        return False
    return isinstance(record, dict) and record.keys() >= REPORT_PARTS
