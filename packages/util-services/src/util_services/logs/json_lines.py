"""Append JSON records to a file that several processes share: one whole line for each record."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

LOCK_SECONDS = 1.0  # somebody else may hold the file for ever, and a job is not to hang for a line
LOOK_SECONDS = 0.0005
FILE_MODE = 0o644  # log collectors run as another user; the umask of the process narrows it


def append_record(path: Path, record: Mapping[str, Any], *, durable: bool = False) -> None:
    """Append a record as one line, by a single write to a file opened for appending.

    Lines of several processes never mix. A line that a full disk once cut short is closed first,
    so that it spoils no other. With ``durable`` the line is on disk when the call returns.

    Raises:
        OSError: if the file cannot be opened or the line does not fit.
    """
    line = json.dumps(record, allow_nan=False).encode() + b"\n"
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, FILE_MODE)
    try:
        if _is_locked(descriptor) and _ends_within_a_line(descriptor):
            line = b"\n" + line
        if os.write(descriptor, line) < len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if durable:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _is_locked(descriptor: int) -> bool:
    """Lock the file until it is closed; some network file systems know no locks."""
    end = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > end:
                return False
            time.sleep(LOOK_SECONDS)
        except OSError:
            return False
        else:
            return True


def _ends_within_a_line(descriptor: int) -> bool:
    size = os.fstat(descriptor).st_size
    return size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
