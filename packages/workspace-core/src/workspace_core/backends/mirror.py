"""The records of a central workspace as files of this machine, brought together with its place.

local/central/head.json       what the place had when this machine looked last
local/central/arriving.json   what the files are about to become; redone after a crash
local/central/founding        there until the first revision is in the place

What stands in the files and not in the head was done here, and goes to the place with the next
change; so whatever a killed command had recorded is made up for by the one after it.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from workspace_core.backends.sharing import own_records, write_records
from workspace_core.errors import (
    ConfigurationError,
    DataWorkspacesError,
    FormatVersionError,
    WorkspaceBusyError,
    shown,
)
from workspace_core.sharing.central_errors import LostRecordsError
from workspace_core.sharing.errors import ForeignRemoteError
from workspace_core.sharing.merging import merge_records
from workspace_core.sharing.records import SNAPSHOTS, check_names, check_records
from workspace_core.sharing.revisions import Head, contents_of, texts_of
from workspace_core.store.durable import json_bytes, read_json, remove_file, write_whole
from workspace_core.trees.merge import THEIRS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from workspace_core.backends.files import FiledWorkspace
    from workspace_core.sharing.revisions import Files, Ledger

SCHEMA = 1
FOLDER, HEAD, ARRIVING, FOUNDING = "central", "head.json", "arriving.json", "founding"
PLAIN = "100644"
MOST_NAME, MOST_PATH = 255, 1000  # bytes of a name, letters of a path
ATTEMPTS = 1000  # each lost one is a change that somebody else has made


class Mirror:
    """Files that are kept like the records in a place; the caller holds the workspace's lock.

    Args:
        workspace: whose files they are.
        ledger: the records in the place.
    """

    def __init__(self, workspace: FiledWorkspace, ledger: Ledger) -> None:
        self._workspace, self.ledger = workspace, ledger
        self._folder = workspace.local / FOLDER

    def receive(self) -> list[str]:
        """Take over what others have recorded; return what both sides have changed.

        That stays as the others have it. What was done here stays, too, and is not published yet.

        Raises:
            OutOfReachError: if the place cannot be reached; nothing was changed.
            ForeignRemoteError: if it has what no workspace has put there; nothing was changed.
        """
        self._finish_arrival()
        known = self._head()
        head = self.ledger.newest() if known is None else self.ledger.since(known)
        if head is None:
            if (self._folder / FOUNDING).exists():
                return []
            raise LostRecordsError(self.ledger.place.address, 1)
        if known is not None and known.number == head.number:
            return []
        checked(head, self.ledger.workspace_id)
        own = own_records(self._workspace)
        before = _without_snapshots(own) if known is None else known.files
        merged = merge_records(before, own, head.files, THEIRS)
        record = {"schema": SCHEMA, "head": head.to_dict(), "files": texts_of(merged.files)}
        write_whole(self._folder / ARRIVING, json_bytes(record))
        self._arrive(head, merged.files)
        return merged.conflicts

    def publish(self, message: str, send: Callable[[Iterable[str]], None]) -> list[str]:
        """Make what was done here known to all; return what somebody else was faster to change.

        Args:
            message: what was done.
            send: brings the content of snapshots, by their hashes, to the place.

        Raises:
            OutOfReachError: if the place cannot be reached; the next call tries again.
            NotSupportedError: if it turns out that the place replaces what it is told not to.
        """
        conflicts: list[str] = []
        for _ in range(ATTEMPTS):
            conflicts += self.receive()
            head, own = self._head(), own_records(self._workspace)
            if head is not None and own == head.files:
                return conflicts
            self._require_sound(own)
            there = set() if head is None else _snapshots(head.files)
            if fresh := sorted(_snapshots(own) - there):
                send(fresh)
            made = self.ledger.append(head, own, message)
            if made is not None:
                if head is None:
                    self.ledger.require_refusals()
                self.note(made)
                return conflicts
        raise WorkspaceBusyError(f"place {self.ledger.place.address}", "others", 0)

    def is_current(self) -> bool:
        """Return whether nobody has recorded anything that is not taken over yet.

        Raises:
            OutOfReachError: if the place cannot be reached.
        """
        known = self._head()
        return known is not None and self.ledger.since(known).number == known.number

    def note(self, head: Head) -> None:
        """Take note of what the place has, which the files are like."""
        write_whole(self._folder / HEAD, json_bytes({"schema": SCHEMA, **head.to_dict()}))
        remove_file(self._folder / FOUNDING)

    def _require_sound(self, own: Files) -> None:
        """Refuse to publish what others would refuse to take over.

        Raises:
            ConfigurationError: naming it.
        """
        try:
            _check_files(own, self.ledger.workspace_id)
        except (ForeignRemoteError, FormatVersionError) as error:
            raise ConfigurationError(
                f"Something in {shown(self._workspace.metadata)} was not put there by dws, and "
                f"would be refused by others; remove it, or bring it back to what it was: {error}"
            ) from error

    def _arrive(self, head: Head, files: Files) -> None:
        write_records(self._workspace, files)
        self.note(head)
        remove_file(self._folder / ARRIVING)
        self._workspace.read_again()

    def _finish_arrival(self) -> None:
        try:
            record = read_json(self._folder / ARRIVING, SCHEMA)
        except FileNotFoundError:
            return
        self._arrive(Head.from_dict(record["head"]), contents_of(record["files"]))

    def _head(self) -> Head | None:
        """Return what the place had, None where that is not known any more."""
        with suppress(FileNotFoundError, KeyError, TypeError, ValueError, DataWorkspacesError):
            return Head.from_dict(read_json(self._folder / HEAD, SCHEMA))
        return None


def announce(metadata: Path) -> None:
    """Take note that the place is to become that of a workspace which is about to be made."""
    write_whole(metadata / "local" / FOLDER / FOUNDING, b"")


def checked(head: Head, workspace_id: str | None = None) -> Head:
    """Return records that come from a place, once they are sound.

    Raises:
        ForeignRemoteError: if no workspace has put them there.
        FormatVersionError: if a newer release has.
    """
    _check_files(head.files, workspace_id)
    return head


def _check_files(files: Files, workspace_id: str | None) -> None:
    check_names(dict.fromkeys(files, PLAIN))
    for path in files:
        above, _, name = path.rpartition("/")
        if above in files or len(os.fsencode(name)) > MOST_NAME or len(path) > MOST_PATH:
            raise ForeignRemoteError(path, "no record has such a name")
    check_records(files, workspace_id)


def _without_snapshots(files: Files) -> dict[str, bytes]:
    """Return records as if they were what both sides began with, but for snapshots."""
    return {path: one for path, one in files.items() if not path.startswith(f"{SNAPSHOTS}/")}


def _snapshots(files: Mapping[str, Any]) -> set[str]:
    return {
        path.removeprefix(f"{SNAPSHOTS}/").removesuffix(".json")
        for path in files
        if path.startswith(f"{SNAPSHOTS}/")
    }


def id_in(head: Head) -> str:
    """Return the id of the workspace that records are those of."""
    return str(json.loads(head.files["config.json"])["workspace_id"])
