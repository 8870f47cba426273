"""What is told of a finished run: counts, classes and places that its events hold, and no text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import dagster as dg

from util_services.logs.error_classes import serialised_error_classes
from util_services.notifications.notification import Notification
from util_services.runs.failure import report_of_failure
from util_services.runs.op_names import READ_OP, REPORT_OP, WRITE_OP

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROW_COUNT = "dagster/row_count"
CODE_TAGS = ("distribution", "version", "commit")
CODE_TAG_PREFIX = "data_services/"
TOLD_EVENTS = {
    dg.DagsterEventType.STEP_OUTPUT,
    dg.DagsterEventType.STEP_FAILURE,
    dg.DagsterEventType.RUN_FAILURE,
}
CLASS_NAME = re.compile(r"[A-Za-z_]\w{0,99}")


def notification_of(
    instance: dg.DagsterInstance, run: dg.DagsterRun, status: dg.DagsterRunStatus
) -> Notification:
    """Return what is told of a run that ended with a status.

    The status is not asked of the run: Dagster may have given it another one since.
    """
    record = instance.get_run_record_by_id(run.run_id)
    entries = instance.all_logs(run.run_id, of_type=TOLD_EVENTS)
    events = [entry.dagster_event for entry in entries if entry.dagster_event is not None]
    outputs: dict[str, dict[str, Any]] = {
        event.node_name: {k: entry.value for k, entry in event.step_output_data.metadata.items()}
        for event in events
        if event.is_successful_output
    }
    succeeded = status is dg.DagsterRunStatus.SUCCESS
    failed_step, error_class = (None, None) if succeeded else _failure(events)
    return Notification(
        run_id=run.run_id,
        job=run.job_name,
        status=status.value,
        start=record.start_time if record else None,
        end=record.end_time if record else None,
        tags=run.tags,
        code={
            name: run.tags[CODE_TAG_PREFIX + name]
            for name in CODE_TAGS
            if CODE_TAG_PREFIX + name in run.tags
        },
        failed_step=failed_step,
        error_class=error_class,
        rows=_rows(outputs),
        report=_written(outputs).get("report") or report_of_failure(events),
    )


def _written(outputs: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any]:
    """Return what the last step of a run tells of what it published."""
    return outputs.get(WRITE_OP) or outputs.get(REPORT_OP) or {}


def _rows(outputs: Mapping[str, Mapping[str, Any]]) -> dict[str, int]:
    """Return the counts of rows, as far as the steps that ended tell them."""
    written = _written(outputs)
    read, quarantined = outputs.get(READ_OP, {}).get(ROW_COUNT), written.get("rows_quarantined")
    dropped = [values["rows_dropped"] for values in outputs.values() if "rows_dropped" in values]
    counts = {
        "in": read if quarantined is None else read + quarantined,  # as the report counts them
        "out": written.get(ROW_COUNT),
        "dropped": sum(dropped) if dropped else None,
        "quarantined": quarantined,
    }
    return {name: count for name, count in counts.items() if isinstance(count, int)}


def _failure(events: Sequence[dg.DagsterEvent]) -> tuple[str | None, str | None]:
    """Return the first failed step and the class of its error, as far as there are any."""
    for event in events:
        if event.is_step_failure:
            return event.step_key, _class_of(event)
    errors = [getattr(event.event_specific_data, "error", None) for event in events]
    return None, next((serialised_error_classes(error)[0] for error in errors if error), None)


def _class_of(event: dg.DagsterEvent) -> str | None:
    """Return the class of the error that a step failed with.

    Our own failures name it in their metadata (``runs/failure.py``); any other is asked for the
    class of its cause, since its texts may quote data.
    """
    failure = event.step_failure_data
    metadata = failure.user_failure_data.metadata if failure.user_failure_data else {}
    if metadata.keys() >= {"error", "stack"}:
        named = metadata["error"].value
        if isinstance(named, str) and CLASS_NAME.fullmatch(named):
            return named
    return serialised_error_classes(failure.error)[0] if failure.error else None
