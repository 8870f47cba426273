"""Make a workspace known to others: where its records and its content are exchanged."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from workspace_core.backends.git import GitWorkspace
from workspace_core.backends.sharing import address_of, branch_of, repository_of
from workspace_core.commands.push import Pushed, push
from workspace_core.errors import NotSupportedError
from workspace_core.parameters import REMOTE, REMOTE_RESOURCE
from workspace_core.shared_repository import ADDRESS_OF_ANOTHER_MACHINE, make_bare
from workspace_core.sharing.places import Address

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workspace_core.backends.files import FiledWorkspace


def publish(
    workspace: FiledWorkspace,
    origin: str,
    *,
    data: str | None = None,
    resource: str | None = None,
    skip: Sequence[str] = (),
) -> Pushed:
    """Say where a workspace is exchanged, and push it there.

    Args:
        workspace: the workspace.
        origin: the address of a git repository; a folder that does not exist becomes one.
        data: the remote for content: ``s3://BUCKET/PREFIX``, ``rclone:REMOTE:PATH`` or a folder;
            by default the one that the workspace has.
        resource: the credential set for S3.
        skip: resources of which no content is pushed.

    Raises:
        NoRemoteError: if there is no remote for content.
        ConfigurationError: if an address is none.
    """
    if not isinstance(workspace, GitWorkspace):
        raise NotSupportedError(
            "A central workspace is where others find it; they work with it by: dws clone "
            "central:PLACE DIR."
        )
    with workspace.locked():
        if data is not None:
            workspace.set_global_param(REMOTE, Address.checked(data).text)
        if resource is not None:
            workspace.set_global_param(REMOTE_RESOURCE, resource)
        address_of(workspace)
        repository = repository_of(workspace)
        path = Path(os.path.expanduser(origin)).absolute()
        if not ADDRESS_OF_ANOTHER_MACHINE.match(origin) and not origin.startswith("-"):
            make_bare(path, branch_of(workspace))
            origin = str(path)
        repository.set_origin(origin)
        workspace.save(f"Publish the workspace {workspace.name}")
        return push(workspace, skip=skip)
