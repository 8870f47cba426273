"""Restoring folders: plan all, stage all, swap all, or leave all as they were."""

from __future__ import annotations

import logging
import os
import stat
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from util_services.errors import printable
from workspace_core.errors import ChangedMeanwhileError, ErasedObjectError, LocalChangesError
from workspace_core.store.durable import json_bytes, read_json, remove_file, write_whole
from workspace_core.store.identity import id_text
from workspace_core.trees.capture import Capture, CaptureOptions, Known, capture
from workspace_core.trees.plan import RestorePlan, plan_restore
from workspace_core.trees.stat_cache import (
    FINE_TICK_NANOSECONDS,
    StatCache,
    packed,
    stat_fields,
)
from workspace_core.trees.swap import Parents, Swap, recover
from workspace_core.trees.tree import Trees

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from workspace_core.store.session import Session
    from workspace_core.trees.materialise import Written

SCHEMA = 1
JOURNAL = "restore.json"
MOST_TOLD = 5  # of files that were erased; 'dws verify' names all

_reports = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder that is to become a tree."""

    name: str  # of its resource
    root: Path
    target: bytes
    saved: tuple[bytes, ...] = ()  # what snapshots keep of it, the likeliest first
    options: CaptureOptions = field(default_factory=CaptureOptions)
    cache: StatCache | None = None
    paths: tuple[bytes, ...] = ()  # only these; all if there are none


@dataclass(frozen=True, slots=True)
class PlannedFolder:
    """A folder, what would happen to it, and what is needed for that."""

    folder: Folder
    plan: RestorePlan
    current: Capture | None
    trees: Trees


@dataclass(frozen=True, slots=True)
class RestoredFolder:
    """A folder that was restored."""

    folder: Folder
    plan: RestorePlan
    cache: StatCache  # of the folder as it is now


def plan_folders(
    session: Session, folders: Sequence[Folder], *, force: bool = False
) -> list[PlannedFolder]:
    """Return what restoring folders would do, once it is certain that all objects are there.

    What was erased on purpose does not come back; the plan names it, and has all else.

    Raises:
        MissingObjectsError: if the store lacks objects.
        ErasedObjectError: if one of the paths of a folder was erased on purpose.
        HostileTreeError: if a tree holds names that lead out of it.
        DamagedFileError: if directories are damaged.
    """
    planned = []
    for folder in folders:
        current = None
        if folder.root.is_dir():
            current = capture(session, folder.root, folder.cache, folder.options, keep=False)
        trees = Trees(session, current.directories if current else {})
        plan = _plan(trees, folder, current, force=force)
        if erased := session.erased_among(_due(plan)):
            _require_paths(folder, plan, erased)
            plan = _plan(trees, folder, current, force=force, erased=erased)
        session.require(_due(plan))
        planned.append(PlannedFolder(folder, plan, current, trees))
    return planned


def _plan(
    trees: Trees,
    folder: Folder,
    current: Capture | None,
    *,
    force: bool,
    erased: Mapping[bytes, str] | None = None,
) -> RestorePlan:
    return plan_restore(
        trees,
        current.root if current else None,
        folder.target,
        folder.saved,
        left_out=current.left_out if current else (),
        paths=folder.paths,
        force=force,
        erased=erased,
    )


def _due(plan: RestorePlan) -> list[bytes]:
    """Return the contents that a plan writes."""
    return [one.after.id for one in plan.changes if one.after and one.after.is_file]


def _require_paths(folder: Folder, plan: RestorePlan, erased: Mapping[bytes, str]) -> None:
    """Refuse to bring back paths that were asked for by name, and are erased."""
    for one in plan.changes:
        if one.after and one.after.id in erased and one.path in folder.paths:
            place = f"{folder.name}: {os.fsdecode(one.path)}"
            raise ErasedObjectError(id_text(one.after.id), erased[one.after.id], place)


def tell_erased(planned: Iterable[PlannedFolder]) -> None:
    """Warn of files that do not come because they were erased on purpose."""
    for one in planned:
        for path, reason in one.plan.erased[:MOST_TOLD]:
            place = printable(f"{one.folder.name}: {os.fsdecode(path)}")
            _reports.warning("'%s' was erased on purpose (%s).", place, printable(reason))
        if (more := len(one.plan.erased) - MOST_TOLD) > 0:
            _reports.warning("So were %d more of '%s'.", more, printable(one.folder.name))


def restore_folders(
    planned: Sequence[PlannedFolder],
    journal: Path,
    progress: Callable[[int, int], None] | None = None,
) -> list[RestoredFolder]:
    """Carry plans out, all or none.

    Args:
        planned: what `plan_folders` returned.
        journal: a file of the workspace, which says that all folders are done.
        progress: called with the number of files and bytes that were written for a folder.

    Raises:
        LocalChangesError: if changes that are in no snapshot would be destroyed.
        ChangedMeanwhileError: if a folder is no longer what it was when this was planned.
        RestoreError: if something cannot be written; then everything is as it was.
    """
    for one in planned:
        if one.plan.conflicts:
            paths = [os.fsdecode(path) for path in one.plan.conflicts]
            raise LocalChangesError(one.folder.name, paths)
    restore_id = os.urandom(16).hex()
    swaps = [
        Swap(one.folder.root, one.trees, one.plan, restore_id)
        for one in planned
        if one.plan.changes
    ]
    staged: list[Swap] = []
    try:
        for swap in swaps:
            swap.stage(progress)
            staged.append(swap)
        for one in planned:
            require_unchanged(one)
        for swap in swaps:
            swap.apply()
        write_whole(journal, json_bytes({"schema": SCHEMA, "complete": restore_id}))
    except BaseException:
        with ExitStack() as all_of_them:  # each, even if one of them fails
            for swap in staged:
                all_of_them.callback(swap.roll_back)
        raise
    for swap in swaps:
        swap.finish()
    remove_file(journal)
    written = {swap.root: swap.written for swap in swaps}
    return [_restored(one, written.get(one.folder.root, {})) for one in planned]


def require_unchanged(planned: PlannedFolder) -> None:
    """Check that what is to give way is what it was when the plan was made.

    Raises:
        ChangedMeanwhileError: if it is not, or something stands where nothing was.
    """
    if planned.current is None:
        return
    seen = planned.current.cache.directories
    known: dict[bytes, Mapping[bytes, tuple[bytes, bytes]]] = {}
    with Parents(planned.folder.root) as parents:
        for change in planned.plan.changes:
            above, _, name = change.path.rpartition(b"/")
            try:
                now = os.lstat(name, dir_fd=parents.of(change.path)[0])
            except (FileNotFoundError, NotADirectoryError):
                if change.before is None:
                    continue
                raise ChangedMeanwhileError(os.fsdecode(change.path)) from None
            except OSError as error:  # a link has taken a directory's place
                raise ChangedMeanwhileError(os.fsdecode(change.path)) from error
            if above not in known:
                known = {above: seen[above].by_name() if above in seen else {}}
            then, _ = known[above].get(name, (b"", b""))
            is_folder = change.before is not None and change.before.is_directory
            if stat.S_ISDIR(now.st_mode) != is_folder or (
                not is_folder and packed(stat_fields(now)) != then
            ):
                raise ChangedMeanwhileError(os.fsdecode(change.path))


def recover_folders(roots: Iterable[Path], journal: Path) -> bool:
    """Bring folders to rest after a crash: all as they were, or all restored.

    Returns:
        whether there was anything to do.
    """
    complete = None
    with suppress(FileNotFoundError):
        complete = str(read_json(journal, SCHEMA).get("complete"))
    found = [recover(root, complete) for root in roots]
    if complete is not None:
        remove_file(journal)
    return any(found)


def _restored(one: PlannedFolder, written: Mapping[bytes, Written]) -> RestoredFolder:
    """Return a folder with its stat cache, for which nothing is read again."""
    folder, cache = one.folder, one.current.cache if one.current else StatCache()
    if one.plan.changes:
        time.sleep(FINE_TICK_NANOSECONDS / 1e9)  # what is changed from now on looks different
        touched = {c.path.rpartition(b"/")[0] for c in one.plan.changes}
        touched |= {c.path for c in one.plan.changes if c.after and c.after.is_directory}
        now = capture(
            one.trees.session,
            folder.root,
            cache,
            folder.options,
            keep=False,
            known=Known(written, frozenset(touched)),
        )
        cache = now.cache
    return RestoredFolder(folder, one.plan, cache)
