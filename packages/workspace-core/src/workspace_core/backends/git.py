"""The git backend: metadata are files in ``.dataworkspace``, and git is their history.

config.json                 name, release, parameters that all copies share   committed
resources/<name>.json       a resource                                        committed
removed/<name>.json         one that was removed, see `resource_records`      committed
snapshots/ tags/ deleted/   see `snapshots.catalogue`                         committed
lineage/                    see `lineage.store`                               committed
local/params.json           parameters of this copy                           ignored
local/resources/<name>/     parameters of a resource here, its stat cache     ignored
local/*.json                journals of what is under way                     ignored
local/lock                  held by the command that changes something        ignored
store/                      the store, unless the parameter 'store' says else ignored

What git has can be repeated from these files: a commit that failed is made up for by the next one.
"""

from __future__ import annotations

import logging
import os
import shutil
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from workspace_core.backends.files import (
    FiledWorkspace,
    checked_params,
    found_workspace,
    new_config,
    refuse_workspace,
    require_backend,
)
from workspace_core.errors import (
    GitError,
    NoGitError,
)
from workspace_core.parameters import (
    BRANCH,
    HOSTNAME_PARAMETER,
    SCRATCH,
    STORE_PARAMETER,
    WORKSPACE_PARAMETERS,
)
from workspace_core.repository import Repository
from workspace_core.store.durable import write_whole
from workspace_core.workspace import (
    GIT,
    METADATA_FOLDER,
    LocalStateResourceMixin,
    Resource,
    Workspace,
    WorkspaceFactory,
)

if TYPE_CHECKING:
    from urllib.parse import ParseResult


IGNORED = "/local/\n/store/\n"
MARKER, GITIGNORE = "git-at-work", ".gitignore"
SPECIAL_IN_PATTERNS = "\\*?[!# "

_reports = logging.getLogger(__name__)


class GitWorkspace(FiledWorkspace):
    """A workspace in a git repository."""

    has_git: ClassVar[bool] = True

    def __init__(self, folder: Path, *, batch: bool = False, verbose: bool = False) -> None:
        super().__init__(folder, batch=batch, verbose=verbose)
        self.repository = Repository(folder, self.local / MARKER)

    def wait_for_locks(self, seconds: float) -> None:
        """Say how long to wait for other commands, and for a git of somebody else's."""
        super().wait_for_locks(seconds)
        self.repository = replace(self.repository, wait_seconds=seconds)

    def add_resource(
        self, name: str, resource_type: str, role: str, *args: Any, **kwargs: Any
    ) -> Resource:
        """Add a resource; git ignores its folder if that lies here and is not for it."""
        resource = super().add_resource(name, resource_type, role, *args, **kwargs)
        if isinstance(resource, LocalStateResourceMixin) and not resource.workspace_paths():
            path = resource.get_local_path_if_any()
            if path is not None:
                self._ignore(path)
        return resource

    def save(self, message: str) -> None:
        """Commit what the workspace knows."""
        self._save(message, [])

    def save_contents(self, message: str) -> None:
        """Commit what the workspace knows, and the resources that its history is to have."""
        self._save(
            message,
            [
                path
                for name in self.get_resource_names()
                for path in self.get_resource_wherever(name).workspace_paths()
            ],
        )

    def _save(self, message: str, contents: list[str]) -> None:
        self._write_config()
        ours = [METADATA_FOLDER, *([GITIGNORE] if self._ignoring.exists() else [])]
        try:
            self.repository.commit([*ours, *contents], message)
            self._ignoring.unlink(missing_ok=True)
        except GitError as error:
            _reports.warning(
                "All is recorded, but not committed, and the next command tries again: %s", error
            )

    def recorded_ever(self, hashes: set[str]) -> set[str]:
        """Return those snapshots that may be recorded somewhere in the history of the workspace."""
        folder = f"{METADATA_FOLDER}/{self.catalogue.snapshots.name}"
        try:
            paths = self.repository.ever_added(folder)
        except GitError:
            return hashes
        return hashes & {Path(path).stem for path in paths}

    @property
    def _ignoring(self) -> Path:
        """What is there as long as changes of ours to ``.gitignore`` are to be committed."""
        return self.local / "ignoring"

    def _ignore(self, path: str) -> None:
        """Have git ignore a folder of the workspace; others are none of its business."""
        home, found = os.path.realpath(self.folder), os.path.realpath(path)
        if os.path.commonpath([home, found]) != home:
            return
        relative = os.path.relpath(found, home)
        if "\n" in relative:
            return  # no pattern can name it
        pattern = "".join(f"\\{c}" if c in SPECIAL_IN_PATTERNS else c for c in relative)
        file = self.folder / GITIGNORE
        lines = file.read_bytes().splitlines() if file.exists() else []
        wanted = os.fsencode(f"/{pattern}/")
        if wanted not in lines:
            write_whole(file, b"\n".join([*lines, wanted, b""]))
            write_whole(self._ignoring, b"")


class GitWorkspaceFactory(WorkspaceFactory):
    """How workspaces in git repositories come into being."""

    def load_workspace(self, parsed_uri: ParseResult, *, batch: bool, verbose: bool) -> Workspace:
        """Return the workspace in a folder."""
        folder = Path(parsed_uri.path)
        require_backend(folder, GIT)
        return GitWorkspace(folder, batch=batch, verbose=verbose)

    def init_workspace(
        self,
        workspace_name: str,
        hostname: str,
        *args: Any,
        batch: bool,
        verbose: bool,
        **kwargs: Any,
    ) -> Workspace:
        """Make a workspace in a folder, which becomes a repository if it is none.

        Args:
            workspace_name: its name.
            hostname: what this machine is called.
            args: the folder; by default the current one.
            batch: nobody is to be asked.
            verbose: tell more.
            kwargs: ``store``, a folder to be shared with other workspaces; ``keyset``, with which a
                new store is encrypted; ``scratch_directory``, for what is in no snapshot.
        """
        folder = Path(args[0] if args else os.curdir).absolute()
        refuse_workspace(folder)
        metadata, shared = folder / METADATA_FOLDER, kwargs.get("store")
        kept_here = checked_params(
            {HOSTNAME_PARAMETER: hostname, STORE_PARAMETER: os.path.abspath(shared)}
            if shared
            else {HOSTNAME_PARAMETER: hostname},
            WORKSPACE_PARAMETERS,
        )
        params = checked_params({SCRATCH: kwargs.get("scratch_directory")}, WORKSPACE_PARAMETERS)
        repository = Repository(folder, metadata / "local" / MARKER)
        made_repository = not repository.exists
        try:
            branch = None
            with suppress(NoGitError):  # saving tells of it, and makes up for it
                if made_repository:
                    repository.init()
                branch = repository.branch()
            write_whole(metadata / GITIGNORE, IGNORED.encode())
            config = new_config(workspace_name, {BRANCH: branch, **params})
            found_workspace(metadata, kept_here, config, kwargs.get("keyset"))
            workspace = GitWorkspace(folder, batch=batch, verbose=verbose)
            if (scratch := workspace.make_scratch()) is not None:
                workspace._ignore(str(scratch))
        except BaseException:
            shutil.rmtree(metadata, ignore_errors=True)
            if made_repository:
                shutil.rmtree(folder / ".git", ignore_errors=True)
            raise
        workspace.save(f"Initialise the workspace {workspace_name}")
        return workspace

    def clone_workspace(
        self, hostname: str, *args: Any, batch: bool, verbose: bool, **kwargs: Any
    ) -> Workspace:
        """Bring a workspace to a new folder of this machine, as yet without content.

        Args:
            hostname: what this machine is called.
            args: the address of its repository, and the folder.
            batch: nobody is to be asked.
            verbose: tell more.
            kwargs: ``store`` and ``keyset``, as for `init_workspace`.
        """
        from workspace_core.backends.cloning import clone_records

        address, folder = args
        return clone_records(
            address, Path(folder), hostname, batch=batch, verbose=verbose, **kwargs
        )
