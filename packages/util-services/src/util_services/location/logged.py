"""Give every job of the code location the platform's log, on without any run config.

A logger that is only registered stays silent until run config selects it. Jobs of the operation
factory select theirs themselves; this does the same for all others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg

if TYPE_CHECKING:
    from collections.abc import Mapping

    from util_services.location.contributions import Job

LOGGER = "simpl"
CONSOLE = "console"  # Dagster's own falls silent where another logger is selected


def logged(job: Job, loggers: Mapping[str, dg.LoggerDefinition]) -> Job:
    """Return a job that logs, or the job as it is, where it has a say in that itself.

    That is so if it has loggers of its own, or a config that is no plain default or no valid one.
    """
    if not isinstance(job, dg.JobDefinition) or job.has_specified_loggers or LOGGER not in loggers:
        return job
    if job.partitioned_config is not None:
        return job
    if job.config_mapping is not None and job.run_config is None:
        return job
    chosen: dict[str, dict[str, object]] = {name: {"config": {}} for name in (CONSOLE, LOGGER)}
    config = {**(job.run_config or {}), "loggers": chosen}
    # The public `with_logger_defs` knows no default config, which is what selects a logger.
    copy = job._copy(logger_defs={**job.loggers, **loggers}, config=config)
    try:
        dg.validate_run_config(copy, {})
    except (dg.DagsterInvalidConfigError, dg.DagsterInvalidDefinitionError):
        return job
    return copy
