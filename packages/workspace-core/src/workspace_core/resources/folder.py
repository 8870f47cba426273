"""A resource that is a folder of this machine: what all types with files have in common."""

from __future__ import annotations

import json
import os
from abc import abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from workspace_core.errors import ConfigurationError, shown
from workspace_core.progress import listener
from workspace_core.resources.folder_state import FolderState
from workspace_core.sharing.errors import PartlyHereError
from workspace_core.sharing.partial import is_partly_here
from workspace_core.snapshots.exclusion import Exclusion
from workspace_core.snapshots.metrics import read_results
from workspace_core.snapshots.pending import check_destination, entries_to_move, move_entries
from workspace_core.snapshots.templates import SNAPSHOTS_FOLDER
from workspace_core.store.durable import write_whole
from workspace_core.store.identity import id_text, parse_id
from workspace_core.trees.building import Present
from workspace_core.trees.capture import CaptureOptions, capture
from workspace_core.trees.directory import RESERVED
from workspace_core.workspace import (
    FileResourceMixin,
    JSONDict,
    LocalStateResourceMixin,
    Resource,
    ResourceFactory,
    SnapshotResourceMixin,
)

if TYPE_CHECKING:
    from pathlib import Path

    from workspace_core.store.session import Session
    from workspace_core.trees.capture import Capture
    from workspace_core.trees.restoring import Folder, RestoredFolder
    from workspace_core.workspace import Workspace


class FolderResource(FileResourceMixin, LocalStateResourceMixin, SnapshotResourceMixin, Resource):
    """A folder whose files are kept by snapshots, byte for byte.

    Names that belong to git and to workspaces (``.git``, ``.dataworkspace``) are no content. Of
    results, what earlier snapshots have moved to ``snapshots/`` is no content of the next one.
    """

    export: bool = False
    imported: bool = False
    _captured: Capture | None = None  # whose cache is to be kept once the snapshot is recorded

    @property
    @abstractmethod
    def root(self) -> Path:
        """Where the folder is on this machine."""

    def get_local_path_if_any(self) -> str | None:
        """Return where the folder is on this machine."""
        return str(self.root)

    # Files

    def validate_subpath_exists(self, subpath: str) -> None:
        """Refuse a path that does not lead to anything in the folder."""
        if not self.does_subpath_exist(subpath):
            raise ConfigurationError(f"{shown(subpath)} is not in the resource '{self.name}'.")

    def does_subpath_exist(
        self, subpath: str, *, must_be_file: bool = False, must_be_directory: bool = False
    ) -> bool:
        """Return whether a path leads to something in the folder."""
        found = self._below(subpath)
        if must_be_file:
            return found.is_file()
        return found.is_dir() if must_be_directory else os.path.lexists(found)

    def add_results_file(self, data: JSONDict | list[Any], rel_dest_path: str) -> None:
        """Write JSON to a path in the folder."""
        content = json.dumps(data, indent=2, sort_keys=True) + "\n"
        write_whole(self._below(rel_dest_path), content.encode())

    def read_results_file(self, subpath: str) -> JSONDict | list[Any]:
        """Return the JSON at a path in the folder."""
        if not self.does_subpath_exist(subpath, must_be_file=True):
            raise ConfigurationError(f"{shown(subpath)} is no file of the resource '{self.name}'.")
        try:
            found: JSONDict | list[Any] = read_results(self._below(subpath).read_bytes())
        except ValueError as error:
            raise ConfigurationError(
                f"{shown(subpath)} of the resource '{self.name}' is no JSON; mend or remove it."
            ) from error
        return found

    def results_move_current_files(
        self, rel_dest_root: str, exclude_files: set[str], exclude_dirs_re: Any
    ) -> None:
        """Move what is in the folder to another one in it, but for some files and folders."""
        check_destination(self.root, rel_dest_root)
        entries = [
            one
            for one in entries_to_move(self.root, Exclusion.of({SNAPSHOTS_FOLDER, *exclude_files}))
            if not (one.is_directory and exclude_dirs_re and exclude_dirs_re.match(one.name))
        ]
        move_entries(self.root, rel_dest_root, entries)

    # Copies elsewhere

    def pull_precheck(self) -> None:
        """Refuse nothing: a folder comes from nowhere else."""

    def pull(self) -> None:
        """Do nothing: a folder comes from nowhere else."""

    def push_precheck(self) -> None:
        """Refuse nothing: a folder goes nowhere else."""

    def push(self) -> None:
        """Do nothing: a folder goes nowhere else."""

    # Snapshots

    def snapshot_precheck(self) -> None:
        """Refuse a folder that is not there; one of results is made, for it may begin empty."""
        if self.has_results_role() and self.root.parent.is_dir():
            self.root.mkdir(exist_ok=True)
        if not self.root.is_dir():
            raise ConfigurationError(
                f"The folder {shown(self.root)} of the resource '{self.name}' is not there; bring "
                f"it back{self._elsewhere}."
            )
        if is_partly_here(self.workspace.local_state(self.name)):
            raise PartlyHereError(self.name)

    def snapshot(self) -> tuple[str | None, str | None]:
        """Keep the folder as it is; results are kept, too, but never restored."""
        options = replace(self.capture_options, skips_special=self.skips_special)
        with self.workspace.store_session() as session:
            found = capture(session, self.root, self._state.cache(), options, progress=listener())
        self._captured = found
        tree = id_text(found.root)
        return tree, None if self.has_results_role() else tree

    def snapshot_facts(self) -> JSONDict:
        """Return what the last snapshot has left out because no snapshot can hold it."""
        skipped = special_entries(self._captured) if self._captured else ()
        return {"skipped": [os.fsdecode(path) for path in skipped]} if skipped else {}

    def snapshot_folder(self, restore_hashval: str) -> Folder:
        """Return the folder that a restore would make equal to a tree.

        What no snapshot can hold is no obstacle to that: it stays where it is.
        """
        from workspace_core.trees.restoring import Folder

        return Folder(
            self.name,
            self.root,
            parse_id(restore_hashval),
            options=replace(self.capture_options, skips_special=True),
            cache=self._state.cache(),
        )

    def restored_folder(self) -> Path | None:
        """Return the folder, which a restore changes."""
        return self.root

    def present(self, session: Session) -> Present | None:
        """Return the folder as it is now, without what no snapshot can hold."""
        options = replace(self.capture_options, skips_special=True)
        known = self._state.cache_for_looking(session.generation)
        now = capture(session, self.root, known, options, keep=False, progress=listener())
        return Present(now.root, now.directories, special_entries(now))

    def note_recorded(self) -> None:
        """Take note that the snapshot that was taken last is recorded."""
        if self._captured is not None:
            self._state.save_cache(self._captured.cache)

    def note_restored(self, restored: RestoredFolder) -> None:
        """Take note that the folder has been restored."""
        self._state.save_cache(restored.cache)

    def delete_snapshot(
        self, workspace_snapshot_hash: str, resource_restore_hash: str, relative_path: str
    ) -> None:
        """Do nothing: what a snapshot has moved is removed by the workspace."""

    @property
    def capture_options(self) -> CaptureOptions:
        """What of the folder is content."""
        exclude = {SNAPSHOTS_FOLDER.encode()} if self.has_results_role() else set()
        return CaptureOptions(exclude=frozenset(exclude))

    @property
    def _elsewhere(self) -> str:
        """What to do if the folder is elsewhere, as the end of a sentence."""
        return ""

    @property
    def _state(self) -> FolderState:
        return FolderState(self.workspace.local_state(self.name), self.workspace.store())

    def _below(self, subpath: str) -> Path:
        path = os.path.normpath(subpath)
        if os.path.isabs(path) or path.split(os.sep, 1)[0] == os.pardir:
            raise ConfigurationError(
                f"{shown(subpath)} does not lie in the resource '{self.name}'; mend the path."
            )
        return self.root / path


class FolderFactory(ResourceFactory):
    """How resources that are folders come into being."""

    def has_local_state(self) -> bool:
        """Say that the folder must be on this machine."""
        return True

    def clone(self, params: JSONDict, workspace: Workspace) -> Resource:
        """Return the resource on another machine, where the folder lies at the same place."""
        return self.from_json(params, {}, workspace)

    def suggest_name(self, workspace: Workspace, role: str, *args: Any) -> str:  # noqa: ARG002
        """Return the name of the folder."""
        return os.path.basename(os.path.abspath(os.path.expanduser(str(args[0]))))


def special_entries(captured: Capture) -> tuple[bytes, ...]:
    """Return what was left out of a capture because no snapshot can hold it, such as a FIFO."""
    return tuple(path for path in captured.left_out if path.rpartition(b"/")[2] not in RESERVED)


def existing_folder(path: str) -> str:
    """Return the absolute path of a folder.

    Raises:
        ConfigurationError: if there is no such folder.
    """
    found = os.path.abspath(os.path.expanduser(path))
    if not os.path.isdir(found):
        raise ConfigurationError(f"{shown(path)} is no folder; make it first, or mend the path.")
    return found
