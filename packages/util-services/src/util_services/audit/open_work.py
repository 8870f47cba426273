"""Work whose beginning is recorded and whose end is not: is it still at work?"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from util_services.audit.chain import authentic
from util_services.storage.processes import Process

if TYPE_CHECKING:
    from collections.abc import Mapping

    from util_services.audit.chain import Entry, Link
    from util_services.audit.key import AuditKey

WORK = "work"  # the kind of records of work, beside those that keep the chain
RUN = "run"  # the action of runs, of which Dagster knows more than the process that began them
SESSION = frozenset({"opened", "continued"})  # kinds of the first record of a process
KEPT = ("action", "work", "run_id", "job", "user", "requester", "purpose", "approval")
LOOK_BACK_BYTES = 1 << 20  # what a process writes before it is killed is seldom more


@dataclass(frozen=True, slots=True)
class OpenWork:
    """Work whose beginning is recorded and whose end is not."""

    begun: Mapping[str, Any]  # what its first record says
    place: Link

    @classmethod
    def of(cls, entry: Entry) -> OpenWork:
        """Return the work that a record begins."""
        return cls(entry.body, entry.link)

    @property
    def action(self) -> str:
        """What kind of work it is."""
        return str(self.begun["action"])

    @property
    def work(self) -> str:
        """What ties its records together."""
        return str(self.begun["work"])

    @property
    def time(self) -> str:
        """When it began."""
        return str(self.begun["time"])

    @property
    def job(self) -> str | None:
        """The job that it belongs to."""
        return self.begun.get("job")

    @property
    def is_interrupted(self) -> bool:
        """Whether the process that began it is known to be gone; False on other machines."""
        process = self.begun.get("process")
        return process is not None and Process.from_dict(process).is_gone()

    def interrupted(self) -> dict[str, Any]:
        """Return the record that it was interrupted."""
        kept = {name: self.begun[name] for name in KEPT if name in self.begun}
        return kept | {"phase": "after", "outcome": "interrupted"}

    def to_dict(self) -> dict[str, Any]:
        """Return the work as plain data."""
        told = {name: getattr(self, name) for name in ("action", "work", "time", "job")}
        return told | {name: self.begun.get(name) for name in ("user", "host", "process")}

    def __str__(self) -> str:
        """Return the work as a part of a sentence."""
        of_job = f" of {self.job}" if self.job else ""
        return f"{self.action} {self.work}{of_job}, since {self.time}"


def left_open(descriptor: int, key: AuditKey) -> list[OpenWork]:
    """Return what the process has left open that wrote last to a segment, and is gone.

    Runs, and work within them, are left to who asks Dagster.
    """
    size = os.fstat(descriptor).st_size
    start = max(0, size - LOOK_BACK_BYTES)
    lines = os.pread(descriptor, size - start, start).split(b"\n")
    found: list[OpenWork] = []
    ended: set[tuple[str, str]] = set()
    for line in reversed(lines):
        entry = authentic(line, key)
        if entry is None:
            continue
        if entry.kind in SESSION:
            break
        if entry.kind != WORK or "run_id" in entry.body:
            continue
        name = (entry.body["action"], entry.body["work"])
        if entry.body["phase"] == "after":
            ended.add(name)
        elif entry.body["phase"] == "before" and name not in ended:
            found.append(OpenWork.of(entry))
    return [one for one in reversed(found) if one.is_interrupted]
