"""The git backend: metadata are files in ``.dataworkspace``, and git is their history.

config.json                 name, release, parameters that all copies share   committed
resources/<name>.json       a resource                                        committed
snapshots/ tags/ deleted/   see `snapshots.catalogue`                         committed
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
import socket
import uuid
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workspace_core import __version__
from workspace_core.backends.snapshots import LocalSnapshots, folders_of
from workspace_core.errors import (
    ConfigurationError,
    GitError,
    NoGitError,
    NoStoreError,
    NotSupportedError,
    shown,
)
from workspace_core.parameters import (
    BRANCH,
    HOSTNAME_PARAMETER,
    LOCAL_SCRATCH,
    SCRATCH,
    STORE_PARAMETER,
    WORKSPACE_PARAMETERS,
    ParameterValue,
    parameter_named,
)
from workspace_core.repository import Repository
from workspace_core.snapshots.catalogue import Catalogue
from workspace_core.store.durable import json_bytes, read_json, remove_file, write_whole
from workspace_core.store.locks import DEFAULT_WAIT_SECONDS, exclusive
from workspace_core.store.pins import Pins
from workspace_core.store.store import Store
from workspace_core.trees.restoring import JOURNAL, recover_folders
from workspace_core.workspace import (
    CONFIG_FILE,
    METADATA_FOLDER,
    JSONDict,
    LocalStateResourceMixin,
    Resource,
    Workspace,
    WorkspaceFactory,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from urllib.parse import ParseResult

    from workspace_core.store.session import Session

SCHEMA = 1
IGNORED = "/local/\n/store/\n"
LOCK, MARKER, PARAMS, GITIGNORE = "lock", "git-at-work", "params.json", ".gitignore"
INSTANCE = "instance_id"
SPECIAL_IN_PATTERNS = "\\*?[!# "

_reports = logging.getLogger(__name__)


class GitWorkspace(LocalSnapshots):
    """A workspace in a git repository."""

    def __init__(self, folder: Path, *, batch: bool = False, verbose: bool = False) -> None:
        self.folder = folder
        self.metadata = folder / METADATA_FOLDER
        self._config = read_json(self.metadata / CONFIG_FILE, SCHEMA)
        super().__init__(
            str(self._config["name"]),
            str(self._config["dws_version"]),
            batch=batch,
            verbose=verbose,
        )
        self.catalogue = Catalogue(self.metadata)
        self.repository = Repository(folder, self.local / MARKER)
        self.lock_wait_seconds = DEFAULT_WAIT_SECONDS
        self._store: Store | None = None
        self._session: Session | None = None
        self._is_locked = False

    def wait_for_locks(self, seconds: float) -> None:
        """Say how long to wait for other commands, and for a git of somebody else's."""
        self.lock_wait_seconds = seconds
        self.repository = replace(self.repository, wait_seconds=seconds)

    # Parameters

    def get_instance(self) -> str:
        """Return host name and folder."""
        return f"{self.get_local_param(HOSTNAME_PARAMETER)}:{self.folder}"

    def get_global_param(self, param_name: str) -> Any:
        """Return a parameter that all copies share."""
        default = parameter_named(WORKSPACE_PARAMETERS, param_name, "The workspace").default
        return self._config.get("global_params", {}).get(param_name, default)

    def get_local_param(self, param_name: str) -> Any:
        """Return a parameter of this copy."""
        default = parameter_named(WORKSPACE_PARAMETERS, param_name, "The workspace").default
        if param_name == HOSTNAME_PARAMETER:
            default = socket.gethostname() or default
        return self._local_params().get(param_name, default)

    def set_global_param(self, name: str, value: Any) -> None:
        """Set a parameter that all copies share; it lasts once the workspace is saved."""
        checked = parameter_named(WORKSPACE_PARAMETERS, name, "The workspace").checked(value)
        params = {**self._config.get("global_params", {}), name: checked}
        self._config = {**self._config, "global_params": params}

    def set_local_param(self, name: str, value: Any) -> None:
        """Set a parameter of this copy at once."""
        checked = parameter_named(WORKSPACE_PARAMETERS, name, "The workspace").checked(value)
        if name == STORE_PARAMETER:
            self._check_new_store(checked)
        self._set_local(name, checked)

    def parameter_values(self) -> list[ParameterValue]:
        """Return all parameters of the workspace with their values."""
        return [
            ParameterValue(
                one,
                self.get_global_param(one.name)
                if one.is_global
                else self.get_local_param(one.name),
            )
            for one in WORKSPACE_PARAMETERS
        ]

    def set_param(self, name: str, value: Any) -> None:
        """Set a parameter of the workspace; a global one lasts once the workspace is saved."""
        known = parameter_named(WORKSPACE_PARAMETERS, name, "The workspace")
        (self.set_global_param if known.is_global else self.set_local_param)(name, value)

    def resource_parameter_values(self, resource_name: str) -> list[ParameterValue]:
        """Return those parameters of a resource that can be set, with their values."""
        resource = self.get_resource_wherever(resource_name)
        values = resource.get_params()
        if isinstance(resource, LocalStateResourceMixin):
            values = {**values, **resource.get_local_params()}
        return [
            ParameterValue(one, values.get(one.name, one.default)) for one in resource.parameters
        ]

    def set_resource_param(self, resource_name: str, name: str, value: Any) -> None:
        """Set a parameter of a resource; what is known of its folder is forgotten."""
        resource = self.get_resource_wherever(resource_name)
        known = parameter_named(resource.parameters, name, f"The resource '{resource_name}'")
        checked = known.checked(value)
        if known.type.name.endswith("path") and checked is not None:
            place = os.path.join(self.folder, checked)
            if not os.path.isdir(place):
                raise ConfigurationError(f"{shown(checked)} is no folder; make it first.")
            self.validate_local_path_for_resource(resource_name, place)
        if known.is_global:
            record = {**self._get_resource_params(resource_name), name: checked}
            write_whole(self._resource_file(resource_name), json_bytes(record))
        else:
            params = {**(self._get_resource_local_params(resource_name) or {}), name: checked}
            self._add_local_params_for_resource(resource_name, params)
        remove_file(self.local_state(resource_name) / "stat")

    def change_param(self, name: str, value: Any, resource_name: str | None = None) -> None:
        """Set a parameter of the workspace or of a resource, and make it last."""
        with self.locked():
            if resource_name is None:
                self.set_param(name, value)
            else:
                self.set_resource_param(resource_name, name, value)
            self.save(f"Set {name}{f' of {resource_name}' if resource_name else ''}")

    # Resources

    def get_resource_names(self) -> Iterable[str]:
        """Return the names of all resources in the order in which they were added."""
        records = [read_json(file, SCHEMA) for file in self._resources.glob("[!.]*.json")]
        return [one["name"] for one in sorted(records, key=lambda one: (one["added"], one["name"]))]

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

    def _get_resource_params(self, resource_name: str) -> JSONDict:
        try:
            return read_json(self._resource_file(resource_name), SCHEMA)
        except FileNotFoundError:
            raise ConfigurationError(
                f"There is no resource '{resource_name[:80]}'; 'dws report status' lists them."
            ) from None

    def _get_resource_local_params(self, resource_name: str) -> JSONDict | None:
        try:
            return read_json(self.local_state(resource_name) / PARAMS, SCHEMA)
        except FileNotFoundError:
            return None

    def _add_params_for_resource(self, resource_name: str, params: JSONDict) -> None:
        record = {"schema": SCHEMA, "added": _now(), **params}
        write_whole(self._resource_file(resource_name), json_bytes(record))

    def _add_local_params_for_resource(self, resource_name: str, local_params: JSONDict) -> None:
        record = {"schema": SCHEMA, **local_params}
        write_whole(self.local_state(resource_name) / PARAMS, json_bytes(record))

    def get_workspace_local_path_if_any(self) -> str | None:
        """Return the folder of the workspace."""
        return str(self.folder)

    def local_state(self, resource_name: str) -> Path:
        """Return the folder for what is known of a resource on this machine alone."""
        return self.local / "resources" / resource_name

    # Saving

    def save(self, message: str) -> None:
        """Commit what the workspace knows."""
        self._save(message, [])

    def save_contents(self, message: str) -> None:
        """Commit what the workspace knows, and the resources that its history is to have."""
        self._save(
            message, [path for one in self.get_resources() for path in one.workspace_paths()]
        )

    def _save(self, message: str, contents: list[str]) -> None:
        content = json_bytes({**self._config, "schema": SCHEMA})
        if (self.metadata / CONFIG_FILE).read_bytes() != content:
            write_whole(self.metadata / CONFIG_FILE, content)
        ours = [METADATA_FOLDER, *([GITIGNORE] if self._ignoring.exists() else [])]
        try:
            self.repository.commit([*ours, *contents], message)
            self._ignoring.unlink(missing_ok=True)
        except GitError as error:
            _reports.warning(
                "All is recorded, but not committed; the next command tries again. %s", error
            )

    # The store

    def store(self) -> Store:
        """Return the store that keeps the content of snapshots."""
        if self._store is None:
            own = self.metadata / "store"
            self._store = Store.open(Path(self.get_local_param(STORE_PARAMETER) or own))
        return self._store

    @contextmanager
    def store_session(self) -> Iterator[Session]:
        """Read and write objects of the store; an inner one is the outer one."""
        if self._session is not None:
            yield self._session
            return
        with self.store().session(self.lock_wait_seconds) as session:
            self._session = session
            try:
                yield session
            finally:
                self._session = None

    def pins(self) -> Pins:
        """Return the pins of this copy of the workspace in its store."""
        instance = self._local_params().get(INSTANCE)
        if instance is None:
            instance = str(uuid.uuid4())
            self._set_local(INSTANCE, instance)
        return Pins(self.store(), str(instance))

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other commands from changing the workspace, and bring it to rest after a crash."""
        if self._is_locked:
            yield
            return
        with exclusive(
            self.local / LOCK, f"workspace {shown(self.folder)}", self.lock_wait_seconds
        ):
            self._is_locked = True
            try:
                self._config = read_json(self.metadata / CONFIG_FILE, SCHEMA)
                recover_folders(folders_of(self), self.local / JOURNAL)
                self.bring_to_rest()
                yield
            finally:
                self._is_locked = False

    # Files

    @property
    def local(self) -> Path:
        """Where files lie that belong to this copy alone."""
        return self.metadata / "local"

    @property
    def _ignoring(self) -> Path:
        """What is there as long as changes of ours to ``.gitignore`` are to be committed."""
        return self.local / "ignoring"

    @property
    def _resources(self) -> Path:
        return self.metadata / "resources"

    def _resource_file(self, name: str) -> Path:
        if not name or "/" in name or "\0" in name or name.startswith("."):
            raise ConfigurationError(f"'{name[:80]}' cannot name a resource.")
        return self._resources / f"{name}.json"

    def _local_params(self) -> JSONDict:
        try:
            return read_json(self.local / PARAMS, SCHEMA)
        except FileNotFoundError:
            return {}

    def _set_local(self, name: str, value: Any) -> None:
        record = {**self._local_params(), "schema": SCHEMA, name: value}
        write_whole(self.local / PARAMS, json_bytes(record))

    def _check_new_store(self, place: str | None) -> None:
        if self.catalogue.hashes():
            with suppress(NoStoreError):  # of a copy that was made by git alone
                raise ConfigurationError(
                    f"The snapshots lie in the store {shown(self.store().folder)}; the parameter "
                    f"'{STORE_PARAMETER}' can be set as long as there are none."
                )
        if place is not None:
            Store.open(Path(place))

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
        if not (folder / METADATA_FOLDER / CONFIG_FILE).is_file():
            raise ConfigurationError(f"{shown(folder)} is no workspace; 'dws init' makes one.")
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
        metadata = folder / METADATA_FOLDER
        if (metadata / CONFIG_FILE).exists():
            raise ConfigurationError(f"{shown(folder)} is a workspace already.")
        shared, scratch = kwargs.get("store"), kwargs.get("scratch_directory")
        params = {
            name: parameter_named(WORKSPACE_PARAMETERS, name, "The workspace").checked(value)
            for name, value in (
                (HOSTNAME_PARAMETER, hostname),
                (STORE_PARAMETER, os.path.abspath(shared) if shared else None),
                (SCRATCH, scratch),
            )
            if value is not None
        }
        repository = Repository(folder, metadata / "local" / MARKER)
        made_repository = not repository.exists
        try:
            if made_repository:
                with suppress(NoGitError):  # saving tells of it, and makes up for it
                    repository.init()
            workspace = self._founded(
                folder, workspace_name, params, kwargs.get("keyset"), batch=batch, verbose=verbose
            )
        except BaseException:
            shutil.rmtree(metadata, ignore_errors=True)
            if made_repository:
                shutil.rmtree(folder / ".git", ignore_errors=True)
            raise
        workspace.save(f"Initialise the workspace {workspace_name}")
        return workspace

    @staticmethod
    def _founded(
        folder: Path,
        name: str,
        params: JSONDict,
        keyset: Any,
        *,
        batch: bool,
        verbose: bool,
    ) -> GitWorkspace:
        metadata = folder / METADATA_FOLDER
        write_whole(metadata / GITIGNORE, IGNORED.encode())
        Store.create(Path(params.get(STORE_PARAMETER) or metadata / "store"), keyset)
        kept_here = (HOSTNAME_PARAMETER, STORE_PARAMETER)
        local = {k: v for k, v in params.items() if k in kept_here}
        write_whole(
            metadata / "local" / PARAMS,
            json_bytes({"schema": SCHEMA, INSTANCE: str(uuid.uuid4()), **local}),
        )
        repository = Repository(folder, metadata / "local" / MARKER)
        branch = None
        with suppress(NoGitError):
            branch = repository.branch()
        shared = {k: v for k, v in params.items() if k not in kept_here}
        config = {
            "schema": SCHEMA,
            "name": name,
            "dws_version": __version__,
            "workspace_id": str(uuid.uuid4()),
            "global_params": {BRANCH: branch, **shared},
        }
        write_whole(metadata / CONFIG_FILE, json_bytes(config))
        workspace = GitWorkspace(folder, batch=batch, verbose=verbose)
        if scratch := params.get(SCRATCH):
            place = Path(workspace.get_local_param(LOCAL_SCRATCH) or folder / scratch)
            place.mkdir(parents=True, exist_ok=True)
            workspace._ignore(str(place))
        return workspace

    def clone_workspace(self, *_args: Any, **_kwargs: Any) -> Workspace:
        """Refuse: workspaces of this backend cannot be cloned yet."""
        raise NotSupportedError("Workspaces cannot be cloned yet.")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")
