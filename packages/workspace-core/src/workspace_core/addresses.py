"""Addresses ``workspace:RESOURCE/PATH``: files of resources, for pipelines to read and write.

The workspace is the nearest one from the storage root upwards; where there is none, the one in
which runs are recorded, if that is a folder. What a pipeline reads is what is in
the resource now, and what it writes is in the next snapshot. Source data are never written.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from util_services import settings
from util_services.errors import StorageError
from workspace_core.recording import WORKSPACE
from workspace_core.writable import rule_against_writing

if TYPE_CHECKING:
    from workspace_core.workspace import Resource

NAME = "workspace"


class WorkspaceAddresses:
    """The kind of addresses that name files of resources."""

    name = NAME

    def resolve(self, address: str, root: Path) -> str:
        """Return the path of a file of a resource.

        Raises:
            StorageError: if there is no such workspace or resource, or the path leads out of it.
        """
        resource, path = self._found(address, root)
        folder = _folder(resource)
        real, found = os.path.realpath(folder), os.path.realpath(os.path.join(folder, path))
        if os.path.commonpath([real, found]) != real:
            raise StorageError(
                f"The address '{NAME}:{address}' leads out of the resource '{resource.name}'; name "
                "a file in it."
            )
        return found

    def check_writable(self, address: str, root: Path) -> None:
        """Refuse to write source data, and what snapshots have moved.

        Raises:
            StorageError: naming the resource and the rule.
        """
        resource, path = self._found(address, root)
        if (rule := rule_against_writing(resource, path)) is None:
            return
        raise StorageError(
            f"The address '{NAME}:{address}' cannot be written: {rule}; choose a resource for "
            "intermediate data or results."
        )

    def _found(self, address: str, root: Path) -> tuple[Resource, str]:
        from workspace_core.errors import DataWorkspacesError
        from workspace_core.workspace import RESERVED_NAMES, load_folder

        name, _, path = address.partition("/")
        parts = [part for part in path.split("/") if part]
        if {".", "..", *RESERVED_NAMES} & set(parts):
            raise StorageError(
                f"The address '{NAME}:{address}' names no file of a resource; write "
                f"'{NAME}:RESOURCE/PATH' without '.', '..' and what belongs to git and dws."
            )
        try:
            workspace = load_folder(_workspace_of(root), batch=True)
            return workspace.get_resource(name), "/".join(parts)
        except DataWorkspacesError as error:
            raise StorageError(f"The address '{NAME}:{address}' leads nowhere. {error}") from error


def _workspace_of(root: Path) -> Path:
    """Return the folder of the workspace that addresses lead into.

    Raises:
        ConfigurationError: if there is none.
    """
    from workspace_core.errors import ConfigurationError
    from workspace_core.workspace import METADATA_FOLDER, enclosing_workspace

    try:
        return enclosing_workspace(root)
    except ConfigurationError:
        recorded = settings.text(WORKSPACE)
        if recorded is None or not (Path(recorded) / METADATA_FOLDER).is_dir():
            raise
        return Path(recorded)


def _folder(resource: Resource) -> str:
    from workspace_core.workspace import LocalStateResourceMixin

    folder = None
    if isinstance(resource, LocalStateResourceMixin):
        folder = resource.get_local_path_if_any()
    if folder is None:
        raise StorageError(
            f"The resource '{resource.name}' has no files on this machine; name another one."
        )
    return folder
