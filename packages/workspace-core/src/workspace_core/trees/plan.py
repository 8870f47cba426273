"""What a restore would do to a folder; decided before anything is touched."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workspace_core.errors import StoreError, TreeError
from workspace_core.trees.diff import Change, diff

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from workspace_core.trees.directory import Entry
    from workspace_core.trees.tree import Trees

MOST_LOOKED_UP = 64  # paths that are looked up one by one; for more, whole trees are compared


@dataclass(frozen=True, slots=True)
class RestorePlan:
    """How a folder becomes a tree of the store."""

    target: bytes  # the tree it is to become
    changes: tuple[Change, ...]  # from the folder as it is, in the order of a walk
    unsaved: tuple[bytes, ...]  # paths whose present content is in no snapshot, and would go
    kept: tuple[bytes, ...]  # paths that are in no snapshot, and stay
    blocked: tuple[bytes, ...] = ()  # where something that is never restored stands in the way
    is_forced: bool = False
    erased: tuple[tuple[bytes, str], ...] = ()  # paths that cannot come back, each with the reason

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
            "erased": [
                {"path": os.fsdecode(path), "reason": reason} for path, reason in self.erased
            ],
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
    erased: Mapping[bytes, str] | None = None,
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
        erased: contents that were erased on purpose, with the reason of each; where the target has
            one of them, everything stays as it is.
    """
    changes = [one for one in diff(trees, current, target) if _is_below(one.path, paths)]
    gone = {
        one.path: erased[one.after.id]
        for one in changes
        if erased and one.after is not None and one.after.id in erased
    }
    if gone:
        changes = [one for one in changes if not _is_below(one.path, gone)]
    lost = set()
    if current is not None and current not in saved:
        lost = _unsaved(trees, current, [one for one in changes if _loses(one)], saved)
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
        erased=tuple(sorted(gone.items())),
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


def _unsaved(
    trees: Trees, current: bytes, losses: Sequence[Change], saved: Sequence[bytes]
) -> set[bytes]:
    """Return the paths whose present content none of some trees has there."""
    lost = {one.path: one.before for one in losses}
    for root in saved:
        if not lost:
            break
        with suppress(StoreError, TreeError):  # what cannot be read keeps nothing
            if len(lost) > MOST_LOOKED_UP:
                differing = {one.path for one in diff(trees, root, current) if _differs(one)}
                lost = {path: entry for path, entry in lost.items() if path in differing}
            else:
                lost = {
                    path: entry
                    for path, entry in lost.items()
                    if _content(trees.find(root, path)) != _content(entry)
                }
    return set(lost)


def _differs(change: Change) -> bool:
    return _content(change.before) != _content(change.after)


def _content(entry: Entry | None) -> tuple[int, bytes] | None:
    return None if entry is None else (entry.kind, entry.id)


def _is_below(path: bytes, paths: Collection[bytes]) -> bool:
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
