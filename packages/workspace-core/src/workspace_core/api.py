"""Workspaces from Python: notebooks, scripts, kits.

Each call finds the workspace by an address or a path, else the nearest one above the current
folder.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workspace_core import __version__
from workspace_core.workspace import (
    LocalStateResourceMixin,
    SnapshotWorkspaceMixin,
    find_and_load_workspace,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "ResourceInfo",
    "SnapshotInfo",
    "get_api_version",
    "get_local_path_for_resource",
    "get_resource_info",
    "get_snapshot_history",
    "get_version",
    "restore",
    "take_snapshot",
]

API_VERSION = "0.2"


@dataclass(frozen=True, slots=True)
class ResourceInfo:
    """A resource of a workspace."""

    name: str
    role: str
    resource_type: str
    local_path: str | None


@dataclass(frozen=True, slots=True)
class SnapshotInfo:
    """A snapshot of a workspace."""

    snapshot_number: int
    hashval: str
    tags: tuple[str, ...]
    timestamp: str
    message: str
    metrics: Mapping[str, Any] | None


def get_version() -> str:
    """Return the release of this package."""
    return __version__


def get_api_version() -> str:
    """Return the version of this interface."""
    return API_VERSION


def get_resource_info(
    workspace_uri_or_path: str | None = None,
    verbose: bool = False,  # noqa: FBT001 - the original's signature
) -> list[ResourceInfo]:
    """Return the resources of a workspace in the order in which they were added."""
    workspace = find_and_load_workspace(workspace_uri_or_path, batch=True, verbose=verbose)
    return [
        ResourceInfo(
            one.name,
            one.role,
            one.resource_type,
            one.get_local_path_if_any() if isinstance(one, LocalStateResourceMixin) else None,
        )
        for one in workspace.get_resources()
    ]


def get_local_path_for_resource(
    name: str,
    workspace_uri_or_path: str | None = None,
    verbose: bool = False,  # noqa: FBT001 - the original's signature
) -> str | None:
    """Return where a resource is on this machine, None for one without files."""
    workspace = find_and_load_workspace(workspace_uri_or_path, batch=True, verbose=verbose)
    resource = workspace.get_resource(name)
    found = isinstance(resource, LocalStateResourceMixin) and resource.get_local_path_if_any()
    return found or None


def take_snapshot(
    workspace_uri_or_path: str | None = None,
    tag: str | None = None,
    message: str = "",
    verbose: bool = False,  # noqa: FBT001 - the original's signature
) -> str:
    """Take a snapshot of all resources, and return its hash."""
    return _snapshots(workspace_uri_or_path, verbose=verbose).snapshot(tag, message).hashval


def get_snapshot_history(
    workspace_uri_or_path: str | None = None,
    reverse: bool = False,  # noqa: FBT001 - the original's signature
    max_count: int | None = None,
    verbose: bool = False,  # noqa: FBT001 - the original's signature
) -> list[SnapshotInfo]:
    """Return the snapshots, the oldest first unless they are to be reversed."""
    workspace = _snapshots(workspace_uri_or_path, verbose=verbose)
    return [
        SnapshotInfo(
            one.snapshot_number, one.hashval, one.tags, one.timestamp, one.message, one.metrics
        )
        for one in workspace.list_snapshots(reverse=reverse, max_count=max_count)
    ]


def restore(
    tag_or_hash: str,
    workspace_uri_or_path: str | None = None,
    only: Sequence[str] | None = None,
    leave: Sequence[str] | None = None,
    verbose: bool = False,  # noqa: FBT001 - the original's signature
) -> int:
    """Bring resources back as they were, and return how many have changed."""
    workspace = _snapshots(workspace_uri_or_path, verbose=verbose)
    snapshot = workspace.get_snapshot_by_tag_or_hash(tag_or_hash)
    names = [n for n, value in snapshot.restore_hashes.items() if value and n not in (leave or ())]
    wanted = names if only is None else list(only)
    return sum(bool(one.plan.changes) for one in workspace.restore(snapshot, wanted))


def _snapshots(uri_or_path: str | None, *, verbose: bool) -> SnapshotWorkspaceMixin:
    workspace = find_and_load_workspace(uri_or_path, batch=True, verbose=verbose)
    assert isinstance(workspace, SnapshotWorkspaceMixin)  # noqa: S101 - all backends are as yet
    return workspace
