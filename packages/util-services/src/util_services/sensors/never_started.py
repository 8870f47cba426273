"""Runs that a sensor was given and that failed before they began, to be asked for once more.

A daemon or launcher that dies while it starts a run leaves one without a beginning, which Dagster
marks as failed in time and never starts again. It has read nothing, so it may be repeated; a run
that began and failed is none of these.
"""

import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import dagster as dg
from dagster._core.storage.tags import RUN_KEY_TAG, SENSOR_NAME_TAG

MOST_ATTEMPTS = 3  # at starting one run, the first among them
LOOK_BACK_SECONDS = 86_400.0  # from when a run was marked as failed
MOST_RECORDS = 1_000
ATTEMPT = re.compile(r"(?P<key>.*)~(?P<attempt>[0-9]+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class NeverStarted:
    """A run without a beginning.

    Args:
        run_id: of the last attempt.
        attempt: its number, from 1.
        run_config: what it was to do.
    """

    run_id: str
    attempt: int
    run_config: dict[str, Any]


def run_key_of_attempt(key: str, attempt: int) -> str:
    """Return the run key of an attempt; that of the first is the key itself."""
    return key if attempt == 1 else f"{key}~{attempt}"


def never_started(
    context: dg.SensorEvaluationContext, job: dg.JobDefinition
) -> dict[str, NeverStarted]:
    """Return the runs of this sensor that never began, by the run key of their first attempt.

    The last attempt alone counts. One that was followed by another, or was the last of
    ``MOST_ATTEMPTS``, is left out.
    """
    found: dict[str, NeverStarted] = {}
    for record in context.instance.get_run_records(
        dg.RunsFilter(
            job_name=job.name,
            statuses=[dg.DagsterRunStatus.FAILURE],
            tags={SENSOR_NAME_TAG: context.sensor_name},
            updated_after=datetime.fromtimestamp(time.time() - LOOK_BACK_SECONDS, UTC),
        ),
        limit=MOST_RECORDS,
    ):
        run = record.dagster_run
        if record.start_time is not None or not _is_of(context, run):
            continue
        key, attempt = _split(run.tags.get(RUN_KEY_TAG, ""))
        if key not in found or found[key].attempt < attempt:
            found[key] = NeverStarted(run.run_id, attempt, dict(run.run_config))
    return {
        key: lost
        for key, lost in found.items()
        if lost.attempt < MOST_ATTEMPTS and not _was_asked(context, key, lost.attempt + 1)
    }


def _split(run_key: str) -> tuple[str, int]:
    found = ATTEMPT.fullmatch(run_key)
    return (found["key"], int(found["attempt"])) if found else (run_key, 1)


def _was_asked(context: dg.SensorEvaluationContext, key: str, attempt: int) -> bool:
    tags = {RUN_KEY_TAG: run_key_of_attempt(key, attempt), SENSOR_NAME_TAG: context.sensor_name}
    runs = context.instance.get_runs(dg.RunsFilter(tags=tags))
    return any(_is_of(context, run) for run in runs)


def _is_of(context: dg.SensorEvaluationContext, run: dg.DagsterRun) -> bool:
    """Return whether a run belongs to the code location of a sensor; in a test it has none."""
    origin, location = run.remote_job_origin, context.code_location_origin
    if origin is None or location is None:
        return origin is None and location is None
    place = origin.repository_origin
    return (place.code_location_origin.location_name, place.repository_name) == (
        location.location_name,
        context.repository_name,
    )
