"""What a run has published."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from util_services.reports.record import Report
    from util_services.storage.protocol import Location


@dataclass(frozen=True, slots=True)
class Published:
    """What a run has published: a dataset with its reports, or a report alone."""

    location: Location
    address: str  # the data as a person names them: a folder of part files ends in "/"
    reports: Mapping[str, Location]
    rows: int
    bytes: int
    sha256: str
    report: Report
    report_sha256: str  # of the record of the report, as it lies in the storage
