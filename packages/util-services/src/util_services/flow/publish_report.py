"""From what a run found to a report in a storage, where no dataset is published."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING

from util_services.flow.appear import Place, appear, refuse_strangers
from util_services.flow.beside import recognised
from util_services.flow.published import Published
from util_services.flow.quarantine import is_quarantine
from util_services.flow.run_files import files_published
from util_services.reports.html import GENERATOR, render_html
from util_services.reports.record import REPORT_PARTS, Report, RunFacts, build_report

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from util_services.datasets.staged import StagedDataset
    from util_services.flow.report_plan import ReportPlan
    from util_services.flow.run_files import RunFile
    from util_services.flow.staging import Staging
    from util_services.reports.section import Section
    from util_services.storage.protocol import Location


def publish_report(
    dataset: StagedDataset,
    plan: ReportPlan,
    staging: Staging,
    run: RunFacts,
    may_publish: Callable[[], None],
    more_sections: Callable[[Report], Iterable[Section]] = lambda _: (),
    announce: Callable[[Published], None] = lambda _: None,
    failure: str | None = None,
    tell: Callable[[tuple[RunFile, ...]], None] | None = None,
) -> Published:
    """Publish what the steps of a run tell, and none of its rows.

    Args:
        dataset: what the last step left.
        plan: where the report goes.
        staging: the run's staging.
        run: what the report says of the run.
        may_publish: is called before anything changes and right before the commit, and raises if
            the run must not go on.
        more_sections: what others add to the report.
        announce: is told what appears, right before it does, and raises if it must not.
        failure: why the run fails, if it does.
        tell: is told all files that appear, right before they do, and raises if they must not.

    Raises:
        StorageError: if the storage refuses; nothing is left behind then.
    """
    report = replace(build_report(dataset, None, run), failure=failure)
    report = replace(report, sections=tuple(more_sections(report)))
    record, page = staging.file("report.json"), staging.file("report.html")
    content = report.to_json().encode()
    record.write_bytes(content)
    page.write_text(render_html(report), encoding="utf-8")
    sets_aside = failure is None and dataset.quarantine is not None and dataset.quarantined > 0
    sha256 = hashlib.sha256(content).hexdigest()
    published = Published(
        location=plan.location,
        address=plan.address,
        reports=plan.reports
        | ({"quarantine": plan.quarantine} if sets_aside else {})
        | {kind: plan.beside_data[kind] for kind in dataset.beside if failure is None},
        rows=0,
        bytes=len(content),
        sha256=sha256,
        report=report,
        report_sha256=sha256,
    )
    beside = {plan.reports["report"]: is_page}
    sidecars = {plan.reports["report"]: page}
    if failure is not None:  # whose report replaces that of an earlier failure, unasked
        own = Place(plan.storage, plan.location, beside_report(plan), overwrite=True)
        refuse_strangers(own)
    else:
        beside |= {
            plan.quarantine: is_quarantine,
            **recognised(plan.beside_data),
            **beside_report(plan.failed),
        }
        for kind, file in dataset.beside.items():
            sidecars[plan.beside_data[kind]] = staging.path(file)
        if sets_aside:
            sidecars[plan.quarantine] = staging.path(str(dataset.quarantine))
    place = Place(plan.storage, plan.location, beside, plan.overwrite)
    told = files_published(plan, {**sidecars, plan.location: record}, {}) if tell else ()

    def announced() -> None:
        if tell is not None:
            tell(told)
        announce(published)

    appear(place, record, sidecars, staging, may_publish, announced)
    return published


def beside_report(plan: ReportPlan) -> Mapping[Location, Callable[[bytes], bool]]:
    """Return the places of a report, each with what tells a file of ours from a stranger's."""
    return {plan.reports["report"]: is_page, plan.reports["report_json"]: is_record}


def is_page(content: bytes) -> bool:
    """Return whether a file is the page of a report."""
    return GENERATOR.encode() in content


def is_record(content: bytes) -> bool:
    """Return whether a file is the record of a report."""
    try:
        record = json.loads(content)
    except ValueError:
        return False
    return isinstance(record, dict) and record.keys() >= REPORT_PARTS
