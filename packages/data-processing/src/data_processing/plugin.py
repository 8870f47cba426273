"""What this package brings to data-services; imports nothing heavy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from util_services.plugins import hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import ModuleType

    import dagster as dg

    from data_processing.steps.step import Step
    from util_services.releases.checks import ReleaseCheck


@hookimpl
def register_hookspecs() -> Iterable[ModuleType]:
    """Return the hook for cleaning steps."""
    from data_processing import specs

    return [specs]


@hookimpl
def register_steps() -> Iterable[Step]:
    """Return the built-in steps."""
    from data_processing.catalogue import built_in_steps

    return built_in_steps()


@hookimpl
def register_ops() -> Iterable[dg.OpDefinition]:
    """Return the ops, for pipelines."""
    from data_processing import ops

    return [operation.op for operation in ops.OPERATIONS]


@hookimpl
def register_jobs() -> Iterable[dg.JobDefinition]:
    """Return the jobs with their twins on S3."""
    from data_processing.jobs import JOBS

    return JOBS


@hookimpl
def register_release_checks() -> Iterable[ReleaseCheck]:
    """Return what release policies may want of the quality of a dataset."""
    from data_processing.releasing import CHECKS

    return CHECKS
