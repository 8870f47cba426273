"""Versioned data workspaces: resources, and snapshots of them that really restore.

Names are imported on first use, so that commands start at once.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workspace_core.workspace import (
        RESOURCE_ROLE_CHOICES,
        Resource,
        ResourceRoles,
        SnapshotMetadata,
        Workspace,
        find_and_load_workspace,
        init_workspace,
        load_workspace,
    )

    __version__: str

__all__ = [
    "RESOURCE_ROLE_CHOICES",
    "Resource",
    "ResourceRoles",
    "SnapshotMetadata",
    "Workspace",
    "__version__",
    "find_and_load_workspace",
    "init_workspace",
    "load_workspace",
]


def __getattr__(name: str) -> Any:
    """Return a name of the public interface."""
    if name == "__version__":
        return import_module("importlib.metadata").version("workspace-core")
    if name not in __all__:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return getattr(import_module("workspace_core.workspace"), name)
