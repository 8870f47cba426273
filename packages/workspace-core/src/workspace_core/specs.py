"""The hooks that this package adds to the plugin contract."""

from __future__ import annotations

from typing import TYPE_CHECKING

from util_services.plugins import hookspec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workspace_core.resources.declared import DeclaredResource
    from workspace_core.workspace import ResourceFactory, WorkspaceFactory


@hookspec
def register_resource_types() -> Mapping[str, type[ResourceFactory] | type[DeclaredResource]]:
    """Return resource types by their names, as ``dws add`` selects them.

    A type is a class that is declared by its parameters (`workspace_core.resources.declared`), or a
    factory of resources. Import what they need inside them; nothing heavy is for discovery.
    """
    raise NotImplementedError


@hookspec
def register_backends() -> Mapping[str, type[WorkspaceFactory]]:
    """Return factories of workspaces by the scheme of their addresses (``git`` in ``git:PATH``)."""
    raise NotImplementedError
