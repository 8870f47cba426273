"""Where the content of a workspace is for all who share it, and what all of them need of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from workspace_core.backends.central import CentralWorkspace
from workspace_core.backends.git import GitWorkspace
from workspace_core.backends.recorded import recorded_anywhere
from workspace_core.backends.sharing import (
    address_of,
    open_remote,
    repository_of,
    require_origin,
    roots_of,
)
from workspace_core.errors import NotSupportedError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from workspace_core.backends.files import FiledWorkspace
    from workspace_core.sharing.remote import Remote


@dataclass(frozen=True, slots=True)
class Needed:
    """What is needed of the content.

    Args:
        roots: the trees that snapshots keep which are recorded anywhere.
        is_current: asks whether nobody has recorded anything since.
    """

    roots: Sequence[bytes]
    is_current: Callable[[], bool]


def shared_content(workspace: FiledWorkspace) -> Remote:
    """Return the packs that all who share a workspace exchange.

    Raises:
        NoRemoteError: if it is shared with nobody.
        NotSupportedError: if it is of a backend of a plugin.
    """
    if isinstance(workspace, CentralWorkspace):
        return workspace.remote()
    if isinstance(workspace, GitWorkspace):
        require_origin(workspace)
        address_of(workspace)
        return open_remote(workspace)
    raise NotSupportedError(
        f"The workspace '{workspace.name}' is of a backend that says nothing of where its content "
        "is for others, so nothing can be freed or erased there."
    )


def needed(workspace: FiledWorkspace) -> Needed:
    """Return what is needed by now; the caller has locked the workspace."""
    if isinstance(workspace, GitWorkspace):
        recorded, repository = recorded_anywhere(workspace), repository_of(workspace)
        return Needed(recorded.roots(), lambda: repository.fetch_all() == recorded.branches)
    assert isinstance(workspace, CentralWorkspace)  # noqa: S101 - see `shared_content`
    found = (root for one in workspace.catalogue.all() for root in roots_of(one).values())
    return Needed(list(dict.fromkeys(found)), workspace.is_up_to_date)
