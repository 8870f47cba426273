"""Collect the garbage of a workspace's remote, beside whoever uses it at the same time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workspace_core.backends.shared_content import needed, shared_content
from workspace_core.backends.sharing import OUTGOING, tenant_of
from workspace_core.errors import ConfigurationError
from workspace_core.sharing.collecting import CollectedThere, collect_there
from workspace_core.sharing.notes import name_of_tenant
from workspace_core.upkeep.gc import DEFAULT_GRACE_SECONDS

if TYPE_CHECKING:
    from workspace_core.backends.files import FiledWorkspace
    from workspace_core.sharing.remote import Remote

LEAST_DIGITS = 4  # of the id of a workspace


def gc_there(
    workspace: FiledWorkspace,
    *,
    dry_run: bool = False,
    grace_seconds: float = DEFAULT_GRACE_SECONDS,
    without: str | None = None,
) -> CollectedThere:
    """Free what no snapshot needs that is recorded on any branch of the origin, or here.

    Of a central workspace, what no snapshot needs that is recorded in its place.

    It takes two collections: one lets go of packs, and one that comes after the grace period
    removes them. See `sharing.collecting`.

    Args:
        workspace: the workspace.
        dry_run: only say what would go.
        grace_seconds: how long packs stay after they came, and after they were let go of.
        without: the id of a deleted workspace, or its beginning, that has used the remote, too;
            what it keeps there is let go of.

    Raises:
        ConfigurationError: if other workspaces use the remote.
        NotSupportedError: if the workspace is of a backend of a plugin.
        NoRemoteError: if the workspace has no remote.
        RemoteError: if the remote fails.
        DamagedRemoteError: if something that is needed is damaged there; then nothing goes.
    """
    with workspace.locked(), workspace.store().session(workspace.lock_wait_seconds) as session:
        remote = shared_content(workspace)
        require_alone(workspace, remote, without, dry_run=dry_run)
        everybody = needed(workspace)
        return collect_there(
            session,
            remote,
            everybody.roots,
            workspace.local / OUTGOING,
            grace_seconds=grace_seconds,
            is_current=everybody.is_current,
            dry_run=dry_run,
        )


def require_alone(
    workspace: FiledWorkspace, remote: Remote, without: str | None = None, *, dry_run: bool = True
) -> None:
    """Refuse to judge what other workspaces need.

    Args:
        workspace: the workspace.
        remote: its remote.
        without: one that is let go of.
        dry_run: take no note of that.

    Raises:
        ConfigurationError: naming them.
    """
    others = remote.tenants() - {tenant_of(workspace).id}
    if without is not None:
        found = [one for one in others if one.startswith(without.lower())]
        if len(without) < LEAST_DIGITS or len(found) != 1:
            raise ConfigurationError(
                f"The remote has no other workspace of which '{without[:80]}' is the id, or it is "
                f"not the only one; give {LEAST_DIGITS} digits or more."
            )
        others -= set(found)
        if not others and not dry_run:
            remote.place.remove(name_of_tenant(found[0]))
    if others:
        raise ConfigurationError(
            f"The remote '{remote.place.address}' is also that of the workspaces "
            f"{', '.join(sorted(others))}, whose records are elsewhere, so nothing was removed; if "
            "one of them was deleted, let go of it: dws gc --remote --let-go ID."
        )
