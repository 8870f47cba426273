"""A remote object as a seekable file."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

ReadRange = Callable[[int, int], bytes]  # the bytes from a start up to, not including, an end


class RangeReader(io.RawIOBase):
    """A raw file over a function that reads ranges; wrap it in a ``BufferedReader``."""

    def __init__(self, size: int, read_range: ReadRange) -> None:
        self._size, self._read_range, self._position = size, read_range, 0

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def seekable(self) -> bool:
        """Say that it can be sought in."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to an offset from the start, the position or the end."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def readall(self) -> bytes:
        """Return the rest in one range; the inherited method reads it in thousands."""
        start, self._position = self._position, max(self._position, self._size)
        return self._read_range(start, self._size) if start < self._size else b""

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fill a buffer from the position on."""
        view = memoryview(buffer).cast("B")
        end = min(self._position + len(view), self._size)
        if end <= self._position:
            return 0
        content = self._read_range(self._position, end)
        view[: len(content)] = content
        self._position += len(content)
        return len(content)
