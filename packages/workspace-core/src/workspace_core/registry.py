"""Which resource types and backends there are: the built-in ones, and those of plugins.

Built-in names are looked up without asking the plugins, so that commands start at once; the manager
refuses a plugin that would take one of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workspace_core.errors import ConfigurationError

if TYPE_CHECKING:
    from workspace_core.workspace import ResourceFactory, WorkspaceFactory


def built_in_resource_types() -> dict[str, type[ResourceFactory]]:
    """Return the factories of the built-in resource types."""
    from workspace_core.resources import git_repository, git_subdirectory, local_files

    return {
        local_files.RESOURCE_TYPE: local_files.LocalFilesFactory,
        git_repository.RESOURCE_TYPE: git_repository.GitFactory,
        git_subdirectory.RESOURCE_TYPE: git_subdirectory.GitSubdirectoryFactory,
    }


def built_in_backends() -> dict[str, type[WorkspaceFactory]]:
    """Return the factories of the built-in backends."""
    from workspace_core.backends.git import GitWorkspaceFactory

    return {"git": GitWorkspaceFactory}


def resource_factory(resource_type: str) -> ResourceFactory:
    """Return the factory of a resource type.

    Raises:
        ConfigurationError: if nobody brings that type.
    """
    kind = built_in_resource_types().get(resource_type)
    found: ResourceFactory = (
        kind or _of_plugins("register_resource_types", "resource type", resource_type)
    )()
    return found


def workspace_factory(backend: str) -> WorkspaceFactory:
    """Return the factory of a backend.

    Raises:
        ConfigurationError: if nobody brings that backend.
    """
    kind = built_in_backends().get(backend)
    found: WorkspaceFactory = (kind or _of_plugins("register_backends", "backend", backend))()
    return found


def _of_plugins(hook: str, what: str, name: str) -> Any:
    from util_services.plugins import plugin_manager

    registered = plugin_manager().named(hook)
    if name not in registered:
        known = ", ".join(sorted(registered))
        raise ConfigurationError(f"There is no {what} '{name[:80]}'; there are {known}.")
    return registered[name].value
