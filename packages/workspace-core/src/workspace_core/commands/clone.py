"""Bring a workspace from elsewhere to a new folder: all of it or none."""

from __future__ import annotations

import os
import re
import shutil
import socket
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from util_services.errors import StorageError
from workspace_core.backends.central import BACKEND as CENTRAL
from workspace_core.backends.central import CentralWorkspace, is_attached
from workspace_core.backends.files import PARAMS, SCHEMA, FiledWorkspace
from workspace_core.backends.git import MARKER, GitWorkspace
from workspace_core.backends.sharing import open_remote, receive_snapshots
from workspace_core.commands.bring import (
    bring,
    fill,
    make_folders,
    require_paths,
    require_resources,
)
from workspace_core.errors import (
    ConfigurationError,
    DataWorkspacesError,
    GitError,
    LocalChangesError,
    MissingObjectsError,
    StoreWriteError,
    shown,
)
from workspace_core.parameters import (
    HOSTNAME_PARAMETER,
    LOCAL_REMOTE,
    STORE_PARAMETER,
    WORKSPACE_PARAMETERS,
    parameter_named,
)
from workspace_core.registry import workspace_factory
from workspace_core.shared_repository import SharedRepository, checked_address
from workspace_core.sharing.central_errors import OutOfReachError
from workspace_core.sharing.errors import RemoteError
from workspace_core.sharing.following import note_followed
from workspace_core.sharing.partial import Selection
from workspace_core.sharing.places import Address
from workspace_core.store.durable import cause_of, read_json, sync_folder
from workspace_core.store.locks import exclusive
from workspace_core.store.store import Store
from workspace_core.workspace import GIT, METADATA_FOLDER

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from util_services.keys.keyset import Keyset
    from workspace_core.sharing.receive import Received
    from workspace_core.workspace import SnapshotMetadata

LAST_OF_ADDRESS = re.compile(r"([^/:]+?)(\.git)?/*$")


@dataclass(frozen=True, slots=True)
class Cloned:
    """A workspace that was cloned.

    Args:
        workspace: the workspace.
        left: why some resources are not here, by name.
        received: what was transferred.
    """

    workspace: FiledWorkspace
    left: Mapping[str, str]
    received: Received

    def to_dict(self) -> dict[str, Any]:
        """Return the record as plain data."""
        return {
            "name": self.workspace.name,
            "folder": str(self.workspace.folder),
            "snapshots": len(self.workspace.list_snapshots()),
            "left": dict(self.left),
            "received": self.received.to_dict(),
        }


def clone(
    origin: str,
    folder: str | None = None,
    *,
    hostname: str | None = None,
    data: str | None = None,
    store: str | None = None,
    keyset: Keyset | None = None,
    only: Sequence[str] | None = None,
    places: Mapping[str, str] | None = None,
    resource: str | None = None,
    batch: bool = True,
    verbose: bool = False,
) -> Cloned:
    """Clone a workspace with its snapshots, and bring its resources here as they are now.

    The folder appears when all is there. A clone that was killed is gone on with by the next one to
    the same folder.

    Args:
        origin: the address of its git repository, or ``central:PLACE`` for a workspace that lives
            in a place.
        folder: where it is to be; by default called like the repository.
        hostname: what this machine is called; by default by its own name.
        data: the remote for content as this machine reaches it, if elsewhere.
        store: a store of this machine to share.
        keyset: with which a new store is encrypted.
        only: only these resources, or paths in them.
        places: folders for resources that lie outside of the workspace, by their names.
        resource: the credential set for a place in S3.
        batch: nobody is to be asked.
        verbose: tell more.

    Raises:
        ConfigurationError: if there is something at the folder.
        RemoteError: if a remote fails.
        ForeignRemoteError: if a remote holds what no workspace has put there.
    """
    selection = Selection.of(only)
    if hostname is not None:
        known = parameter_named(WORKSPACE_PARAMETERS, HOSTNAME_PARAMETER, "The workspace")
        hostname = str(known.checked(hostname))
    machine = hostname or socket.gethostname() or "localhost"
    backend = CENTRAL if origin.startswith(f"{CENTRAL}:") else GIT
    if backend == CENTRAL and data is not None:
        raise ConfigurationError(
            "A central workspace has its content where it lives; leave out --data."
        )
    central = {"resource": resource} if backend == CENTRAL else {}
    target = Path(folder or _name_of(origin)).absolute()
    if os.path.lexists(target) and not (target.is_dir() and not any(target.iterdir())):
        raise ConfigurationError(f"There is something at {shown(target)}; choose another folder.")
    begun = target.with_name(f".{target.name}.cloning")
    if data is not None:
        data = Address.checked(data).text
    try:
        begun.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreWriteError(str(begun.parent), cause_of(error)) from error
    lock = target.with_name(f".{target.name}.cloning.lock")
    with exclusive(lock, f"clone to {shown(target)}"):
        try:
            if not (_is_begun(begun, origin) and _has_store(begun, store, keyset)):
                shutil.rmtree(begun, ignore_errors=True)
            begun.mkdir(exist_ok=True)
            workspace = workspace_factory(backend).clone_workspace(
                machine,
                *(origin.removeprefix(f"{CENTRAL}:"), str(begun)),
                batch=batch,
                verbose=verbose,
                store=store,
                keyset=keyset,
                **central,
            )
            assert isinstance(workspace, FiledWorkspace)  # noqa: S101 - of our own backends
            workspace.set_local_param(HOSTNAME_PARAMETER, machine)
            if backend == GIT:
                workspace.set_local_param(LOCAL_REMOTE, data)
            left, received = _content(workspace, selection, places or {})
        except BaseException as error:
            is_passing = isinstance(error, RemoteError | OutOfReachError | StorageError)
            if is_passing and _has_content(begun):  # the next clone goes on from there
                error.add_note(f"What has come is in {shown(begun)}; remove that if you give up.")
                raise
            shutil.rmtree(begun, ignore_errors=True)
            lock.unlink(missing_ok=True)
            raise
        if target.is_dir():
            target.rmdir()
        begun.rename(target)
        sync_folder(target.parent)
        lock.unlink(missing_ok=True)
    return Cloned(type(workspace)(target, batch=batch, verbose=verbose), left, received)


def _content(
    workspace: FiledWorkspace, selection: Selection, places: Mapping[str, str]
) -> tuple[dict[str, str], Received]:
    """Receive the content of all snapshots, and make resources as the newest have them."""
    snapshots, names = workspace.list_snapshots(), list(workspace.get_resource_names())
    selection.require(names)
    require_resources(names, places)
    with workspace.locked(), workspace.store_session() as session:
        received = _received(workspace, snapshots, selection)
        require_paths(session, snapshots, selection)
        make_folders(workspace)
        absent = workspace.absent_resources()
        left = bring(workspace, session, absent, selection, places)
        for name in names:
            if name not in absent and selection.has(name):
                with suppress(LocalChangesError, MissingObjectsError):  # git has it otherwise
                    fill(workspace, session, name, selection.paths(name))
        note_followed(workspace, [name for name in names if name not in left], snapshots)
    return left, received


def _received(
    workspace: FiledWorkspace, snapshots: Sequence[SnapshotMetadata], selection: Selection
) -> Received:
    """Receive content: that of all snapshots, or, from where it can always be had, as it is due."""
    if isinstance(workspace, CentralWorkspace):
        return workspace.received
    assert isinstance(workspace, GitWorkspace)  # noqa: S101 - the only other backend of ours
    remote = open_remote(workspace) if snapshots else None
    return receive_snapshots(workspace, remote, snapshots, selection).received


def _is_begun(folder: Path, origin: str) -> bool:
    """Return whether a clone of an address was begun in a folder, and has all records."""
    if origin.startswith(f"{CENTRAL}:"):
        return is_attached(folder, origin.removeprefix(f"{CENTRAL}:"))
    if not (folder / METADATA_FOLDER / "local" / PARAMS).exists():
        return False
    with suppress(GitError):
        found = SharedRepository(folder, folder / METADATA_FOLDER / "local" / MARKER).origin()
        return found == checked_address(origin)
    return False


def _has_store(folder: Path, store: str | None, keyset: Keyset | None) -> bool:
    """Return whether a clone that was begun has the store that is asked for."""
    params = read_json(folder / METADATA_FOLDER / "local" / PARAMS, SCHEMA)
    if params.get(STORE_PARAMETER) != (os.path.abspath(store) if store else None):
        return False
    try:
        Store.open(Path(store) if store else folder / METADATA_FOLDER / "store", keyset)
    except DataWorkspacesError:
        return False
    return True


def _has_content(folder: Path) -> bool:
    """Return whether something has come to a store of a clone's own."""
    packs = folder / METADATA_FOLDER / "store" / "packs"
    return packs.is_dir() and any(packs.iterdir())


def _name_of(origin: str) -> str:
    """Return what the folder of a clone is called by default."""
    found = LAST_OF_ADDRESS.search(origin)
    if found is None:
        raise ConfigurationError("Name the folder of the clone: dws clone ADDRESS FOLDER.")
    return found[1]
