"""Git repositories: the files of a working tree, and the commit that they belong to.

The store keeps every file of the working tree, also those that git ignores; git keeps its history.
A snapshot commits what is new in the tree, and a restore commits what it has changed, so that
``git status`` is clean after both; neither rewrites a commit or moves a branch.
"""

from __future__ import annotations

import logging
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from workspace_core.errors import ConfigurationError, GitError, shown
from workspace_core.parameters import ABSOLUTE_PATH, BOOLEAN, TEXT, Parameter
from workspace_core.repository import Repository
from workspace_core.resources.folder import FolderFactory, FolderResource, existing_folder
from workspace_core.resources.local_files import EXPORT, IMPORTED

if TYPE_CHECKING:
    from workspace_core.trees.restoring import RestoredFolder
    from workspace_core.workspace import JSONDict, Resource, Workspace

RESOURCE_TYPE = "git"
URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://|[^/@:]+@[^/:]+:")
USER_INFORMATION = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)@")
MARKER = "git-at-work"

_reports = logging.getLogger(__name__)


class GitResource(FolderResource):
    """The working tree of a repository that has a history of its own."""

    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter(
            "local_path",
            ABSOLUTE_PATH,
            default=None,
            is_global=False,
            help="Where the working tree is on this machine.",
        ),
        Parameter(
            "branch",
            TEXT,
            default=None,
            is_global=True,
            help="The branch that must be checked out when a snapshot is taken.",
        ),
        Parameter(
            "read_only",
            BOOLEAN,
            default=False,
            is_global=True,
            help="Nothing is committed or pushed.",
        ),
        EXPORT,
        IMPORTED,
    )

    def __init__(
        self,
        name: str,
        role: str,
        workspace: Workspace,
        *,
        remote_origin_url: str,
        relative_local_path: str,
        local_path: str,
        branch: str,
        read_only: bool = False,
        export: bool = False,
        imported: bool = False,
    ) -> None:
        super().__init__(RESOURCE_TYPE, name, role, workspace)
        self.remote_origin_url, self.relative_local_path = remote_origin_url, relative_local_path
        self.local_path, self.branch, self.read_only = local_path, branch, read_only
        self.export, self.imported = export, imported

    @property
    def root(self) -> Path:
        """Where the working tree is on this machine."""
        return Path(self.local_path)

    @property
    def repository(self) -> Repository:
        """The repository."""
        return Repository(self.root, self.workspace.local_state(self.name) / MARKER)

    def get_params(self) -> JSONDict:
        """Return the parameters that all copies of the workspace share."""
        return {
            "resource_type": self.resource_type,
            "name": self.name,
            "role": self.role,
            "remote_origin_url": self.remote_origin_url,
            "relative_local_path": self.relative_local_path,
            "branch": self.branch,
            "read_only": self.read_only,
            "export": self.export,
            "imported": self.imported,
        }

    def get_local_params(self) -> JSONDict:
        """Return the parameters of the resource on this machine."""
        return {"local_path": self.local_path}

    def snapshot_precheck(self) -> None:
        """Refuse a working tree that is not there, or is on another branch."""
        super().snapshot_precheck()
        if (found := self.repository.branch()) != self.branch:
            raise ConfigurationError(
                f"The resource '{self.name}' is on the branch {found or '(none)'!r} and not on "
                f"{self.branch!r}; check that out, or say that it has moved: dws config --resource "
                f"{self.name} branch {found or 'BRANCH'}."
            )

    def snapshot_facts(self) -> JSONDict:
        """Return the commit that was checked out."""
        found = super().snapshot_facts()
        return {**found, "commit": self.repository.head(), "branch": self.branch}

    def note_recorded(self) -> None:
        """Commit what the snapshot keeps."""
        super().note_recorded()
        self._commit(f"Snapshot of the workspace {self.workspace.name}")

    def note_restored(self, restored: RestoredFolder) -> None:
        """Commit what the restore has changed."""
        super().note_restored(restored)
        self._commit(f"Restore of the workspace {self.workspace.name}")

    def _commit(self, message: str) -> None:
        if self.read_only:
            return
        try:
            self.repository.commit(["."], message)
        except GitError as error:
            _reports.warning("The content of '%s' is kept, but not committed: %s", self.name, error)


class GitFactory(FolderFactory):
    """How git repositories become resources."""

    def from_command_line(
        self, role: str, name: str, workspace: Workspace, *args: Any, **kwargs: Any
    ) -> Resource:
        """Return a new resource for a working tree with a remote."""
        (path,) = args
        found = existing_folder(local_path(path))
        repository = Repository(Path(found), workspace.local_state(name) / MARKER)
        if not is_repository(found):
            raise ConfigurationError(
                f"{shown(path)} is neither a git repository nor a folder of the workspace; use "
                "'dws add local-files' for other folders."
            )
        workspace.validate_local_path_for_resource(name, found)
        origin, current = repository.origin(), repository.branch()
        if origin is None:
            raise ConfigurationError(
                f"The repository {shown(path)} has no remote 'origin', from which others could get "
                "it; add one with 'git remote add origin URL'."
            )
        branch = kwargs.pop("branch", None) or current
        if branch is None or branch != current:
            raise ConfigurationError(
                f"The repository {shown(path)} is on the branch {current or '(none)'!r}, not on "
                f"{branch or '(any)'!r}; check that branch out first."
            )
        return GitResource(
            name,
            role,
            workspace,
            remote_origin_url=without_credentials(origin),
            relative_local_path=_relative(found, workspace),
            local_path=found,
            branch=branch,
            **kwargs,
        )

    def from_json(self, params: JSONDict, local_params: JSONDict, workspace: Workspace) -> Resource:
        """Return the resource that parameters tell of."""
        home = workspace.get_workspace_local_path_if_any() or os.curdir
        beside = os.path.join(home, params["relative_local_path"])
        return GitResource(
            params["name"],
            params["role"],
            workspace,
            remote_origin_url=params["remote_origin_url"],
            relative_local_path=params["relative_local_path"],
            local_path=local_params.get("local_path") or os.path.normpath(beside),
            branch=params["branch"],
            read_only=params.get("read_only", False),
            export=params.get("export", False),
            imported=params.get("imported", False),
        )


def is_repository(folder: str) -> bool:
    """Return whether a folder is the top of a working tree."""
    return os.path.lexists(os.path.join(folder, ".git"))


def without_credentials(address: str) -> str:
    """Return the address of a repository without passwords and tokens, for all copies to see.

    The user of an address of ``ssh`` stays, for it is a part of the place; those of other protocols
    may be tokens.
    """

    def kept(found: re.Match[str]) -> str:
        scheme, user = found[1], found[2].partition(":")[0]
        return f"{scheme}://{user}@" if user and "ssh" in scheme.lower() else f"{scheme}://"

    return USER_INFORMATION.sub(kept, address, count=1)


def local_path(path: str) -> str:
    """Return a path of this machine.

    Raises:
        ConfigurationError: if it is an address of a repository elsewhere.
    """
    if URL.match(path) and not os.path.exists(path):
        raise ConfigurationError(
            f"{shown(path)} is the address of a repository; clone it with git first, and add the "
            "folder."
        )
    return path


def _relative(folder: str, workspace: Workspace) -> str:
    home = workspace.get_workspace_local_path_if_any()
    return folder if home is None else os.path.relpath(folder, home)
