"""What a run tells of its rows where all runs are listed: in a tag of its own.

Whoever counts over thousands of runs reads their records alone and none of their events.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dagster import DagsterRun

    from util_services.flow.published import Published

COUNTS_TAG = ".dagster/data_services_counts"  # what begins so is not shown in Dagster's lists


@dataclass(frozen=True, slots=True)
class RunCounts:
    """What became of the rows of a run, and how many bytes it published."""

    read: int
    published: int
    dropped: int
    quarantined: int
    bytes: int

    @classmethod
    def of(cls, published: Published) -> RunCounts:
        """Return the counts of what a run has published."""
        rows = published.report.rows
        return cls(rows.read, rows.out, rows.dropped, rows.quarantined, published.bytes)

    def tag(self, run_id: str) -> dict[str, str]:
        """Return the tag for a run; it names the run, whose tags a re-execution inherits."""
        return {COUNTS_TAG: json.dumps({"run": run_id, **asdict(self)})}

    @classmethod
    def found_in(cls, run: DagsterRun) -> RunCounts | None:
        """Return the counts that a run is tagged with, None where there are none of its own."""
        try:
            counts = json.loads(run.tags[COUNTS_TAG])
            if counts.pop("run") != run.run_id:
                return None
            return cls(**{name: int(count) for name, count in counts.items()})
        except (KeyError, ValueError, TypeError, AttributeError):
            return None
