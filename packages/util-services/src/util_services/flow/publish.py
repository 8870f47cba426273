"""From a finished file in staging to a dataset and its reports in a storage."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from util_services.errors import DatasetError
from util_services.flow.changes import file_state
from util_services.flow.plan import REPORT_ENDINGS
from util_services.flow.read import digest_of
from util_services.reports.html import render_html
from util_services.reports.record import OutputFacts, RunFacts, build_report, to_json
from util_services.storage.protocol import Location, Storage, already_exists

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from util_services.datasets.staged import StagedDataset
    from util_services.flow.plan import WritePlan
    from util_services.flow.staging import Staging


class NotConservedError(DatasetError):
    """Raised when rows are neither in the output nor counted as dropped."""


@dataclass(frozen=True, slots=True)
class Published:
    """What a run has published."""

    location: Location
    reports: Mapping[str, Location]
    rows: int
    bytes: int
    sha256: str
    report: dict[str, Any]


def publish_dataset(
    dataset: StagedDataset,
    plan: WritePlan,
    staging: Staging,
    run: RunFacts,
    may_publish: Callable[[], None],
) -> Published:
    """Publish a dataset with its reports: reports first, the data last as the commit point.

    Args:
        dataset: the finished file, in the format of the plan.
        plan: where it goes.
        staging: the run's staging.
        run: what the report says of the run.
        may_publish: is called right before the commit and raises if the run must not go on.

    Raises:
        NotConservedError: if rows were lost.
        StorageError: if the storage refuses; nothing is left behind then.
    """
    file = Path(dataset.file)
    if file_state(file) != dataset.fingerprint:
        raise DatasetError("The staged output was changed from outside; start the run again.")
    check_conserved(dataset)
    digest = digest_of(file)
    size = file.stat().st_size
    report = build_report(dataset, OutputFacts(plan.path, plan.format, size, digest), run)
    contents = {"report": render_html(report), "report_json": to_json(report)}
    published: dict[str, Location] = {}
    if not plan.overwrite:
        _clear_place(plan)
    try:
        for kind, text in contents.items():
            ending = REPORT_ENDINGS[kind]
            sidecar = staging.file(f"output{ending}")
            sidecar.write_text(text, encoding="utf-8")
            place = plan.location.beside(ending)
            plan.storage.publish(sidecar, place, overwrite=plan.overwrite)
            published[kind] = place
        may_publish()
        plan.storage.publish(file, plan.location, overwrite=plan.overwrite)
    except BaseException:
        _withdraw(plan.storage, plan.location, published.values())
        raise
    return Published(plan.location, published, dataset.rows, size, digest, report)


def check_conserved(dataset: StagedDataset) -> None:
    """Check that every step accounts for each of its rows.

    Raises:
        NotConservedError: naming the step.
    """
    for step in dataset.steps:
        if step.rows_in != step.rows_out + step.rows_dropped:
            raise NotConservedError(
                f"'{step.operation}' read {step.rows_in} rows but accounts for {step.rows_out} "
                f"kept and {step.rows_dropped} dropped; nothing was published, report this as a "
                "defect."
            )


def _clear_place(plan: WritePlan) -> None:
    """Refuse a place that is taken; remove reports whose data a killed run never published."""
    if plan.storage.fingerprint(plan.location) is not None:
        raise already_exists(plan.location)
    for ending in REPORT_ENDINGS.values():
        plan.storage.remove(plan.location.beside(ending))


def _withdraw(storage: Storage, data: Location, reports: Iterable[Location]) -> None:
    """Remove reports of data that never appeared; those of older data cannot be brought back."""
    if storage.fingerprint(data) is None:
        for report in reports:
            storage.remove(report)
