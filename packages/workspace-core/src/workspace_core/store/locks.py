"""Locks that the kernel holds, so that a dead process holds none, with their owner beside them."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import sys
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from workspace_core.errors import StoreWriteError, WorkspaceBusyError
from workspace_core.store.durable import cause_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LOOK_SECONDS = 0.05
DEFAULT_WAIT_SECONDS = 60.0


@contextmanager
def exclusive(file: Path, what: str, wait_seconds: float = DEFAULT_WAIT_SECONDS) -> Iterator[None]:
    """Hold a lock that nobody else may hold at the same time; its file tells of the owner.

    The file stays when the lock is given up: what counts is the kernel's lock on it, which goes
    with the process, however that ends.

    Args:
        file: the file to lock; made if it is missing.
        what: what it protects, for the message.
        wait_seconds: how long to wait for another holder.

    Raises:
        WorkspaceBusyError: if another process holds it for longer; names that process.
        StoreWriteError: if the file cannot be made.
    """
    descriptor = _open(file)
    try:
        _acquire(descriptor, fcntl.LOCK_EX, file, what, wait_seconds)
        _write_owner(descriptor)
        try:
            yield
        finally:
            with suppress(OSError):
                os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


class SharedLock:
    """A lock that many hold at once, unless somebody holds it alone; works on read-only media."""

    def __init__(self, file: Path, what: str, wait_seconds: float = DEFAULT_WAIT_SECONDS) -> None:
        self._file, self._what, self._wait_seconds = file, what, wait_seconds
        self._descriptor: int | None = None

    def acquire(self) -> bool:
        """Hold the lock; say whether nobody else held it at that moment.

        Raises:
            WorkspaceBusyError: if another process holds it alone for longer than one waits.
        """
        self._descriptor = _open(self._file, read_only=True)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            _acquire(self._descriptor, fcntl.LOCK_SH, self._file, self._what, self._wait_seconds)
            return False
        return True

    def share(self) -> None:
        """Let others hold it too."""
        if self._descriptor is not None:
            fcntl.flock(self._descriptor, fcntl.LOCK_SH)

    def release(self) -> None:
        """Give the lock up."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _open(file: Path, *, read_only: bool = False) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
    try:
        if read_only and file.exists():
            return os.open(file, os.O_RDONLY | os.O_CLOEXEC)
        file.parent.mkdir(parents=True, exist_ok=True)
        return os.open(file, flags, 0o644)
    except OSError as error:
        raise StoreWriteError(str(file), cause_of(error)) from error


def _acquire(descriptor: int, kind: int, file: Path, what: str, wait_seconds: float) -> None:
    end = time.monotonic() + wait_seconds
    while True:
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= end:
                raise WorkspaceBusyError(what, _owner(file), wait_seconds) from None
            time.sleep(LOOK_SECONDS)
        except OSError as error:  # a file system without locks
            raise StoreWriteError(str(file), f"locking: {cause_of(error)}") from error
        else:
            return


def _write_owner(descriptor: int) -> None:
    owner = {
        "command": " ".join(sys.argv)[:200],
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "since": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
    with suppress(OSError):  # a full disk must not keep anybody from freeing space
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(owner).encode() + b"\n", 0)


def _owner(file: Path) -> str:
    """Return who holds a lock, as far as its file tells."""
    try:
        owner = json.loads(file.read_bytes())
        return f"process {owner['pid']} on {owner['host']} ({owner['command']}, {owner['since']})"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
