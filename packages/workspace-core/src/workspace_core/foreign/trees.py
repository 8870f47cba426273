"""Trees of the store from lists of files, as other tools keep them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workspace_core.store.chunking import DIRECTORIES
from workspace_core.trees.directory import DIRECTORY, MOST_NAME, RESERVED, Entry, encode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workspace_core.store.session import Session

FOLDER_PERMISSIONS = 0o755
Nested = dict[bytes, "Entry | Nested"]


def is_plain(path: bytes) -> bool:
    """Return whether a path leads to something below where it begins, and to nothing reserved."""
    return all(
        name not in (b"", b".", b"..") and name not in RESERVED and len(name) <= MOST_NAME
        for name in path.split(b"/")
    ) and (b"\0" not in path)


def tree_of(session: Session, entries: Mapping[bytes, Entry]) -> bytes:
    """Put the directories of a tree into the store, and return its id.

    Args:
        session: of the store, which has the contents.
        entries: files and links by their paths, each of them plain; see `is_plain`.

    Raises:
        ValueError: if something is a file and a folder at once.
    """
    top: Nested = {}
    for path, entry in entries.items():
        *above, name = path.split(b"/")
        here = top
        for one in above:
            below = here.setdefault(one, {})
            if isinstance(below, Entry):
                raise ValueError("a file has something below it")
            here = below
        if here.setdefault(name, entry) is not entry:
            raise ValueError("a name stands for two things")
    return _put(session, top)[0]


def _put(session: Session, folder: Nested) -> tuple[bytes, int]:
    entries = []
    for name in sorted(folder):
        found = folder[name]
        if not isinstance(found, Entry):
            identity, size = _put(session, found)
            found = Entry(name, DIRECTORY, FOLDER_PERMISSIONS, size, identity)
        entries.append(found)
    return session.put(encode(entries), DIRECTORIES), sum(one.size for one in entries)
