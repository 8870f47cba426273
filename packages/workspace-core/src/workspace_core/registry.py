"""Which resource types and backends there are: the built-in ones, and those of plugins.

Built-in names are looked up without asking the plugins, so that commands start at once; the manager
refuses a plugin that would take one of them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from workspace_core.errors import ConfigurationError

if TYPE_CHECKING:
    from workspace_core.resources.declared import DeclaredResource
    from workspace_core.workspace import ResourceFactory, WorkspaceFactory

    ResourceType = type[ResourceFactory] | type[DeclaredResource]


_RESOURCE_TYPES = {  # each is imported when it is asked for
    "file": "local_files:LocalFilesResource",
    "git": "git_repository:GitFactory",
    "git-subdirectory": "git_subdirectory:GitSubdirectoryFactory",
    "rclone": "rclone:RcloneResource",
    "s3": "s3:S3Resource",
    "api-resource": "api_resource:ApiResource",
    "container-image": "container_image:ContainerImageResource",
}
_BACKENDS = {"git": "git:GitWorkspaceFactory", "central": "central:CentralWorkspaceFactory"}


def built_in_resource_types() -> dict[str, ResourceType]:
    """Return the built-in resource types: declared classes, or factories."""
    return {name: _named(f"resources.{kind}") for name, kind in _RESOURCE_TYPES.items()}


def _named(place: str) -> Any:
    module, _, kind = place.partition(":")
    return getattr(import_module(f"workspace_core.{module}"), kind)


def built_in_backends() -> dict[str, type[WorkspaceFactory]]:
    """Return the factories of the built-in backends."""
    return {name: _named(f"backends.{kind}") for name, kind in _BACKENDS.items()}


def resource_factory(resource_type: str) -> ResourceFactory:
    """Return the factory of a resource type.

    Raises:
        ConfigurationError: if nobody brings that type.
    """
    from workspace_core.resources.declared import DeclaredFactory, DeclaredResource

    if resource_type in _RESOURCE_TYPES:
        kind = _named(f"resources.{_RESOURCE_TYPES[resource_type]}")
    else:
        kind = _of_plugins("register_resource_types", "resource type", resource_type)
    if issubclass(kind, DeclaredResource):
        return DeclaredFactory(kind, resource_type)
    found: ResourceFactory = kind()
    return found


def workspace_factory(backend: str) -> WorkspaceFactory:
    """Return the factory of a backend.

    Raises:
        ConfigurationError: if nobody brings that backend.
    """
    if backend in _BACKENDS:
        kind = _named(f"backends.{_BACKENDS[backend]}")
    else:
        kind = _of_plugins("register_backends", "backend", backend)
    found: WorkspaceFactory = kind()
    return found


def _of_plugins(hook: str, what: str, name: str) -> Any:
    from util_services.plugins import plugin_manager

    registered = plugin_manager().named(hook)
    if name not in registered:
        known = ", ".join(sorted(registered))
        raise ConfigurationError(f"There is no {what} '{name[:80]}'; there are {known}.")
    return registered[name].value
