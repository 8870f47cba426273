"""Count over all runs of an instance, one page of them in memory at a time."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from util_services.runs.counts import RunCounts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dagster import DagsterInstance, RunRecord

PAGE_RUNS = 500
MAX_JOBS = 200  # distinct jobs that are told by name; the rest is one
OTHER_JOBS = "(other)"
BUCKETS_SECONDS = (1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 14400.0)


@dataclass(slots=True)
class Durations:
    """How long runs took: how many up to each bound of ``BUCKETS_SECONDS``, and all together."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS_SECONDS) + 1))
    seconds: float = 0.0

    def add(self, seconds: float) -> None:
        """Count a run."""
        reached = next(
            (n for n, bound in enumerate(BUCKETS_SECONDS) if seconds <= bound), len(BUCKETS_SECONDS)
        )
        self.counts[reached] += 1
        self.seconds += seconds


@dataclass(slots=True)
class Tally:
    """What was counted, by job, or by job and status."""

    runs: Counter[tuple[str, str]] = field(default_factory=Counter)
    durations: dict[tuple[str, str], Durations] = field(
        default_factory=lambda: defaultdict(Durations)
    )
    last_success: dict[str, float] = field(default_factory=dict)  # end, seconds since 1970
    counts: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    jobs: set[str] = field(default_factory=set)

    def add(self, record: RunRecord) -> None:
        """Count a run."""
        run, job = record.dagster_run, self._label(record.dagster_run.job_name)
        place = (job, run.status.value)
        self.runs[place] += 1
        if run.is_finished and record.start_time is not None and record.end_time is not None:
            self.durations[place].add(record.end_time - record.start_time)
        if run.is_success and record.end_time is not None:
            self.last_success[job] = max(self.last_success.get(job, 0.0), record.end_time)
        counts = RunCounts.found_in(run)
        if run.is_success and counts is not None:
            self.counts[job].update(asdict(counts))

    def _label(self, job: str) -> str:
        """Return the name under which a job is told; there is a bound to how many there are."""
        if job not in self.jobs and len(self.jobs) >= MAX_JOBS:
            return OTHER_JOBS
        self.jobs.add(job)
        return job


def tally(instance: DagsterInstance, days: int | None = None) -> Tally:
    """Count the runs of an instance, newest first.

    Args:
        instance: the instance.
        days: leave out runs that were made before that many days; None counts all.
    """
    found = Tally()
    for record in _records(instance, days):
        found.add(record)
    return found


def _records(instance: DagsterInstance, days: int | None) -> Iterator[RunRecord]:
    from dagster import RunsFilter

    since = datetime.now(UTC) - timedelta(days=days) if days is not None else None
    wanted, cursor = RunsFilter(created_after=since), None
    while page := instance.get_run_records(wanted, limit=PAGE_RUNS, cursor=cursor):
        yield from page
        cursor = page[-1].dagster_run.run_id
