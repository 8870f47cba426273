"""Collect the garbage of a workspace's store, and let go of what deleted workspaces keep."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from workspace_core.backends.files import is_workspace
from workspace_core.errors import ConfigurationError, shown
from workspace_core.store.holders import Holder, holders
from workspace_core.upkeep.gc import DEFAULT_GRACE_SECONDS, Collected, collect

if TYPE_CHECKING:
    from workspace_core.backends.files import FiledWorkspace

LEAST_DIGITS = 4  # of the id of a workspace


def gc(
    workspace: FiledWorkspace,
    *,
    dry_run: bool = False,
    grace_seconds: float = DEFAULT_GRACE_SECONDS,
    without: str | None = None,
) -> Collected:
    """Remove what no snapshot of any workspace of the store needs.

    Args:
        workspace: the workspace.
        dry_run: only say what would go.
        grace_seconds: what is younger stays.
        without: the id of a deleted workspace, or its beginning; what it keeps is let go of.

    Raises:
        ConfigurationError: if the workspace to let go of is still there, or keeps nothing.
        DamagedFileError: if a record or a pin is damaged; then nothing goes.
    """
    with workspace.locked():
        deleted = None if without is None else _deleted(workspace, without).id
        if not dry_run:
            let_go(workspace)
        return collect(
            workspace.store(),
            dry_run=dry_run,
            grace_seconds=grace_seconds,
            wait_seconds=workspace.lock_wait_seconds,
            without=deleted,
        )


def let_go(workspace: FiledWorkspace) -> None:
    """Let go of what a snapshot has pinned that was never recorded, or is deleted.

    What is recorded on another branch is neither; where git cannot tell of it, nothing is let go
    of that may be.
    """
    pins, catalogue = workspace.pins(), workspace.catalogue
    unknown = pins.names() - set(catalogue.hashes())
    doubtful = unknown - set(catalogue.deleted_hashes())
    elsewhere = doubtful and workspace.recorded_ever(doubtful)
    for name in unknown - elsewhere:
        pins.unpin(name)


def gone(workspace: FiledWorkspace) -> list[Holder]:
    """Return other workspaces that keep something in the store and are in no folder they were in.

    Those that were seen on another machine are not among them, for nobody can look there.
    """
    return [
        one
        for one in holders(workspace.store())
        if one.places
        and all(place.is_of_this_machine for place in one.places)
        and not _folder_of(one)
    ]


def _deleted(workspace: FiledWorkspace, begun: str) -> Holder:
    found = [one for one in holders(workspace.store()) if one.id.startswith(begun.lower())]
    if len(begun) < LEAST_DIGITS or len(found) != 1:
        raise ConfigurationError(
            f"The store has no workspace of which {shown(begun[:80])} is the id, or it is not the "
            f"only one; give {LEAST_DIGITS} digits or more of one that 'dws gc --dry-run --json' "
            "lists."
        )
    (one,) = found
    if folder := _folder_of(one):
        raise ConfigurationError(
            f"The workspace '{one.name}' is in {shown(folder)} and needs what it keeps; delete its "
            "snapshots there, or the workspace itself, before the store lets go of it."
        )
    return one


def _folder_of(holder: Holder) -> str | None:
    """Return where a workspace is on this machine, None where it is in no folder that is known."""
    folders = [place.folder for place in holder.places if place.is_of_this_machine]
    return next((one for one in folders if is_workspace(Path(one), holder.id)), None)
