"""Merging two trees that have a common ancestor: what only one side has changed is taken over.

Directories are merged entry by entry, and only where all three differ; a name that both sides have
changed in different ways is a conflict (three-way merge; Mens, "A State-of-the-Art Survey on
Software Merging", 2002, section 4.1).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from workspace_core.store.chunking import DIRECTORIES
from workspace_core.trees.directory import DIRECTORY, Entry, encode

if TYPE_CHECKING:
    from workspace_core.store.session import Session
    from workspace_core.trees.tree import Trees

OURS, THEIRS = "ours", "theirs"
BASE = "base"  # neither: what both had before they changed it


@dataclass(frozen=True, slots=True)
class MergedTree:
    """What has become of two trees."""

    root: bytes
    conflicts: tuple[bytes, ...]  # paths, each of which is as the chosen side has it


@dataclass(slots=True)
class _Merging:
    session: Session
    trees: Trees
    choice: str
    conflicts: list[bytes] = field(default_factory=list)

    def directories(
        self, path: bytes, base: bytes | None, ours: bytes | None, theirs: bytes | None
    ) -> tuple[bytes, int]:
        """Return id and size of a directory that is merged of three."""
        before, left, right = (self._entries(one) for one in (base, ours, theirs))
        merged = []
        for name in sorted(left.keys() | right.keys()):
            here = path + b"/" + name if path else name
            found = self.entry(here, before.get(name), left.get(name), right.get(name))
            if found is not None:
                merged.append(found)
        size = sum(one.size for one in merged)
        return self.session.put(encode(merged), DIRECTORIES), size

    def entry(
        self, path: bytes, base: Entry | None, ours: Entry | None, theirs: Entry | None
    ) -> Entry | None:
        """Return what three entries of one name become, None for none."""
        if _is_same(ours, theirs) or _is_same(theirs, base):
            return ours
        if _is_same(ours, base):
            return theirs
        if ours is not None and theirs is not None:
            if ours.is_directory and theirs.is_directory:
                below = base.id if base is not None and base.is_directory else None
                found, size = self.directories(path, below, ours.id, theirs.id)
                permissions = self._permissions(path, base, ours, theirs)
                return Entry(ours.name, DIRECTORY, permissions, size, found)
            if (ours.kind, ours.id) == (theirs.kind, theirs.id):
                return replace(ours, permissions=self._permissions(path, base, ours, theirs))
            if base is not None and base.kind == ours.kind == theirs.kind:
                if ours.id == base.id:  # its mode has changed here, its content there
                    return replace(theirs, permissions=self._permissions(path, base, ours, theirs))
                if theirs.id == base.id:
                    return replace(ours, permissions=self._permissions(path, base, ours, theirs))
        self.conflicts.append(path)
        return {OURS: ours, THEIRS: theirs, BASE: base}[self.choice]

    def _permissions(self, path: bytes, base: Entry | None, ours: Entry, theirs: Entry) -> int:
        if ours.permissions == theirs.permissions:
            return ours.permissions
        before = None if base is None else base.permissions
        if before == ours.permissions:
            return theirs.permissions
        if before != theirs.permissions:
            self.conflicts.append(path)
            if self.choice == BASE and before is not None:
                return before
            return theirs.permissions if self.choice == THEIRS else ours.permissions
        return ours.permissions

    def _entries(self, directory: bytes | None) -> dict[bytes, Entry]:
        if directory is None:
            return {}
        return {one.name: one for one in self.trees.entries(directory)}


def merge(
    session: Session,
    trees: Trees,
    base: bytes | None,
    ours: bytes,
    theirs: bytes,
    choice: str = OURS,
) -> MergedTree:
    """Merge two trees; new directories are written to the session.

    Args:
        session: where new directories go.
        trees: where directories are read.
        base: the tree that both come from, None if there is none.
        ours: the one side.
        theirs: the other side.
        choice: whose entries are taken where both have changed one (``ours``, ``theirs``, or those
            of ``base``).
    """
    if ours == theirs or theirs == base:
        return MergedTree(ours, ())
    if ours == base:
        return MergedTree(theirs, ())
    merging = _Merging(session, trees, choice)
    root, _ = merging.directories(b"", base, ours, theirs)
    return MergedTree(root, tuple(merging.conflicts))


def _is_same(one: Entry | None, other: Entry | None) -> bool:
    if one is None or other is None:
        return one is other
    return (one.kind, one.id, one.permissions) == (other.kind, other.id, other.permissions)
