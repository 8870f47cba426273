"""Workspaces whose records are files in ``.dataworkspace``; a base for backends, which share them.

config.json                 name, release, backend, parameters that all copies share
resources/<name>.json       a resource
removed/<name>.json         one that was removed, see `resource_records`
snapshots/ tags/ deleted/   see `snapshots.catalogue`
local/params.json           parameters of this copy
local/resources/<name>/     parameters of a resource here, its stat cache
local/*.json                journals of what is under way
local/lock                  held by the command that changes something
store/                      the store, unless the parameter 'store' says else

All but ``local`` and ``store`` is what copies have in common; how they do is told by the backend.
"""

from __future__ import annotations

import os
import socket
import uuid
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, ClassVar

from workspace_core.backends.resource_records import REMOVED, ResourceRecords
from workspace_core.backends.snapshots import LINEAGE, LocalSnapshots, folders_of
from workspace_core.errors import (
    ConfigurationError,
    DataWorkspacesError,
    FormatVersionError,
    NoStoreError,
    StoreWriteError,
    shown,
)
from workspace_core.lineage.store import LineageStore
from workspace_core.parameters import (
    HOSTNAME_PARAMETER,
    LOCAL_SCRATCH,
    RESULTS_PARAMETERS,
    SCRATCH,
    STORE_PARAMETER,
    WORKSPACE_PARAMETERS,
    ParameterValue,
    parameter_named,
)
from workspace_core.snapshots.catalogue import Catalogue
from workspace_core.store.durable import json_bytes, read_json, remove_file, sweep, write_whole
from workspace_core.store.holders import Place, sign
from workspace_core.store.identity import parse_id
from workspace_core.store.locks import DEFAULT_WAIT_SECONDS, exclusive
from workspace_core.store.pins import Pins
from workspace_core.store.store import Store
from workspace_core.workspace import (
    CONFIG_FILE,
    METADATA_FOLDER,
    JSONDict,
    LocalStateResourceMixin,
    Resource,
    backend_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from util_services.keys.keyset import Keyset
    from workspace_core.parameters import Parameter
    from workspace_core.store.session import Session
    from workspace_core.upkeep.verify import Finding

SCHEMA = 1
LOCK, PARAMS, INSTANCE = "lock", "params.json", "instance_id"


class FiledWorkspace(ResourceRecords, LocalSnapshots):
    """A workspace with its records in files."""

    parameters: ClassVar[tuple[Parameter, ...]] = WORKSPACE_PARAMETERS
    has_git: ClassVar[bool] = False  # whether the folder of the workspace is in a repository

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
        self.lineage = LineageStore(self.metadata / LINEAGE, self.local / LINEAGE)
        self.lock_wait_seconds = DEFAULT_WAIT_SECONDS
        self._store: Store | None = None
        self._session: Session | None = None
        self._is_locked = False

    def wait_for_locks(self, seconds: float) -> None:
        """Say how long to wait for other commands."""
        self.lock_wait_seconds = seconds

    def supports_lineage(self) -> bool:
        """Say whether lineage is kept: where git shares its records."""
        return self.has_git

    @property
    def workspace_id(self) -> str:
        """What all copies of the workspace are known by."""
        return str(self._config["workspace_id"])

    # Parameters

    def get_instance(self) -> str:
        """Return host name and folder."""
        return f"{self.get_local_param(HOSTNAME_PARAMETER)}:{self.folder}"

    def get_global_param(self, param_name: str) -> Any:
        """Return a parameter that all copies share."""
        known = parameter_named(self.parameters, param_name, "The workspace")
        return self._config.get("global_params", {}).get(known.name, known.default)

    def get_local_param(self, param_name: str) -> Any:
        """Return a parameter of this copy."""
        default = parameter_named(self.parameters, param_name, "The workspace").default
        if param_name == HOSTNAME_PARAMETER:
            default = socket.gethostname() or default
        return self._local_params().get(param_name, default)

    def set_global_param(self, name: str, value: Any) -> None:
        """Set a parameter that all copies share; it lasts once the workspace is saved."""
        known = parameter_named(self.parameters, name, "The workspace")
        params = {**self._config.get("global_params", {}), known.name: known.checked(value)}
        self._config = {**self._config, "global_params": params}

    def set_local_param(self, name: str, value: Any) -> None:
        """Set a parameter of this copy at once."""
        checked = parameter_named(self.parameters, name, "The workspace").checked(value)
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
            for one in self.parameters
        ]

    def set_param(self, name: str, value: Any) -> None:
        """Set a parameter of the workspace; a global one lasts once the workspace is saved."""
        known = parameter_named(self.parameters, name, "The workspace")
        (self.set_global_param if known.is_global else self.set_local_param)(name, value)

    def resource_parameter_values(self, resource_name: str) -> list[ParameterValue]:
        """Return those parameters of a resource that can be set, with their values."""
        resource = self.get_resource_wherever(resource_name)
        values = {**self._get_resource_params(resource_name), **resource.get_params()}
        local = resource.get_local_params() if isinstance(resource, LocalStateResourceMixin) else {}
        return [
            ParameterValue(one, (values if one.is_global else local).get(one.name, one.default))
            for one in _parameters_of(resource)
        ]

    def set_resource_param(self, resource_name: str, name: str, value: Any) -> None:
        """Set a parameter of a resource; what is known of its folder is forgotten."""
        resource = self.get_resource_wherever(resource_name)
        owner = f"The resource '{resource_name}'"
        known = parameter_named(_parameters_of(resource), name, owner)
        name, checked = known.name, known.checked(value)
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
        resource.note_set(name)

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

    def add_resource(
        self, name: str, resource_type: str, role: str, *args: Any, **kwargs: Any
    ) -> Resource:
        """Add a resource, under a name that older snapshots know no other one by."""
        self.require_new_name(name)
        return super().add_resource(name, resource_type, role, *args, **kwargs)

    # Saving

    def read_again(self) -> None:
        """Take over parameters that have changed on disk."""
        self._config = read_json(self.metadata / CONFIG_FILE, SCHEMA)

    def _write_config(self) -> None:
        """Put parameters that have changed on disk."""
        content = json_bytes({**self._config, "schema": SCHEMA})
        if (self.metadata / CONFIG_FILE).read_bytes() != content:
            write_whole(self.metadata / CONFIG_FILE, content)

    def recorded_ever(self, hashes: set[str]) -> set[str]:
        """Return those snapshots that may be recorded somewhere else than in the files of now."""
        return hashes

    def make_scratch(self) -> Path | None:
        """Make the folder for what is in no snapshot, and return it; None where none is wanted."""
        scratch = self.get_global_param(SCRATCH)
        if scratch is None:
            return None
        place = Path(self.get_local_param(LOCAL_SCRATCH) or self.folder / scratch)
        place.mkdir(parents=True, exist_ok=True)
        return place

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
        with self._new_session() as session:
            self._session = session
            try:
                yield session
            finally:
                self._session = None

    @property
    def has_all_content(self) -> bool:
        """Whether the store of this machine is to have the content of all snapshots."""
        return True

    def findings_elsewhere(self) -> list[Finding]:
        """Return what is damaged or missing of the workspace outside of this machine."""
        return []

    def _new_session(self) -> AbstractContextManager[Session]:
        return self.store().session(self.lock_wait_seconds)

    @contextmanager
    def looking(self) -> Iterator[Session]:
        """Read what is there; in a copy that has no store yet, as if that were empty."""
        try:
            self.store()
        except NoStoreError:
            with TemporaryDirectory() as folder:
                self._store = Store.create(Path(folder))
                try:
                    with self.store_session() as session:
                        yield session
                finally:
                    self._store = None
            return
        with self.store_session() as session:
            yield session

    def pins(self) -> Pins:
        """Return the pins of this copy of the workspace in its store."""
        return Pins(self.store(), self._instance_id())

    def sign_for_pins(self) -> None:
        """Let the store know whose pins are in it, and where this workspace is now."""
        with suppress(NoStoreError, StoreWriteError, FormatVersionError):
            sign(self.store(), self._instance_id(), self.name, Place.here(self.folder))

    def _instance_id(self) -> str:
        instance = self._local_params().get(INSTANCE)
        if instance is None:
            instance = str(uuid.uuid4())
            self._set_local(INSTANCE, instance)
        return str(instance)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other commands from changing the workspace, and bring it to rest after a crash."""
        if self._is_locked:
            yield
            return
        from workspace_core.trees.restoring import JOURNAL, recover_folders

        with exclusive(
            self.local / LOCK, f"workspace {shown(self.folder)}", self.lock_wait_seconds
        ):
            self._is_locked = True
            try:
                self._config = read_json(self.metadata / CONFIG_FILE, SCHEMA)
                recover_folders(folders_of(self), self.local / JOURNAL)
                for folder in self._of_records:
                    sweep(folder)
                self.lineage.sweep()
                self.bring_to_rest()
                self.finish_renames()
                self.sign_for_pins()
                yield
            finally:
                self._is_locked = False

    # Files

    @property
    def is_there(self) -> bool:
        """Whether the records are still where they were when it was opened."""
        return (self.metadata / CONFIG_FILE).is_file()

    @property
    def local(self) -> Path:
        """Where files lie that belong to this copy alone."""
        return self.metadata / "local"

    @property
    def _resources(self) -> Path:
        return self.metadata / "resources"

    @property
    def _of_records(self) -> tuple[Path, ...]:
        """Where files lie that are written under the lock of the workspace, and committed."""
        records = self.catalogue
        return (
            self.metadata,
            self._resources,
            self.metadata / REMOVED,
            records.snapshots,
            records.tags,
            records.deleted,
        )

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
        if place is not None and not self._is_of_snapshots(Store.open(Path(place))):
            raise ConfigurationError(
                f"The store {shown(place)} keeps none of the snapshots; name the one of the copy "
                "in which they were taken."
            )

    def _is_of_snapshots(self, store: Store) -> bool:
        """Return whether a store has something of the snapshots, if there are any."""
        taken = self.catalogue.all()
        roots = {parse_id(root) for one in taken for root in one.compare_hashes.values() if root}
        if not roots:
            return True
        with store.session(self.lock_wait_seconds) as session:
            return len(session.missing(roots)) < len(roots)


def is_workspace(folder: Path, instance_id: str) -> bool:
    """Return whether a folder holds that copy of a workspace, or may do so for all one can see."""
    try:
        record = read_json(folder / METADATA_FOLDER / "local" / PARAMS, SCHEMA)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except (OSError, DataWorkspacesError):
        return True
    return bool(record.get(INSTANCE, instance_id) == instance_id)


def found_workspace(
    metadata: Path, kept_here: JSONDict, config: JSONDict | None, keyset: Keyset | None = None
) -> None:
    """Write what a new workspace consists of, its configuration last.

    Args:
        metadata: its folder for that.
        kept_here: its parameters on this machine, the place of its store among them.
        config: what all copies share; None where that is there.
        keyset: with which a new store is encrypted.
    """
    Store.create(Path(kept_here.get(STORE_PARAMETER) or metadata / "store"), keyset)
    local = {"schema": SCHEMA, INSTANCE: str(uuid.uuid4()), **kept_here}
    write_whole(metadata / "local" / PARAMS, json_bytes(local))
    if config is not None:
        write_whole(metadata / CONFIG_FILE, json_bytes({"schema": SCHEMA, **config}))


def new_config(name: str, params: Mapping[str, Any], **more: Any) -> JSONDict:
    """Return the configuration of a new workspace.

    Args:
        name: what it is called.
        params: the parameters that all copies share.
        more: what else its backend has to know.
    """
    from workspace_core import __version__

    return {
        "name": name,
        "dws_version": __version__,
        "workspace_id": str(uuid.uuid4()),
        "global_params": dict(params),
        **more,
    }


def checked_params(given: Mapping[str, Any], parameters: Iterable[Parameter]) -> JSONDict:
    """Return those parameters that are given, as they are kept.

    Raises:
        ConfigurationError: if one does not take its value.
    """
    known = list(parameters)
    return {
        name: parameter_named(known, name, "The workspace").checked(value)
        for name, value in given.items()
        if value is not None
    }


def refuse_workspace(folder: Path) -> None:
    """Refuse a folder that is a workspace.

    Raises:
        ConfigurationError: if it is one.
    """
    if (folder / METADATA_FOLDER / CONFIG_FILE).exists():
        raise ConfigurationError(f"{shown(folder)} is a workspace already.")


def require_backend(folder: Path, backend: str) -> None:
    """Refuse a folder without a workspace of a backend.

    Raises:
        ConfigurationError: if it holds none, or one of another backend.
    """
    if (found := backend_of(folder)) != backend:
        raise ConfigurationError(
            f"{shown(folder)} is a workspace of the {found} backend; its address is "
            f"'{found}:{folder}'."
        )


def _parameters_of(resource: Resource) -> tuple[Parameter, ...]:
    """Return the parameters of a resource: those of its type, and those of its role."""
    of_role = RESULTS_PARAMETERS if resource.has_results_role() else ()
    return (*resource.parameters, *of_role)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")
