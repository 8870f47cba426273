"""The ops that all jobs share, and the frame around an operation: thin, the work is in `flow`."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from typing import Any, cast

import dagster as dg

from util_services.asset_events import checked, materialised, observed, table_metadata
from util_services.config import ReadDatasetConfig, WriteDatasetConfig
from util_services.datasets.staged import StagedDataset
from util_services.errors import CancelledError, ConfigurationError
from util_services.flow.staging_area import StagingArea
from util_services.logs.records import BUSINESS_EVENT
from util_services.reports import RunFacts, render_markdown
from util_services.resources import STORAGE_KEY
from util_services.runs.auditing import audited_step, link_before
from util_services.runs.check import (
    CHECKED_OPS,
    check_columns,
    check_columns_of,
    check_config,
    check_run,
    is_last,
    reads_once,
    write_options,
)
from util_services.runs.counts import RunCounts
from util_services.runs.dead_runs import is_over
from util_services.runs.failure import one_sentence
from util_services.runs.progress import Stage, tell
from util_services.runs.report_sections import sections_of_plugins
from util_services.storage.protocol import Storage

WRITE_OP = "write_dataset"


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
    with one_sentence(), audited_step(context):
        storage = storage_of(context)
        plan = check_run(context.job_def, context.run_config, storage, context.run_id)
        if plan.read is None:
            raise AssertionError("a job with read_dataset has a plan for reading")
        area = StagingArea.of(storage)
        area.sweep(partial(is_over, context.instance))
        with area.first_step(context.run_id) as staging:
            listener = _listener(Stage(f"read {plan.read.origin.path}"))
            with LocalEngine(staging.scratch(), progress=listener) as engine:
                is_direct = reads_once(context.job_def) and chosen_engine() == LocalEngine.name
                dataset = read.read_dataset(plan.read, staging, engine, is_direct=is_direct)
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
    from util_services.flow.plan import plan_write
    from util_services.flow.publish import publish_dataset

    began = time.monotonic()
    with one_sentence(), audited_step(context) as audit:
        storage = storage_of(context)
        area = StagingArea.of(storage)
        with area.next_step(context.run_id) as staging:
            configs = check_config(context.job_def, context.run_config)
            options = write_options(configs)
            dataset = area.take_over(dataset, staging, storage, context.run_id)
            plan = plan_write(storage, options, dataset.origin, run_id=context.run_id)
            facts = _run_facts(context, dataset)
            published = publish_dataset(
                dataset,
                plan,
                staging,
                facts,
                may_publish=lambda: _refuse_over(context),
                more_sections=sections_of_plugins,
                announce=lambda output: audit.commit(output, plan.address),
            )
        area.remove(context.run_id)
        audit.success(published, dataset.origin.address(storage))
        context.instance.add_run_tags(context.run_id, RunCounts.of(published).tag(context.run_id))
        if event := materialised(published, dataset, storage, context.run_id, context.job_name):
            context.log_event(event)
            for check in checked(dataset, event):
                context.log_event(check)  # type: ignore[arg-type] # its annotation lacks checks
        context.add_output_metadata(
            {
                "summary": dg.MetadataValue.md(render_markdown(published.report)),
                "path": published.address,
                **{key: str(place) for key, place in published.reports.items()},
                "bytes": published.bytes,
                "sha256": published.sha256,
                "rows_quarantined": dataset.quarantined,
                "audit": facts.audit,
                **table_metadata(published.rows, dataset.schema),
            }
        )
        context.log.info(f"Published {published.rows} rows at {published.address} {_took(began)}.")


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
    from util_services.flow.operate import Dataset, operate
    from util_services.flow.plan import plan_write

    began = time.monotonic()
    with one_sentence(), audited_step(context):
        storage = storage_of(context)
        area = StagingArea.of(storage)
        with area.next_step(context.run_id) as staging:
            configs = check_config(context.job_def, context.run_config)
            config, operation = configs[context.op_handle.name], context.op_def.name
            options = write_options(configs)
            dataset = area.take_over(dataset, staging, storage, context.run_id)
            write = plan_write(storage, options, dataset.origin, run_id=context.run_id)
            if dataset.steps:  # what the first one needs was checked before rows were read
                check_columns_of(operation, config, dataset.schema, storage)
            with open_engine(
                staging.scratch(), _listener(Stage(operation, dataset.rows))
            ) as engine:
                result = operate(
                    operation,
                    lambda given: function(given, config),
                    Dataset(engine, dataset, Inputs(storage, staging)),
                    Target.of(write, staging)
                    if is_last(context.job_def, context.op_handle.name)
                    else Target.between(staging),
                    config.model_dump(mode="json"),
                )
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


def _listener(stage: Stage) -> Callable[[float], None]:
    return lambda share: tell(stage, share)


def _refuse_over(context: dg.OpExecutionContext) -> None:
    """Refuse to publish for a run that was cancelled or given up while this step went on.

    Raises:
        CancelledError: if the run is no longer at work.
    """
    run = context.instance.get_run_by_id(context.run_id)
    if run is None or run.status != dg.DagsterRunStatus.STARTED:
        raise CancelledError("The run is no longer at work, so nothing was published.")


def _run_facts(context: dg.OpExecutionContext, dataset: StagedDataset) -> RunFacts:
    record = context.instance.get_run_record_by_id(context.run_id)
    started = record.start_time if record is not None else None
    return RunFacts(
        run_id=context.run_id,
        job=context.job_name,
        started=_iso(started) if started is not None else "",
        finished=_iso(datetime.now(UTC).timestamp()),
        versions=_versions(context, dataset),
        audit=str(link_before(context.instance, context.run_id) or ""),
    )


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


def _iso(seconds: float) -> str:
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _versions(context: dg.OpExecutionContext, dataset: StagedDataset) -> dict[str, str]:
    """Return the versions of what computed: the package of each operation, and the engines'."""
    done = {step.operation for step in dataset.steps}
    modules = {
        CHECKED_OPS[node.definition.name].config.__module__.split(".")[0]
        for node in context.job_def.nodes_in_topological_order
        if node.definition.name in done
    }
    engines = {"pyspark" for step in dataset.steps if step.engine == "spark"}
    names = [
        "util-services",
        "dagster",
        "duckdb",
        *engines,
        *(name.replace("_", "-") for name in modules),
    ]
    versions = {}
    for name in sorted(set(names)):
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return versions
