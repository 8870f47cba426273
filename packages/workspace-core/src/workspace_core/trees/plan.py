"""What a restore would do to a folder; decided before anything is touched."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workspace_core.trees.diff import Change, diff

if TYPE_CHECKING:
    from workspace_core.trees.tree import Trees


@dataclass(frozen=True, slots=True)
class RestorePlan:
    """How a folder becomes a tree of the store."""

    target: bytes  # the tree it is to become
    changes: tuple[Change, ...]  # from the folder as it is, in the order of a walk
    conflicts: tuple[bytes, ...]  # paths whose present content is in no snapshot, and would go
    kept: tuple[bytes, ...]  # paths that were never in a snapshot, and stay

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as plain data."""
        return {
            "changes": [change.to_dict() for change in self.changes],
            "conflicts": [os.fsdecode(path) for path in self.conflicts],
            "kept": [os.fsdecode(path) for path in self.kept],
        }


def plan_restore(
    trees: Trees, base: bytes | None, current: bytes | None, target: bytes, *, force: bool = False
) -> RestorePlan:
    """Return how a folder becomes a tree.

    Args:
        trees: where directories are read.
        base: the tree that the folder was last captured as or restored to; what differs from it are
            changes that are in no snapshot.
        current: the folder as it is now, None where there is none.
        target: the tree that it is to become.
        force: the folder becomes exactly the tree, whatever is in it.
    """
    changes = tuple(diff(trees, current, target))
    if force or current is None or current == base:
        return RestorePlan(target, changes, (), ())
    unsaved = {change.path: change for change in diff(trees, base, current)}
    conflicts, kept, wanted = [], [], []
    for change in changes:
        own = unsaved.get(change.path)
        if own is None or change.before is None or _is_saved_elsewhere(change):
            wanted.append(change)
        elif own.before is None and change.after is None:
            kept.append(change.path)
        else:
            conflicts.append(change.path)
    needed = _above([*kept, *conflicts])
    stays = {c.path for c in wanted if c.after is None and c.path in needed}
    changes = tuple(c for c in wanted if c.path not in stays)
    return RestorePlan(target, changes, tuple(conflicts), (*kept, *sorted(stays)))


def _is_saved_elsewhere(change: Change) -> bool:
    """Return whether nothing is lost: directories hold nothing of their own."""
    return bool(
        change.before and change.before.is_directory and change.after and change.after.is_directory
    )


def _above(paths: list[bytes]) -> set[bytes]:
    """Return the directories that hold some paths."""
    found: set[bytes] = set()
    for path in paths:
        while (path := path.rpartition(b"/")[0]) and path not in found:
            found.add(path)
    return found
