"""What a workspace of the git backend exchanges with its remotes: records by git, content beside.

The commands `push`, `pull`, `clone` and `publish` are made of these.
"""

from __future__ import annotations

import json
import os
import uuid
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workspace_core.errors import ConfigurationError, DataWorkspacesError, shown
from workspace_core.parameters import LOCAL_REMOTE, REMOTE, REMOTE_RESOURCE
from workspace_core.shared_repository import CREDENTIALS, SharedRepository
from workspace_core.sharing.errors import NoRemoteError, RemoteError
from workspace_core.sharing.notes import Tenant
from workspace_core.sharing.places import Address
from workspace_core.sharing.receive import Receiving, held_objects
from workspace_core.sharing.records import (
    CONFIG,
    DELETED,
    LINEAGE,
    OF_THIS_MACHINE,
    REMOVED,
    RESOURCES,
    SNAPSHOTS,
    check_names,
)
from workspace_core.sharing.remote import Remote
from workspace_core.sharing.send import Sent, send
from workspace_core.snapshots.deleted import DeletedSnapshot
from workspace_core.snapshots.metadata import SnapshotMetadata
from workspace_core.snapshots.names import names_now
from workspace_core.store.durable import json_bytes, read_json, remove_file, write_whole
from workspace_core.store.identity import parse_id
from workspace_core.store.store import SETTINGS
from workspace_core.trees.tree import Trees
from workspace_core.workspace import METADATA_FOLDER

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from workspace_core.backends.files import FiledWorkspace
    from workspace_core.backends.git import GitWorkspace
    from workspace_core.sharing.partial import Selection
    from workspace_core.store.session import Session

SCHEMA = 1
REMOTES, OUTGOING, PUSHED = "remotes", "outgoing", "pushed.json"
MOST_TRIES = 5  # of a push beside which garbage is collected


def repository_of(workspace: GitWorkspace) -> SharedRepository:
    """Return the repository of a workspace, with its origin."""
    own = workspace.repository
    return SharedRepository(own.folder, own.marker, own.wait_seconds)


def branch_of(workspace: GitWorkspace) -> str:
    """Return the branch that is exchanged: the present one.

    Raises:
        ConfigurationError: if none is checked out.
    """
    branch = workspace.repository.branch()
    if branch is None:
        raise ConfigurationError(
            "No branch is checked out, and branches are what is exchanged; check one out with 'git "
            "switch'."
        )
    return branch


def require_origin(workspace: GitWorkspace) -> str:
    """Return the address of the repository that records are exchanged with, for messages.

    Raises:
        NoRemoteError: if there is none.
    """
    origin = workspace.repository.origin()
    if origin is None:
        raise NoRemoteError(str(workspace.folder), "records")
    return CREDENTIALS.sub("://", origin)


def address_of(workspace: GitWorkspace, config: Mapping[str, Any] | None = None) -> Address:
    """Return the address of the remote for content.

    Args:
        workspace: the workspace.
        config: its configuration as it is about to be; by default the present one.

    Raises:
        NoRemoteError: if none is configured.
        ConfigurationError: if it is no address.
    """
    shared = {one: workspace.get_global_param(one) for one in (REMOTE, REMOTE_RESOURCE)}
    shared |= (config or {}).get("global_params", {})
    text = workspace.get_local_param(LOCAL_REMOTE) or shared[REMOTE]
    if text is None:
        raise NoRemoteError(str(workspace.folder), "content")
    found = Address.checked(text, shared[REMOTE_RESOURCE] or "")
    _refuse_own(found, workspace.folder)
    return found


def _refuse_own(place: Address, folder: Path) -> None:
    """Refuse a place that lies in the workspace, or is a store of this machine.

    Raises:
        ConfigurationError: if it does.
    """
    if not os.path.isabs(place.text):
        return
    real, home = os.path.realpath(place.text), os.path.realpath(folder)
    if os.path.commonpath([real, home]) == home or os.path.isfile(os.path.join(real, SETTINGS)):
        raise ConfigurationError(
            f"{shown(place.text)} belongs to the workspace or to a store, and others need a place "
            "of its own; name another folder."
        )


def open_remote(
    workspace: GitWorkspace, *, create: bool = False, config: Mapping[str, Any] | None = None
) -> Remote:
    """Return the remote for content, as it is now; made where there is none if asked for.

    See `address_of`.
    """
    place, cache = address_of(workspace, config).open(), workspace.local / REMOTES
    if create:
        return Remote.create(place, cache, workspace.store())
    return Remote.open(place, cache)


# Content


def roots_of(snapshot: SnapshotMetadata) -> dict[str, bytes]:
    """Return the trees that a snapshot keeps, by resource."""
    return {
        name: parse_id(found)
        for name, compared in snapshot.compare_hashes.items()
        if (found := snapshot.restore_hashes.get(name) or compared)
    }


def send_snapshots(workspace: FiledWorkspace, remote: Remote, selection: Selection) -> Sent:
    """Send the content of all snapshots that the remote may lack something of."""
    noted = _Pushed.read(remote)
    due = [one for one in workspace.catalogue.all() if one.hashval not in noted.snapshots]
    roots: dict[bool, dict[bytes, None]] = {True: {}, False: {}}
    for one in due:
        wanted = [root for name, root in roots_of(one).items() if selection.has(name)]
        roots[is_whole(workspace, one)].update(dict.fromkeys(wanted))
    remote.sign(tenant_of(workspace))
    if not due:
        return Sent()
    sent = Sent()
    for _ in range(MOST_TRIES):
        relied_on = remote.usable()
        with workspace.store_session() as session:
            outgoing = workspace.local / OUTGOING
            sent += send(session, remote, roots[True], outgoing, partly=roots[False])
        remote.look()
        if relied_on <= remote.usable():  # so that what was found there may be referred to
            break
    else:
        raise RemoteError(remote.place.address, "what was found there goes again and again")
    if selection.is_everything:
        noted.and_these(one.hashval for one in due).write(remote)
    return sent


def tenant_of(workspace: FiledWorkspace) -> Tenant:
    """Return the workspace as a remote knows it; all of its copies are one."""
    config = json.loads((workspace.metadata / CONFIG).read_bytes())
    identity = str(config["workspace_id"])
    with suppress(ValueError):
        return Tenant(str(uuid.UUID(identity)), workspace.name)
    return Tenant(str(uuid.uuid5(uuid.NAMESPACE_OID, identity)), workspace.name)


def is_whole(workspace: FiledWorkspace, snapshot: SnapshotMetadata) -> bool:
    """Return whether all content of a snapshot is on this machine."""
    return workspace.pins().roots(snapshot.hashval) == set(roots_of(snapshot).values())


def receive_snapshots(
    workspace: FiledWorkspace,
    remote: Remote | None,
    snapshots: Sequence[SnapshotMetadata],
    selection: Selection,
) -> Receiving:
    """Receive what this machine lacks of snapshots, and pin what has come.

    A snapshot of which something is not here is pinned all the same, by what of it is.
    """
    pins = workspace.pins()
    due = [one for one in snapshots if not is_whole(workspace, one)]
    pinned = pins.names()
    for one in due:  # before any directory appears by which a snapshot would look whole
        if one.hashval not in pinned:
            pins.pin(one.hashval, ())
    with workspace.store_session() as session:
        receiving = Receiving(session, remote)
        if selection.is_everything:
            receiving.trees(root for one in due for root in roots_of(one).values())
        held = {}
        is_all = selection.is_everything and not receiving.received.lacking
        for one in due if not is_all else ():
            held[one.hashval] = _kept_before(session, pins.roots(one.hashval)) | _selected(
                receiving, one, selection
            )
        receiving.finish()
        for one in due:
            roots = set(roots_of(one).values())
            if is_all or _is_complete(session, roots):
                pins.pin(one.hashval, roots)
            else:
                listed = held_objects(session, held[one.hashval])
                session.flush()
                pins.pin(one.hashval, [listed])
        return receiving


def _selected(receiving: Receiving, one: SnapshotMetadata, selection: Selection) -> set[bytes]:
    found: set[bytes] = set()
    for name, root in roots_of(one).items():
        if not selection.has(name):
            continue
        paths = selection.paths(name)
        for path in paths:
            found |= receiving.path(root, path)
        if not paths:
            found |= receiving.trees([root])
    return found


def _kept_before(session: Session, pinned: set[bytes] | None) -> set[bytes]:
    """Return the objects that the pin of a snapshot kept which was here in part."""
    found: set[bytes] = set()
    for root in pinned or ():
        with suppress(DataWorkspacesError):
            found |= {entry.id for entry in Trees(session).entries(root)}
    return found


def _is_complete(session: Session, roots: Iterable[bytes]) -> bool:
    """Return whether all that trees lead to is here."""
    trees = Trees(session)
    try:
        return not any(session.missing(list(trees.objects(root))) for root in roots)
    except DataWorkspacesError:
        return False


# Records


def own_records(workspace: FiledWorkspace) -> dict[str, bytes]:
    """Return the records of a workspace as its files have them."""
    home = workspace.metadata
    found = {}
    for above, folders, files in os.walk(home):
        inside = os.path.relpath(above, home)
        if inside == os.curdir:
            folders[:] = [one for one in folders if one not in OF_THIS_MACHINE]
        for name in files:
            if name.endswith(".tmp") and name.startswith("."):
                continue
            path = os.path.normpath(os.path.join(inside, name))
            found[path] = Path(above, name).read_bytes()
    return found


def committed_records(repository: SharedRepository, commit: str | None) -> dict[str, bytes]:
    """Return the records of a commit, once their names are those of records.

    Raises:
        ForeignRemoteError: if they are not.
    """
    if commit is None:
        return {}
    files = repository.files(commit, METADATA_FOLDER)
    check_names({path: blob.mode for path, blob in files.items()})
    contents = repository.contents(files.values())
    return {path: contents[blob.id] for path, blob in files.items()}


def snapshots_in(
    records: Mapping[str, bytes], names: Mapping[str, str] | None = None
) -> list[SnapshotMetadata]:
    """Return the snapshots that records tell of, with resources under the names of now.

    Args:
        records: the records.
        names: the names of now by earlier ones; by default as the records have it.
    """
    now = resource_names_now(records) if names is None else names
    return [
        SnapshotMetadata.from_json(json.loads(content), file=path).under_names(now)
        for path, content in records.items()
        if path.startswith(f"{SNAPSHOTS}/")
    ]


def deleted_in(
    records: Mapping[str, bytes], names: Mapping[str, str] | None = None
) -> list[DeletedSnapshot]:
    """Return what records tell of snapshots that were deleted; see `snapshots_in`."""
    now = resource_names_now(records) if names is None else names
    return [
        DeletedSnapshot.from_dict(
            path.removeprefix(f"{DELETED}/").removesuffix(".json"), json.loads(content)
        ).under_names(now)
        for path, content in records.items()
        if path.startswith(f"{DELETED}/")
    ]


def resource_names_now(records: Mapping[str, bytes]) -> dict[str, str]:
    """Return what resources are called now, by names that they had before."""
    removed = {str(one["name"]): one for one in resource_records(records, REMOVED)}
    return names_now(
        {**removed, **{str(one["name"]): one for one in resource_records(records)}}.values()
    )


def resource_records(records: Mapping[str, bytes], folder: str = RESOURCES) -> list[dict[str, Any]]:
    """Return those records that are of resources, or of those that were removed."""
    return [
        json.loads(content) for path, content in records.items() if path.startswith(f"{folder}/")
    ]


def write_records(workspace: FiledWorkspace, records: Mapping[str, bytes]) -> list[str]:
    """Make records those of a workspace, snapshots first; return the paths that have changed.

    Records of lineage stay in any case: a step is recorded without the lock, perhaps just now.
    """
    before = own_records(workspace)
    order = sorted(records, key=lambda path: (not path.startswith(f"{SNAPSHOTS}/"), path))
    changed = [path for path in order if before.get(path) != records[path]]
    for path in changed:
        write_whole(workspace.metadata / path, records[path])
    gone = [
        path
        for path in sorted(before.keys() - records.keys(), reverse=True)  # tags before snapshots
        if not path.startswith(f"{LINEAGE}/")
    ]
    for path in gone:
        remove_file(workspace.metadata / path)
    return [f"{METADATA_FOLDER}/{path}" for path in (*changed, *gone)]


# What is known of a remote


@dataclass(frozen=True, slots=True)
class _Pushed:
    """Snapshots of which a remote has all content, as long as it has some packs."""

    snapshots: frozenset[str] = frozenset()

    @classmethod
    def read(cls, remote: Remote) -> _Pushed:
        if remote.damaged:
            return cls()
        with suppress(FileNotFoundError, KeyError, TypeError, DataWorkspacesError):
            record = read_json(remote.cache / PUSHED, SCHEMA)
            if set(record["packs"]) <= remote.usable():
                return cls(frozenset(record["snapshots"]))
        return cls()

    def and_these(self, snapshots: Iterable[str]) -> _Pushed:
        return _Pushed(self.snapshots | set(snapshots))

    def write(self, remote: Remote) -> None:
        packs = sorted(remote.usable())
        record = {"schema": SCHEMA, "snapshots": sorted(self.snapshots), "packs": packs}
        with suppress(DataWorkspacesError):  # what can be lost without harm
            write_whole(remote.cache / PUSHED, json_bytes(record))
