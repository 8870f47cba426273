"""Collect the garbage of a workspace's store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workspace_core.upkeep.gc import DEFAULT_GRACE_SECONDS, Collected, collect

if TYPE_CHECKING:
    from workspace_core.backends.git import GitWorkspace


def gc(
    workspace: GitWorkspace,
    *,
    dry_run: bool = False,
    grace_seconds: float = DEFAULT_GRACE_SECONDS,
) -> Collected:
    """Remove what no snapshot of any workspace of the store needs.

    Args:
        workspace: the workspace.
        dry_run: only say what would go.
        grace_seconds: what is younger stays.

    Raises:
        DamagedFileError: if a record or a pin is damaged; then nothing goes.
    """
    with workspace.locked():
        if not dry_run:
            let_go(workspace)
        return collect(
            workspace.store(),
            dry_run=dry_run,
            grace_seconds=grace_seconds,
            wait_seconds=workspace.lock_wait_seconds,
        )


def let_go(workspace: GitWorkspace) -> None:
    """Let go of what a snapshot that was never recorded has pinned."""
    pins = workspace.pins()
    for name in pins.names() - set(workspace.catalogue.hashes()):
        pins.unpin(name)
