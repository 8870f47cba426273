"""Directory objects: the canonical bytes of a folder, whose hash is its id.

    magic, then for each entry, sorted by the bytes of its name:
    kind (1), permission bits (2), length of the name (2), size (8), id (32), name
    where the id of a link is the hash of its target, and the target follows the name with its
    length (4)

The size of a directory is that of all files below it. Nothing of time, owner, path or option is in
it, so that equal trees have equal ids everywhere.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workspace_core.errors import HostileTreeError
from workspace_core.store.identity import content_id

if TYPE_CHECKING:
    from collections.abc import Iterable

MAGIC = b"DWSTREE\x01"
ENTRY = struct.Struct("<BHHQ32s")
TARGET = struct.Struct("<I")
FILE, DIRECTORY, LINK = 1, 2, 3
KINDS = {FILE: "file", DIRECTORY: "directory", LINK: "link"}
PERMISSIONS = 0o777  # never set-user-id and its kin: a snapshot from elsewhere is not to bring them
LINK_PERMISSIONS = 0o777
MOST_NAME, MOST_TARGET = 255, 4095
# What belongs to git and to workspaces themselves is no content: neither captured nor restored.
STAGING = b".dws-restore"
RESERVED = frozenset({b".git", b".dataworkspace", STAGING})


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of a directory."""

    name: bytes
    kind: int
    permissions: int
    size: int
    id: bytes
    target: bytes = b""  # of a link

    @property
    def is_file(self) -> bool:
        """Whether it is a file."""
        return self.kind == FILE

    @property
    def is_directory(self) -> bool:
        """Whether it is a directory."""
        return self.kind == DIRECTORY

    @property
    def is_link(self) -> bool:
        """Whether it is a symbolic link."""
        return self.kind == LINK


def link_entry(name: bytes, target: bytes) -> Entry:
    """Return the entry of a symbolic link."""
    return Entry(name, LINK, LINK_PERMISSIONS, len(target), content_id(target), target)


def encode(entries: Iterable[Entry]) -> bytes:
    """Return the canonical bytes of a directory whose entries are sorted by name."""
    pieces = [MAGIC]
    for one in entries:
        head = ENTRY.pack(one.kind, one.permissions, len(one.name), one.size, one.id)
        pieces += (head, one.name)
        if one.kind == LINK:
            pieces += (TARGET.pack(len(one.target)), one.target)
    return b"".join(pieces)


def decode(content: bytes) -> list[Entry]:
    """Return the entries of a directory, none of which leads out of it.

    Raises:
        HostileTreeError: if the bytes are not canonical, or a name could lead anywhere else.
    """
    if not content.startswith(MAGIC):
        raise HostileTreeError("(directory)", "it is no directory object of a known format")
    entries, at, last = [], len(MAGIC), b""
    try:
        while at < len(content):
            kind, permissions, length, size, object_id = ENTRY.unpack_from(content, at)
            at += ENTRY.size
            name = content[at : at + length]
            at += length
            target = b""
            if kind == LINK:
                (reach,) = TARGET.unpack_from(content, at)
                target = content[at + TARGET.size : at + TARGET.size + reach]
                at += TARGET.size + reach
            one = Entry(name, kind, permissions, size, object_id, target)
            _check(one, last)
            entries.append(one)
            last = name
    except struct.error:
        at = -1
    if at != len(content):
        raise HostileTreeError("(directory)", "its bytes end in the midst of an entry")
    return entries


def _check(one: Entry, last: bytes) -> None:
    shown = one.name.decode(errors="surrogateescape")
    if one.name in (b"", b".", b"..") or b"/" in one.name or b"\0" in one.name:
        raise HostileTreeError(shown, "that name leads out of its directory")
    if len(one.name) > MOST_NAME:
        raise HostileTreeError(shown, "no file system takes that name")
    if one.name in RESERVED:
        raise HostileTreeError(shown, "that name is reserved")
    if one.name <= last:
        raise HostileTreeError(shown, "entries must be sorted and unique")
    if one.kind not in KINDS:
        raise HostileTreeError(shown, "its kind is unknown")
    if one.permissions & ~PERMISSIONS:
        raise HostileTreeError(shown, "it asks for more than permission bits")
    if one.kind == LINK and (
        not one.target
        or b"\0" in one.target
        or len(one.target) > MOST_TARGET
        or one.id != content_id(one.target)
        or one.size != len(one.target)
        or one.permissions != LINK_PERMISSIONS
    ):
        raise HostileTreeError(shown, "its target does not fit its id")
