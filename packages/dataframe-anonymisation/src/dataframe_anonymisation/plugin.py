"""What this package brings to data-services; imports nothing heavy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from util_services.plugins import hookimpl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from types import ModuleType

    import dagster as dg

    from dataframe_anonymisation.hierarchies import Hierarchy
    from util_services.datasets.staged import StepReport
    from util_services.processing_record.described import Description
    from util_services.releases.checks import ReleaseCheck


@hookimpl
def register_hookspecs() -> Iterable[ModuleType]:
    """Return the hook by which plugins add hierarchies."""
    from dataframe_anonymisation import specs

    return [specs]


@hookimpl
def register_ops() -> Iterable[dg.OpDefinition]:
    """Return the ops, for pipelines."""
    from dataframe_anonymisation.jobs import OPERATIONS

    return [operation.op for operation in OPERATIONS]


@hookimpl
def register_jobs() -> Iterable[dg.JobDefinition]:
    """Return the jobs with their twins on S3."""
    from dataframe_anonymisation.jobs import JOBS

    return JOBS


@hookimpl
def register_hierarchies() -> Mapping[str, Callable[[], Hierarchy]]:
    """Return the hierarchies that the platform has names for."""
    from dataframe_anonymisation import builtin

    return {"simpl_age": builtin.simpl_age, "simpl_gender": builtin.simpl_gender}


@hookimpl
def register_release_checks() -> Iterable[ReleaseCheck]:
    """Return what release policies may want of the classes of a table."""
    from dataframe_anonymisation.releasing import CHECKS

    return CHECKS


@hookimpl
def register_step_descriptions() -> Mapping[str, Callable[[StepReport], Description]]:
    """Return what reads the reports of the operations for a record of processing activities."""
    from dataframe_anonymisation.describing import descriptions

    return descriptions()
