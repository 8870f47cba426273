"""Whether a file is locked; a process that dies, however it dies, gives its locks back."""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LOOK_SECONDS = 0.05


class LockHeldError(Exception):
    """Raised when somebody else holds a lock for longer than one is willing to wait."""


@contextmanager
def locked(file: Path, wait_seconds: float = 0.0) -> Iterator[None]:
    """Hold a lock by the name of a file that is made for it and removed with it.

    Raises:
        LockHeldError: if somebody else holds it.
    """
    end = time.monotonic() + wait_seconds
    while (descriptor := _lock(file)) is None:
        if time.monotonic() >= end:
            raise LockHeldError
        time.sleep(LOOK_SECONDS)
    try:
        yield
    finally:
        with suppress(OSError):
            file.unlink(missing_ok=True)  # before the lock is given up: it goes with its name
        os.close(descriptor)


def _lock(file: Path) -> int | None:
    """Return a descriptor that holds the lock, None where somebody else holds it."""
    descriptor = os.open(file, os.O_CREAT | os.O_RDONLY | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(descriptor), file.stat()):
            return descriptor
    except (BlockingIOError, FileNotFoundError):  # the latter: its holder has just removed it
        pass
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None


def is_unlocked(file: Path) -> bool:
    """Return whether no process holds a lock on ``file``; so it is where there is no file."""
    try:
        descriptor = os.open(file, os.O_RDONLY)
    except OSError:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True


def remove_if_empty(folder: Path) -> None:
    """Remove a folder unless something is in it."""
    try:
        folder.rmdir()
    except OSError:
        return
