"""Restoring folders: plan all, stage all, swap all, or leave all as they were."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from workspace_core.errors import LocalChangesError
from workspace_core.store.durable import json_bytes, read_json, remove_file, write_whole
from workspace_core.trees.capture import CaptureOptions, capture
from workspace_core.trees.plan import RestorePlan, plan_restore
from workspace_core.trees.swap import Swap, recover
from workspace_core.trees.tree import Trees

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from workspace_core.store.session import Session
    from workspace_core.trees.stat_cache import StatCache

SCHEMA = 1
JOURNAL = "restore.json"


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder that is to become a tree."""

    name: str  # of its resource
    root: Path
    target: bytes
    base: bytes | None  # the tree it was last captured as or restored to
    options: CaptureOptions = field(default_factory=CaptureOptions)
    cache: StatCache | None = None


@dataclass(frozen=True, slots=True)
class PlannedFolder:
    """A folder, what would happen to it, and what is needed for that."""

    folder: Folder
    plan: RestorePlan
    current: bytes | None
    trees: Trees


def plan_folders(
    session: Session, folders: Sequence[Folder], *, force: bool = False
) -> list[PlannedFolder]:
    """Return what restoring folders would do, once it is certain that all objects are there.

    Raises:
        MissingObjectsError: if the store lacks objects.
        ErasedObjectError: if objects were erased on purpose.
        HostileTreeError: if a tree holds names that lead out of it.
    """
    planned = []
    for folder in folders:
        current, in_memory = None, {}
        if folder.root.is_dir():
            found = capture(session, folder.root, folder.cache, folder.options, keep=False)
            current, in_memory = found.root, found.directories
        trees = Trees(session, in_memory)
        session.require(trees.objects(folder.target))
        plan = plan_restore(trees, folder.base, current, folder.target, force=force)
        planned.append(PlannedFolder(folder, plan, current, trees))
    return planned


def restore_folders(planned: Sequence[PlannedFolder], journal: Path) -> None:
    """Carry plans out, all or none.

    Args:
        planned: what `plan_folders` returned.
        journal: a file of the workspace that is there while folders are being swapped.

    Raises:
        LocalChangesError: if changes that are in no snapshot would be destroyed.
        RestoreError: if something cannot be written; then everything is as it was.
    """
    for one in planned:
        if one.plan.conflicts:
            paths = [os.fsdecode(path) for path in one.plan.conflicts]
            raise LocalChangesError(one.folder.name, paths)
    restore_id = os.urandom(16).hex()
    swaps: list[Swap] = []
    applied: list[Swap] = []
    try:
        for one in planned:
            if one.plan.changes:
                swap = Swap(one.folder.root, one.trees, one.plan, restore_id)
                swap.stage()
                swaps.append(swap)
        for swap in swaps:
            swap.apply()
            applied.append(swap)
        write_whole(journal, json_bytes({"schema": SCHEMA, "complete": restore_id}))
    except BaseException:
        for swap in swaps:
            swap.roll_back()
        raise
    for swap in swaps:
        swap.finish()
    remove_file(journal)


def recover_folders(roots: Sequence[Path], journal: Path) -> bool:
    """Bring folders to rest after a crash: all as they were, or all restored.

    Returns:
        whether there was anything to do.
    """
    complete = None
    with suppress(FileNotFoundError):
        complete = str(read_json(journal, SCHEMA)["complete"])
    found = [recover(root, lambda restore_id: restore_id == complete) for root in roots]
    if complete is not None:
        remove_file(journal)
    return any(found)
