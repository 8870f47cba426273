"""The git backend: metadata are files in ``.dataworkspace``, and git is their history.

config.json            name, release, parameters that all copies share        committed
resources/<name>.json  a resource                                             committed
snapshots/ tags/ deleted/   see `snapshots.catalogue`                         committed
local/params.json      parameters of this copy                                ignored
local/resources/<name>/params.json, stat, base.json                           ignored
local/lock, local/restore.json                                                ignored
store/                 the store, unless the parameter 'store' names another  ignored
"""

from __future__ import annotations

import os
import socket
import subprocess
import uuid
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workspace_core import __version__
from workspace_core.errors import ConfigurationError, DataWorkspacesError, shown
from workspace_core.snapshots.catalogue import Catalogue
from workspace_core.snapshots.metadata import SnapshotMetadata, checked_tag
from workspace_core.store.durable import json_bytes, read_json, write_whole
from workspace_core.store.identity import parse_id
from workspace_core.store.locks import exclusive
from workspace_core.store.pins import Pins
from workspace_core.store.store import Store
from workspace_core.trees.restoring import (
    JOURNAL,
    PlannedFolder,
    RestoredFolder,
    plan_folders,
    recover_folders,
    restore_folders,
)
from workspace_core.workspace import (
    CONFIG_FILE,
    METADATA_FOLDER,
    JSONDict,
    LocalStateResourceMixin,
    Resource,
    SnapshotResourceMixin,
    SnapshotWorkspaceMixin,
    Workspace,
    WorkspaceFactory,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from urllib.parse import ParseResult

    from workspace_core.store.session import Session
    from workspace_core.trees.restoring import Folder

SCHEMA = 1
IGNORED = "/local/\n/store/\n"


class GitWorkspace(SnapshotWorkspaceMixin, Workspace):
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
        self._store: Store | None = None
        self._session: Session | None = None

    # Parameters and resources

    def get_instance(self) -> str:
        """Return host name and user."""
        return f"{self.get_local_param('hostname')}:{self.folder}"

    def get_global_param(self, param_name: str) -> Any:
        """Return a parameter that all copies share."""
        return self._config.get("global_params", {}).get(param_name)

    def get_local_param(self, param_name: str) -> Any:
        """Return a parameter of this copy."""
        defaults = {"hostname": socket.gethostname(), "store": None}
        return self._local_params().get(param_name, defaults.get(param_name))

    def set_global_param(self, name: str, value: Any) -> None:
        """Set a parameter that all copies share."""
        self._config = {
            **self._config,
            "global_params": {**self._config.get("global_params", {}), name: value},
        }

    def set_local_param(self, name: str, value: Any) -> None:
        """Set a parameter of this copy."""
        record = {**self._local_params(), name: value}
        write_whole(self._local / "params.json", json_bytes({"schema": SCHEMA, **record}))

    def get_resource_names(self) -> Iterable[str]:
        """Return the names of all resources in the order in which they were added."""
        records = [read_json(file, SCHEMA) for file in self._resources.glob("[!.]*.json")]
        return [one["name"] for one in sorted(records, key=lambda one: (one["added"], one["name"]))]

    def _get_resource_params(self, resource_name: str) -> JSONDict:
        try:
            return read_json(self._resource_file(resource_name), SCHEMA)
        except FileNotFoundError:
            raise ConfigurationError(
                f"There is no resource '{resource_name[:80]}'; 'dws report status' lists them."
            ) from None

    def _get_resource_local_params(self, resource_name: str) -> JSONDict | None:
        try:
            return read_json(self.local_state(resource_name) / "params.json", SCHEMA)
        except FileNotFoundError:
            return None

    def _add_params_for_resource(self, resource_name: str, params: JSONDict) -> None:
        record = {"schema": SCHEMA, "added": _now(), **params}
        write_whole(self._resource_file(resource_name), json_bytes(record))

    def _add_local_params_for_resource(self, resource_name: str, local_params: JSONDict) -> None:
        record = {"schema": SCHEMA, **local_params}
        write_whole(self.local_state(resource_name) / "params.json", json_bytes(record))

    def get_workspace_local_path_if_any(self) -> str | None:
        """Return the folder of the workspace."""
        return str(self.folder)

    def save(self, message: str) -> None:
        """Commit what the workspace knows."""
        record = {**self._config, "schema": SCHEMA}
        content = json_bytes(record)
        if (self.metadata / CONFIG_FILE).read_bytes() != content:
            write_whole(self.metadata / CONFIG_FILE, content)
        _git(self.folder, "add", "--", METADATA_FOLDER)
        changed = _git(
            self.folder, "diff", "--cached", "--quiet", "--", METADATA_FOLDER, codes=(0, 1)
        )
        if changed:
            _git(
                self.folder,
                "commit",
                "--quiet",
                "--no-verify",
                "-m",
                message,
                "--",
                METADATA_FOLDER,
            )

    def local_state(self, resource_name: str) -> Path:
        """Return the folder for what is known of a resource on this machine alone."""
        return self._local / "resources" / resource_name

    # The store

    def store(self) -> Store:
        """Return the store that keeps the content of snapshots."""
        if self._store is None:
            self._store = Store.open(Path(self.get_local_param("store") or self.metadata / "store"))
        return self._store

    @contextmanager
    def store_session(self) -> Iterator[Session]:
        """Read and write objects of the store; an inner one is the outer one."""
        if self._session is not None:
            yield self._session
            return
        with self.store().session() as session:
            self._session = session
            try:
                yield session
            finally:
                self._session = None

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other commands from changing the workspace, and bring it to rest after a crash."""
        with exclusive(self._local / "lock", f"workspace {shown(self.folder)}"):
            recover_folders(self._roots(), self._local / JOURNAL)
            yield

    # Snapshots

    def get_next_snapshot_number(self) -> int:
        """Return a number that no snapshot has or ever had."""
        return self.catalogue.next_number()

    def snapshot(
        self, tag: str | None = None, message: str = "", metrics: Mapping[str, Any] | None = None
    ) -> SnapshotMetadata:
        """Take a snapshot of all resources, and record it."""
        with self.locked(), self.store_session() as session:
            if tag is not None and checked_tag(tag) in self.catalogue.tagged():
                raise ConfigurationError(f"The tag '{tag}' is in use; choose another one.")
            resources = [
                one for one in self.get_resources() if isinstance(one, SnapshotResourceMixin)
            ]
            for resource in resources:
                resource.snapshot_precheck()
            hashes = {_name(one): one.snapshot() for one in resources}
            session.flush()
            metadata = SnapshotMetadata.new(
                message=message,
                hostname=self.get_local_param("hostname"),
                timestamp=_now(),
                relative_destination_path="",
                compare_hashes={name: compare for name, (compare, _) in hashes.items()},
                restore_hashes={name: restore for name, (_, restore) in hashes.items()},
                snapshot_number=self.get_next_snapshot_number(),
                metrics=dict(metrics) if metrics else None,
            )
            roots = [parse_id(root) for _, root in hashes.values() if root]
            self.pins().pin(metadata.hashval, roots)
            self.catalogue.add(metadata)  # the commit point
            if tag is not None:
                self.catalogue.tag(tag, metadata.hashval)
            for resource in resources:
                resource.note_recorded()
            self.save(f"Snapshot {tag or metadata.hashval[:8]}")
            return self.catalogue.get(metadata.hashval)

    def pins(self) -> Pins:
        """Return the pins of this workspace in its store."""
        return Pins(self.store(), str(self._config["workspace_id"]))

    def plan_restore(
        self, snapshot: SnapshotMetadata, names: Sequence[str], *, force: bool = False
    ) -> list[PlannedFolder]:
        """Return what restoring resources would do; nothing is changed."""
        with self.store_session() as session:
            return plan_folders(session, self._folders(snapshot, names), force=force)

    def restore(
        self, snapshot: SnapshotMetadata, names: Sequence[str], *, force: bool = False
    ) -> list[RestoredFolder]:
        """Make resources as they were, all of them or none; return what was done."""
        with self.locked(), self.store_session():
            planned = self.plan_restore(snapshot, names, force=force)
            restored = restore_folders(planned, self._local / JOURNAL)
            for one in restored:
                self._snapshot_resource(one.folder.name).note_restored(one)
            return restored

    def get_snapshot_metadata(self, hash_val: str) -> SnapshotMetadata:
        """Return a snapshot by its whole hash."""
        return self.catalogue.get(hash_val)

    def get_snapshot_by_tag_or_hash(self, tag_or_hash: str) -> SnapshotMetadata:
        """Return a snapshot by a tag or the beginning of its hash."""
        return self.catalogue.find(tag_or_hash)

    def list_snapshots(
        self, *, reverse: bool = True, max_count: int | None = None
    ) -> list[SnapshotMetadata]:
        """Return snapshots, the newest first unless told otherwise."""
        found = self.catalogue.all()
        return (found[::-1] if reverse else found)[:max_count]

    def remove_tag_from_snapshot(self, hash_val: str, tag: str) -> None:
        """Remove a tag; others that the snapshot has stay."""
        if not self.catalogue.get(hash_val).has_tag(tag):
            raise ConfigurationError(
                f"The snapshot '{hash_val[:8]}' does not have the tag '{tag}'."
            )
        self.catalogue.untag(tag)

    def delete_snapshot(self, hash_val: str, *, include_resources: bool = False) -> None:  # noqa: ARG002
        """Remove a snapshot."""
        with self.locked():
            self.catalogue.delete(hash_val)
            self.pins().unpin(hash_val)
            self.save(f"Delete snapshot {hash_val[:8]}")

    def _folders(self, snapshot: SnapshotMetadata, names: Sequence[str]) -> list[Folder]:
        found = []
        for name in names:
            restore_hash = snapshot.restore_hashes.get(name)
            if restore_hash is None:
                raise ConfigurationError(
                    f"The snapshot '{snapshot.hashval[:8]}' keeps nothing of '{name}' to restore; "
                    "leave it out with --leave."
                )
            saved = tuple(
                parse_id(other)
                for one in self.list_snapshots()
                if (other := one.restore_hashes.get(name))
            )
            folder = self._snapshot_resource(name).snapshot_folder(restore_hash)
            found.append(replace(folder, saved=saved))
        return found

    def _snapshot_resource(self, name: str) -> SnapshotResourceMixin:
        resource = self.get_resource(name)
        if not isinstance(resource, SnapshotResourceMixin):
            raise ConfigurationError(f"No snapshots are taken of the resource '{name}'.")
        return resource

    # Files

    @property
    def _local(self) -> Path:
        return self.metadata / "local"

    @property
    def _resources(self) -> Path:
        return self.metadata / "resources"

    def _resource_file(self, name: str) -> Path:
        if not name or "/" in name or name.startswith("."):
            raise ConfigurationError(f"'{name[:80]}' cannot name a resource.")
        return self._resources / f"{name}.json"

    def _local_params(self) -> JSONDict:
        try:
            return read_json(self._local / "params.json", SCHEMA)
        except FileNotFoundError:
            return {}

    def _roots(self) -> Iterator[Path]:
        for resource in self.get_resources():
            if isinstance(resource, LocalStateResourceMixin):
                path = resource.get_local_path_if_any()
                if path is not None:
                    yield Path(path)


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
        """Make a workspace in a folder, which becomes a repository if it is none."""
        folder = Path(args[0] if args else os.curdir).absolute()
        metadata = folder / METADATA_FOLDER
        if (metadata / CONFIG_FILE).exists():
            raise ConfigurationError(f"{shown(folder)} is a workspace already.")
        if not (folder / ".git").exists():
            _git(folder, "init", "--quiet")
        write_whole(metadata / ".gitignore", IGNORED.encode())
        keyset, store = kwargs.get("keyset"), kwargs.get("store")
        Store.create(Path(store).absolute() if store else metadata / "store", keyset)
        local = {"schema": SCHEMA, "hostname": hostname}
        if store:
            local["store"] = str(Path(store).absolute())
        write_whole(metadata / "local" / "params.json", json_bytes(local))
        config = {
            "schema": SCHEMA,
            "name": workspace_name,
            "dws_version": __version__,
            "workspace_id": str(uuid.uuid4()),
            "global_params": {},
        }
        write_whole(metadata / CONFIG_FILE, json_bytes(config))
        workspace = GitWorkspace(folder, batch=batch, verbose=verbose)
        workspace.save(f"Initialise the workspace {workspace_name}")
        return workspace

    def clone_workspace(
        self, hostname: str, *args: Any, batch: bool, verbose: bool, **kwargs: Any
    ) -> Workspace:
        """Bring a workspace that lives elsewhere to this machine."""
        raise ConfigurationError("Workspaces cannot be cloned yet.")


def _git(folder: Path, *arguments: str, codes: tuple[int, ...] = (0,)) -> int:
    """Run git in a folder, and return its exit status."""
    try:
        done = subprocess.run(  # noqa: S603 - no shell, and what users name follows "--"
            ["git", "-C", folder, *arguments],  # noqa: S607 - the user's git
            capture_output=True,
            check=False,
            text=True,
            errors="replace",
        )
    except FileNotFoundError:
        raise ConfigurationError(
            "The program git is not installed; the git backend needs it."
        ) from None
    if done.returncode not in codes:
        raise DataWorkspacesError(f"git {arguments[0]} failed: {done.stderr.strip()[:500]}")
    return done.returncode


def _name(resource: object) -> str:
    assert isinstance(resource, Resource)  # noqa: S101 - mixins are mixed into resources
    return resource.name


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")
