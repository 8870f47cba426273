"""The ops that all jobs share, and the frame around an operation: thin, the work is in `flow`."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import dagster as dg

from util_services.asset_events import (
    checked,
    checked_key,
    materialised,
    observed,
    reported,
    table_metadata,
)
from util_services.config import ReadDatasetConfig, WriteDatasetConfig, WriteReportConfig
from util_services.datasets.staged import StagedDataset
from util_services.errors import CancelledError, ConfigurationError, StorageError
from util_services.flow.run_files import files_read
from util_services.flow.staging_area import StagingArea
from util_services.logs.records import BUSINESS_EVENT
from util_services.reports import render_markdown
from util_services.resources import STORAGE_KEY
from util_services.runs.auditing import StepAudit, audited_step, record_in_run
from util_services.runs.check import (
    CHECKED_OPS,
    check_columns,
    check_columns_of,
    check_config,
    check_run,
    is_last,
    plan_output,
    reads_once,
)
from util_services.runs.counts import RunCounts
from util_services.runs.dead_runs import is_over
from util_services.runs.failure import ReportedError, one_sentence
from util_services.runs.op_names import REPORT_OP, WRITE_OP
from util_services.runs.progress import Stage
from util_services.runs.progress_log import ProgressLog
from util_services.runs.recorders import Recorded, RecordingError
from util_services.runs.recording import (
    StepRecording,
    begin,
    metadata_of,
    recorded_step,
    tags_of,
)
from util_services.runs.report_sections import sections_of_plugins
from util_services.runs.run_facts import run_facts
from util_services.storage.protocol import Storage

if TYPE_CHECKING:
    from util_services.flow.operate import StepFailedError
    from util_services.flow.plan import WritePlan
    from util_services.flow.published import Published
    from util_services.flow.report_plan import ReportPlan
    from util_services.flow.staging import Staging
    from util_services.reports.record import OutputFacts


@dg.op(
    config_schema=ReadDatasetConfig.to_fields_dict(),
    out=dg.Out(StagedDataset),
    required_resource_keys={STORAGE_KEY},
)
def read_dataset(context: dg.OpExecutionContext) -> StagedDataset:
    """Check the whole run, then make its input scannable."""
    from util_services.engines.choice import chosen_engine
    from util_services.engines.local import LocalEngine
    from util_services.flow import read

    began = time.monotonic()
    with one_sentence(), audited_step(context), recorded_step(context) as recording:
        storage = storage_of(context)
        plan = check_run(context.job_def, context.run_config, storage, context.run_id)
        if plan.read is None:
            raise AssertionError("a job with read_dataset has a plan for reading")
        begin(context, plan, recording)
        area = StagingArea.of(storage)
        area.sweep(partial(is_over, context.instance))
        with area.first_step(context.run_id) as staging:
            listener = ProgressLog(Stage(f"read {plan.read.origin.path}"), context.log.info)
            with LocalEngine(staging.scratch(), progress=listener) as engine:
                is_direct = reads_once(context.job_def) and chosen_engine() == LocalEngine.name
                reading = replace(plan.read, with_blake3=recording.is_wanted)
                dataset = read.read_dataset(reading, staging, engine, is_direct=is_direct)
            recording.read(files_read(plan.read, dataset.objects))
            check_columns(context.job_def, plan.configs, dataset.schema, storage)
            dataset = area.hand_over(dataset, staging, context.run_id)
        if event := observed(dataset, storage, context.run_id, context.job_name):
            context.log_event(event)
        context.add_output_metadata(table_metadata(dataset.rows, dataset.schema))
        columns = len(dataset.schema.columns)
        context.log.info(f"Read {dataset.rows} rows and {columns} columns {_took(began)}.")
        if dataset.quarantined:
            context.log.warning(f"{dataset.quarantined} records go to the quarantine.")
        return dataset


@dg.op(
    name=WRITE_OP,
    config_schema=WriteDatasetConfig.to_fields_dict(),
    ins={"dataset": dg.In(StagedDataset)},
    out=dg.Out(dg.Nothing),
    required_resource_keys={STORAGE_KEY},
)
def write_dataset(context: dg.OpExecutionContext, dataset: StagedDataset) -> None:
    """Publish the dataset with its reports, whole or not at all."""
    from util_services.flow.plan import WritePlan
    from util_services.flow.publish import publish_dataset
    from util_services.releases.sealing import Sealing

    began = time.monotonic()
    with one_sentence(), audited_step(context) as audit, recorded_step(context) as recording:
        storage = storage_of(context)
        area = StagingArea.of(storage)
        with area.next_step(context.run_id) as staging:
            dataset = area.take_over(dataset, staging, storage, context.run_id)
            configs = check_config(context.job_def, context.run_config)
            plan = plan_output(configs, storage, dataset.origin, context.run_id)
            if not isinstance(plan, WritePlan):
                raise AssertionError("a job that ends here has a plan for writing")
            release = Sealing(plan, partial(record_in_run, context))

            def announce(output: "OutputFacts") -> None:
                audit.commit(output, plan.address)
                release.announce()

            with recording.publishing():
                with release.settled():
                    published = publish_dataset(
                        dataset,
                        plan,
                        staging,
                        run_facts(context, dataset),
                        may_publish=lambda: _refuse_over(context),
                        more_sections=sections_of_plugins,
                        announce=announce,
                        seal=release.seal,
                        tell=recording.tell,
                    )
                recorded = recording.complete()
        area.remove(context.run_id)
        told = _record_success(context, audit, published, dataset, storage, recorded)
        event = materialised(published, dataset, storage, context.run_id, context.job_name, told)
        if event is not None:
            context.log_event(event)
            _log_checks(context, dataset, event.asset_key)
        context.add_output_metadata(
            {
                "path": published.address,
                **_metadata(published),
                **told,
                **table_metadata(published.rows, dataset.schema),
            }
        )
        context.log.info(f"Published {published.rows} rows at {published.address} {_took(began)}.")


@dg.op(
    name=REPORT_OP,
    config_schema=WriteReportConfig.to_fields_dict(),
    ins={"dataset": dg.In(StagedDataset)},
    out=dg.Out(dg.Nothing),
    required_resource_keys={STORAGE_KEY},
)
def write_report(context: dg.OpExecutionContext, dataset: StagedDataset) -> None:
    """Publish what the steps before found, and none of the rows."""
    from util_services.flow.publish_report import publish_report
    from util_services.flow.report_plan import ReportPlan

    began = time.monotonic()
    with one_sentence(), audited_step(context) as audit, recorded_step(context) as recording:
        storage = storage_of(context)
        area = StagingArea.of(storage)
        with area.next_step(context.run_id) as staging:
            dataset = area.take_over(dataset, staging, storage, context.run_id)
            configs = check_config(context.job_def, context.run_config)
            plan = plan_output(configs, storage, dataset.origin, context.run_id)
            if not isinstance(plan, ReportPlan):
                raise AssertionError("a job that ends here has a plan for a report")
            with recording.publishing():
                published = publish_report(
                    dataset,
                    plan,
                    staging,
                    run_facts(context, dataset),
                    may_publish=lambda: _refuse_over(context),
                    more_sections=sections_of_plugins,
                    announce=lambda found: audit.commit(found, plan.address),
                    tell=recording.tell,
                )
                recorded = recording.complete()
        area.remove(context.run_id)
        told = _record_success(context, audit, published, dataset, storage, recorded)
        if asset := checked_key(plan, dataset, storage):
            context.log_event(reported(published, asset, context.run_id, context.job_name))
            _log_checks(context, dataset, asset)
        context.add_output_metadata({**_metadata(published), **told})
        context.log.info(f"Published the report at {published.reports['report']} {_took(began)}.")


def operate_in_run(
    context: dg.OpExecutionContext,
    function: Callable[[Any, Any], Any],
    dataset: StagedDataset,
    business_operation: str,
) -> StagedDataset:
    """Run an operation as a step: its output is written in the form that is published."""
    from util_services.engines.choice import open_engine
    from util_services.flow.encode import Target
    from util_services.flow.inputs import Inputs
    from util_services.flow.operate import Dataset, StepFailedError, operate

    began = time.monotonic()
    with one_sentence(), audited_step(context) as audit, recorded_step(context) as recording:
        storage = storage_of(context)
        area = StagingArea.of(storage)
        with area.next_step(context.run_id) as staging:
            configs = check_config(context.job_def, context.run_config)
            config, operation = configs[context.op_handle.name], context.op_def.name
            dataset = area.take_over(dataset, staging, storage, context.run_id)
            plan = plan_output(configs, storage, dataset.origin, context.run_id)
            target = Target.between(staging)
            if is_last(context.job_def, context.op_handle.name):
                target = Target.of(plan, staging)
            if CHECKED_OPS[operation].publishes and not target.is_published:
                raise ConfigurationError(
                    f"'{operation}' lets out what is published; let it be the last operation "
                    f"before '{WRITE_OP}'."
                )
            listener = ProgressLog(Stage(operation, dataset.rows), context.log.info)
            try:
                if dataset.steps:  # what the first one needs was checked before rows were read
                    check_columns_of(operation, config, dataset.schema, storage)
                inputs = Inputs(storage, staging, with_blake3=recording.is_wanted)
                with open_engine(staging.scratch(), listener) as engine:
                    result = operate(
                        operation,
                        lambda given: function(given, config),
                        Dataset(engine, dataset, inputs),
                        target,
                        config.model_dump(mode="json"),
                    )
            except StepFailedError as error:
                recording.read(inputs.files_used)
                raise _reported(context, error, plan, staging, audit, recording) from None
            recording.read(inputs.files_used)
            result = area.hand_over(result, staging, context.run_id)
        step = result.steps[-1]
        context.add_output_metadata(
            {"rows_in": step.rows_in, "rows_dropped": step.rows_dropped}
            | {key: value for key, value in step.facts.items() if isinstance(value, int | float)}
            | dict(table_metadata(result.rows, result.schema))
        )
        kept = f"Kept {step.rows_out} of {step.rows_in} rows"
        context.log.info(f"{kept} {_took(began)}.")
        _log_business(context, f"{kept}.", business_operation, result)
        for warning in step.warnings:
            context.log.warning(warning)
        return result


def storage_of(context: dg.OpExecutionContext) -> Storage:
    """Return the storage that the host has bound to the key ``s3``.

    Raises:
        ConfigurationError: if it is something else, such as a bare boto3 resource.
    """
    storage = getattr(context.resources, STORAGE_KEY)
    if not hasattr(storage, "staging_base"):
        raise ConfigurationError(
            f"The resource '{STORAGE_KEY}' is a {type(storage).__name__}, no storage; bind "
            "util_services.resources.s3_resource to it."
        )
    return cast("Storage", storage)


def _reported(
    context: dg.OpExecutionContext,
    error: "StepFailedError",
    plan: "WritePlan | ReportPlan",
    staging: "Staging",
    audit: StepAudit,
    recording: StepRecording,
) -> ReportedError:
    """Publish what made a step fail, and return the error that says where.

    Raises:
        StorageError: if that cannot be published; it says what made the step fail too.
    """
    from util_services.flow.publish_report import publish_report

    place = plan.failed
    try:
        with recording.publishing():
            published = publish_report(
                error.dataset,
                place,
                staging,
                run_facts(context, error.dataset),
                may_publish=lambda: _refuse_over(context),
                more_sections=sections_of_plugins,
                announce=lambda found: audit.commit(found, place.address),
                failure=error.sentence,
                tell=recording.tell,
            )
    except (StorageError, RecordingError) as fault:
        raise StorageError(f"{error.sentence} Its report is not published. {fault}") from None
    if asset := checked_key(plan, error.dataset, plan.storage):
        _log_checks(context, error.dataset, asset)
    places = {name: str(place) for name, place in published.reports.items()}
    return ReportedError(error.sentence, places)


def _record_success(
    context: dg.OpExecutionContext,
    audit: StepAudit,
    published: "Published",
    dataset: StagedDataset,
    storage: Storage,
    recorded: Sequence[Recorded],
) -> dict[str, str]:
    """Record that a run has done what it was to do; return what recorders tell of it."""
    audit.success(published, dataset.origin.address(storage))
    tags = RunCounts.of(published).tag(context.run_id) | tags_of(recorded)
    context.instance.add_run_tags(context.run_id, tags)
    for one in recorded:
        for note in one.notes:
            context.log.warning(note)
    return metadata_of(recorded)


def _log_checks(context: dg.OpExecutionContext, dataset: StagedDataset, asset: dg.AssetKey) -> None:
    for check in checked(dataset, asset):
        context.log_event(check)  # type: ignore[arg-type] # its annotation lacks checks


def _metadata(published: "Published") -> dict[str, Any]:
    """Return what the run page tells of what was published."""
    report = published.report
    return {
        "summary": dg.MetadataValue.md(render_markdown(report)),
        **{key: str(place) for key, place in published.reports.items()},
        "bytes": published.bytes,
        "sha256": published.sha256,
        "rows_quarantined": report.rows.quarantined,
        "audit": report.run.audit,
    }


def _refuse_over(context: dg.OpExecutionContext) -> None:
    """Refuse to publish for a run that was cancelled or given up while this step went on.

    Raises:
        CancelledError: if the run is no longer at work.
    """
    run = context.instance.get_run_by_id(context.run_id)
    if run is None or run.status != dg.DagsterRunStatus.STARTED:
        raise CancelledError("The run is no longer at work, so nothing was published.")


def _log_business(
    context: dg.OpExecutionContext, message: str, operation: str, result: StagedDataset
) -> None:
    """Log what the platform wants to know of an operation; the logger redacts its config."""
    step = result.steps[-1]
    context.log.info(
        message,
        extra={
            "event_type": BUSINESS_EVENT,
            "business_operation": operation,
            "op_name": step.operation,
            "custom_fields": {
                "dataset_type": result.origin.layout.format,
                "algorithm": step.operation,
                "job_config": step.configuration,
            },
        },
    )


def _took(began: float) -> str:
    return f"in {time.monotonic() - began:.2f} s"
