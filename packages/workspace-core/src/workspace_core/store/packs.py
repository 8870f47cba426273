"""Packs: files of some 32 MB that hold many objects, with a table of them at the end.

    header   magic, format, whether encrypted, id of the key, salt
    frames   length, then (sealed) head and payload; told in `frames`
    table    (sealed) sorted ids, then a row for each: place, length, form, size
    footer   place and length of the table, number of rows, checksum of the table, magic

A pack is written under another name and gets its own only when it is whole and on disk; it is never
changed afterwards. Where the table is damaged, it can be made anew from the frames.
"""

from __future__ import annotations

import os
import struct
from bisect import bisect_left
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from workspace_core.errors import (
    DamagedFileError,
    FormatVersionError,
    StoreWriteError,
)
from workspace_core.store.durable import cause_of, write_all
from workspace_core.store.frames import HEAD, LISTS, Frame, decoded_list, plain, verified
from workspace_core.store.identity import ID_BYTES, content_id

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from workspace_core.store.ciphers import PackCipher, StoreKeys

MAGIC = b"DWSPACK\x00"
FORMAT = 1
HEADER = struct.Struct("<8sHB8s29s16s")  # magic, format, encrypted, key id, salt, checksum
CHECK_BYTES = 16
FOOTER = struct.Struct("<QQQ32s8s")
LENGTH = struct.Struct("<I")
ROW = struct.Struct("<QIBQ")
SALT_BYTES = 29
PACK_BYTES = 32 << 20
BUFFER_BYTES = 2 << 20
MOST_PIECES = 1024  # what one call takes (IOV_MAX)
SUFFIX = ".pack"


@dataclass(frozen=True, slots=True)
class Row:
    """Where an object stands in a pack."""

    place: int
    length: int  # of the frame's body
    form: int
    size: int  # of the content


class PackWriter:
    """Writes one pack; `close` makes it whole and forces it to disk."""

    def __init__(self, file: Path, keys: StoreKeys | None) -> None:
        self.file = file
        salt = os.urandom(SALT_BYTES)
        key_id = keys.primary if keys else ""
        self._cipher = keys.cipher(key_id, salt) if keys else None
        self._ids: list[bytes] = []
        self._rows: list[bytes] = []
        self._buffer: list[bytes | memoryview] = []
        self._buffered = 0
        try:
            flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            self._descriptor = os.open(file, flags, 0o444 if keys is None else 0o400)
        except OSError as error:
            raise StoreWriteError(str(file), cause_of(error)) from error
        self.size = 0
        facts = (MAGIC, FORMAT, bool(keys), key_id.encode(), salt)
        check = content_id(HEADER.pack(*facts, b"")[:-CHECK_BYTES])[:CHECK_BYTES]
        self._put(HEADER.pack(*facts, check))

    def __len__(self) -> int:
        return len(self._ids)

    def add(self, object_id: bytes, form: int, size: int, payload: bytes | memoryview) -> None:
        """Append an object.

        Raises:
            StoreWriteError: if the disk does not take it.
        """
        head = HEAD.pack(form, size, object_id)
        place = self.size
        if self._cipher is None:
            length = len(head) + len(payload)
            self._put(LENGTH.pack(length) + head)
            self._put(payload)
        else:
            sealed = self._cipher.seal(place, head + payload)
            length = len(sealed)
            self._put(LENGTH.pack(length) + sealed)
        self._ids.append(object_id)
        self._rows.append(ROW.pack(place, length, form, size))
        if self._buffered >= BUFFER_BYTES:
            self._write()

    def close(self) -> None:
        """Write the table and force all to disk.

        Raises:
            StoreWriteError: if the disk does not take it.
        """
        order = sorted(range(len(self._ids)), key=self._ids.__getitem__)
        table = b"".join([self._ids[n] for n in order] + [self._rows[n] for n in order])
        place = self.size
        if self._cipher is not None:
            table = self._cipher.seal(place, table)
        try:
            self._put(table)
            self._put(FOOTER.pack(place, len(table), len(order), content_id(table), MAGIC))
            self._write()
            os.fsync(self._descriptor)
        except StoreWriteError:
            raise
        except OSError as error:
            raise StoreWriteError(str(self.file), cause_of(error)) from error
        finally:
            os.close(self._descriptor)

    def discard(self) -> None:
        """Give the pack up."""
        os.close(self._descriptor)
        self.file.unlink(missing_ok=True)

    def _put(self, piece: bytes | memoryview) -> None:
        self._buffer.append(piece)
        self._buffered += len(piece)
        self.size += len(piece)

    def _write(self) -> None:
        try:
            for first in range(0, len(self._buffer), MOST_PIECES):
                _write_pieces(self._descriptor, self._buffer[first : first + MOST_PIECES])
        except OSError as error:
            raise StoreWriteError(str(self.file), cause_of(error)) from error
        self._buffer, self._buffered = [], 0


def _write_pieces(descriptor: int, pieces: list[bytes | memoryview]) -> None:
    """Write pieces without putting them together first, which the system mostly does in one go."""
    done = os.writev(descriptor, pieces)
    if done < sum(map(len, pieces)):
        write_all(descriptor, memoryview(b"".join(pieces))[done:])


class Pack:
    """A pack, open for reading from several threads."""

    def __init__(self, file: Path, keys: StoreKeys | None) -> None:
        """Open a pack.

        Raises:
            FileNotFoundError: if there is none.
            DamagedFileError: if it does not begin like one.
            StoreKeyError: if the keyset does not have its key, or that may not be used.
        """
        self.file = file
        self.damage: DamagedFileError | None = None  # that can be lived with
        self._descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
        try:
            self._cipher = self._read_header(keys)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __del__(self) -> None:
        self.close()

    @cached_property
    def _table(self) -> tuple[int, bytes, bytes]:
        """Number of rows, sorted ids and their rows, checked; made anew if they are damaged."""
        try:
            return self._read_table()
        except DamagedFileError as error:
            self.damage = error
            return self._table_from_frames()

    def _table_from_frames(self) -> tuple[int, bytes, bytes]:
        found: dict[bytes, bytes] = {}
        for place, length, frame in self.scan():
            with suppress(ValueError):
                text = plain(frame.form, frame.size, frame.payload)
                if frame.form in LISTS:
                    decoded_list(text)
                else:
                    verified(frame.object_id, frame.size, text)
                found[frame.object_id] = ROW.pack(place, length, frame.form, frame.size)
        ids = sorted(found)
        return len(ids), b"".join(ids), b"".join(found[one] for one in ids)

    def check_extent(self) -> None:
        """Check that frames and table fill the file without gaps, so that no byte goes unchecked.

        Raises:
            DamagedFileError: if they do not.
        """
        count, _, _ = self._table
        at = HEADER.size
        rows = sorted((self.row(number) for number in range(count)), key=lambda one: one.place)
        for row in rows:
            (length,) = LENGTH.unpack(os.pread(self._descriptor, LENGTH.size, row.place))
            if row.place != at or length != row.length:
                raise DamagedFileError(str(self.file), f"the length at {at} is wrong")
            at = row.place + LENGTH.size + row.length

    def _read_table(self) -> tuple[int, bytes, bytes]:
        size = os.fstat(self._descriptor).st_size
        footer = os.pread(self._descriptor, FOOTER.size, max(0, size - FOOTER.size))
        if len(footer) < FOOTER.size or not footer.endswith(MAGIC):
            raise DamagedFileError(str(self.file), "its end is missing")
        place, length, count, checksum, _ = FOOTER.unpack(footer)
        if place + length + FOOTER.size != size:
            raise DamagedFileError(str(self.file), "its end does not fit its size")
        table = os.pread(self._descriptor, length, place)
        if content_id(table) != checksum:
            raise DamagedFileError(str(self.file), "its table does not fit its checksum")
        if self._cipher is not None:
            table = self._unsealed(place, table)
        if len(table) != count * (ID_BYTES + ROW.size):
            raise DamagedFileError(str(self.file), "its table has a wrong length")
        return count, table[: count * ID_BYTES], table[count * ID_BYTES :]

    def ids(self) -> list[bytes]:
        """Return the ids of all objects, sorted.

        Raises:
            DamagedFileError: if the table is damaged.
        """
        count, ids, _ = self._table
        return [ids[n : n + ID_BYTES] for n in range(0, count * ID_BYTES, ID_BYTES)]

    def row(self, number: int) -> Row:
        """Return where the object with a number stands."""
        return Row(*ROW.unpack_from(self._table[2], number * ROW.size))

    def find(self, object_id: bytes) -> int | None:
        """Return the number of an object, None where the pack does not hold it."""
        count, ids, _ = self._table
        at = bisect_left(range(count), object_id, key=lambda n: ids[n * 32 : n * 32 + 32])
        return at if at < count and ids[at * 32 : at * 32 + 32] == object_id else None

    def frame(self, row: Row) -> Frame:
        """Return a frame, as yet without a check of its content.

        Raises:
            DamagedFileError: if there is none at that place.
        """
        body = os.pread(self._descriptor, row.length, row.place + LENGTH.size)
        return self.taken_apart(row.place, body, row.length)

    def taken_apart(self, place: int, body: bytes | memoryview, length: int) -> Frame:
        """Return the frame in a body that was read from a place.

        Raises:
            DamagedFileError: if there is none.
        """
        if len(body) < length or length < HEAD.size:
            raise DamagedFileError(str(self.file), f"the frame at {place} is cut off")
        text = body if self._cipher is None else self._unsealed(place, body)
        form, size, object_id = HEAD.unpack_from(text)
        return Frame(object_id, form, size, memoryview(text)[HEAD.size :])

    def read_range(self, place: int, length: int) -> bytes:
        """Return bytes of the file, for frames that are read together."""
        return os.pread(self._descriptor, length, place)

    def scan(self) -> Iterator[tuple[int, int, Frame]]:
        """Yield places, lengths and frames from the beginning, for as long as they make sense."""
        size = os.fstat(self._descriptor).st_size
        place = HEADER.size
        while place + LENGTH.size + HEAD.size <= size:
            (length,) = LENGTH.unpack(os.pread(self._descriptor, LENGTH.size, place))
            body = os.pread(self._descriptor, length, place + LENGTH.size)
            try:
                yield place, length, self.taken_apart(place, body, length)
            except DamagedFileError:
                return
            place += LENGTH.size + length

    def _read_header(self, keys: StoreKeys | None) -> PackCipher | None:
        header = os.pread(self._descriptor, HEADER.size, 0)
        head, check = header[:-CHECK_BYTES], header[-CHECK_BYTES:]
        is_sound = len(header) == HEADER.size and content_id(head)[:CHECK_BYTES] == check
        if is_sound and HEADER.unpack(header)[1] > FORMAT:
            raise FormatVersionError(str(self.file), HEADER.unpack(header)[1], FORMAT)
        if keys is None:
            if not is_sound:  # nothing in it is needed to read the rest
                self.damage = DamagedFileError(str(self.file), "it does not begin like a pack")
            elif HEADER.unpack(header)[2]:
                raise DamagedFileError(str(self.file), "it is encrypted, and its store is not")
            return None
        if not is_sound or not header.startswith(MAGIC):
            raise DamagedFileError(str(self.file), "it does not begin like a pack")
        _, _, _, key_id, salt, _ = HEADER.unpack(header)
        return keys.cipher(key_id.rstrip(b"\0").decode(), salt)

    def _unsealed(self, place: int, sealed: bytes | memoryview) -> bytes:
        assert self._cipher is not None  # noqa: S101 - the callers have asked
        try:
            return self._cipher.unseal(place, sealed)
        except ValueError as error:
            raise DamagedFileError(str(self.file), f"{error} at {place}") from error
