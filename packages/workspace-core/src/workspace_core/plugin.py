"""What this package brings to data-services; imports nothing heavy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from util_services.plugins import hookimpl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from types import ModuleType

    import dagster as dg

    from util_services.releases.checks import ReleaseCheck
    from util_services.releases.erasure import Derived
    from util_services.runs.recorders import RunRecorder
    from workspace_core.resources.declared import DeclaredResource
    from workspace_core.workspace import ResourceFactory, WorkspaceFactory


@hookimpl
def register_hookspecs() -> Iterable[ModuleType]:
    """Return the hooks by which plugins add resource types and backends."""
    from workspace_core import specs

    return [specs]


@hookimpl
def register_ops() -> Iterable[dg.OpDefinition]:
    """Return the ops, for pipelines."""
    from workspace_core import ops

    return ops.OPS


@hookimpl
def register_jobs() -> Iterable[dg.JobDefinition]:
    """Return the jobs on workspaces."""
    from workspace_core.jobs import JOBS

    return JOBS


@hookimpl
def register_resource_types() -> Mapping[str, type[ResourceFactory] | type[DeclaredResource]]:
    """Return the built-in resource types."""
    from workspace_core.registry import built_in_resource_types

    return built_in_resource_types()


@hookimpl
def register_backends() -> Mapping[str, type[WorkspaceFactory]]:
    """Return the built-in backends."""
    from workspace_core.registry import built_in_backends

    return built_in_backends()


@hookimpl
def register_storages() -> Iterable[Any]:
    """Return the addresses of files in resources, ``workspace:RESOURCE/PATH``."""
    from workspace_core.addresses import WorkspaceAddresses

    return [WorkspaceAddresses()]


@hookimpl
def register_recorders() -> Iterable[RunRecorder]:
    """Return who records runs in the workspace that ``DATA_SERVICES_WORKSPACE`` names."""
    from workspace_core.recording import WorkspaceRecorder

    return [WorkspaceRecorder()]


@hookimpl
def register_derivations() -> Iterable[Callable[[str], Iterable[Derived]]]:
    """Return who knows what runs made of data, as that workspace has recorded it."""
    from workspace_core.recording.derived import derived_in_workspace

    return [derived_in_workspace]


@hookimpl
def register_release_checks() -> Iterable[ReleaseCheck]:
    """Return the check that the lineage of released data is known."""
    from workspace_core.releasing import CHECKS

    return CHECKS


@hookimpl
def register_equipment() -> Iterable[Callable[[], str]]:
    """Return what the package looks for on a machine."""
    from workspace_core import equipment

    return [equipment.git, equipment.rclone]
