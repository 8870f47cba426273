"""Workspaces from Python: notebooks, scripts, kits.

Each call finds the workspace by an address or a path, else the nearest one above the current
folder.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workspace_core import __version__
from workspace_core.backends.git import GitWorkspace
from workspace_core.commands.add import add as _add
from workspace_core.commands.add import add_git, add_local_files
from workspace_core.commands.diff import Difference, difference
from workspace_core.commands.gc import gc
from workspace_core.commands.init import init as _init
from workspace_core.commands.restore import restore as _restore
from workspace_core.commands.results import results as _results
from workspace_core.commands.status import ResourceStatus
from workspace_core.commands.status import status as _status
from workspace_core.commands.verify import Verification
from workspace_core.commands.verify import verify as _verify
from workspace_core.errors import ApiParamError, NotSupportedError
from workspace_core.filesystem import ResourceFileSystem
from workspace_core.upkeep.gc import DEFAULT_GRACE_SECONDS, Collected
from workspace_core.workspace import LocalStateResourceMixin, find_and_load_workspace

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "ResourceInfo",
    "SnapshotInfo",
    "add",
    "collect_garbage",
    "config",
    "delete_snapshot",
    "diff",
    "get_api_version",
    "get_filesystem_for_resource",
    "get_local_path_for_resource",
    "get_resource_info",
    "get_results",
    "get_snapshot_history",
    "get_version",
    "init",
    "restore",
    "status",
    "take_snapshot",
    "verify",
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
    workspace = _workspace(workspace_uri_or_path, verbose=verbose)
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
    resource = _workspace(workspace_uri_or_path, verbose=verbose).get_resource(name)
    found = isinstance(resource, LocalStateResourceMixin) and resource.get_local_path_if_any()
    return found or None


def get_filesystem_for_resource(
    name: str,
    workspace_uri_or_path: str | None = None,
    verbose: bool = False,  # noqa: FBT001 - the original's signature
) -> ResourceFileSystem:
    """Return the files of a resource as they are now: open, ls, exists, isfile, isdir.

    Raises:
        NotSupportedError: if it has no files on this machine.
    """
    path = get_local_path_for_resource(name, workspace_uri_or_path, verbose)
    if path is None:
        raise NotSupportedError(f"The resource '{name}' has no files on this machine.")
    return ResourceFileSystem(path)


def take_snapshot(
    workspace_uri_or_path: str | None = None,
    tag: str | None = None,
    message: str = "",
    verbose: bool = False,  # noqa: FBT001 - the original's signature
) -> str:
    """Take a snapshot of all resources, and return its hash."""
    return _workspace(workspace_uri_or_path, verbose=verbose).snapshot(tag, message).hashval


def get_snapshot_history(
    workspace_uri_or_path: str | None = None,
    reverse: bool = False,  # noqa: FBT001 - the original's signature
    max_count: int | None = None,
    verbose: bool = False,  # noqa: FBT001 - the original's signature
) -> list[SnapshotInfo]:
    """Return the snapshots, the oldest first unless they are to be reversed."""
    workspace = _workspace(workspace_uri_or_path, verbose=verbose)
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
    *,
    path: str | None = None,
    strict: bool = False,
    force: bool = False,
) -> int:
    """Bring resources back as they were, all or none, and return how many have changed.

    Args:
        tag_or_hash: the snapshot.
        workspace_uri_or_path: the workspace.
        only: only these resources.
        leave: all but these.
        verbose: tell more.
        path: only this file or folder.
        strict: refuse if snapshot and workspace do not have the same resources.
        force: also where content that is in no snapshot would go; a rescue snapshot keeps it.

    Raises:
        LocalChangesError: if content that is in no snapshot would go.
    """
    outcome = _restore(
        _workspace(workspace_uri_or_path, verbose=verbose),
        tag_or_hash,
        only=only,
        leave=leave or (),
        path=path,
        strict=strict,
        force=force,
    )
    return outcome.changed


def get_results(
    workspace_uri_or_path: str | None = None,
    tag_or_hash: str | None = None,
    resource_name: str | None = None,
    verbose: bool = False,  # noqa: FBT001 - the original's signature
) -> tuple[dict[str, Any], str] | None:
    """Return results and where they are (``resource:/path``), None where there are none.

    Without a snapshot, those are returned that are in none yet.
    """
    workspace = _workspace(workspace_uri_or_path, verbose=verbose)
    found = _results(workspace, tag_or_hash, resource_name)
    return None if found is None else (found.content, f"{found.resource}:/{found.path}")


def init(
    folder: str = ".",
    name: str | None = None,
    hostname: str | None = None,
    create_resources: Sequence[str] = (),
    store: str | None = None,
) -> str:
    """Make a folder a workspace, and return its name; see `workspace_core.commands.init.init`."""
    made = _init(
        folder, name=name, hostname=hostname, create_resources=create_resources, store=store
    )
    return made.name


def add(
    resource_type: str,
    role: str,
    path: str,
    workspace_uri_or_path: str | None = None,
    name: str | None = None,
    verbose: bool = False,  # noqa: FBT001 - like its neighbours
    **options: Any,
) -> ResourceInfo:
    """Add a resource, and return it.

    Args:
        resource_type: ``local-files``, ``git``, or a type that a plugin brings.
        role: one of `RESOURCE_ROLE_CHOICES`.
        path: where it is.
        workspace_uri_or_path: the workspace.
        name: what it is to be called; by default like its folder.
        verbose: tell more.
        options: what ``dws add`` takes for the type, such as ``export`` or ``branch``.

    Raises:
        ConfigurationError: if it cannot be added.
    """
    workspace = _workspace(workspace_uri_or_path, verbose=verbose)
    try:
        if resource_type == "git":
            added = add_git(workspace, role, path, name=name, **options)
        elif resource_type in ("local-files", "file"):
            added = add_local_files(workspace, role, path, name=name, **options)
        else:
            added = _add(workspace, resource_type, role, path, name=name, **options)
    except TypeError as error:
        raise ApiParamError(f"'{resource_type}' does not take these options: {error}.") from error
    local = added.get_local_path_if_any() if isinstance(added, LocalStateResourceMixin) else None
    return ResourceInfo(added.name, added.role, added.resource_type, local)


def status(
    workspace_uri_or_path: str | None = None,
    verbose: bool = False,  # noqa: FBT001 - like its neighbours
) -> list[ResourceStatus]:
    """Return what has changed in each resource since it was in a snapshot."""
    return _status(_workspace(workspace_uri_or_path, verbose=verbose))


def diff(
    before: str,
    after: str | None = None,
    workspace_uri_or_path: str | None = None,
    verbose: bool = False,  # noqa: FBT001 - like its neighbours
) -> Difference:
    """Return what differs between two snapshots, or one and the resources as they are."""
    return difference(_workspace(workspace_uri_or_path, verbose=verbose), before, after)


def config(
    workspace_uri_or_path: str | None = None,
    name: str | None = None,
    value: Any = None,
    resource_name: str | None = None,
    verbose: bool = False,  # noqa: FBT001 - like its neighbours
) -> dict[str, Any]:
    """Return all parameters of a workspace or of a resource, once one was set if asked for."""
    workspace = _workspace(workspace_uri_or_path, verbose=verbose)
    if name is not None and value is not None:
        workspace.change_param(name, value, resource_name)
    if resource_name is None:
        found = workspace.parameter_values()
    else:
        found = workspace.resource_parameter_values(resource_name)
    return {one.parameter.name: one.value for one in found}


def delete_snapshot(
    tag_or_hash: str,
    workspace_uri_or_path: str | None = None,
    include_resources: bool = True,  # noqa: FBT001 - like its neighbours
    verbose: bool = False,  # noqa: FBT001 - like its neighbours
) -> None:
    """Delete a snapshot, and the results that it moved unless they are to stay."""
    workspace = _workspace(workspace_uri_or_path, verbose=verbose)
    found = workspace.get_snapshot_by_tag_or_hash(tag_or_hash)
    workspace.delete_snapshot(found.hashval, include_resources=include_resources)


def verify(
    workspace_uri_or_path: str | None = None,
    verbose: bool = False,  # noqa: FBT001 - like its neighbours
) -> Verification:
    """Check records and tags, and every byte of the store."""
    return _verify(_workspace(workspace_uri_or_path, verbose=verbose))


def collect_garbage(
    workspace_uri_or_path: str | None = None,
    dry_run: bool = False,  # noqa: FBT001 - like its neighbours
    grace_seconds: float = DEFAULT_GRACE_SECONDS,
    verbose: bool = False,  # noqa: FBT001 - like its neighbours
) -> Collected:
    """Free the space of what no snapshot needs any more."""
    workspace = _workspace(workspace_uri_or_path, verbose=verbose)
    return gc(workspace, dry_run=dry_run, grace_seconds=grace_seconds)


def _workspace(uri_or_path: str | None, *, verbose: bool) -> GitWorkspace:
    found = find_and_load_workspace(uri_or_path, batch=True, verbose=verbose)
    if not isinstance(found, GitWorkspace):
        raise NotSupportedError("This function needs a workspace of the git backend.")
    return found
