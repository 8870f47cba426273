"""Run a job in this process as the platform runs it: recorded, logged, notified, cancellable.

Dagster's public ``execute_in_process`` leaves a run without an address, so that neither the UI nor
a sensor finds its job. This is the one module that uses what lies below it (dagster 1.13).
"""

import getpass
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import dagster as dg
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.errors import DagsterExecutionInterruptedError
from dagster._core.execution.api import execute_run
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.storage.noop_compute_log_manager import NoOpComputeLogManager

from util_services.audit import AuditError
from util_services.audit.record import Outcome
from util_services.runs.audit_tags import opening_tags
from util_services.runs.auditing import begin, close
from util_services.runs.cancellation import Interrupts, recorded_interrupts
from util_services.runs.check import check_run, whole_config
from util_services.runs.dead_runs import process_tag, report_dead_runs
from util_services.runs.dry_run import storage_of_job
from util_services.runs.executors import tidy_up
from util_services.runs.failure import report_of_failure
from util_services.runs.home import LOCATION_NAME
from util_services.runs.instance_database import (
    read_reference,
    require_database,
    told_of_its_database,
)
from util_services.storage.locks import LockHeldError, locked

REPOSITORY_NAME = "__repository__"
OPENING = ".data-services-opening"  # a lock on a Dagster home
OPENING_SECONDS = 30.0
AUDITED_OUTCOMES: Mapping[str, Outcome] = {
    dg.DagsterRunStatus.SUCCESS.value: "success",
    dg.DagsterRunStatus.FAILURE.value: "failure",
    dg.DagsterRunStatus.CANCELED.value: "cancelled",
}


@dataclass(frozen=True, slots=True)
class FinishedRun:
    """How a run ended, and what it published."""

    run_id: str
    job: str
    status: str  # in Dagster's words: SUCCESS, FAILURE, CANCELED
    reason: str | None  # the sentence of the first failed step
    output: str | None
    report: str | None
    rows: int | None
    quarantine: str | None = None  # where the records are that could not be read
    rows_quarantined: int = 0

    @property
    def succeeded(self) -> bool:
        """Whether the run did what was asked."""
        return self.status == dg.DagsterRunStatus.SUCCESS.value


def new_run_id() -> str:
    """Return an id for a run."""
    return str(uuid.uuid4())


def check_before_run(job: dg.JobDefinition, run_config: Mapping[str, Any], run_id: str) -> None:
    """Refuse a run for everything that can be known before its rows are read.

    Raises:
        DataServicesError: in one sentence.
    """
    with storage_of_job(job) as storage:
        check_run(job, run_config, storage, run_id)


@contextmanager
def open_instance(home: Path) -> Iterator[dg.DagsterInstance]:
    """Give the instance of a Dagster home, without Dagster's capture of what steps print.

    That starts processes beside the run, which a Ctrl-C at the terminal hits too, and would keep
    whatever a step prints. One process at a time opens a home, for Dagster makes its databases
    then, and two that do so at once disturb one another.

    Raises:
        UnusableDatabaseError: if its PostgreSQL database does not answer within a few seconds.
        DatabaseLostError: if that goes away in the block.
    """
    overrides = {
        "compute_logs": {
            "module": NoOpComputeLogManager.__module__,
            "class": NoOpComputeLogManager.__name__,
        }
    }
    reference = read_reference(home, overrides)
    require_database(reference, home)
    with told_of_its_database(reference, home, is_opening=True), ExitStack() as stack:
        with suppress(LockHeldError, OSError):  # opening it anyway tells more
            stack.enter_context(locked(home / OPENING, OPENING_SECONDS))
        instance = dg.DagsterInstance.from_ref(reference)
    with told_of_its_database(reference, home), instance:
        yield instance


def run_job(
    job: dg.JobDefinition,
    run_config: Mapping[str, Any],
    run_id: str,
    instance: dg.DagsterInstance,
    tags: Mapping[str, str] = MappingProxyType({}),
) -> FinishedRun:
    """Run a job in this process; an interrupt cancels it, and its staging ends with it.

    Its run has the given tags besides its own.
    """
    report_dead_runs(instance)
    ephemeral = job.as_ephemeral_job(resource_defs={}, input_values={})
    run = instance.create_run_for_job(
        job_def=ephemeral,
        run_id=run_id,
        run_config=whole_config(job, {**(job.run_config or {}), **run_config}),
        tags={
            **job.tags,
            **job.run_tags,
            **tags,
            "user": getpass.getuser(),
            **process_tag(run_id),
            **opening_tags(run_id),
        },
        remote_job_origin=_origin(job.name),
    )
    try:
        begin(instance, run_id, ephemeral)
    except AuditError as error:
        instance.report_run_failed(run, str(error))
        raise
    try:
        with (
            recorded_interrupts(lambda: instance.report_run_canceling(run)) as interrupts,
            _awaited_records(instance, interrupts),
        ):
            execute_run(InMemoryJob(ephemeral), run, instance, raise_on_error=False)
    except (KeyboardInterrupt, DagsterExecutionInterruptedError):
        if not interrupts.have_arrived:
            raise
    finally:
        tidy_up(run_id)  # the executor of such a run is Dagster's own
    if interrupts.have_arrived:
        _end_as_cancelled(run, instance)
    finished = _finished(run_id, instance)
    close(instance, run_id, AUDITED_OUTCOMES.get(finished.status, "interrupted"))
    return finished


def _end_as_cancelled(run: dg.DagsterRun, instance: dg.DagsterInstance) -> None:
    """Report a run as cancelled that was interrupted before its first step or after its last.

    Dagster takes that for a failure, or for nothing at all.
    """
    reread = instance.get_run_by_id(run.run_id)
    if reread is not None and reread.status not in {
        dg.DagsterRunStatus.SUCCESS,
        dg.DagsterRunStatus.CANCELED,
    }:
        instance.report_run_canceled(run)


@contextmanager
def _awaited_records(instance: dg.DagsterInstance, interrupts: Interrupts) -> Iterator[None]:
    """Let nobody read how a run stands between an interrupt and its record.

    Dagster looks once, right after the interrupt, whether the run was asked to end.
    """
    read_run = instance.get_run_by_id

    def read_recorded_run(run_id: str) -> dg.DagsterRun | None:
        interrupts.await_record()
        return read_run(run_id)

    vars(instance)["get_run_by_id"] = read_recorded_run
    try:
        yield
    finally:
        del vars(instance)["get_run_by_id"]


def _origin(job_name: str) -> RemoteJobOrigin:
    """Return the address under which the UI and the sensors know a job."""
    location = RegisteredCodeLocationOrigin(location_name=LOCATION_NAME)
    return RemoteJobOrigin(
        repository_origin=RemoteRepositoryOrigin(
            code_location_origin=location, repository_name=REPOSITORY_NAME
        ),
        job_name=job_name,
    )


def _finished(run_id: str, instance: dg.DagsterInstance) -> FinishedRun:
    run = instance.get_run_by_id(run_id)
    if run is None:
        raise AssertionError("a run that was executed is in its instance")
    entries = instance.all_logs(run_id)
    events: list[Any] = [
        entry.dagster_event for entry in entries if entry.dagster_event is not None
    ]
    published: dict[str, Any] = {}
    for event in events:
        if event.is_successful_output:
            values = event.event_specific_data.metadata
            published |= {key: value.value for key, value in values.items()}
    return FinishedRun(
        run_id=run.run_id,
        job=run.job_name,
        status=run.status.value,
        reason=reason_of_failure(events),
        output=published.get("path"),
        report=published.get("report") or report_of_failure(events),
        quarantine=published.get("quarantine"),
        rows_quarantined=published.get("rows_quarantined") or 0,
        rows=published.get("dagster/row_count"),
    )


def reason_of_failure(events: Sequence[Any]) -> str | None:
    """Return the sentence of the first step that failed, None where none did."""
    for event in events:
        if event.is_step_failure:
            failure = event.step_failure_data
            if failure.user_failure_data is not None:
                return str(failure.user_failure_data.description)
            return f"The step '{event.step_key}' failed; see the run in the Dagster UI."
    return None
