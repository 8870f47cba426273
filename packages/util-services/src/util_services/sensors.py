"""The three run-status sensors that tell of each finished run of the code location.

Dagster moves a sensor's cursor on even if the sensor raises, so a notification that raises is lost:
the channels retry inside, and what still fails is logged.
"""

import dagster as dg

from util_services.logs.error_classes import serialised_error_classes
from util_services.notifications.channel import deliver
from util_services.notifications.environment import configured_channels
from util_services.notifications.notification import Notification

MINIMUM_INTERVAL_SECONDS = 10


@dg.run_status_sensor(
    run_status=dg.DagsterRunStatus.SUCCESS,
    minimum_interval_seconds=MINIMUM_INTERVAL_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Tells the configured channels of each run that succeeded.",
)
def notify_success(context: dg.RunStatusSensorContext) -> None:
    """Tell of a run that succeeded."""
    _notify(context, dg.DagsterRunStatus.SUCCESS)


@dg.run_status_sensor(
    run_status=dg.DagsterRunStatus.FAILURE,
    minimum_interval_seconds=MINIMUM_INTERVAL_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Tells the configured channels of each run that failed.",
)
def notify_failure(context: dg.RunStatusSensorContext) -> None:
    """Tell of a run that failed, with the step and the class of the error."""
    _notify(context, dg.DagsterRunStatus.FAILURE)


@dg.run_status_sensor(
    run_status=dg.DagsterRunStatus.CANCELED,
    minimum_interval_seconds=MINIMUM_INTERVAL_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Tells the configured channels of each run that was cancelled.",
)
def notify_canceled(context: dg.RunStatusSensorContext) -> None:
    """Tell of a run that was cancelled."""
    _notify(context, dg.DagsterRunStatus.CANCELED)


def _notify(context: dg.RunStatusSensorContext, status: dg.DagsterRunStatus) -> None:
    channels = configured_channels()
    if not channels:
        return
    for failure in deliver(_notification(context, status), channels):
        context.log.error(str(failure))


def _notification(context: dg.RunStatusSensorContext, status: dg.DagsterRunStatus) -> Notification:
    run = context.dagster_run
    record = context.instance.get_run_record_by_id(run.run_id)
    succeeded = status is dg.DagsterRunStatus.SUCCESS
    failed_step, error_class = (None, None) if succeeded else _failure(context)
    return Notification(
        run_id=run.run_id,
        job=run.job_name,
        status=status.value,
        start=record.start_time if record else None,
        end=record.end_time if record else None,
        tags=run.tags,
        failed_step=failed_step,
        error_class=error_class,
    )


def _failure(context: dg.RunStatusSensorContext) -> tuple[str | None, str | None]:
    """Return the first failed step and the class of its error, as far as there are any."""
    step_failures = context.for_run_failure().get_step_failure_events()
    event = step_failures[0] if step_failures else context.dagster_event
    error = getattr(event.event_specific_data, "error", None)
    return event.step_key, serialised_error_classes(error)[0] if error else None
