"""A folder whose place is recorded, and may be another one on this machine."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from workspace_core.errors import ConfigurationError, shown
from workspace_core.parameters import OPTIONAL_ABSOLUTE_PATH, PATH, Parameter, is_below
from workspace_core.resources.declared import DeclaredResource
from workspace_core.resources.folder import FolderResource, existing_folder

if TYPE_CHECKING:
    from workspace_core.workspace import JSONDict, Workspace

LOCATION = "global_local_path"
PLACE = (
    Parameter(
        LOCATION,
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
)


class PlacedFolder(DeclaredResource, FolderResource):
    """A folder of this machine; a type of a plugin need not add anything to this."""

    parameters: ClassVar[tuple[Parameter, ...]] = PLACE
    positional: ClassVar[tuple[str, ...]] = (LOCATION,)
    must_be_here: ClassVar[bool] = True
    place_parameter: ClassVar[str] = "my_local_path"

    global_local_path: str
    my_local_path: str | None

    def __init__(self, resource_type: str, name: str, *args: Any) -> None:
        super().__init__(resource_type, name, *args)
        found = os.path.normpath(self.global_local_path or os.curdir)
        if not os.path.isabs(found) and not is_below(found):
            raise ConfigurationError(
                f"The resource '{name}' names {shown(found)}, which does not lie in the "
                "workspace; its file was changed by something else than dws."
            )

    @property
    def root(self) -> Path:
        """Where the folder is on this machine."""
        home = self.workspace.get_workspace_local_path_if_any() or os.curdir
        return Path(home, self.my_local_path or self.global_local_path)

    @classmethod
    def as_recorded(cls, values: JSONDict, name: str, workspace: Workspace) -> JSONDict:
        """Return parameters with the place of a folder as it is recorded."""
        return {**values, LOCATION: place_of(existing_folder(values[LOCATION]), name, workspace)}

    @classmethod
    def suggested_name(cls, *args: Any) -> str:
        """Return the name of the folder."""
        return super().suggested_name(os.path.expanduser(str(args[-1])))

    @classmethod
    def lies_in_workspace(cls, params: JSONDict) -> bool:
        """Return whether the folder is one of the workspace, which every copy makes for itself."""
        return not os.path.isabs(params[LOCATION])

    @property
    def _elsewhere(self) -> str:
        return f", or say where it is: dws config --resource {self.name} my_local_path PATH"


def place_of(folder: str, name: str, workspace: Workspace) -> str:
    """Return the place of a folder as it is recorded: below the workspace, or absolute.

    Raises:
        ConfigurationError: if it overlaps with another resource, or holds the workspace.
    """
    workspace.validate_local_path_for_resource(name, folder)
    home = os.path.realpath(workspace.get_workspace_local_path_if_any() or os.curdir)
    inside = os.path.relpath(os.path.realpath(folder), home)
    return inside if is_below(inside) else folder  # so that the workspace may be moved
