"""The jobs of workspaces; workspaces are folders, so there are no twins on S3."""

from typing import Any

import dagster as dg

from util_services.chain import LOGGERS, Link, run_config_of
from workspace_core import ops


def run_config(op: dg.OpDefinition) -> dict[str, Any]:
    """Return the config with which a job of one op runs as it is."""
    return run_config_of([Link(op, op.name)])


@dg.job(logger_defs=LOGGERS, config=run_config(ops.snapshot_workspace))
def snapshot_workspace_job() -> None:
    """Take a snapshot of all resources of a workspace."""
    ops.snapshot_workspace()


@dg.job(logger_defs=LOGGERS, config=run_config(ops.restore_workspace))
def restore_workspace_job() -> None:
    """Bring resources of a workspace back as a snapshot keeps them."""
    ops.restore_workspace()


@dg.job(logger_defs=LOGGERS, config=run_config(ops.verify_workspace))
def verify_workspace_job() -> None:
    """Verify a workspace: its records and tags, and every byte of its store."""
    ops.verify_workspace()


JOBS = (snapshot_workspace_job, restore_workspace_job, verify_workspace_job)
