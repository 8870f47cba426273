"""From paths of this machine to references, and back."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from workspace_core.errors import PathNotAResourceError, ResourceNotHereError, shown
from workspace_core.lineage.digests import folder_of
from workspace_core.lineage.model import ResourceRef
from workspace_core.resources.folder import FolderResource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workspace_core.workspace import Workspace

    Given = str | os.PathLike[str] | ResourceRef


def reference(workspace: Workspace, given: Given) -> ResourceRef:
    """Return the reference to a path of this machine, links followed, or a reference checked.

    Raises:
        PathNotAResourceError: if the path belongs to no resource on this machine.
        ConfigurationError: if there is no such resource, or the path leads out of it.
    """
    if isinstance(given, ResourceRef):
        ref = ResourceRef.of(*given)
        place = local_path(workspace, ref)
        return ref if not os.path.lexists(place) else reference(workspace, place)
    path = os.path.realpath(os.path.expanduser(os.fspath(given)))
    for resource in folders(workspace):
        root = os.path.realpath(resource.root)
        if path == root or path.startswith(f"{root}{os.sep}"):
            inside = os.path.relpath(path, root)
            return ResourceRef.of(resource.name, None if inside == os.curdir else inside)
    raise PathNotAResourceError(
        f"{shown(os.fspath(given))} belongs to no resource of the workspace; 'dws report status' "
        "lists them, and 'dws add' adds one."
    )


def local_path(workspace: Workspace, ref: ResourceRef) -> str:
    """Return where a reference leads on this machine."""
    return os.path.join(folder_of(workspace, ref).root, ref.path)


def folders(workspace: Workspace) -> Iterator[FolderResource]:
    """Yield the resources that are folders of this machine."""
    for name in workspace.get_resource_names():
        with suppress(ResourceNotHereError):
            resource = workspace.get_resource(name)
            if isinstance(resource, FolderResource):
                yield resource
