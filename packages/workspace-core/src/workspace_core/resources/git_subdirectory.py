"""Git subdirectories: folders of the workspace, whose content its own git history has as well."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from workspace_core.errors import ConfigurationError, shown
from workspace_core.parameters import Parameter, is_below
from workspace_core.resources.folder import FolderFactory, FolderResource, existing_folder
from workspace_core.resources.git_repository import local_path
from workspace_core.resources.local_files import EXPORT

if TYPE_CHECKING:
    from workspace_core.workspace import JSONDict, Resource, Workspace

RESOURCE_TYPE = "git-subdirectory"


class GitSubdirectoryResource(FolderResource):
    """A folder of the workspace; what is in it is committed with the snapshots that keep it."""

    parameters: ClassVar[tuple[Parameter, ...]] = (EXPORT,)

    def __init__(
        self,
        name: str,
        role: str,
        workspace: Workspace,
        relative_path: str,
        *,
        export: bool = False,
    ) -> None:
        super().__init__(RESOURCE_TYPE, name, role, workspace)
        self.relative_path, self.export = relative_path, export

    @property
    def root(self) -> Path:
        """Where the folder is on this machine."""
        return Path(_home(self.workspace)) / self.relative_path

    def get_params(self) -> JSONDict:
        """Return the parameters that all copies of the workspace share."""
        return {
            "resource_type": self.resource_type,
            "name": self.name,
            "role": self.role,
            "relative_path": self.relative_path,
            "export": self.export,
        }

    def get_local_params(self) -> JSONDict:
        """Return nothing: the folder lies at the same place in all copies."""
        return {}

    def workspace_paths(self) -> tuple[str, ...]:
        """Return the folder, which the history of the workspace is to have."""
        return (self.relative_path,)


class GitSubdirectoryFactory(FolderFactory):
    """How folders of the workspace become resources."""

    def from_command_line(
        self, role: str, name: str, workspace: Workspace, *args: Any, **kwargs: Any
    ) -> Resource:
        """Return a new resource for a folder of the workspace."""
        (path,) = args
        found = existing_folder(local_path(path))
        if not is_inside(found, workspace):
            raise ConfigurationError(f"{shown(path)} does not lie in the folder of the workspace.")
        workspace.validate_local_path_for_resource(name, found)
        relative = os.path.relpath(os.path.realpath(found), os.path.realpath(_home(workspace)))
        return GitSubdirectoryResource(name, role, workspace, relative, **kwargs)

    def from_json(self, params: JSONDict, local_params: JSONDict, workspace: Workspace) -> Resource:  # noqa: ARG002 - there are none
        """Return the resource that parameters tell of."""
        relative = params["relative_path"]
        if not is_below(relative):
            raise ConfigurationError(
                f"The resource '{params['name']}' names {shown(relative)}, which does not lie in "
                "the workspace; its file was changed by something else than dws."
            )
        return GitSubdirectoryResource(
            params["name"],
            params["role"],
            workspace,
            relative,
            export=params.get("export", False),
        )

    def has_local_state(self) -> bool:
        """Say that the folder comes with the workspace."""
        return False


def is_inside(folder: str, workspace: Workspace) -> bool:
    """Return whether a folder lies below that of the workspace."""
    home, found = os.path.realpath(_home(workspace)), os.path.realpath(folder)
    return found != home and os.path.commonpath([home, found]) == home


def _home(workspace: Workspace) -> str:
    home = workspace.get_workspace_local_path_if_any()
    if home is None:
        raise ConfigurationError("The workspace has no folder on this machine.")
    return home
