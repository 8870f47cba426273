"""Remove intermediate data that are out of date; a rescue snapshot keeps them."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from workspace_core.commands.staleness import INTERMEDIATE, stale_data
from workspace_core.progress import listener
from workspace_core.store.identity import parse_id
from workspace_core.trees.restoring import JOURNAL, plan_folders, restore_folders
from workspace_core.trees.tree import EMPTY_ID
from workspace_core.workspace import SnapshotResourceMixin

if TYPE_CHECKING:
    from workspace_core.backends.files import FiledWorkspace
    from workspace_core.commands.staleness import Stale
    from workspace_core.workspace import SnapshotMetadata

MESSAGE = "Rescue before stale data were removed"


@dataclass(frozen=True, slots=True)
class Pruned:
    """What was removed, or would be."""

    stale: tuple[Stale, ...]
    is_dry_run: bool
    rescue: SnapshotMetadata | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the record as plain data."""
        return {
            "stale": [one.to_dict() for one in self.stale],
            "dry_run": self.is_dry_run,
            "rescue": self.rescue.hashval if self.rescue else None,
        }


def prune(workspace: FiledWorkspace, *, dry_run: bool = False) -> Pruned:
    """Remove intermediate data that are out of date, all or none.

    Of resources with records of runs those files are removed that are out of date, else all. The
    rescue snapshot has the resources as they were: ``dws restore`` brings them back.

    Args:
        workspace: the workspace.
        dry_run: only say which they are.

    Raises:
        StoreWriteError: if the rescue snapshot cannot be kept; then nothing is removed.
        RestoreError: if they cannot be removed; then they are all there.
    """
    if dry_run:
        return Pruned(_stale(workspace), is_dry_run=True)
    with workspace.locked(), workspace.store_session() as session:
        stale = _stale(workspace)
        if not stale:
            return Pruned((), is_dry_run=False)
        names = list(dict.fromkeys(one.name for one in stale))
        rescue = workspace.keep_aside(names, MESSAGE)
        folders = []
        for name in names:
            resource = workspace.get_resource(name)
            assert isinstance(resource, SnapshotResourceMixin)  # noqa: S101 - it was captured
            kept = parse_id(rescue.compare_hashes[name] or EMPTY_ID)
            paths = {os.fsencode(path) for one in stale if one.name == name for path in one.files}
            folder = resource.snapshot_folder(EMPTY_ID)
            folders.append(replace(folder, saved=(kept,), paths=tuple(sorted(paths))))
        planned = plan_folders(session, folders)
        for done in restore_folders(planned, workspace.local / JOURNAL, listener()):
            resource = workspace.get_resource(done.folder.name)
            assert isinstance(resource, SnapshotResourceMixin)  # noqa: S101 - it was captured
            resource.note_restored(done)
        workspace.save_contents(f"Prune {', '.join(names)}")
        return Pruned(stale, is_dry_run=False, rescue=rescue)


def _stale(workspace: FiledWorkspace) -> tuple[Stale, ...]:
    every = stale_data(workspace)
    return tuple(one for one in every if workspace.get_resource_role(one.name) == INTERMEDIATE)
