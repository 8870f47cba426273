"""Where the report of a run appears that publishes no dataset: it measured one, or it failed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from util_services.flow.beside import places_beside

if TYPE_CHECKING:
    from util_services.storage.protocol import Location, Storage

REPORT_ENDINGS = {"report": ".report.html", "report_json": ".report.json"}
QUARANTINE_ENDING = ".quarantine.jsonl"
FAILED_ENDING = ".failed"  # before those of a report


@dataclass(frozen=True, slots=True)
class ReportOptions:
    """How a run config asks for a report."""

    path: str
    overwrite: bool = False


@dataclass(frozen=True, slots=True)
class ReportPlan:
    """The report that a run publishes. Its record is the commit point, and the page beside it."""

    path: str  # as asked for, with the run's id filled in
    storage: Storage
    whole: Location  # what the endings of the two files follow
    overwrite: bool

    @property
    def reports(self) -> dict[str, Location]:
        """The places of page and record."""
        return {kind: self.whole.beside(ending) for kind, ending in REPORT_ENDINGS.items()}

    @property
    def location(self) -> Location:
        """The place of the record."""
        return self.reports["report_json"]

    @property
    def quarantine(self) -> Location:
        """The place of records that could not be read."""
        return self.whole.beside(QUARANTINE_ENDING)

    @property
    def beside_data(self) -> dict[str, Location]:
        """The places of further files that a step may write, by their kinds."""
        return places_beside(self.whole)

    @property
    def address(self) -> str:
        """The record as a person names it."""
        return str(self.location)

    @property
    def failed(self) -> ReportPlan:
        """Where the report appears instead if the run fails for what it found."""
        return replace(
            self,
            path=self.path + FAILED_ENDING,
            whole=self.whole.beside(FAILED_ENDING),
            overwrite=True,
        )
