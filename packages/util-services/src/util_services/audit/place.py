"""Where the audit lies, and the names of its files.

A chain is written by one process at a time, in segments of one file each:
``<host>-<realm>-<token>.<segment>.jsonl``. The realm stands for one kernel and one mounted file
system, inside of which a lock is seen by everybody; the token makes the name unique.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import secrets
import socket
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from util_services import settings
from util_services.runs.home import dagster_home
from util_services.storage.processes import Process

if TYPE_CHECKING:
    from collections.abc import Iterable

SEGMENT_NAME = re.compile(r"([a-z0-9][a-z0-9-]*-[0-9a-f]{12}-[0-9a-f]{12})\.(\d{6,})\.jsonl")
MAX_HOST_LENGTH = 40


@dataclass(frozen=True, slots=True, order=True)
class Segment:
    """One file of a chain."""

    chain: str
    number: int  # counts from 1

    @property
    def name(self) -> str:
        """The name of the file."""
        return f"{self.chain}.{self.number:06d}.jsonl"

    @property
    def next(self) -> Segment:
        """The segment after this one."""
        return Segment(self.chain, self.number + 1)


class IrregularFileError(OSError):
    """Raised for what is named like a file of the audit, and is a pipe, a folder or a link."""

    def __init__(self, file: Path) -> None:
        super().__init__(errno.EINVAL, "no regular file", str(file))


def open_segment(file: Path, flags: int = os.O_RDONLY) -> int:
    """Return a descriptor of a file of the audit; nothing else is opened, and nothing waited for.

    Raises:
        OSError: if it cannot be opened.
        IrregularFileError: if it is no regular file.
    """
    if not stat.S_ISREG(file.lstat().st_mode):
        raise IrregularFileError(file)
    # What takes its place right now is not waited for either.
    descriptor = os.open(file, flags | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise IrregularFileError(file)
    return descriptor


def audit_directory() -> Path:
    """Return the folder of the audit: ``DATA_SERVICES_AUDIT_DIR``, else in the Dagster home."""
    named = settings.text("AUDIT_DIR")
    return Path(named).expanduser().resolve() if named else dagster_home() / "audit"


def segments_in(directory: Path) -> list[Segment]:
    """Return the segments in a folder by chain and number; other files there are not ours.

    Raises:
        OSError: if the folder cannot be read.
    """
    names = (entry.name for entry in directory.iterdir())
    matches = filter(None, map(SEGMENT_NAME.fullmatch, names))
    return sorted(Segment(match[1], int(match[2])) for match in matches)


def by_chain(segments: Iterable[Segment]) -> dict[str, list[Segment]]:
    """Return segments by the name of their chain, each in order."""
    chains: dict[str, list[Segment]] = {}
    for segment in sorted(segments):
        chains.setdefault(segment.chain, []).append(segment)
    return chains


def new_chain(realm: str) -> str:
    """Return a name that no other chain has."""
    words = re.sub("[^a-z0-9]+", "-", socket.gethostname().lower()).strip("-")
    host = words[:MAX_HOST_LENGTH].strip("-") or "host"
    return f"{host}-{realm}-{secrets.token_hex(6)}"


def realm_of(directory: Path) -> str:
    """Return what stands for this machine, since it started, and the file system of a folder.

    Where the system does not tell of its start, no two processes are of one realm.
    """
    boot = Process.current().boot or secrets.token_hex(16)
    place = f"{boot} {directory.stat().st_dev}"
    return hashlib.sha256(place.encode()).hexdigest()[:12]


def is_of_realm(chain: str, realm: str) -> bool:
    """Return whether a lock on a chain's file would be seen by all that write to it."""
    return chain.rsplit("-", 2)[1] == realm
