"""The writer of a process: it holds one chain, and nobody else writes to that meanwhile.

A process takes a chain that a former one on this machine has left, else begins a new one, and
keeps it locked until it ends. A line that the former one could not finish is closed and accounted
for in the next record. Whatever interrupts a record, the chain is given up and read anew from
disk before the next one, so that what is in memory is never ahead of it.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import logging
import os
import threading
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from util_services.audit.chain import MAX_LINE_BYTES, Link, is_unfinished, sealed
from util_services.audit.errors import AuditError
from util_services.audit.key import audit_keys, writing_key
from util_services.audit.open_work import WORK, left_open
from util_services.audit.place import (
    Segment,
    audit_directory,
    by_chain,
    is_of_realm,
    new_chain,
    open_segment,
    realm_of,
    segments_in,
)
from util_services.audit.tail import Tail, heads, tail_of
from util_services.storage.processes import Process

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from util_services.audit.key import AuditKey

SEGMENT_BYTES = 16 << 20
SEGMENT_DAYS = 30
FOLDER_MODE, FILE_MODE = 0o750, 0o640  # a group may read along; the umask narrows both

_reports = logging.getLogger(__name__)


@dataclass
class _Open:
    """The segment that a process writes to."""

    segment: Segment
    descriptor: int
    size: int
    began: datetime
    head: Link | None


class Writer:
    """Appends records to a chain in a folder.

    Args:
        directory: the folder; it is made for the first record.
        key: what records are sealed with.
        segment_bytes: how long a file may grow before the chain goes on in the next one.
    """

    def __init__(
        self, directory: Path, key: AuditKey, *, segment_bytes: int = SEGMENT_BYTES
    ) -> None:
        self.directory, self.key, self._segment_bytes = directory, key, segment_bytes
        self._lock = threading.Lock()
        self._open: _Open | None = None
        self._lost: list[Link] = []  # heads of chains that were changed under our hands

    def append(self, kind: str, fields: Mapping[str, Any]) -> Link:
        """Write a record, which is on disk when this returns.

        Raises:
            AuditError: if it cannot be written.
        """
        with self._lock:
            try:
                opened = self._ready()
                link = self._write(opened, kind, fields)
                os.fsync(opened.descriptor)
            except OSError as error:
                self._give_up()
                raise _unusable(self.directory, error) from None
            except BaseException:
                self._give_up()
                raise
            return link

    def close(self) -> None:
        """Give the chain up, so that another process may take it."""
        opened, self._open = self._open, None
        if opened is not None:
            os.close(opened.descriptor)

    def _give_up(self) -> None:
        """Close the chain after a record that failed; a file that got none goes with it."""
        opened = self._open
        if opened is not None:
            with suppress(OSError):
                if os.fstat(opened.descriptor).st_size == 0:
                    (self.directory / opened.segment.name).unlink()
        self.close()

    def _ready(self) -> _Open:
        """Return the segment to write to: locked, whole and not too long."""
        opened = self._open
        if opened is not None and not self._is_untouched(opened):
            self._leave(opened)
            opened = None
        if opened is None:
            opened = self._take()
        age = datetime.now(UTC) - opened.began
        if opened.size >= self._segment_bytes or age > timedelta(days=SEGMENT_DAYS):
            try:
                opened = self._rotate(opened)
            except FileExistsError:  # put there by somebody else; 'verify' names it
                opened = self._take()
        return opened

    def _is_untouched(self, opened: _Open) -> bool:
        found = os.fstat(opened.descriptor)
        try:
            named = (self.directory / opened.segment.name).stat()
        except FileNotFoundError:
            return False
        return os.path.samestat(found, named) and found.st_size == opened.size

    def _leave(self, opened: _Open) -> None:
        """Leave a chain that somebody else has changed; the next one is a witness of its head."""
        _reports.warning(
            "The audit file '%s' was changed or removed from outside while it was being written "
            "to; a new chain is begun, and 'data-services audit verify' tells what is missing.",
            self.directory / opened.segment.name,
        )
        if opened.head is not None:
            self._lost.append(opened.head)
        self.close()

    def _take(self) -> _Open:
        """Take a chain that a process of this machine has left, else begin one."""
        self.directory.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        realm, lost = realm_of(self.directory), {link.chain for link in self._lost}
        for chain, segments in by_chain(segments_in(self.directory)).items():
            if is_of_realm(chain, realm) and chain not in lost:
                opened = self._reopen(segments[-1])
                if opened is not None:
                    return opened
        opened = self._create(Segment(new_chain(realm), 1), head=None)
        self._write(opened, "opened", self._opening(opened))
        return opened

    def _reopen(self, segment: Segment) -> _Open | None:
        """Take a segment, if nobody writes to it, it is the last of its chain, and it is whole."""
        try:
            descriptor = open_segment(self.directory / segment.name, os.O_RDWR | os.O_APPEND)
        except OSError:  # of another user, no file, or just removed by a retention
            return None
        try:
            is_free = self._can_take(segment, descriptor)
            tail = tail_of(descriptor, self.key) if is_free else None
            if tail is None or not _is_of_writers(tail, segment.chain):
                os.close(descriptor)
                return None
            began = _first_time(descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        opened = self._open = _Open(segment, descriptor, tail.size, began, tail.entry.link)
        closing = b"" if tail.is_ended else b"\n"
        left = left_open(descriptor, self.key)
        self._write(opened, "continued", self._opening(opened) | _account(tail.rest), closing)
        for work in left:
            self._write(opened, WORK, work.interrupted())
        return opened

    def _can_take(self, segment: Segment, descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:  # held by its writer, or a file system without locks
            return False
        # Between the look into the folder and the lock, its writer may have gone on to the next.
        return not (self.directory / segment.next.name).exists() and (
            os.fstat(descriptor).st_nlink > 0
        )

    def _rotate(self, opened: _Open) -> _Open:
        """Go on with the chain in a new segment."""
        self._open = None
        try:
            following = self._create(opened.segment.next, opened.head)
            self._write(following, "rotated", {"key": self.key.id})
        finally:
            os.close(opened.descriptor)
        return following

    def _create(self, segment: Segment, head: Link | None) -> _Open:
        """Make a segment, and hold it."""
        file = self.directory / segment.name
        flags = os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_APPEND | os.O_CLOEXEC
        descriptor = os.open(file, flags, FILE_MODE)
        self._open = _Open(segment, descriptor, 0, datetime.now(UTC), head)
        with suppress(OSError):  # without locks nobody takes it, and its name is ours alone
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        sync_folder(self.directory)
        return self._open

    def _opening(self, opened: _Open) -> dict[str, Any]:
        """Return what the first record of a process says: who it is and what it has seen."""
        known = {opened.segment.chain, *(link.chain for link in self._lost)}
        seen = [*self._lost, *heads(self.directory, self.key, but=known)]
        return {
            "key": self.key.id,
            "process": Process.current().to_dict(),
            "heads": [str(link) for link in seen],
        }

    def _write(
        self, opened: _Open, kind: str, fields: Mapping[str, Any], before: bytes = b""
    ) -> Link:
        head = opened.head
        line, link = sealed(
            opened.segment.chain,
            head.sequence + 1 if head else 1,
            head.mac if head else "",
            {"time": now(), "kind": kind} | dict(fields),
            self.key,
        )
        line = before + line
        written = os.write(opened.descriptor, line)
        if written < len(line):
            with suppress(OSError):  # where that is not allowed, the next writer closes the line
                os.ftruncate(opened.descriptor, opened.size)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        opened.size += written
        opened.head = link
        return link


_writers: dict[tuple[Path, str], Writer] = {}
_making = threading.Lock()


def writer(directory: Path | None = None) -> Writer:
    """Return the writer of this process for the audit that the environment describes.

    Args:
        directory: the folder of other chains under the same key.

    Raises:
        AuditError: if there is no key for it.
    """
    directory = directory or audit_directory()
    with _making:
        keys = audit_keys()
        # Whoever has written the first record has made the key before.
        key = keys[0] if keys else writing_key(is_first=not _has_records(directory))
        found = _writers.get((directory, key.id))
        if found is None:
            found = _writers[directory, key.id] = Writer(directory, key)
        return found


def check_writable() -> None:
    """Check, without writing anything, that records can be written.

    Raises:
        AuditError: if they cannot.
    """
    directory = folder = audit_directory()
    try:
        while not folder.exists():
            folder = folder.parent
    except OSError as error:
        raise _unusable(directory, error) from None
    if not folder.is_dir():
        raise _unusable(directory, NotADirectoryError(errno.ENOTDIR, ""))
    if not os.access(folder, os.W_OK | os.X_OK):
        raise _unusable(directory, PermissionError(errno.EACCES, ""))
    if not audit_keys() and _has_records(directory):
        writing_key(is_first=False)


def now() -> str:
    """Return the time as records state it: ISO 8601 in UTC, with milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def sync_folder(directory: Path) -> None:
    """Force to disk which files are in a folder."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _is_of_writers(tail: Tail, chain: str) -> bool:
    """Return whether a segment ends as writers leave it; what somebody else has put there stays."""
    link = tail.entry.link
    lines = tail.rest.removesuffix(b"\n").split(b"\n")
    return link.chain == chain and all(is_unfinished(line, chain, link) for line in lines)


def _account(rest: bytes) -> dict[str, Any]:
    """Return what a record says of the line, cut short, that it comes after."""
    if not rest:
        return {}
    torn = rest.removesuffix(b"\n")
    return {"torn": {"bytes": len(torn), "sha256": hashlib.sha256(torn).hexdigest()}}


def _first_time(descriptor: int) -> datetime:
    """Return when the first record of a segment was written."""
    line = os.pread(descriptor, MAX_LINE_BYTES, 0).partition(b"\n")[0]
    try:
        return datetime.fromisoformat(json.loads(line)["time"])
    except (ValueError, KeyError, TypeError):
        return datetime.now(UTC)


def _has_records(directory: Path) -> bool:
    try:
        return any((directory / one.name).is_file() for one in segments_in(directory))
    except OSError:
        return False


def _unusable(directory: Path, error: OSError) -> AuditError:
    return AuditError(
        f"The audit cannot be written to '{directory}' ({os.strerror(error.errno or 0)}), and work "
        "that is not recorded is not done; make room, make the folder writable, or set "
        "DATA_SERVICES_AUDIT_DIR to another one."
    )


def _forget_writers() -> None:
    """Leave the chains to the process that has made this one as its copy."""
    global _making
    for found in _writers.values():
        with suppress(OSError):
            found.close()
    _writers.clear()
    _making = threading.Lock()


os.register_at_fork(after_in_child=_forget_writers)
