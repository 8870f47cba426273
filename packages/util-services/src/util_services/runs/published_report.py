"""The report that a run of this instance has published, by the id of the run."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import dagster as dg

from util_services.errors import ConfigurationError, quoted_name
from util_services.processing_record.places import content_at
from util_services.reports.plain import ReportError
from util_services.reports.record import Report

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SHORT = 8  # characters of an id, as Dagster's pages show them
RUN_ID = re.compile(rf"[0-9a-f]{{{SHORT}}}[0-9a-f-]{{0,28}}")
REPORT_KEY = "report_json"  # in the metadata of the last step, or of the failure
TOLD_EVENTS = {dg.DagsterEventType.STEP_OUTPUT, dg.DagsterEventType.STEP_FAILURE}


def is_run_id(text: str) -> bool:
    """Whether a text may be the id of a run, or the beginning of one."""
    return RUN_ID.fullmatch(text) is not None


def report_of_run(instance: dg.DagsterInstance, text: str) -> Report:
    """Return the report of a run.

    Args:
        instance: where the run is recorded.
        text: its id, or a beginning of at least eight characters that no other run has.

    Raises:
        ConfigurationError: if there is no such run, several, or no report of it any more.
    """
    run_id = _run_id(instance, text)
    address = next(_addresses(instance, run_id), None)
    if address is None:
        raise ConfigurationError(
            f"The run {run_id} has published no report; its page in the Dagster UI says how it "
            "ended."
        )
    try:
        report = Report.from_json(content_at(address))
    except (OSError, ReportError) as error:
        said = error if isinstance(error, ReportError) else "it cannot be read"
        raise ConfigurationError(
            f"The report of the run {run_id} at {quoted_name(address)} cannot be compared: {said}."
        ) from None
    if report.run.run_id != run_id:
        raise ConfigurationError(
            f"The report of the run {run_id} is gone: that at {quoted_name(address)} is of the "
            f"later run {report.run.run_id}."
        )
    return report


def _run_id(instance: dg.DagsterInstance, text: str) -> str:
    if instance.has_run(text):
        return text
    found = [run_id for run_id in instance.get_run_ids() if run_id.startswith(text)]
    if len(found) == 1:
        return found[0]
    told = f"{len(found)} runs begin with" if found else "No run of this Dagster instance has"
    raise ConfigurationError(f"{told} the id {quoted_name(text)}; name the whole id of one.")


def _addresses(instance: dg.DagsterInstance, run_id: str) -> Iterator[str]:
    for entry in instance.all_logs(run_id, of_type=TOLD_EVENTS):
        event = entry.dagster_event
        if event is None:
            continue
        metadata: Mapping[str, dg.MetadataValue[Any]] = {}
        if event.is_successful_output:
            metadata = event.step_output_data.metadata
        elif event.is_step_failure and event.step_failure_data.user_failure_data is not None:
            metadata = event.step_failure_data.user_failure_data.metadata
        if REPORT_KEY in metadata:
            yield str(metadata[REPORT_KEY].value)
