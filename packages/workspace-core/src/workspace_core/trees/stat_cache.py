"""The stat cache: what each directory looked like when its files were hashed.

It saves reading, never proves anything: it may be lost or damaged at any time. A directory is kept
as three runs of bytes (names, stat fields, ids), which are compared as wholes and taken apart only
where they differ.

An entry is believed if size, modes, inode, mtime and ctime are as they were, and both times lie
before the moment of that look by more than the file system's clock ticks: what is changed in the
same tick as it was read looks the same afterwards (racily clean).
"""

from __future__ import annotations

import os
import struct
from array import array
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from workspace_core.errors import StoreWriteError
from workspace_core.store.durable import write_all
from workspace_core.store.identity import ID_BYTES, content_id

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

MAGIC = b"DWSSTAT\x02"
HEADER = struct.Struct("<8s16sQ")  # magic, store, generation
RECORD = struct.Struct("<III32sq")  # lengths of path, names; number of entries; id; size
FIELDS = 5  # mode, size, mtime, ctime, inode
FINE_TICK_NANOSECONDS = 20_000_000  # two jiffies at 100 Hz
COARSE_TICK_NANOSECONDS = 2_000_000_000  # FAT; others have whole seconds
SECOND = 1_000_000_000
MASK = 0xFFFF_FFFF_FFFF_FFFF
UNTRUSTED = bytes(ID_BYTES)


@dataclass(frozen=True, slots=True)
class CachedDirectory:
    """A directory as it was: names joined by NUL, stat fields of all, ids of all."""

    names: bytes
    stats: bytes
    ids: bytes
    id: bytes  # of its directory object; `UNTRUSTED` if there is none in the store
    size: int

    def by_name(self) -> dict[bytes, tuple[bytes, bytes]]:
        """Return stat fields and id by name."""
        if not self.names:
            return {}
        width = FIELDS * 8
        return {
            name: (
                self.stats[n * width : (n + 1) * width],
                self.ids[n * ID_BYTES : (n + 1) * ID_BYTES],
            )
            for n, name in enumerate(self.names.split(b"\0"))
        }


@dataclass(slots=True)
class StatCache:
    """The directories of one resource by their paths; the root is ``b""``.

    What it says of objects being in the store holds for one generation of the store.
    """

    directories: dict[bytes, CachedDirectory] = field(default_factory=dict)
    generation: int = 0

    @classmethod
    def load(cls, file: Path, store_id: bytes) -> StatCache:
        """Return the cache in a file; an empty one if it is damaged or of another store."""
        try:
            content = file.read_bytes()
        except OSError:
            return cls()
        body, checksum = content[:-ID_BYTES], content[-ID_BYTES:]
        if len(body) < HEADER.size or content_id(body) != checksum:
            return cls()
        magic, owner, generation = HEADER.unpack_from(body)
        if (magic, owner) != (MAGIC, store_id):
            return cls()
        return cls(dict(_records(body)), generation)

    def save(self, file: Path, store_id: bytes) -> None:
        """Write the cache; it needs no fsync, since it is believed only with its checksum.

        Raises:
            StoreWriteError: if it cannot be written.
        """
        pieces = [HEADER.pack(MAGIC, store_id, self.generation)]
        for path, one in self.directories.items():
            count = len(one.ids) // ID_BYTES
            head = RECORD.pack(len(path), len(one.names), count, one.id, one.size)
            pieces += (head, path, one.names, one.stats, one.ids)
        body = b"".join(pieces)
        temporary = file.with_name(f".{file.name}.{os.urandom(4).hex()}.tmp")
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(
                temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600
            )
            try:
                write_all(descriptor, body + content_id(body))
            finally:
                os.close(descriptor)
            temporary.rename(file)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise StoreWriteError(str(file), error.strerror or "unknown") from error


def directory_of(entries: Mapping[bytes, tuple[bytes, bytes]]) -> CachedDirectory:
    """Return a directory of which stat fields and ids of entries are known by their names."""
    names = sorted(entries)
    return CachedDirectory(
        b"\0".join(names),
        b"".join(entries[one][0] for one in names),
        b"".join(entries[one][1] for one in names),
        UNTRUSTED,
        0,
    )


def united(one: CachedDirectory, other: CachedDirectory) -> CachedDirectory:
    """Return what two looks at a directory know of it: of each entry, what was seen last."""
    if (one.names, one.stats, one.ids) == (other.names, other.stats, other.ids):
        return one
    found = one.by_name()
    for name, entry in other.by_name().items():
        if name not in found or _recency(entry) > _recency(found[name]):
            found[name] = entry
    return directory_of(found)


def _recency(entry: tuple[bytes, bytes]) -> tuple[int, bool]:
    """Return when an entry was changed last as far as a look knows, and whether it is believed."""
    stats, identity = entry
    return memoryview(stats).cast("q")[3], identity != UNTRUSTED


def stat_fields(found: os.stat_result) -> tuple[int, int, int, int, int]:
    """Return what must be the same for a file to count as unchanged."""
    return (found.st_mode, found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)


def packed(fields: Sequence[int]) -> bytes:
    """Return stat fields of any number of entries as the cache has them."""
    try:
        return array("q", fields).tobytes()
    except OverflowError:  # inodes beyond 63 bits
        return array("Q", [one & MASK for one in fields]).tobytes()


def is_settled(fields: tuple[int, int, int, int, int], looked_at: int) -> bool:
    """Return whether a later change would show, given when the file was looked at."""
    mtime, ctime = fields[2], fields[3]
    coarse = not (mtime % SECOND or ctime % SECOND)
    tick = COARSE_TICK_NANOSECONDS if coarse else FINE_TICK_NANOSECONDS
    return max(mtime, ctime) + tick < looked_at


def _records(body: bytes) -> list[tuple[bytes, CachedDirectory]]:
    found, at = [], HEADER.size
    while at < len(body):
        path_length, names_length, count, object_id, size = RECORD.unpack_from(body, at)
        at += RECORD.size
        path, at = body[at : at + path_length], at + path_length
        names, at = body[at : at + names_length], at + names_length
        stats, at = body[at : at + count * FIELDS * 8], at + count * FIELDS * 8
        ids, at = body[at : at + count * ID_BYTES], at + count * ID_BYTES
        found.append((path, CachedDirectory(names, stats, ids, object_id, size)))
    return found
