"""What differs between two trees; only directories whose ids differ are looked into."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workspace_core.trees.directory import KINDS, Entry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workspace_core.trees.tree import Trees

ADDED, REMOVED, MODIFIED, MODE = "added", "removed", "modified", "mode"


@dataclass(frozen=True, slots=True)
class Change:
    """An entry that is not the same in both trees; directories are told of, too."""

    path: bytes
    before: Entry | None
    after: Entry | None

    @property
    def kind(self) -> str:
        """What happened: added, removed, modified, or only its permissions (mode)."""
        if self.before is None:
            return ADDED
        if self.after is None:
            return REMOVED
        same = (self.before.kind, self.before.id) == (self.after.kind, self.after.id)
        is_kept_directory = self.before.is_directory and self.after.is_directory
        return MODE if same or is_kept_directory else MODIFIED

    def to_dict(self) -> dict[str, Any]:
        """Return the change as plain data."""
        entry = self.after or self.before
        assert entry is not None  # noqa: S101 - a change has at least one side
        return {
            "path": os.fsdecode(self.path),
            "change": self.kind,
            "type": KINDS[entry.kind],
            "size_before": self.before.size if self.before else None,
            "size_after": self.after.size if self.after else None,
        }


def diff(trees: Trees, before: bytes | None, after: bytes | None) -> Iterator[Change]:
    """Yield the changes that lead from one tree to another, in the order of a walk.

    A directory that is in both trees is told of only if its own permissions differ. Without a tree
    on one side, everything of the other is added or removed.
    """
    yield from _between(trees, b"", before, after)


def _between(
    trees: Trees, path: bytes, before: bytes | None, after: bytes | None
) -> Iterator[Change]:
    if before == after:
        return
    stack = [_pairs(trees, path, before, after)]
    while stack:
        for here, old, new in stack[-1]:
            if _is_change(old, new):
                yield Change(here, old, new)
            old_id = old.id if old is not None and old.is_directory else None
            new_id = new.id if new is not None and new.is_directory else None
            if old_id != new_id:
                stack.append(_pairs(trees, here, old_id, new_id))
                break
        else:
            stack.pop()


def _pairs(
    trees: Trees, path: bytes, before: bytes | None, after: bytes | None
) -> Iterator[tuple[bytes, Entry | None, Entry | None]]:
    """Yield the entries of two directories side by side, those that are equal left out."""
    old = {one.name: one for one in trees.entries(before)} if before else {}
    new = {one.name: one for one in trees.entries(after)} if after else {}
    for name in sorted(old.keys() | new.keys()):
        left, right = old.get(name), new.get(name)
        if left != right:
            yield (path + b"/" + name if path else name), left, right


def _is_change(before: Entry | None, after: Entry | None) -> bool:
    if before is None or after is None:
        return True
    if before.is_directory and after.is_directory:
        return before.permissions != after.permissions
    return True
