"""Local files: a folder that is under nobody else's control."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from workspace_core.errors import ConfigurationError, shown
from workspace_core.parameters import (
    BOOLEAN,
    OPTIONAL_ABSOLUTE_PATH,
    PATH,
    Parameter,
    is_below,
)
from workspace_core.resources.folder import FolderFactory, FolderResource, existing_folder

if TYPE_CHECKING:
    from workspace_core.workspace import JSONDict, Resource, Workspace

RESOURCE_TYPE = "file"
EXPORT = Parameter(
    "export",
    BOOLEAN,
    default=False,
    is_global=True,
    help="Write lineage beside the content, for workspaces that import it.",
)
IMPORTED = Parameter(
    "imported",
    BOOLEAN,
    default=False,
    is_global=True,
    help="The content comes from another workspace, with its lineage.",
)


class LocalFilesResource(FolderResource):
    """A folder of this machine."""

    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter(
            "global_local_path",
            PATH,
            default=None,
            is_global=True,
            help="Where the folder is (below the workspace, or absolute) unless told otherwise.",
        ),
        Parameter(
            "my_local_path",
            OPTIONAL_ABSOLUTE_PATH,
            default=None,
            is_global=False,
            help="Where the folder is on this machine, if elsewhere.",
        ),
        Parameter(
            "compute_hash",
            BOOLEAN,
            default=False,
            is_global=True,
            help="Kept for compatibility: content is always compared by its hash.",
        ),
        EXPORT,
        IMPORTED,
    )

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

    @property
    def root(self) -> Path:
        """Where the folder is on this machine."""
        home = self.workspace.get_workspace_local_path_if_any() or os.curdir
        return Path(home, self.my_local_path or self.global_local_path)

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

    @property
    def _elsewhere(self) -> str:
        return f", or say where it is: dws config --resource {self.name} my_local_path PATH"


class LocalFilesFactory(FolderFactory):
    """How local files come into being."""

    def from_command_line(
        self, role: str, name: str, workspace: Workspace, *args: Any, **kwargs: Any
    ) -> Resource:
        """Return a new resource for a folder."""
        (path,) = args
        found = existing_folder(path)
        workspace.validate_local_path_for_resource(name, found)
        home = os.path.realpath(workspace.get_workspace_local_path_if_any() or os.curdir)
        inside = os.path.relpath(os.path.realpath(found), home)
        kept = inside if is_below(inside) else found  # so that the workspace may be moved
        return LocalFilesResource(name, role, workspace, kept, **kwargs)

    def from_json(self, params: JSONDict, local_params: JSONDict, workspace: Workspace) -> Resource:
        """Return the resource that parameters tell of."""
        path = params["global_local_path"]
        if not os.path.isabs(path) and not is_below(path):
            raise ConfigurationError(
                f"The resource '{params['name']}' names {shown(path)}, which does not lie in the "
                "workspace; its file was changed by something else than dws."
            )
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
