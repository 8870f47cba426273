"""Reading files so that what is kept is what the file held at one moment."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from workspace_core.errors import (
    ChangedWhileReadError,
    DataWorkspacesError,
    UnreadableEntryError,
    UnstorableEntryError,
)
from workspace_core.trees.stat_cache import stat_fields

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TypeVar

    T = TypeVar("T")

Fields = tuple[int, int, int, int, int]
OPEN_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
OPEN_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
WINDOW_BYTES = 8 << 20
WORKERS = max(1, min(4, os.cpu_count() or 1))  # threads that hash, compress, write
SPECIAL = {
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a character device",
    stat.S_IFBLK: "a block device",
}


def read_small(
    name: bytes, folder: int, expected: Fields, attempts: int, path: bytes
) -> tuple[bytes, Fields]:
    """Return what a small file holds, and its stat fields at that moment.

    Args:
        name: its name.
        folder: the descriptor of its directory.
        expected: its stat fields when the directory was listed.
        attempts: how often it is read if it changes.
        path: what to call it in a message.

    Raises:
        ChangedWhileReadError: if it changes each time.
        UnreadableEntryError: if it cannot be read.
    """
    descriptor = open_file(name, folder, path)
    try:
        for _ in range(attempts):
            content = os.pread(descriptor, expected[1] + 1, 0)
            now = stat_fields(os.fstat(descriptor))
            if now == expected and len(content) == now[1]:
                return content, now
            require_file(now[0], path)
            expected = now
    except OSError as error:
        raise UnreadableEntryError(os.fsdecode(path), error.strerror or "unknown") from error
    finally:
        os.close(descriptor)
    raise ChangedWhileReadError(os.fsdecode(path), attempts)


def read_large(
    name: bytes,
    folder: int,
    attempts: int,
    path: bytes,
    consume: Callable[[Callable[[int], bytes]], T],
) -> tuple[T, Fields]:
    """Have a large file consumed window by window, again if it changed meanwhile.

    Args:
        name: its name.
        folder: the descriptor of its directory.
        attempts: how often it is read if it changes.
        path: what to call it in a message.
        consume: is given a function that returns the next bytes, none at the end.

    Raises:
        ChangedWhileReadError: if it changes each time.
        UnreadableEntryError: if it cannot be read.
    """
    descriptor = open_file(name, folder, path)
    try:
        for _ in range(attempts):
            before = stat_fields(os.fstat(descriptor))
            require_file(before[0], path)
            os.lseek(descriptor, 0, os.SEEK_SET)
            found = consume(lambda length: os.read(descriptor, length))
            if stat_fields(os.fstat(descriptor)) == before:
                return found, before
    except DataWorkspacesError:  # the store may be what could not be written
        raise
    except OSError as error:
        raise UnreadableEntryError(os.fsdecode(path), error.strerror or "unknown") from error
    finally:
        os.close(descriptor)
    raise ChangedWhileReadError(os.fsdecode(path), attempts)


def open_file(name: bytes, folder: int, path: bytes) -> int:
    """Open a file of a directory, and nothing that a link leads to."""
    try:
        return os.open(name, OPEN_FILE, dir_fd=folder)
    except OSError as error:
        raise UnreadableEntryError(os.fsdecode(path), error.strerror or "unknown") from error


def require_file(mode: int, path: bytes) -> None:
    """Refuse what is no file, for something else may have got its name meanwhile."""
    if not stat.S_ISREG(mode):
        kind = SPECIAL.get(stat.S_IFMT(mode), "no file any more")
        raise UnstorableEntryError(os.fsdecode(path), kind)


def windows(read: Callable[[int], bytes]) -> Iterator[bytes]:
    """Yield what a function returns until it returns nothing."""
    while piece := read(WINDOW_BYTES):
        yield piece
