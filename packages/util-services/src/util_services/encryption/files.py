"""Encrypted files that are read and written at any place: chunks under AES-256-GCM.

A file is a header (magic, version, 32 random bytes of salt) and chunks, each a random nonce of 96
bits, 32 KiB of text and a tag (NIST SP 800-38D). HKDF (RFC 5869) makes the key of a file from that
of the run, its name and its salt. The number of a chunk and whether it is the last are
authenticated with it. So a chunk that was changed, moved, left out or taken from another file, a
file that was cut off, and one that stands under another's name are noticed.

A chunk that is written again gets a new nonce. A key serves one file, so that random nonces stay
far from repeating: 2^32 chunks are 128 TB.
"""

from __future__ import annotations

import io
import os
import struct
import threading
from typing import TYPE_CHECKING, Any

from util_services.errors import DataServicesError

if TYPE_CHECKING:
    from pathlib import Path

    from _typeshed import ReadableBuffer, WriteableBuffer

    from util_services.encryption.keys import StagingKey

    Chunk = bytes | bytearray | memoryview[int]

MAGIC = b"DSENC\x00\x00\x01"
SALT_BYTES, NONCE_BYTES, TAG_BYTES = 32, 12, 16
HEADER_BYTES = len(MAGIC) + SALT_BYTES
CHUNK_BYTES = 32 << 10  # what DuckDB's blocks in temporary files are multiples of
SEALED_BYTES = NONCE_BYTES + CHUNK_BYTES + TAG_BYTES
CHUNKS_AT_ONCE = 32
INNER, LAST, SCRATCH = range(3)


class DamagedStagingError(DataServicesError):
    """Raised for an encrypted file that is not as it was written."""

    def __init__(self) -> None:
        super().__init__("A staged file was cut off or changed from outside; start the run again.")

    def __reduce__(self) -> tuple[Any, ...]:
        """Return what makes the error anew in another process."""
        return type(self), ()


class Cipher:
    """Encrypts the chunks of one file."""

    def __init__(self, key: bytes) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self._cipher = AESGCM(key)

    def seal(self, number: int, chunk: Chunk, kind: int) -> bytes:
        """Return a chunk as it stands in the file."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, chunk, _place(number, kind))

    def unseal(self, number: int, sealed: memoryview, kind: int) -> bytes:
        """Return the text of a chunk.

        Raises:
            DamagedStagingError: if it is not the one that was written there.
        """
        from cryptography.exceptions import InvalidTag

        try:
            nonce, rest = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
            return self._cipher.decrypt(nonce, rest, _place(number, kind))
        except (InvalidTag, ValueError):
            raise DamagedStagingError from None


def _place(number: int, kind: int) -> bytes:
    return struct.pack(">QB", number, kind)


def plain_size(file: Path) -> int:
    """Return the size of the text in a file, as its length tells; only reading proves it."""
    return _layout(file.stat().st_size)[1]


def _layout(length: int) -> tuple[int, int]:
    """Return the number of the last chunk of a file so long, and the size of its text."""
    body = length - HEADER_BYTES
    last = (body - 1) // SEALED_BYTES
    rest = body - last * SEALED_BYTES - NONCE_BYTES - TAG_BYTES
    if body <= 0 or rest < 0:
        raise DamagedStagingError
    return last, last * CHUNK_BYTES + rest


class _AnyPlace(io.RawIOBase):
    """A file in which a thread that seeks and then reads or writes is at the place it sought.

    DuckDB shares a file among its threads and takes the two steps for one.
    """

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._position = 0
        self._sought: dict[int, int] = {}  # by thread

    def seekable(self) -> bool:
        """Say that it can be sought in."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to an offset from the start, the position or the end."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self.tell(), os.SEEK_END: self._end()}[whence]
        place = max(0, base + offset)
        self._sought[threading.get_ident()] = self._position = place
        return place

    def tell(self) -> int:
        """Return the position."""
        return self._sought.get(threading.get_ident(), self._position)

    def close(self) -> None:
        """Close the file."""
        if not self.closed:
            try:
                self._finish()
            finally:
                super().close()
                os.close(self._descriptor)

    def _take(self) -> int:
        """Return where this thread is, to be followed by a move."""
        return self._sought.pop(threading.get_ident(), self._position)

    def _end(self) -> int:
        raise NotImplementedError

    def _finish(self) -> None:
        """Do what is left to do before the file is closed."""


class EncryptedReader(_AnyPlace):
    """An encrypted file, open for reading."""

    def __init__(self, file: Path, key: StagingKey, name: str) -> None:
        super().__init__(os.open(file, os.O_RDONLY | os.O_CLOEXEC))
        self._known = (-1, b"")
        header = os.pread(self._descriptor, HEADER_BYTES, 0)
        if header[: len(MAGIC)] != MAGIC or len(header) < HEADER_BYTES:
            raise DamagedStagingError
        self._cipher = Cipher(key.for_file(name, header[len(MAGIC) :]))
        self._last, self._size = _layout(os.fstat(self._descriptor).st_size)
        self._chunk(self._last)  # which tells whether the file is whole

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def read(self, size: int | None = -1) -> bytes:
        """Return some bytes from the position on, fewer only at the end."""
        start = self._take()
        end = self._size if size is None or size < 0 else min(start + size, self._size)
        text = self._between(start, end) if start < end else b""
        self._position = start + len(text)
        return text

    def readall(self) -> bytes:
        """Return the rest."""
        return self.read()

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fill a buffer from the position on."""
        view = memoryview(buffer).cast("B")
        text = self.read(len(view))
        view[: len(text)] = text
        return len(text)

    def _end(self) -> int:
        return self._size

    def _between(self, start: int, end: int) -> bytes:
        first, last = start // CHUNK_BYTES, (end - 1) // CHUNK_BYTES
        if first == last:
            offset = first * CHUNK_BYTES
            return self._chunk(first)[start - offset : end - offset]
        text = io.BytesIO()  # gives its content away without a copy
        for number in range(first, last + 1, CHUNKS_AT_ONCE):
            chunks = self._chunks(number, min(last + 1, number + CHUNKS_AT_ONCE))
            if number == first:
                chunks[0] = chunks[0][start - first * CHUNK_BYTES :]
            if number + len(chunks) > last:
                self._known = (last, chunks[-1])
                chunks[-1] = chunks[-1][: end - last * CHUNK_BYTES]
            text.writelines(chunks)
        return text.getvalue()

    def _chunk(self, number: int) -> bytes:
        known, text = self._known
        if known != number:
            (text,) = self._chunks(number, number + 1)
            self._known = (number, text)
        return text

    def _chunks(self, first: int, end: int) -> list[bytes]:
        length = (end - first) * SEALED_BYTES
        sealed = memoryview(os.pread(self._descriptor, length, HEADER_BYTES + first * SEALED_BYTES))
        return [
            self._cipher.unseal(
                number,
                sealed[(number - first) * SEALED_BYTES : (number - first + 1) * SEALED_BYTES],
                LAST if number == self._last else INNER,
            )
            for number in range(first, end)
        ]


class EncryptedWriter(_AnyPlace):
    """An encrypted file, open for writing; it is whole once it is closed.

    What was written can be written over, as archives need; the last chunk stays in memory.
    """

    def __init__(self, file: Path, key: StagingKey, name: str, flags: int = os.O_TRUNC) -> None:
        flags |= os.O_CREAT | os.O_RDWR | os.O_CLOEXEC
        super().__init__(os.open(file, flags, 0o600))
        salt = os.urandom(SALT_BYTES)
        os.pwrite(self._descriptor, MAGIC + salt, 0)
        self._cipher = Cipher(key.for_file(name, salt))
        self._number, self._tail = 0, bytearray()

    def writable(self) -> bool:
        """Say that it can be written."""
        return True

    def write(self, data: ReadableBuffer) -> int:
        """Write bytes at the position, all of them."""
        view = memoryview(data).cast("B")
        position = self._take()
        if position > self._end():
            raise io.UnsupportedOperation("a staged file has no gaps")
        written = 0
        while written < len(view):
            offset = position + written - self._number * CHUNK_BYTES
            if offset < 0:
                written += self._write_over(position + written, view[written:])
            elif len(self._tail) == offset == CHUNK_BYTES:
                self._put([self._tail])
                self._tail = bytearray()
            elif not self._tail and len(view) - written > CHUNK_BYTES:
                written += self._put_many(view[written:])
            else:
                piece = view[written : written + CHUNK_BYTES - offset]
                self._tail[offset : offset + len(piece)] = piece
                written += len(piece)
        self._position = position + written
        return written

    def _end(self) -> int:
        return self._number * CHUNK_BYTES + len(self._tail)

    def _put_many(self, view: memoryview) -> int:
        """Write chunks straight from a buffer, but for the last that is in it."""
        count = min((len(view) - 1) // CHUNK_BYTES, CHUNKS_AT_ONCE)
        self._put([view[n * CHUNK_BYTES : (n + 1) * CHUNK_BYTES] for n in range(count)])
        return count * CHUNK_BYTES

    def _put(self, chunks: list[Any], kind: int = INNER) -> None:
        sealed = b"".join(
            self._cipher.seal(number, chunk, kind)
            for number, chunk in enumerate(chunks, self._number)
        )
        _write_all(self._descriptor, sealed, HEADER_BYTES + self._number * SEALED_BYTES)
        self._number += len(chunks)

    def _write_over(self, position: int, view: memoryview) -> int:
        """Change bytes of a chunk that is written already, as far as it goes."""
        number, offset = divmod(position, CHUNK_BYTES)
        place = HEADER_BYTES + number * SEALED_BYTES
        sealed = memoryview(os.pread(self._descriptor, SEALED_BYTES, place))
        chunk = bytearray(self._cipher.unseal(number, sealed, INNER))
        piece = view[: CHUNK_BYTES - offset]
        chunk[offset : offset + len(piece)] = piece
        _write_all(self._descriptor, self._cipher.seal(number, chunk, INNER), place)
        return len(piece)

    def _finish(self) -> None:
        self._put([self._tail], LAST)


class ScratchBlocks:
    """A file whose key is in memory alone, written and read at any place by several threads.

    It holds what the process itself needs again, such as what a query spills.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self._cipher = Cipher(os.urandom(32))
        self._written: set[int] = set()
        self._lock = threading.Lock()
        self.size = 0

    def write(self, descriptor: int, position: int, view: memoryview) -> None:
        """Write bytes at a place."""
        written = 0
        while written < len(view):
            number, offset = divmod(position + written, CHUNK_BYTES)
            piece = view[written : written + CHUNK_BYTES - offset]
            if len(piece) == CHUNK_BYTES:
                self._put(descriptor, number, piece)
            else:
                with self._lock:  # another thread may write the rest of the chunk
                    chunk = bytearray(self._get(descriptor, number))
                    chunk[offset : offset + len(piece)] = piece
                    self._put(descriptor, number, chunk)
            written += len(piece)
        with self._lock:
            self.size = max(self.size, position + written)

    def read(self, descriptor: int, position: int, length: int) -> bytes:
        """Return bytes from a place on, fewer only at the end."""
        end = min(position + length, self.size)
        if end <= position:
            return b""
        first = position // CHUNK_BYTES
        numbers = range(first, (end - 1) // CHUNK_BYTES + 1)
        try:
            text = b"".join([self._get(descriptor, number) for number in numbers])
        except DamagedStagingError:
            with self._lock:  # a neighbour may have been in the midst of the same chunk
                text = b"".join([self._get(descriptor, number) for number in numbers])
        return text[position - first * CHUNK_BYTES : end - first * CHUNK_BYTES]

    def _put(self, descriptor: int, number: int, chunk: Chunk) -> None:
        sealed = self._cipher.seal(number, chunk, SCRATCH)
        _write_all(descriptor, sealed, number * SEALED_BYTES)
        self._written.add(number)

    def _get(self, descriptor: int, number: int) -> bytes:
        if number not in self._written:
            return bytes(CHUNK_BYTES)
        sealed = memoryview(os.pread(descriptor, SEALED_BYTES, number * SEALED_BYTES))
        return self._cipher.unseal(number, sealed, SCRATCH)


class ScratchFile(_AnyPlace):
    """Scratch blocks, open for reading and writing."""

    def __init__(self, blocks: ScratchBlocks) -> None:
        super().__init__(os.open(blocks.file, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
        self._blocks = blocks

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def writable(self) -> bool:
        """Say that it can be written."""
        return True

    def read(self, size: int | None = -1) -> bytes:
        """Return some bytes from the position on, fewer only at the end."""
        start = self._take()
        length = self._end() if size is None or size < 0 else size
        text = self._blocks.read(self._descriptor, start, length)
        self._position = start + len(text)
        return text

    def write(self, data: ReadableBuffer) -> int:
        """Write bytes at the position, all of them."""
        start, view = self._take(), memoryview(data).cast("B")
        self._blocks.write(self._descriptor, start, view)
        self._position = start + len(view)
        return len(view)

    def _end(self) -> int:
        return self._blocks.size


def _write_all(descriptor: int, data: bytes, place: int) -> None:
    view = memoryview(data)
    while view:
        count = os.pwrite(descriptor, view, place)
        view, place = view[count:], place + count
