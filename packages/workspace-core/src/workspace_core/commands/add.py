"""Add a resource to a workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workspace_core.errors import ConfigurationError
from workspace_core.resources import git_repository, git_subdirectory, local_files
from workspace_core.resources.folder import existing_folder
from workspace_core.resources.git_subdirectory import is_inside
from workspace_core.workspace import ResourceRoles

if TYPE_CHECKING:
    from workspace_core.backends.files import FiledWorkspace
    from workspace_core.workspace import Resource

ROLE_LETTERS = {
    "s": ResourceRoles.SOURCE_DATA_SET,
    "i": ResourceRoles.INTERMEDIATE_DATA,
    "c": ResourceRoles.CODE,
    "r": ResourceRoles.RESULTS,
}


def add(
    workspace: FiledWorkspace,
    resource_type: str,
    role: str,
    *location: str,
    name: str | None = None,
    **options: Any,
) -> Resource:
    """Add a resource, and return it.

    Args:
        workspace: the workspace.
        resource_type: a built-in type, such as ``file`` or ``s3``, or one that a plugin brings.
        role: a role or its first letter.
        location: where it is; nothing for a type that is nowhere.
        name: what it is to be called; by default like its folder.
        options: what the type takes beyond that.

    Raises:
        ConfigurationError: if it cannot be added; then nothing has changed.
    """
    with workspace.locked():
        role = ROLE_LETTERS.get(role, role)
        name = name or workspace.suggest_resource_name(resource_type, role, *location)
        resource = workspace.add_resource(name, resource_type, role, *location, **options)
        workspace.save(f"Add resource {name}")
        return resource


def add_local_files(
    workspace: FiledWorkspace, role: str, path: str, *, name: str | None = None, **options: Any
) -> Resource:
    """Add a folder that nobody else controls; see `add`."""
    return add(workspace, local_files.RESOURCE_TYPE, role, path, name=name, **options)


def add_git(
    workspace: FiledWorkspace,
    role: str,
    path: str,
    *,
    name: str | None = None,
    branch: str | None = None,
    read_only: bool = False,
    export: bool = False,
    imported: bool = False,
) -> Resource:
    """Add a git repository, or a folder of the workspace that is none by itself; see `add`."""
    found = existing_folder(git_repository.local_path(path))
    if is_inside(found, workspace) and not git_repository.is_repository(found):
        if not workspace.has_git:
            raise ConfigurationError(
                "No git has the folder of this workspace; the store keeps all files: dws add "
                "local-files --role ROLE PATH."
            )
        return add(workspace, git_subdirectory.RESOURCE_TYPE, role, path, name=name, export=export)
    return add(
        workspace,
        git_repository.RESOURCE_TYPE,
        role,
        path,
        name=name,
        branch=branch,
        read_only=read_only,
        export=export,
        imported=imported,
    )
