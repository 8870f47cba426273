"""What resources exchange with places of their own, when a workspace is pulled or pushed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workspace_core.errors import LocalChangesError, ResourceNotHereError
from workspace_core.workspace import LocalStateResourceMixin

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workspace_core.backends.files import FiledWorkspace
    from workspace_core.sharing.partial import Selection
    from workspace_core.workspace import SnapshotMetadata


def pulling(workspace: FiledWorkspace, selection: Selection) -> dict[str, LocalStateResourceMixin]:
    """Return the resources that a pull brings something for, from places of their own."""
    return {name: one for name, one in _present(workspace, selection) if one.pulls()}


def pushing(workspace: FiledWorkspace, selection: Selection) -> dict[str, LocalStateResourceMixin]:
    """Return the resources of which a push sends something to places of their own."""
    return {name: one for name, one in _present(workspace, selection) if one.pushes()}


def pull_resources(
    workspace: FiledWorkspace, selection: Selection, *, force: bool = False
) -> tuple[SnapshotMetadata, ...]:
    """Bring what resources have elsewhere, once none of them refuses.

    Args:
        workspace: the workspace, which is locked.
        selection: resources that are left out stay as they are.
        force: also where content that is in no snapshot would go; a rescue snapshot keeps it.

    Returns:
        the rescue snapshots.

    Raises:
        LocalChangesError: if content that is in no snapshot would go, unless it is forced.
    """
    found, rescues = pulling(workspace, selection), []
    for resource in found.values():
        resource.pull_precheck()
    for name, resource in found.items():
        try:
            resource.pull()
        except LocalChangesError:
            if not force:
                raise
            message = f"Rescue before '{name}' was brought from its remote"
            rescues.append(workspace.keep_aside([name], message))
            resource.pull()
    return tuple(rescues)


def push_resources(workspace: FiledWorkspace, selection: Selection) -> None:
    """Send what resources have to places of their own, once none of them refuses."""
    found = pushing(workspace, selection)
    for resource in found.values():
        resource.push_precheck()
    for resource in found.values():
        resource.push()


def _present(
    workspace: FiledWorkspace, selection: Selection
) -> Iterator[tuple[str, LocalStateResourceMixin]]:
    for name in workspace.get_resource_names():
        if not selection.has(name):
            continue
        try:
            resource = workspace.get_resource(name)
        except ResourceNotHereError:
            continue
        if isinstance(resource, LocalStateResourceMixin):
            yield name, resource
