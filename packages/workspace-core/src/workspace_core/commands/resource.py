"""Remove, rename and exchange the resources of a workspace; older snapshots stay of use."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workspace_core.backends.files import FiledWorkspace
    from workspace_core.workspace import Resource


def remove_resource(workspace: FiledWorkspace, name: str) -> None:
    """Let a workspace do without a resource: its folder stays, and so do older snapshots.

    Raises:
        ConfigurationError: if there is none of that name.
    """
    with workspace.locked():
        workspace.remove_resource(name)
        workspace.save(f"Remove resource {name}")


def bring_resource_back(workspace: FiledWorkspace, name: str) -> Resource:
    """Let a workspace have a resource again that was removed; its content is not touched.

    Raises:
        ConfigurationError: if none was removed, or its folder belongs to another one by now.
    """
    with workspace.locked():
        resource = workspace.bring_resource_back(name)
        workspace.save(f"Bring resource {name} back")
        return resource


def rename_resource(workspace: FiledWorkspace, old: str, new: str) -> Resource:
    """Give a resource another name, in older snapshots, too.

    Raises:
        ConfigurationError: if there is no such resource, or the name is in use.
    """
    with workspace.locked():
        workspace.rename_resource(old, new)
        workspace.save(f"Rename resource {old} to {new}")
        return workspace.get_resource_wherever(new)


def swap_resource(workspace: FiledWorkspace, name: str, location: Sequence[str]) -> Resource:
    """Let a resource be other data, which lie elsewhere; all other resources stay as they are.

    What it was before stays where it is, and in the snapshots that were taken of it.

    Args:
        workspace: the workspace.
        name: the resource.
        location: where the other data are, as ``dws add`` takes it for the type of the resource.

    Raises:
        ConfigurationError: if they cannot be exchanged; then nothing has changed.
    """
    with workspace.locked():
        resource = workspace.exchange_resource(name, *location)
        workspace.save(f"Swap resource {name}")
        return resource
