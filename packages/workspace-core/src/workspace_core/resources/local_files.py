"""Local files: a folder that is under nobody else's control."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workspace_core.errors import ConfigurationError, NotSupportedError, shown
from workspace_core.resources.folder_state import FolderState
from workspace_core.store.identity import id_text, parse_id
from workspace_core.trees.capture import CaptureOptions, capture
from workspace_core.trees.restoring import Folder
from workspace_core.workspace import (
    FileResourceMixin,
    JSONDict,
    LocalStateResourceMixin,
    Resource,
    ResourceFactory,
    SnapshotResourceMixin,
)

if TYPE_CHECKING:
    from workspace_core.trees.restoring import RestoredFolder
    from workspace_core.trees.stat_cache import StatCache
    from workspace_core.workspace import Workspace

RESOURCE_TYPE = "file"


class LocalFilesResource(
    FileResourceMixin, LocalStateResourceMixin, SnapshotResourceMixin, Resource
):
    """A folder of this machine."""

    def __init__(
        self,
        name: str,
        role: str,
        workspace: Workspace,
        global_local_path: str,
        my_local_path: str | None = None,
        *,
        compute_hash: bool = False,
        export: bool = False,
        imported: bool = False,
    ) -> None:
        super().__init__(RESOURCE_TYPE, name, role, workspace)
        self.global_local_path, self.my_local_path = global_local_path, my_local_path
        self.compute_hash, self.export, self.imported = compute_hash, export, imported
        self.root = Path(my_local_path or global_local_path)
        self._captured: StatCache | None = None  # to be kept once the store has it all

    def get_params(self) -> JSONDict:
        """Return the parameters that all copies of the workspace share."""
        return {
            "resource_type": self.resource_type,
            "name": self.name,
            "role": self.role,
            "global_local_path": self.global_local_path,
            "compute_hash": self.compute_hash,
            "export": self.export,
            "imported": self.imported,
        }

    def get_local_params(self) -> JSONDict:
        """Return the parameters of the resource on this machine."""
        return {} if self.my_local_path is None else {"my_local_path": self.my_local_path}

    def get_local_path_if_any(self) -> str | None:
        """Return where it is on this machine."""
        return str(self.root)

    def validate_subpath_exists(self, subpath: str) -> None:
        """Refuse a path that does not lead to anything in the folder."""
        if not self.does_subpath_exist(subpath):
            raise ConfigurationError(f"{shown(subpath)} is not in the resource '{self.name}'.")

    def does_subpath_exist(
        self, subpath: str, *, must_be_file: bool = False, must_be_directory: bool = False
    ) -> bool:
        """Return whether a path leads to something in the folder."""
        found = self.root / subpath
        if must_be_file:
            return found.is_file()
        return found.is_dir() if must_be_directory else os.path.lexists(found)

    def results_move_current_files(
        self, rel_dest_root: str, exclude_files: set[str], exclude_dirs_re: Any
    ) -> None:
        """Move what is in the resource to a folder in it."""
        raise NotSupportedError("Results are not moved yet.")

    def add_results_file(self, data: JSONDict | list[Any], rel_dest_path: str) -> None:
        """Write JSON to a path in the resource."""
        file = self.root / rel_dest_path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(data, indent=2, sort_keys=True) + "\n")

    def read_results_file(self, subpath: str) -> JSONDict | list[Any]:
        """Return the JSON at a path in the resource."""
        if not self.does_subpath_exist(subpath, must_be_file=True):
            raise ConfigurationError(f"{shown(subpath)} is no file of the resource '{self.name}'.")
        found: JSONDict | list[Any] = json.loads((self.root / subpath).read_bytes())
        return found

    def pull_precheck(self) -> None:
        """Local files come from nowhere else."""

    def pull(self) -> None:
        """Local files come from nowhere else."""

    def push_precheck(self) -> None:
        """Local files go nowhere else."""

    def push(self) -> None:
        """Local files go nowhere else."""

    def snapshot_precheck(self) -> None:
        """Refuse a folder that is not there."""
        if not self.root.is_dir():
            raise ConfigurationError(
                f"The folder {shown(self.root)} of the resource '{self.name}' is not there; bring "
                f"it back, or say where it is: dws config --resource {self.name} my_local_path PATH."
            )

    @property
    def _state(self) -> FolderState:
        return FolderState(self.workspace.local_state(self.name), self.workspace.store())

    def snapshot(self) -> tuple[str | None, str | None]:
        """Keep the folder as it is."""
        state = self._state
        with self.workspace.store_session() as session:
            found = capture(session, self.root, state.cache(), CaptureOptions())
        self._captured = found.cache
        return id_text(found.root), id_text(found.root)

    def snapshot_folder(self, restore_hashval: str) -> Folder:
        """Return the folder that a restore would make equal to a tree."""
        state = self._state
        return Folder(
            self.name,
            self.root,
            parse_id(restore_hashval),
            options=CaptureOptions(),
            cache=state.cache(),
        )

    def note_recorded(self) -> None:
        """Take note that the snapshot that was taken last is recorded."""
        if self._captured is not None:
            self._state.save_cache(self._captured)

    def note_restored(self, restored: RestoredFolder) -> None:
        """Take note that the folder has been restored."""
        self._state.save_cache(restored.cache)

    def delete_snapshot(
        self, workspace_snapshot_hash: str, resource_restore_hash: str, relative_path: str
    ) -> None:
        """Nothing of a snapshot lies in the folder itself."""


class LocalFilesFactory(ResourceFactory):
    """How local files come into being."""

    def from_command_line(
        self,
        role: str,
        name: str,
        workspace: Workspace,
        *args: Any,
        **kwargs: Any,
    ) -> Resource:
        """Return a new resource for a folder."""
        (path,) = args
        found = os.path.abspath(os.path.expanduser(path))
        if not os.path.isdir(found):
            raise ConfigurationError(
                f"{shown(path)} is no folder; make it first, or mend the path."
            )
        workspace.validate_local_path_for_resource(name, found)
        return LocalFilesResource(name, role, workspace, found, **kwargs)

    def from_json(self, params: JSONDict, local_params: JSONDict, workspace: Workspace) -> Resource:
        """Return the resource that parameters tell of."""
        return LocalFilesResource(
            params["name"],
            params["role"],
            workspace,
            params["global_local_path"],
            local_params.get("my_local_path"),
            compute_hash=params.get("compute_hash", False),
            export=params.get("export", False),
            imported=params.get("imported", False),
        )

    def has_local_state(self) -> bool:
        """Say that the folder must be on this machine."""
        return True

    def clone(self, params: JSONDict, workspace: Workspace) -> Resource:
        """Return the resource on another machine, where the folder has the same path."""
        return self.from_json(params, {}, workspace)

    def suggest_name(self, workspace: Workspace, role: str, *args: Any) -> str:
        """Return the name of the folder."""
        return os.path.basename(os.path.abspath(str(args[0])))
