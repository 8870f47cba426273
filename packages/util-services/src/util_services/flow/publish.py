"""From a finished file in staging to a dataset and its reports in a storage.

No storage changes several objects in one step, so the order is what keeps them together:

1. The place is claimed. One run at a time publishes there; the claim of a dead one is taken away.
2. The bytes of the data are brought into the store, unseen: the parts of an upload, or a file on
   the target's disk. This is the long step and the likeliest to fail, and nothing has changed yet.
3. Where there are no data, the reports appear first and the data last, as the commit point, on
   condition that the place is still empty. Reports found there belong to a run that died before
   its commit: there are no data, and whoever holds the claim knows that nobody else is at work.
   They are replaced, if they are reports at all; any other file there is refused.
4. Where data are replaced (``overwrite: true``), the former reports go first, then the data are
   replaced in one step, then the new reports appear. If the data cannot be replaced, the former
   reports come back. A kill or a lost store in between leaves data without a report until the
   next run, never a report beside data that it does not describe: a missing report is honest.
"""

from __future__ import annotations

import json
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from util_services.errors import DatasetError, StorageError
from util_services.flow.changes import file_state
from util_services.flow.plan import REPORT_ENDINGS
from util_services.flow.read import digest_of
from util_services.reports.html import GENERATOR, render_html
from util_services.reports.record import (
    REPORT_PARTS,
    OutputFacts,
    RunFacts,
    build_report,
    to_json,
)
from util_services.storage.protocol import Location, already_exists

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from util_services.datasets.staged import StagedDataset
    from util_services.flow.plan import WritePlan
    from util_services.flow.staging import Staging
    from util_services.storage.protocol import Claim, Fingerprint, Storage


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
    """Publish a dataset with its reports, whole or not at all.

    Args:
        dataset: the finished file, in the format of the plan.
        plan: where it goes.
        staging: the run's staging.
        run: what the report says of the run.
        may_publish: is called before anything changes and right before the commit, and raises if
            the run must not go on.

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
    texts = {"report": render_html(report), "report_json": to_json(report)}
    places = {kind: plan.location.beside(ending) for kind, ending in REPORT_ENDINGS.items()}
    reports: dict[Location, Path] = {}
    for kind, text in texts.items():
        sidecar = staging.file(f"output{REPORT_ENDINGS[kind]}")
        sidecar.write_text(text, encoding="utf-8")
        reports[places[kind]] = sidecar
    with plan.storage.claim(plan.location, exclusive=not plan.overwrite) as claim:
        former = plan.storage.fingerprint(plan.location)
        if former is None:
            if not plan.overwrite:
                _refuse_strangers(plan.storage, places)
        elif not plan.overwrite:
            raise already_exists(plan.location)
        with claim.prepare(file, overwrite=plan.overwrite) as appear:

            def commit() -> None:
                may_publish()
                appear()

            if former is None:
                _publish_new(plan, claim, reports, commit)
            else:
                may_publish()
                aside = _Aside(plan, former, [*reports], staging)
                _replace(claim, reports, commit, aside)
    return Published(plan.location, places, dataset.rows, size, digest, report)


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


def _publish_new(
    plan: WritePlan, claim: Claim, reports: Mapping[Location, Path], commit: Callable[[], None]
) -> None:
    """Make the reports appear, then the data; withdraw the reports if the data do not."""
    try:
        for place, sidecar in reports.items():
            claim.put(sidecar, place)
        commit()
    except BaseException:
        with suppress(Exception):  # what went wrong before says more
            if plan.storage.fingerprint(plan.location) is None:
                for place in reports:
                    plan.storage.remove(place)
        raise


def _replace(
    claim: Claim,
    reports: Mapping[Location, Path],
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
        for place, sidecar in reports.items():
            claim.put(sidecar, place)
    except StorageError as error:
        raise StorageError(
            f"The data were replaced, but not all their reports could be written; start the run "
            f"again with 'overwrite: true'. {error}"
        ) from None


class _Aside:
    """The reports of data that are about to be replaced, kept in staging until that is done."""

    def __init__(
        self, plan: WritePlan, former: Fingerprint, places: list[Location], staging: Staging
    ) -> None:
        self._storage, self._data, self._former = plan.storage, plan.location, former
        self._copies: dict[Location, Path] = {}
        for number, place in enumerate(places):
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


def _refuse_strangers(storage: Storage, places: Mapping[str, Location]) -> None:
    """Refuse a place where a file that is no report has the name of one.

    Raises:
        StorageError: naming it.
    """
    recognises = {"report": _is_page, "report_json": _is_record}
    for kind, place in places.items():
        if storage.fingerprint(place) is not None:
            with storage.open(place) as file:
                if not recognises[kind](file.read()):
                    raise already_exists(place)


def _is_page(content: bytes) -> bool:
    return GENERATOR.encode() in content


def _is_record(content: bytes) -> bool:
    try:
        record = json.loads(content)
    except ValueError:
        return False
    return isinstance(record, dict) and record.keys() >= REPORT_PARTS
