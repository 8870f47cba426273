"""A folder that is a copy of what rclone reaches: brought here or sent there when asked for.

What is brought is staged beside the workspace's own records first, and takes its place in the
folder as a restore does: all of it or nothing, and never over content that no snapshot holds.
"""

from __future__ import annotations

import json
import os
import shutil
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar

from workspace_core.errors import (
    ConfigurationError,
    DataWorkspacesError,
    LocalChangesError,
    StoreWriteError,
    shown,
)
from workspace_core.parameters import BOOLEAN, Parameter, ParameterType, enum_type
from workspace_core.place_addresses import RCLONE, RCLONE_ADDRESS
from workspace_core.progress import listener
from workspace_core.resources.errors import EditedTreeError
from workspace_core.resources.local_files import COMPUTE_HASH, EXPORT, IMPORTED
from workspace_core.resources.placed import LOCATION, PLACE, PlacedFolder, place_of
from workspace_core.sharing.errors import PartlyHereError
from workspace_core.sharing.partial import is_partly_here
from workspace_core.sharing.rclone_program import run_rclone
from workspace_core.store.durable import cause_of, json_bytes, read_json, write_whole
from workspace_core.store.identity import id_text, parse_id
from workspace_core.trees.building import TreeBuilder
from workspace_core.trees.capture import capture
from workspace_core.trees.directory import RESERVED
from workspace_core.trees.overlay import overlay
from workspace_core.trees.restoring import Folder, plan_folders, recover_folders, restore_folders
from workspace_core.trees.tree import Trees
from workspace_core.workspace import SnapshotWorkspaceMixin

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from workspace_core.store.session import Session
    from workspace_core.workspace import JSONDict, Workspace

RESOURCE_TYPE = "rclone"
SCHEMA = 1
NONE, REMOTE, LOCAL = "none", "remote", "local"
COPY, SYNC = "copy", "sync"
INCOMING, BROUGHT, JOURNAL = "incoming", "brought.json", "bring.json"
# Patience of rclone with a remote out of reach; it tries anew by itself.
PATIENCE = ("--contimeout", "15s", "--retries", "2", "--low-level-retries", "3")
EXACT = (
    *("--no-unicode-normalization", "--no-update-dir-modtime"),
    *("--log-format", "", *PATIENCE),
)


def _remote(value: Any) -> str:
    if not RCLONE_ADDRESS.fullmatch(str(value)):
        raise ValueError(
            "it is REMOTE:PATH, with a remote of rclone's configuration and without options"
        )
    return str(value)


def _optional_file(value: Any) -> str | None:
    if value in (None, ""):
        return None
    found = os.path.abspath(os.path.expanduser(str(value)))
    if not os.path.isfile(found):
        raise ValueError("it is a file of this machine")
    return found


ORIGIN = Parameter(
    "remote_origin",
    ParameterType("remote", _remote),
    default=None,
    is_global=True,
    help="What the folder is a copy of: REMOTE:PATH.",
)
CONFIG = Parameter(
    "config",
    ParameterType("file", lambda value: value or None),
    default=None,
    is_global=False,
    help="The configuration of rclone on this machine, if it is not rclone's own.",
)
MASTER = Parameter(
    "master",
    enum_type(NONE, REMOTE, LOCAL),
    default=NONE,
    is_global=True,
    help="Which side leads: 'dws pull' brings what a remote has, 'dws push' sends what is here.",
)
MODE = Parameter(
    "sync_mode",
    enum_type(COPY, SYNC),
    default=COPY,
    is_global=True,
    help="Whether what the leading side does not have stays (copy) or goes (sync).",
)
SIZE_ONLY = Parameter(
    "size_only",
    BOOLEAN,
    default=False,
    is_global=True,
    help="Whether rclone tells files apart by their sizes alone.",
)
CONNECTED = Parameter(
    "connected",
    BOOLEAN,
    default=False,
    is_global=False,
    help="Whether the remote is used from this machine; a clone asks before it does.",
)


class RcloneResource(PlacedFolder):
    """A folder of this machine, and the remote that it is a copy of."""

    parameters: ClassVar[tuple[Parameter, ...]] = (
        *(*PLACE, ORIGIN, CONFIG, MASTER, MODE, SIZE_ONLY, CONNECTED),
        *(COMPUTE_HASH, EXPORT, IMPORTED),
    )
    positional: ClassVar[tuple[str, ...]] = (ORIGIN.name, LOCATION)

    remote_origin: str
    config: str | None
    master: str
    sync_mode: str
    size_only: bool
    connected: bool

    @classmethod
    def as_recorded(cls, values: JSONDict, name: str, workspace: Workspace) -> JSONDict:
        """Return parameters, with the place of a folder that may not be there yet."""
        ORIGIN.checked(values[ORIGIN.name])
        folder = os.path.abspath(os.path.expanduser(str(values[LOCATION])))
        if os.path.lexists(folder) and not os.path.isdir(folder):
            raise ConfigurationError(f"{shown(folder)} is no folder; choose another place.")
        try:
            config = _optional_file(values.get(CONFIG.name))
        except ValueError as error:
            raise ConfigurationError(
                f"{shown(str(values[CONFIG.name]))} is no configuration of rclone: {error}."
            ) from None
        place = place_of(folder, name, workspace)
        return {**values, LOCATION: place, CONFIG.name: config, CONNECTED.name: True}

    def check_new(self) -> None:
        """Bring what the remote has, unless the folder leads."""
        was_there = self.root.is_dir()
        if self.master == LOCAL and not was_there:
            raise ConfigurationError(
                f"{shown(self.root)} is no folder, and it is to lead; make it first."
            )
        self._ask("lsjson", "--max-depth", "1", self.remote_origin, absent_is_empty=True)
        if self.master == LOCAL:
            return
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            self.bring()
        except BaseException:
            if not was_there:
                with suppress(OSError):
                    self.root.rmdir()
            raise

    # Bringing and sending

    def pulls(self) -> bool:
        """Return whether a pull brings something from the remote."""
        return self.master == REMOTE

    def pushes(self) -> bool:
        """Return whether a push sends something to the remote."""
        return self.master == LOCAL

    def pull_precheck(self) -> None:
        """Refuse a remote that is not to be used here yet, and a folder that is not whole."""
        if self.pulls():
            self._require_usable()

    def pull(self) -> None:
        """Bring what the remote has, if it leads."""
        if self.pulls():
            self.bring()

    def push_precheck(self) -> None:
        """Refuse a remote that is not to be used here yet, and a folder that is not whole."""
        if self.pushes():
            self._require_usable()

    def push(self) -> None:
        """Send what is here, if that leads."""
        if not self.pushes():
            return
        reserved = [f"{name.decode()}/**" for name in sorted(RESERVED)]
        leave = [word for one in reserved for word in ("--exclude", one)]
        self._ask(self.sync_mode, *self._comparison, *leave, str(self.root), self.remote_origin)

    def bring(self) -> None:
        """Make the folder what the remote has, or add that to it, by the mode.

        Raises:
            EditedTreeError: if content would go that is in no snapshot, and did not come from the
                remote; then nothing is changed.
            RemoteError: if rclone fails; what has come is not asked for again.
        """
        incoming = self.workspace.local_state(self.name) / INCOMING
        journal = self.workspace.local_state(self.name) / JOURNAL
        try:
            incoming.parent.mkdir(parents=True, exist_ok=True)
            incoming.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise StoreWriteError(str(incoming), cause_of(error)) from error
        recover_folders([self.root], journal)
        compared = ("--compare-dest", str(self.root))
        self._ask(SYNC, *self._comparison, *compared, self.remote_origin, str(incoming))
        names = self._only_here() if self.sync_mode == SYNC else frozenset()
        with self.workspace.store_session() as session:
            options = self.capture_options
            came = capture(session, incoming, None, options, progress=listener())
            now = capture(session, self.root, self._state.cache(), options, keep=False)
            trees = Trees(session, now.directories)
            gone = {
                path
                for path, entry in trees.walk(now.root)
                if entry.is_file and _name_of(path) in names
            }
            target = overlay(session, trees, now.root, came.root, gone)
            brought = self._brought()
            saved = [*self._in_snapshots(), _tree_of(session, brought)]
            session.flush()
            due = Folder(self.name, self.root, target, tuple(saved), options, self._state.cache())
            try:
                restore_folders(plan_folders(session, [due]), journal, listener())
            except LocalChangesError as error:
                raise EditedTreeError(self.name, error.paths) from None
            for path, entry in trees.walk(came.root):
                if entry.is_file:
                    brought[os.fsdecode(path)] = id_text(entry.id)
                    self._take_time(incoming, path)
        write_whole(
            self.workspace.local_state(self.name) / BROUGHT,
            json_bytes({"schema": SCHEMA, "files": brought}),
        )
        shutil.rmtree(incoming, ignore_errors=True)

    def _require_usable(self) -> None:
        if not self.connected:
            raise ConfigurationError(
                f"The remote '{self.remote_origin}' of '{self.name}' is not used from this machine "
                f"until you say so: dws config --resource {self.name} connected true."
            )
        if is_partly_here(self.workspace.local_state(self.name)):
            raise PartlyHereError(self.name)
        if not self.root.is_dir():
            self.snapshot_precheck()

    @property
    def _comparison(self) -> tuple[str, ...]:
        return (*EXACT, "--size-only") if self.size_only else EXACT

    def _only_here(self) -> frozenset[str]:
        """Return the names of files that the remote does not have, as rclone calls them."""
        here, there = (self._listed(place) for place in (str(self.root), self.remote_origin))
        return frozenset(here - there)

    def _listed(self, place: str) -> set[str]:
        options = ("-R", "--files-only", "--no-modtime", "--no-mimetype")
        return {one["Path"] for one in json.loads(self._ask("lsjson", *EXACT, *options, place))}

    def _ask(self, command: str, *words: str, absent_is_empty: bool = False) -> bytes:
        config = ("--config", self.config) if self.config else ()
        address = f"{RCLONE}{self.remote_origin}"
        return run_rclone(address, command, *config, *words, absent_is_empty=absent_is_empty)

    # What may give way

    def _in_snapshots(self) -> Iterator[bytes]:
        """Yield the trees that snapshots keep of the folder."""
        if not isinstance(self.workspace, SnapshotWorkspaceMixin):
            return
        for one in self.workspace.list_snapshots():
            if found := one.restore_hashes.get(self.name) or one.compare_hashes.get(self.name):
                yield parse_id(found)

    def _brought(self) -> dict[str, str]:
        """Return what came from the remote: ids of files by their paths."""
        with suppress(FileNotFoundError, KeyError, TypeError, ValueError, DataWorkspacesError):
            found = read_json(self.workspace.local_state(self.name) / BROUGHT, SCHEMA)["files"]
            return {str(path): str(one) for path, one in found.items()}
        return {}

    def _take_time(self, incoming: Path, path: bytes) -> None:
        """Give a file the time that the remote has of it, by which rclone knows it again."""
        with suppress(OSError):
            found = os.stat(os.path.join(os.fsencode(incoming), path))
            times = (found.st_atime_ns, found.st_mtime_ns)
            here = os.path.join(os.fsencode(self.root), path)
            os.utime(here, ns=times, follow_symlinks=False)


def _name_of(path: bytes) -> str | None:
    """Return the name of a file as rclone has it, None for one that it writes otherwise."""
    try:
        return path.decode()
    except UnicodeDecodeError:
        return None


def _tree_of(session: Session, files: dict[str, str]) -> bytes:
    """Return a tree of files of which ids are known; their contents need not be here."""
    builder = TreeBuilder()
    for path, found in files.items():
        with suppress(ValueError, DataWorkspacesError):  # what cannot be there keeps nothing
            builder.add_file(os.fsencode(path), parse_id(found), 0)
    return builder.finish(session).root
