"""Make a workspace known to others: where its records and its content are exchanged."""

from __future__ import annotations

import os
import shutil
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workspace_core.backends.git import GitWorkspace
from workspace_core.backends.sharing import address_of, branch_of, open_remote, repository_of
from workspace_core.commands.push import Pushed, push_to
from workspace_core.errors import ConfigurationError, NotSupportedError
from workspace_core.parameters import REMOTE, REMOTE_RESOURCE
from workspace_core.shared_repository import ADDRESS_OF_ANOTHER_MACHINE, make_bare
from workspace_core.sharing.partial import Selection
from workspace_core.sharing.places import Address
from workspace_core.sharing.records import CONFIG
from workspace_core.store.durable import write_whole

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

    What fails leaves the workspace as it was, exchanged with nobody or with whom it was before;
    content that was sent stays where it is, and is not sent again by the next one.

    Raises:
        NoRemoteError: if there is no remote for content.
        ConfigurationError: if an address is none.
    """
    if not isinstance(workspace, GitWorkspace):
        raise NotSupportedError(
            "A central workspace is where others find it; they work with it by: dws clone "
            "central:PLACE DIR."
        )
    selection = Selection.of(None, skip)
    with workspace.locked():
        selection.require(workspace.get_resource_names())
        params: dict[str, Any] = {}
        if data is not None:
            params[REMOTE] = Address.checked(data).text
        if resource is not None:
            params[REMOTE_RESOURCE] = resource
        address_of(workspace, {"global_params": params})
        branch, repository = branch_of(workspace), repository_of(workspace)
        with ExitStack() as undoing:
            path = Path(os.path.expanduser(origin)).absolute()
            if path.resolve() == workspace.folder.resolve():
                raise ConfigurationError(
                    "The workspace cannot be published to itself; name another repository, or a "
                    "folder that does not exist."
                )
            if not ADDRESS_OF_ANOTHER_MACHINE.match(origin) and not origin.startswith("-"):
                absent = [one for one in (path, *path.parents) if not one.exists()]
                if make_bare(path, branch):
                    undoing.callback(_take_away, path, absent)
                origin = str(path)
            before = repository.origin()
            repository.set_origin(origin)
            undoing.callback(repository.take_origin, before)
            repository.fetch(branch)  # both are reached before anything is recorded
            remote = open_remote(workspace, create=True, config={"global_params": params})
            undoing.callback(_take_back, workspace, (workspace.metadata / CONFIG).read_bytes())
            for name, value in params.items():
                workspace.set_global_param(name, value)
            workspace.save(f"Publish the workspace {workspace.name}")
            done = push_to(workspace, selection, remote)
            undoing.pop_all()
        return done


def _take_away(repository: Path, absent: Sequence[Path]) -> None:
    """Remove a repository that was made, and those folders that were not there before."""
    for one in repository.iterdir():
        shutil.rmtree(one) if one.is_dir() else one.unlink()
    for one in absent:
        one.rmdir()


def _take_back(workspace: GitWorkspace, config: bytes) -> None:
    """Let the configuration be what it was, in the history, too."""
    write_whole(workspace.metadata / CONFIG, config)
    workspace.read_again()
    workspace.save("Take back what could not be published")
