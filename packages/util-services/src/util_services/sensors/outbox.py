"""The sensor that sees to it that what ended is told: it looks for what was missed, and delivers.

Dagster's status sensors deliver at most once and five runs a tick, and begin with what ends after
their first tick. This sensor looks into Dagster's runs by itself, from where it left off and a bit
before; its cursor moves only when all of them are in the outbox.
"""

import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import dagster as dg

from util_services.notifications.notification import idempotency_key
from util_services.runs.outcome import notification_of
from util_services.sensors.channels import configured_channels
from util_services.sensors.state import outbox_of

if TYPE_CHECKING:
    from util_services.notifications.outbox import Outbox

MINIMUM_INTERVAL_SECONDS = 15
LOOK_SECONDS, BUDGET_SECONDS = 15.0, 10.0  # of a tick of 60 seconds, to look and to deliver
LOOK_BACK_SECONDS = 300.0  # before the last look, for clocks differ and records come late
PAGE = 200
MOMENT_SECONDS = 0.001
STATUS_SENSORS = {
    dg.DagsterRunStatus.SUCCESS: "notify_success",
    dg.DagsterRunStatus.FAILURE: "notify_failure",
    dg.DagsterRunStatus.CANCELED: "notify_canceled",
}


@dg.sensor(
    minimum_interval_seconds=MINIMUM_INTERVAL_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description=(
        "Delivers the notifications that wait in the outbox, and puts those in that were missed."
    ),
)
def deliver_notifications(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Deliver what waits in the outbox."""
    from util_services.notifications.drain import drain

    now = time.time()
    channels = configured_channels()
    if not channels:
        context.update_cursor(str(now))
        return dg.SkipReason("No channel is configured (DATA_SERVICES_NOTIFY_…).")
    outbox = outbox_of(context.instance)
    looked_until = float(context.cursor or now)
    found = _put_in_missed(context, outbox, channels, looked_until)
    context.update_cursor(str(now if found.is_all else looked_until))
    for failure in drain(outbox, channels, BUDGET_SECONDS):
        context.log.error(str(failure))
    for entry in outbox.give_up_overdue():
        context.log.error(
            f"Notification {entry.key} is given up on channel '{entry.channel}': {entry.reason}. "
            "'data-services notifications retry' sends it after all."
        )
    outbox.forget_old()
    waiting = sum(state.waiting for state in outbox.channels())
    return dg.SkipReason(f"Runs put in: {found.runs}; deliveries that wait: {waiting}.")


@dataclass(frozen=True, slots=True)
class _Found:
    """How many runs were put into the outbox, and whether these are all that were missed."""

    runs: int
    is_all: bool


def _put_in_missed(
    context: dg.SensorEvaluationContext,
    outbox: "Outbox",
    channels: Collection[str],
    looked_until: float,
) -> _Found:
    """Put in the runs that ended since a moment and are not in the outbox."""
    deadline = time.monotonic() + LOOK_SECONDS
    count = 0
    for runs in _ended_runs(context, looked_until - LOOK_BACK_SECONDS):
        known = outbox.known(runs)
        for run in (run for key, run in runs.items() if key not in known):
            count += outbox.put(notification_of(context.instance, run, run.status), channels)
            if time.monotonic() > deadline:
                return _Found(count, is_all=False)
    return _Found(count, is_all=True)


def _ended_runs(
    context: dg.SensorEvaluationContext, start: float
) -> Iterator[dict[str, dg.DagsterRun]]:
    """Give the runs of this code location that ended since a moment, by idempotency key."""
    statuses = _statuses_told(context)
    after, is_last = start, not statuses
    while not is_last:
        records = context.instance.get_run_records(
            dg.RunsFilter(statuses=statuses, updated_after=datetime.fromtimestamp(after, UTC)),
            limit=PAGE,
            order_by="update_timestamp",
            ascending=True,
        )
        yield {
            idempotency_key(record.dagster_run.run_id, record.dagster_run.status.value): (
                record.dagster_run
            )
            for record in records
            if (record.end_time or 0.0) >= start and _is_own(context, record.dagster_run)
        }
        is_last = len(records) < PAGE
        if not is_last:  # others may have been updated in the same moment as the last of the page
            last = records[-1].update_timestamp.timestamp()
            after = max(last - MOMENT_SECONDS, after + MOMENT_SECONDS)


def _statuses_told(context: dg.SensorEvaluationContext) -> list[dg.DagsterRunStatus]:
    """Return the statuses whose sensor this location has and nobody has stopped."""
    repository = context.repository_def
    stopped = {
        state.instigator_name
        for state in context.instance.all_instigator_state()
        if not state.is_running and _place_of(state.origin.repository_origin) == _place(context)
    }
    return [
        status
        for status, name in STATUS_SENSORS.items()
        if name not in stopped and (repository is None or repository.has_sensor_def(name))
    ]


def _is_own(context: dg.SensorEvaluationContext, run: dg.DagsterRun) -> bool:
    """Return whether a run belongs to the code location of this sensor."""
    origin = run.remote_job_origin
    return (_place_of(origin.repository_origin) if origin else (None, None)) == _place(context)


def _place(context: dg.SensorEvaluationContext) -> tuple[str | None, str | None]:
    """Return code location and repository of this sensor; in a test it has none."""
    location = context.code_location_origin
    return (location.location_name if location else None), context.repository_name


def _place_of(origin: Any) -> tuple[str | None, str | None]:
    return origin.code_location_origin.location_name, origin.repository_name
