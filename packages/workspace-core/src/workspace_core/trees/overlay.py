"""One tree laid over another: what the upper one has takes the place of what was there."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from workspace_core.store.chunking import DIRECTORIES
from workspace_core.trees.directory import Entry, encode

if TYPE_CHECKING:
    from collections.abc import Collection

    from workspace_core.store.session import Session
    from workspace_core.trees.tree import Trees


def overlay(
    session: Session,
    trees: Trees,
    below: bytes,
    above: bytes | None,
    without: Collection[bytes] = (),
) -> bytes:
    """Return a tree that has all of one tree, and what the other one has instead.

    A file keeps the permissions that it has below. Folders that lose all they hold go with it.

    Args:
        session: where new directories are written.
        trees: where directories are read.
        below: the tree that something is laid over.
        above: what is laid over it, None for nothing.
        without: paths of files and links of the lower tree that go.
    """
    gone = {b"": set[bytes]()}
    for path in without:
        folder, _, name = path.rpartition(b"/")
        gone.setdefault(folder, set()).add(name)
        while folder:
            folder = folder.rpartition(b"/")[0]
            gone.setdefault(folder, set())
    return _laid(session, trees, b"", below, above, gone)[0]


def _laid(
    session: Session,
    trees: Trees,
    path: bytes,
    below: bytes | None,
    above: bytes | None,
    gone: dict[bytes, set[bytes]],
) -> tuple[bytes, int, bool]:
    """Return id and size of a directory, and whether it has become empty."""
    lower = {} if below is None else {one.name: one for one in trees.entries(below)}
    upper = {} if above is None else {one.name: one for one in trees.entries(above)}
    here = gone.get(path, set())
    found = []
    for name in sorted(lower.keys() | upper.keys()):
        inside = path + b"/" + name if path else name
        old, new = lower.get(name), upper.get(name)
        if old is not None and name in here and not old.is_directory:
            old = None
        if old is not None and new is None and (not old.is_directory or inside not in gone):
            found.append(old)
        elif old is not None and old.is_directory and (new is None or new.is_directory):
            new_id = None if new is None else new.id
            object_id, size, is_empty = _laid(session, trees, inside, old.id, new_id, gone)
            if not (is_empty and trees.entries(old.id)):
                found.append(replace(old, id=object_id, size=size))
        elif new is not None:
            found.append(_with_permissions(new, old))
    size = sum(one.size for one in found)
    return session.put(encode(found), DIRECTORIES), size, not found


def _with_permissions(new: Entry, old: Entry | None) -> Entry:
    is_same_kind = old is not None and old.is_file and new.is_file
    return replace(new, permissions=old.permissions) if old and is_same_kind else new
