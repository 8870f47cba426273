"""What this package brings to data-services; imports nothing heavy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from util_services.plugins import hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable

    import dagster as dg


@hookimpl
def register_ops() -> Iterable[dg.OpDefinition]:
    """Return the ops, for pipelines."""
    from data_processing import ops

    return [ops.convert_format.op, ops.remove_duplicates.op]


@hookimpl
def register_jobs() -> Iterable[dg.JobDefinition]:
    """Return the jobs with their twins on S3."""
    from data_processing.jobs import JOBS

    return JOBS
