"""The audit of runs: a record before the first row is read, and one however the run ends.

Whoever gets to know first that a run begins or is over records it: an op that all jobs share, the
executor, the command line, or, for a run that was killed, the next run that begins.
"""

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import dagster as dg

from util_services import __version__
from util_services.audit import AuditedData, AuditError, Link, WorkRecord, record
from util_services.audit.open_work import RUN
from util_services.audit.record import Outcome, digest_of_config, outcome_of
from util_services.audit.recording import record_or_report
from util_services.errors import ConfigurationError
from util_services.logs.error_classes import error_classes, serialised_error_classes
from util_services.runs import audit_tags
from util_services.runs.check import CHECKED_OPS, check_config
from util_services.runs.dead_runs import is_dead, process_of
from util_services.runs.op_names import READ_OP, REPORT_OP, WRITE_OP

if TYPE_CHECKING:
    from dagster._core.execution.context.system import PlanOrchestrationContext

    from util_services.flow.published import Published
    from util_services.reports.record import OutputFacts

UNKNOWN_RUN = "unknown to this Dagster"
SETTLED_SECONDS = 60.0  # by then the process of a run that has ended has recorded that

_reports = logging.getLogger(__name__)


@dataclass
class _Known:
    """What this process knows of a run without asking Dagster's storage for it."""

    work: WorkRecord
    before: Link  # where its beginning is recorded
    is_over: bool = False


_known: dict[str, _Known] = {}
_unaudited: set[str] = set()  # kept in this process: no tag or config of a run can ask for it


@contextmanager
def unaudited(run_id: str) -> Iterator[None]:
    """Let a run of this process leave nothing in the audit.

    It is for the slice of a health check alone: that reads the bundled sample, and what it
    publishes is removed again.
    """
    _unaudited.add(run_id)
    try:
        yield
    finally:
        _unaudited.discard(run_id)


def leaves_traces(run_id: str) -> bool:
    """Return whether what a run of this process does is to be recorded."""
    return run_id not in _unaudited


def begin(instance: dg.DagsterInstance, run_id: str, job: dg.JobDefinition) -> WorkRecord:
    """Record that a run begins, unless that is recorded; return what later records go on from.

    Runs that have ended without a word are closed on this occasion.

    Raises:
        AuditError: if it cannot be recorded; the run must not go on.
    """
    if run_id in _known:
        return _known[run_id].work
    run = _run(instance, run_id)
    work = _work(run)
    if run_id in _unaudited:
        return work
    before = audit_tags.link_before(run)
    if before is None:
        close_ended(instance)
        if not audit_tags.is_open(run):
            instance.add_run_tags(run_id, audit_tags.opening_tags(run_id))
        before = record(_before(work, run, job))
        instance.add_run_tags(run_id, audit_tags.before_tag(run_id, before))
    _known[run_id] = _Known(work, before)
    return work


def close(
    instance: dg.DagsterInstance, run_id: str, outcome: Outcome, error: tuple[str, ...] = ()
) -> None:
    """Record that a run is over, unless that is recorded or nobody recorded its beginning."""
    if run_id in _known and _known[run_id].is_over:
        return
    run = instance.get_run_by_id(run_id)
    if run is not None and audit_tags.is_open(run) and audit_tags.link_before(run) is not None:
        _end(instance, _work(run).after(outcome, error=error))


def close_ended(instance: dg.DagsterInstance) -> None:
    """Close the runs that were killed, or whose last word was lost."""
    for found in instance.get_run_records(dg.RunsFilter(tags={audit_tags.STATE: audit_tags.OPEN})):
        run = found.dagster_run
        is_settled = run.is_finished and (found.end_time or 0) < time.time() - SETTLED_SECONDS
        if audit_tags.is_open(run) and (is_settled or is_dead(process_of(run))):
            status = {"status": run.status.value}
            _end(instance, _work(run).after("interrupted", facts=status))


class StepAudit:
    """What a step of a run adds to the audit."""

    def __init__(self, instance: dg.DagsterInstance, work: WorkRecord) -> None:
        self._instance, self._work = instance, work

    def commit(self, output: "OutputFacts | Published", address: str) -> None:
        """Record what is about to appear, so that nothing appears that the audit does not know.

        Args:
            output: what it is: a dataset, or a report alone.
            address: where it will be.

        Raises:
            AuditError: if it cannot be recorded; nothing must appear then.
        """
        if self._work.work in _unaudited:
            return
        data = AuditedData(address, output.sha256, output.bytes)
        record(replace(self._work, phase="commit", outputs=(data,)))

    def success(self, published: "Published", read: str) -> None:
        """Record what was read, done and published.

        Args:
            published: what was published.
            read: the address of what was read.

        Raises:
            AuditError: if it cannot be recorded.
        """
        if self._work.work in _unaudited:
            return
        report = published.report
        source, rows = report.input, report.rows
        data = AuditedData(read, source.sha256, source.bytes, rows.read)
        output = AuditedData(published.address, published.sha256, published.bytes, published.rows)
        after = self._work.after(
            "success",
            inputs=(data,),
            outputs=(output,),
            counts=rows.to_dict(),
            versions=report.run.versions,
            facts={"report_sha256": published.report_sha256},
        )
        try:
            _close(self._instance, after, record(after))
        except AuditError as error:
            raise AuditError(
                f"The output is published, but not recorded as such. {error}"
            ) from None

    def failure(self, error: BaseException, step: str) -> None:
        """Record that the run ends with this error; its text stays here."""
        if self._work.work in _unaudited:
            return
        classes = error_classes(error)
        _end(self._instance, self._work.after(outcome_of(error), error=classes, step=step))


@contextmanager
def audited_step(context: dg.OpExecutionContext) -> Iterator[StepAudit]:
    """Record that the run has begun, if this is its first step, and that it fails, if it does.

    Raises:
        AuditError: if the run cannot be recorded; the step does not begin then.
    """
    audit = StepAudit(context.instance, begin(context.instance, context.run_id, context.job_def))
    try:
        yield audit
    except BaseException as error:
        audit.failure(error, context.op_handle.name)
        raise


@contextmanager
def audited_run(
    context: "PlanOrchestrationContext",
) -> Iterator[Callable[[dg.DagsterEvent], None]]:
    """Record a run around its execution; what is yielded is to be told each event.

    Raises:
        AuditError: if the run cannot be recorded.
    """
    instance, run_id = context.instance, context.run_id
    begin_or_leave(instance, run_id, context.job.get_definition())
    failed: list[tuple[str, ...]] = []

    def watch(event: dg.DagsterEvent) -> None:
        if event.is_step_failure:
            error = event.step_failure_data.error
            failed.append(serialised_error_classes(error) if error is not None else ())

    try:
        yield watch
    except BaseException as error:
        close(instance, run_id, outcome_of(error), error_classes(error))
        raise
    close(instance, run_id, *(("failure", failed[0]) if failed else ("success",)))


def begin_or_leave(instance: dg.DagsterInstance, run_id: str, job: dg.JobDefinition) -> None:
    """Record that a run begins; where that fails, leave it to the first step to fail, if it can.

    An op says in one sentence what an executor says in a page.

    Raises:
        AuditError: if it cannot be recorded, and the first step is none that would say so.
    """
    try:
        begin(instance, run_id, job)
    except AuditError:
        if job.nodes_in_topological_order[0].definition.name not in CHECKED_OPS:
            raise


def record_in_run(context: dg.OpExecutionContext, entry: WorkRecord) -> Link:
    """Write a record on behalf of a run: its id, job, user and purpose are added, and an anchor.

    Raises:
        AuditError: if it cannot be written; the work must not begin, or its result not appear.
    """
    run = _run(context.instance, context.run_id)
    work = _work(run)
    link = record(
        replace(
            entry,
            run_id=work.run_id,
            job=work.job,
            user=entry.user or work.user,
            requester=entry.requester or work.requester,
            purpose=entry.purpose or work.purpose,
        )
    )
    context.instance.add_run_tags(run.run_id, audit_tags.link_tag(run.run_id, link))
    return link


def state_of(instance: dg.DagsterInstance, run_id: str) -> str:
    """Return what became of a run whose end is not recorded, as far as Dagster knows."""
    run = instance.get_run_by_id(run_id)
    if run is None:
        return UNKNOWN_RUN
    return "interrupted" if run.is_finished or is_dead(process_of(run)) else "at work"


def link_before(instance: dg.DagsterInstance, run_id: str) -> Link | None:
    """Return where the beginning of a run is recorded."""
    known = _known.get(run_id)
    return known.before if known is not None else audit_tags.link_before(_run(instance, run_id))


def _before(work: WorkRecord, run: dg.DagsterRun, job: dg.JobDefinition) -> WorkRecord:
    config = _resolved_config(run, job)
    ops = config["ops"]
    distribution = run.tags.get("data_services/distribution", "util-services")
    commit = run.tags.get("data_services/commit")
    return replace(
        work,
        config_sha256=digest_of_config(config),
        inputs=_named(ops.get(READ_OP), run.run_id),
        outputs=_named(ops.get(WRITE_OP) or ops.get(REPORT_OP), run.run_id),
        versions={
            "util-services": __version__,
            "dagster": dg.__version__,
            distribution: run.tags.get("data_services/version", __version__),
        },
        facts={"commit": commit} if commit else {},
    )


def _resolved_config(run: dg.DagsterRun, job: dg.JobDefinition) -> dict[str, Any]:
    """Return what a run is to do and with which resources, defaults filled in as far as it goes."""
    config: Mapping[str, Any] = run.run_config
    ops = dict(config.get("ops") or {})
    with suppress(dg.DagsterError, ConfigurationError):  # of a run that is about to fail for it
        config = dg.validate_run_config(job, run.run_config)
        ops = dict(config.get("ops") or {})
        for name, checked in check_config(job, run.run_config).items():
            ops[name] = {"config": checked.model_dump(mode="json")}
    return {"ops": ops, "resources": config.get("resources") or {}}


def _named(op: Any, run_id: str) -> tuple[AuditedData, ...]:
    """Return the data that the config of a shared op names; nothing is known of them yet."""
    match op:
        case {"config": {"path": str(path)}}:
            return (AuditedData(path.replace("{run_id}", run_id)),)
    return ()


def _work(run: dg.DagsterRun) -> WorkRecord:
    return WorkRecord(
        RUN,
        work=run.run_id,
        run_id=run.run_id,
        job=run.job_name,
        user=run.tags.get("user"),
        requester=run.tags.get("requester"),
        purpose=run.tags.get("purpose"),
    )


def _end(instance: dg.DagsterInstance, after: WorkRecord) -> None:
    link = record_or_report(after)
    if link is None:
        return
    try:
        _close(instance, after, link)
    except Exception as error:  # noqa: BLE001 - what ended the run says more
        _reports.warning(
            "The end of run %s is in the audit, but not among its tags (%s).",
            after.work,
            type(error).__name__,
        )


def _close(instance: dg.DagsterInstance, after: WorkRecord, link: Link) -> None:
    if after.work in _known:
        _known[after.work].is_over = True
    instance.add_run_tags(after.work, audit_tags.closing_tags(after.work, link))


def _run(instance: dg.DagsterInstance, run_id: str) -> dg.DagsterRun:
    run = instance.get_run_by_id(run_id)
    if run is None:
        raise AuditError(
            f"The run '{run_id}' is not in Dagster's storage, so that it cannot be recorded; start "
            "it again."
        )
    return run
