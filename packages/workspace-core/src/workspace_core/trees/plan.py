"""What a restore would do to a folder; decided before anything is touched."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workspace_core.trees.diff import Change, diff

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workspace_core.trees.directory import Entry
    from workspace_core.trees.tree import Trees


@dataclass(frozen=True, slots=True)
class RestorePlan:
    """How a folder becomes a tree of the store."""

    target: bytes  # the tree it is to become
    changes: tuple[Change, ...]  # from the folder as it is, in the order of a walk
    unsaved: tuple[bytes, ...]  # paths whose present content is in no snapshot, and would go
    kept: tuple[bytes, ...]  # paths that are in no snapshot, and stay
    blocked: tuple[bytes, ...] = ()  # where something that is never restored stands in the way
    is_forced: bool = False

    @property
    def conflicts(self) -> tuple[bytes, ...]:
        """The paths for whose sake the restore is refused."""
        return self.blocked if self.is_forced else (*self.blocked, *self.unsaved)

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as plain data."""
        return {
            "changes": [change.to_dict() for change in self.changes],
            "unsaved": [os.fsdecode(path) for path in self.unsaved],
            "kept": [os.fsdecode(path) for path in self.kept],
            "blocked": [os.fsdecode(path) for path in self.blocked],
        }


def plan_restore(
    trees: Trees,
    current: bytes | None,
    target: bytes,
    saved: Sequence[bytes],
    *,
    left_out: Sequence[bytes] = (),
    paths: Sequence[bytes] = (),
    force: bool = False,
) -> RestorePlan:
    """Return how a folder becomes a tree.

    Content that no tree of `saved` has at the same path is never destroyed without force: where the
    target has something else there, the plan is refused; where it has nothing, the content stays.

    Args:
        trees: where directories are read.
        current: the folder as it is now, None where there is none.
        target: the tree that it is to become.
        saved: trees that snapshots keep, the likeliest first.
        left_out: what is in the folder and no tree can hold; it always stays.
        paths: only these, and what lies below them; all if there are none.
        force: the folder becomes exactly the tree, whatever is in it.
    """
    changes = [one for one in diff(trees, current, target) if _is_below(one.path, paths)]
    saved = [root for root in saved if root != target]
    is_saved = current is None or current in saved
    lost = {one.path for one in changes if not is_saved and _loses(one)}
    lost -= {one.path for one in changes if one.path in lost and _is_saved(trees, saved, one)}
    fresh = set() if force else {one.path for one in changes if one.path in lost and not one.after}
    stays, in_the_way = _held(changes, fresh)
    always, blocked = _held(changes, set(left_out))
    wanted = tuple(one for one in changes if one.path not in stays | always)
    return RestorePlan(
        target,
        wanted,
        unsaved=tuple(sorted(lost - fresh | in_the_way)),
        kept=tuple(sorted(fresh)),
        blocked=tuple(sorted(blocked)),
        is_forced=force,
    )


def _held(changes: Sequence[Change], paths: set[bytes]) -> tuple[set[bytes], set[bytes]]:
    """Return what stays for the sake of some paths, and where something else is to be instead."""
    above = _above(paths)
    held = [one for one in changes if one.path in above]
    in_the_way = {one.path for one in held if one.after and not one.after.is_directory}
    return paths | {one.path for one in held if one.after is None}, in_the_way


def _loses(change: Change) -> bool:
    """Return whether content goes, which is that of a file or a link."""
    before, after = change.before, change.after
    if before is None or before.is_directory:
        return False
    return after is None or (before.kind, before.id) != (after.kind, after.id)


def _is_saved(trees: Trees, saved: Sequence[bytes], change: Change) -> bool:
    def same(found: Entry | None) -> bool:
        before = change.before
        return found is not None and before is not None and _content(found) == _content(before)

    return any(same(trees.find(root, change.path)) for root in saved)


def _content(entry: Entry) -> tuple[int, bytes]:
    return entry.kind, entry.id


def _is_below(path: bytes, paths: Sequence[bytes]) -> bool:
    return not paths or any(path == one or path.startswith(one + b"/") for one in paths)


def _above(paths: set[bytes]) -> set[bytes]:
    """Return the directories that hold some paths."""
    found: set[bytes] = set()
    for path in paths:
        above = path.rpartition(b"/")[0]
        while above and above not in found:
            found.add(above)
            above = above.rpartition(b"/")[0]
    return found
