"""Which process something belongs to, and whether that process is provably gone."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

PROC = Path("/proc")
START_TIME = 19  # index in /proc/<pid>/stat after the name: when it started, in ticks since boot


@dataclass(frozen=True, slots=True)
class Process:
    """A process that no other one is mistaken for, neither on another machine nor later."""

    boot: str  # random at each start of a machine
    namespace: str  # process ids count anew in a container
    number: int
    started: str

    @classmethod
    def current(cls) -> Process:
        """Return this process; all but its number is empty where the system does not tell."""
        return cls(_boot(), _namespace(), os.getpid(), _started(os.getpid()) or "")

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Process:
        """Return the process that ``to_dict`` described."""
        fields = (str(record[name]) for name in ("boot", "namespace", "started"))
        boot, namespace, started = fields
        return cls(boot, namespace, int(record["number"]), started)

    def to_dict(self) -> dict[str, Any]:
        """Return the process as plain data."""
        return asdict(self)

    def is_gone(self) -> bool:
        """Return whether it has certainly ended; False of what runs on other machines."""
        if not self.started or (self.boot, self.namespace) != (_boot(), _namespace()):
            return False
        return _started(self.number) != self.started


def _boot() -> str:
    try:
        return (PROC / "sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def _namespace() -> str:
    try:
        return str((PROC / "self/ns/pid").readlink())
    except OSError:
        return ""


def _started(number: int) -> str | None:
    """Return when a process started, None where there is none or it is only waiting to be reaped.

    Raises nothing: a process that cannot be looked at counts as one that is there.
    """
    try:
        stat = (PROC / str(number) / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    except OSError:
        return ""
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in {"Z", "X"} else fields[START_TIME]
