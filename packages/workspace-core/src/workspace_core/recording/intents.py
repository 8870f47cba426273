"""What is kept of a run until it is recorded: that it began, what it read, what is to appear.

local/runs-at-work/<run>.json   what is kept
local/runs-at-work/<run>.lock   held by whoever is at work on the run, as long as that lives

A run whose lock is free may be between two steps; so whoever settles it has to know that it is over
as well.
"""

from __future__ import annotations

import re
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from util_services.flow.run_files import RunFile
from util_services.runs.recorders import RecordingError, RunStart
from util_services.storage.locks import is_unlocked
from workspace_core.errors import DamagedFileError
from workspace_core.store.durable import json_bytes, read_json, remove_file, write_whole
from workspace_core.store.locks import SharedLock

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

SCHEMA = 1
FOLDER = "runs-at-work"
RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
TRACE = re.compile(rf"\.?({RUN_ID.pattern})\.(json|lock|json\..+)")


@dataclass(frozen=True, slots=True)
class Intent:
    """A run that has begun and is not recorded yet.

    Attributes:
        start: what was known when it began.
        began: when that was, ISO 8601 in UTC.
        within: the run of a step that this one is a part of, by its id.
        read: what it has read so far.
        announced: what was about to appear; None as long as nothing was.
        record: the name of its record, which may be there already.
    """

    start: RunStart
    began: str
    within: str | None = None
    read: tuple[RunFile, ...] = ()
    announced: tuple[RunFile, ...] | None = None
    record: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the record as plain data."""
        return {"schema": SCHEMA, **asdict(self)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], file: str = "") -> Intent:
        """Return what a record tells of.

        Raises:
            DamagedFileError: if it lacks what such a record has.
        """
        try:
            start = dict(data["start"])
            for name in ("inputs", "outputs"):
                start[name] = _files(start[name])
            return cls(
                RunStart(**start),
                data["began"],
                data["within"],
                _files(data["read"]),
                None if data["announced"] is None else _files(data["announced"]),
                data["record"],
            )
        except (KeyError, TypeError) as error:
            raise DamagedFileError(file or "a run at work", f"it lacks {error}") from error


class Intents:
    """The runs at work of one copy of a workspace.

    Args:
        local: the folder of what belongs to this copy alone.
    """

    def __init__(self, local: Path) -> None:
        self.folder = local / FOLDER

    def ids(self) -> list[str]:
        """Return the runs of which something is kept."""
        with suppress(FileNotFoundError):
            return sorted(one.stem for one in self.folder.iterdir() if one.suffix == ".json")
        return []

    def traces(self) -> list[str]:
        """Return the runs of which anything is left, if only what a writer that died has left."""
        with suppress(FileNotFoundError):
            names = (TRACE.fullmatch(one.name) for one in self.folder.iterdir())
            return sorted({found[1] for found in names if found})
        return []

    def get(self, run_id: str) -> Intent | None:
        """Return what is kept of a run; None where nothing is.

        Raises:
            DamagedFileError: if it cannot be read.
        """
        file = self._file(run_id)
        try:
            return Intent.from_dict(read_json(file, SCHEMA), str(file))
        except FileNotFoundError:
            return None

    def put(self, intent: Intent) -> None:
        """Keep something of a run, in place of what was kept.

        Raises:
            StoreWriteError: if it cannot be written; then what was kept still is.
        """
        write_whole(self._file(intent.start.run_id), json_bytes(intent.to_dict()))

    def require(self, run_id: str) -> Intent:
        """Return what is kept of a run that has begun.

        Raises:
            RecordingError: if nothing is.
        """
        found = self.get(run_id)
        if found is None:
            raise RecordingError(
                "The workspace does not know that this run has begun; all steps of a run need the "
                "same workspace, in the same folder. Start the run again."
            )
        return found

    def add_read(self, run_id: str, files: tuple[RunFile, ...]) -> None:
        """Keep what else a run has read."""
        intent = self.require(run_id)
        known = {one.address for one in files}
        before = tuple(one for one in intent.read if one.address not in known)
        self.put(replace(intent, read=(*before, *files)))

    def remove(self, run_id: str) -> None:
        """Forget a run that is recorded, and what writers of it that died have left."""
        remove_file(self._file(run_id))
        with suppress(OSError):
            for one in self.folder.glob(f".{_checked(run_id)}.json.*"):
                one.unlink(missing_ok=True)
            self._lock(run_id).unlink(missing_ok=True)

    @contextmanager
    def at_work(self, run_id: str) -> Iterator[None]:
        """Hold the lock of a run; others of the same run may hold it, too."""
        lock = SharedLock(self._lock(run_id), f"run {run_id}")
        lock.acquire()
        try:
            lock.share()
            yield
        finally:
            if not self._file(run_id).exists():
                with suppress(OSError):
                    self._lock(run_id).unlink(missing_ok=True)
            lock.release()

    @contextmanager
    def left_behind(self, run_id: str) -> Iterator[bool]:
        """Keep others from settling a run, if nobody is at work on it; say whether that is so."""
        lock = SharedLock(self._lock(run_id), f"run {run_id}", wait_seconds=0.0)
        is_free = is_unlocked(self._lock(run_id))
        try:
            yield is_free and lock.acquire()
        finally:
            lock.release()

    def age_seconds(self, run_id: str, now: float) -> float:
        """Return how long ago something of a run was kept last."""
        for file in (self._file(run_id), self._lock(run_id)):
            with suppress(OSError):
                return now - file.stat().st_mtime
        return 0.0

    def _file(self, run_id: str) -> Path:
        return self.folder / f"{_checked(run_id)}.json"

    def _lock(self, run_id: str) -> Path:
        return self.folder / f"{_checked(run_id)}.lock"


def _checked(run_id: str) -> str:
    if not RUN_ID.fullmatch(run_id):
        raise RecordingError("The id of the run is none of Dagster's; start it again without one.")
    return run_id


def _files(records: Any) -> tuple[RunFile, ...]:
    return tuple(map(RunFile.from_dict, records))
