"""Is what computes here, and does a slice of a real job run through?"""

from __future__ import annotations

import logging
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from util_services.errors import quoted_name
from util_services.flow.plan import TEST_RUNS
from util_services.health.checks import DEFAULT_JOB, NotApplicableError, UnhealthyError
from util_services.health.storages import local_storage_of, removed_test_run, s3_storage_of

if TYPE_CHECKING:
    import dagster as dg

    from util_services.health.checks import HealthContext

SLICE_ROWS = 100
QUIET = {"console": {"config": {"log_level": "CRITICAL"}}}
ENGINE_PACKAGES = {"local": "duckdb", "spark": "pyspark"}


def dagster_storage(context: HealthContext) -> str:
    """Ask Dagster's storage for a run."""
    if context.instance_error is not None:
        raise UnhealthyError(context.instance_error)
    if context.instance is None:
        raise NotApplicableError("There is no Dagster instance to ask.")
    try:
        context.instance.get_run_records(limit=1)
    except Exception as error:  # noqa: BLE001 - any database has errors of its own
        raise UnhealthyError(unusable(error)) from None
    return "Dagster's storage answers."


def unusable(error: Exception) -> str:
    """Return the sentence for an error over Dagster's storage; its own text may quote anything."""
    return (
        f"Dagster's storage cannot be used ({type(error).__name__}); check DAGSTER_HOME and the "
        "database that its dagster.yaml names."
    )


def plugins(_context: HealthContext) -> str:
    """Build the code location of all plugins."""
    from util_services.location import build_location

    report = build_location(strict=False).report
    if report.failures:
        names = ", ".join(str(failure.plugin) for failure in report.failures)
        raise UnhealthyError(f"Left out: {names}; see 'data-services plugins' for the reasons.")
    return f"All {len(report.plugins)} plugins are loaded."


def audit(_context: HealthContext) -> str:
    """Ask whether records can be written to the audit; nothing is written."""
    from util_services.audit.place import audit_directory
    from util_services.audit.writer import check_writable

    check_writable()
    return f"The audit can be written to '{audit_directory()}'."


def engine(_context: HealthContext) -> str:
    """Start the engine that jobs compute on."""
    from util_services.engines.choice import chosen_engine, open_engine

    name = chosen_engine()
    with (
        tempfile.TemporaryDirectory(prefix="data-services-health-") as folder,
        open_engine(Path(folder)),
    ):
        package = ENGINE_PACKAGES[name]
        return f"The engine '{name}' is ready ({package} {version(package)})."


def slice_on_local_files(context: HealthContext) -> str:
    """Run a job on some rows of the bundled sample, on local files."""
    local_storage_of(context)
    return _run_slice(context.job, context)


def slice_on_s3(context: HealthContext) -> str:
    """Run a job on some rows of the bundled sample, in the S3 store."""
    s3_storage_of(context)
    return _run_slice(f"{context.job}_s3", context)


def _run_slice(name: str, context: HealthContext) -> str:
    import dagster as dg

    from util_services.location.jobs import all_jobs, find_job
    from util_services.ops import read_dataset
    from util_services.resources import STORAGE_KEY
    from util_services.runs.execute import new_run_id
    from util_services.runs.op_names import WRITE_OP

    if name.removesuffix("_s3") == DEFAULT_JOB and name not in all_jobs():
        raise NotApplicableError(f"The job {quoted_name(name)} is not installed.")
    job, run_id = find_job(name), new_run_id()
    if not {read_dataset.name, WRITE_OP} <= {node.name for node in job.nodes}:
        raise UnhealthyError(
            f"{quoted_name(name)} reads or writes no dataset, so no slice of it can be run; name "
            "another job."
        )
    with (
        dg.build_resources({STORAGE_KEY: job.resource_defs[STORAGE_KEY]}) as resources,
        dg.DagsterInstance.ephemeral(settings={"telemetry": {"enabled": False}}) as instance,
        removed_test_run(getattr(resources, STORAGE_KEY), run_id),
    ):
        _let_know(instance, context.instance)
        rows = _execute(job, run_id, instance)
    return (
        f"{job.name} published {rows} of {SLICE_ROWS} rows of the sample below "
        f"'{TEST_RUNS}/{run_id}/'; they were removed."
    )


def _let_know(instance: dg.DagsterInstance, other: dg.DagsterInstance | None) -> None:
    """Let an instance in memory answer for the runs of another too.

    A run sweeps what ended runs have staged, and takes one that nobody knows for ended in time.
    """
    read_run = instance.get_run_by_id

    def read_run_of_either(run_id: str) -> dg.DagsterRun | None:
        return read_run(run_id) or (other.get_run_by_id(run_id) if other is not None else None)

    vars(instance)["get_run_by_id"] = read_run_of_either


def _execute(job: dg.JobDefinition, run_id: str, instance: dg.DagsterInstance) -> Any:
    """Execute a job on a slice and return how many rows it published.

    The run is kept in memory: it is no run of the instance, so nobody is notified of it.
    """
    import dagster as dg

    from util_services.ops import read_dataset
    from util_services.runs.auditing import unaudited
    from util_services.runs.execute import reason_of_failure
    from util_services.runs.op_names import WRITE_OP

    # The config of a job names its loggers; here they leave no files.
    silent = dg.LoggerDefinition(
        lambda _: logging.Logger("silent", level=logging.CRITICAL),
        config_schema=dg.Field(dg.Any, is_required=False),
    )
    loggers = dict.fromkeys(job.loggers, silent) | {"console": dg.colored_console_logger}
    quiet = job.with_logger_defs(loggers)
    config = {
        "ops": {read_dataset.name: {"config": {"limit_rows": SLICE_ROWS}}},
        "loggers": QUIET,
    }
    with unaudited(run_id):
        result = quiet.execute_in_process(
            run_config=config, run_id=run_id, instance=instance, raise_on_error=False
        )
    if not result.success:
        raise UnhealthyError(str(reason_of_failure(result.all_events)))
    outputs = [e for e in result.all_events if e.is_successful_output and e.step_key == WRITE_OP]
    return outputs[-1].step_output_data.metadata["dagster/row_count"].value
