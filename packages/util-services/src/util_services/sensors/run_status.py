"""The three run-status sensors: what ends is put into the outbox, and told at once if it can be.

Dagster moves a status sensor's cursor on even if the sensor raises, so nothing may rest on a single
tick: whatever is not told here, `deliver_notifications` tells.
"""

from collections.abc import Callable

import dagster as dg

from util_services.runs.outcome import notification_of
from util_services.sensors.channels import configured_channels
from util_services.sensors.state import outbox_of

MINIMUM_INTERVAL_SECONDS = 10
# Up to five runs come in a tick of 60 seconds; a channel in trouble is paused after the first.
BUDGET_SECONDS = 5.0


def _status_sensor(
    status: dg.DagsterRunStatus, ending: str
) -> Callable[[Callable[[dg.RunStatusSensorContext], None]], dg.SensorDefinition]:
    return dg.run_status_sensor(
        run_status=status,
        minimum_interval_seconds=MINIMUM_INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Tells the configured channels of each run that {ending}.",
    )


@_status_sensor(dg.DagsterRunStatus.SUCCESS, "succeeded")
def notify_success(context: dg.RunStatusSensorContext) -> None:
    """Tell of a run that succeeded."""
    _notify(context, dg.DagsterRunStatus.SUCCESS)


@_status_sensor(dg.DagsterRunStatus.FAILURE, "failed")
def notify_failure(context: dg.RunStatusSensorContext) -> None:
    """Tell of a run that failed, with the step and the class of the error."""
    _notify(context, dg.DagsterRunStatus.FAILURE)


@_status_sensor(dg.DagsterRunStatus.CANCELED, "was cancelled")
def notify_canceled(context: dg.RunStatusSensorContext) -> None:
    """Tell of a run that was cancelled."""
    _notify(context, dg.DagsterRunStatus.CANCELED)


def _notify(context: dg.RunStatusSensorContext, status: dg.DagsterRunStatus) -> None:
    from util_services.notifications.drain import drain

    channels = configured_channels()
    if not channels:
        return
    outbox = outbox_of(context.instance)
    outbox.put(notification_of(context.instance, context.dagster_run, status), channels)
    for failure in drain(outbox, channels, BUDGET_SECONDS):
        context.log.error(str(failure))
