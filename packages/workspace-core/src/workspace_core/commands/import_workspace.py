"""Take over a workspace of dataworkspaces 1.6: its resources, snapshots, tags and metrics.

The old workspace is never changed: a new one is made beside it, and appears whole or not at all.
Of older snapshots what can be had are the contents that git has, and those of other folders that
are still what a snapshot has listed by SHA-1. What cannot be had is told of in each record.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workspace_core.backends.git import GitWorkspace
from workspace_core.commands.init import init
from workspace_core.errors import ConfigurationError, DataWorkspacesError, StoreWriteError, shown
from workspace_core.foreign.errors import ForeignFormatError
from workspace_core.foreign.old_workspace import HASH, read_old_workspace
from workspace_core.foreign.trees import is_plain, tree_of
from workspace_core.foreign_repository import ForeignRepository, real_path_below
from workspace_core.parameters import RESULTS_STAY, RESULTS_TEMPLATE, SCRATCH
from workspace_core.progress import listener
from workspace_core.resources import (
    api_resource,
    git_repository,
    git_subdirectory,
    local_files,
    rclone,
    s3,
)
from workspace_core.resources.placed import LOCATION, place_of
from workspace_core.shared_repository import SharedRepository
from workspace_core.snapshots.metadata import IMPORTED, SnapshotMetadata
from workspace_core.snapshots.templates import SNAPSHOTS_FOLDER
from workspace_core.store.chunking import DIRECTORIES
from workspace_core.store.durable import cause_of, sync_folder
from workspace_core.store.identity import id_text, parse_id
from workspace_core.store.locks import exclusive
from workspace_core.trees.building import tree_of as small_tree_of
from workspace_core.trees.capture import capture
from workspace_core.trees.directory import FILE, MOST_TARGET, Entry, link_entry
from workspace_core.trees.restoring import JOURNAL, Folder, plan_folders, restore_folders
from workspace_core.trees.tree import EMPTY, Trees
from workspace_core.workspace import ResourceRoles

if TYPE_CHECKING:
    from collections.abc import Mapping

    from util_services.keys.keyset import Keyset
    from workspace_core.backends.files import FiledWorkspace
    from workspace_core.foreign.old_workspace import OldResource, OldSnapshot, OldWorkspace
    from workspace_core.store.session import Session

OUTSIDE = "it lies outside of the old workspace, in {place}; say so with '--place {name}={place}'"
NO_TYPE = "resources of its type, {kind}, are not taken over; add it anew"
COPIED_PARAMETERS = (RESULTS_TEMPLATE, RESULTS_STAY, SCRATCH)
FOLDERS = (
    local_files.RESOURCE_TYPE,
    git_repository.RESOURCE_TYPE,
    git_subdirectory.RESOURCE_TYPE,
    rclone.RESOURCE_TYPE,
)
ELSEWHERE = (api_resource.RESOURCE_TYPE, s3.RESOURCE_TYPE)
RCLONE_PARAMETERS = tuple(
    one.name
    for one in (
        *(rclone.ORIGIN, rclone.MASTER, rclone.MODE, rclone.SIZE_ONLY),
        *(local_files.COMPUTE_HASH, local_files.EXPORT, local_files.IMPORTED),
    )
)
LINK_MODE, EXECUTABLE_MODE, FILE_MODES = (
    "120000",
    "100755",
    frozenset({"100644", "100755", "100664"}),
)


@dataclass(frozen=True, slots=True)
class Imported:
    """What was taken over.

    Args:
        workspace: the new workspace.
        snapshots: how many there are.
        left: resources that were not taken over, and why.
        lost: by snapshot, the resources whose content is nowhere any more.
    """

    workspace: FiledWorkspace
    snapshots: int
    left: Mapping[str, str]
    lost: Mapping[str, tuple[str, ...]]

    def to_dict(self) -> dict[str, Any]:
        """Return the record as plain data."""
        return {
            "name": self.workspace.name,
            "folder": str(self.workspace.folder),
            "resources": list(self.workspace.get_resource_names()),
            "snapshots": self.snapshots,
            "left": dict(self.left),
            "lost": {hashval: list(names) for hashval, names in self.lost.items()},
        }


def import_workspace(
    old_workspace: str,
    folder: str | None = None,
    *,
    hostname: str | None = None,
    store: str | None = None,
    keyset: Keyset | None = None,
    places: Mapping[str, str] | None = None,
    batch: bool = True,
    verbose: bool = False,
) -> Imported:
    """Make a new workspace of one that dataworkspaces 1.6 has written.

    Args:
        old_workspace: its folder.
        folder: where the new one is to be; by default called like it, in the current folder.
        hostname: what this machine is called; by default as the old one says.
        store: a store of this machine to share.
        keyset: with which a new store is encrypted.
        places: folders of resources that lie outside of the old workspace, by their names.
        batch: nobody is to be asked.
        verbose: tell more.

    Raises:
        ForeignFormatError: if it is no such workspace, or would lead astray.
        ConfigurationError: if there is something at the folder.
        StoreWriteError: if it cannot be written; then nothing is left behind.
    """
    old = read_old_workspace(Path(os.path.abspath(os.path.expanduser(old_workspace))))
    if unknown := set(places or ()) - {one.name for one in old.resources}:
        raise ConfigurationError(f"The old workspace has no resource '{min(unknown)[:80]}'.")
    target = Path(os.path.abspath(folder or old.name))
    if os.path.lexists(target) and not (target.is_dir() and not any(target.iterdir())):
        raise ConfigurationError(f"There is something at {shown(target)}; choose another folder.")
    if old.folder == target or old.folder in target.parents:
        raise ConfigurationError(
            f"{shown(target)} lies in the old workspace; choose a folder outside of it."
        )
    begun = target.with_name(f".{target.name}.importing")
    try:
        begun.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreWriteError(str(begun.parent), cause_of(error)) from error
    lock = target.with_name(f".{target.name}.importing.lock")
    with exclusive(lock, f"import to {shown(target)}"):
        shutil.rmtree(begun, ignore_errors=True)
        try:
            workspace = init(
                str(begun),
                name=old.name,
                hostname=hostname or old.hostname or socket.gethostname() or "localhost",
                store=store,
                keyset=keyset,
                batch=batch,
                verbose=verbose,
            )
            taking = _Taking(old, workspace, places or {})
            taking.all()
            if target.is_dir():
                target.rmdir()
            begun.rename(target)
        except BaseException:
            shutil.rmtree(begun, ignore_errors=True)
            lock.unlink(missing_ok=True)
            raise
        sync_folder(target.parent)
        lock.unlink(missing_ok=True)
    made = GitWorkspace(target, batch=batch, verbose=verbose)
    return Imported(made, len(old.snapshots), taking.left, taking.lost)


@dataclass(slots=True)
class _Taking:
    """Takes one workspace over."""

    old: OldWorkspace
    workspace: FiledWorkspace
    places: Mapping[str, str]
    left: dict[str, str] = field(default_factory=dict)
    lost: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _places: dict[str, Path] = field(default_factory=dict)  # of resources that are taken over
    _present: dict[str, bytes] = field(default_factory=dict)  # trees by resource, as they are now
    _blobs: dict[str, tuple[bytes, int]] = field(default_factory=dict)  # by id in git
    _targets: dict[str, bytes] = field(default_factory=dict)  # of links, by id in git
    _trees: dict[tuple[Path, str], bytes] = field(default_factory=dict)  # by id in git

    def all(self) -> None:
        """Take over parameters, resources and snapshots."""
        with self.workspace.locked(), self.workspace.store_session() as session:
            for name in COPIED_PARAMETERS:
                if (value := self.old.global_params.get(name)) is not None:
                    with suppress(ConfigurationError):  # else it is the default one
                        self.workspace.set_global_param(name, value)
            for resource in self.old.resources:
                try:
                    self._resource(session, resource)
                except ForeignFormatError:
                    raise
                except DataWorkspacesError as error:
                    self.left[resource.name] = str(error)
            for number, snapshot in enumerate(self.old.snapshots, 1):
                self._snapshot(session, number, snapshot)
            self.workspace.save_contents(f"Import the workspace {self.old.name}")

    # Resources

    def _resource(self, session: Session, resource: OldResource) -> None:
        kind, name = resource.resource_type, resource.name
        if kind in ELSEWHERE:
            self._record(resource, ("bucket_name",) if kind == s3.RESOURCE_TYPE else ())
            return
        if kind not in FOLDERS:
            self.left[name] = NO_TYPE.format(kind=kind[:80])
            return
        place = self.places.get(name)
        if place is not None:
            place = os.path.abspath(os.path.expanduser(place))
        found = os.path.join(self.old.folder, place or resource.place or "")
        if not os.path.isdir(found) or found == os.path.join(self.old.folder, ""):
            self.left[name] = "its folder is not there"
            return
        inside = os.path.relpath(found, self.old.folder)
        if is_plain(os.fsencode(inside)):
            if real_path_below(str(self.old.folder), inside) is None:
                raise ForeignFormatError(found, "a link leads it out of the old workspace")
            self._copied(session, resource, Path(found), inside)
        elif place is None:
            self.left[name] = OUTSIDE.format(name=name, place=found)
            return
        else:
            self._add(resource, found)
            self._present[name] = capture(session, Path(found), progress=listener()).root
        self._places[name] = Path(found)

    def _copied(self, session: Session, resource: OldResource, found: Path, inside: str) -> None:
        """Let a folder of the new workspace be like one of the old."""
        target = self.workspace.folder / inside
        try:
            self._copy(session, resource, found, target)
            self._add(resource, str(target))
            # The folder of the workspace is called otherwise in the end.
            self.workspace._add_local_params_for_resource(resource.name, {})
        except DataWorkspacesError:
            shutil.rmtree(target, ignore_errors=True)
            raise

    def _copy(self, session: Session, resource: OldResource, found: Path, target: Path) -> None:
        if resource.resource_type == git_repository.RESOURCE_TYPE:
            target.parent.mkdir(parents=True, exist_ok=True)
            marker = self.workspace.local_state(resource.name) / git_repository.MARKER
            repository = SharedRepository(target, marker)
            repository.clone(str(found))
            repository.check_out_branch(str(resource.params.get("branch")))
            repository.set_origin(str(resource.params.get("remote_origin_url")))
        target.mkdir(parents=True, exist_ok=True)
        root = capture(session, found, progress=listener()).root
        session.flush()
        planned = plan_folders(session, [Folder(resource.name, target, root)], force=True)
        restore_folders(planned, self.workspace.local / JOURNAL, listener())
        self._present[resource.name] = root

    def _record(self, resource: OldResource, kept: tuple[str, ...], **more: Any) -> None:
        """Take over what is recorded of a resource; where it leads to is not asked."""
        record = {
            "name": resource.name,
            "role": resource.role,
            "resource_type": resource.resource_type,
            **{one: resource.params.get(one) for one in kept},
        }
        self.workspace.add_recorded_resource({**record, **more}, {})

    def _add(self, resource: OldResource, place: str) -> None:
        if resource.resource_type == rclone.RESOURCE_TYPE:
            recorded = place_of(place, resource.name, self.workspace)
            self._record(resource, RCLONE_PARAMETERS, **{LOCATION: recorded})
            return
        flags = {one: bool(resource.params.get(one)) for one in ("export", "imported")}
        if resource.resource_type == git_subdirectory.RESOURCE_TYPE:
            flags.pop("imported")
        elif resource.resource_type == git_repository.RESOURCE_TYPE:
            flags["read_only"] = bool(resource.params.get("read_only"))
        else:
            flags["compute_hash"] = bool(resource.params.get("compute_hash"))
        self.workspace.add_resource(
            resource.name, resource.resource_type, resource.role, place, **flags
        )

    # Snapshots

    def _snapshot(self, session: Session, number: int, old: OldSnapshot) -> None:
        compare: dict[str, str | None] = {}
        restore: dict[str, str | None] = {}
        for resource in self.old.resources:
            name = resource.name
            if name in self.left or name not in old.compare_hashes:
                continue
            root = self._tree(session, resource, old)
            compare[name] = None if root is None else id_text(root)
            is_hash_alone = resource.resource_type == api_resource.RESOURCE_TYPE
            is_kept = resource.role != ResourceRoles.RESULTS and not is_hash_alone
            restore[name] = compare[name] if is_kept else None
        record = SnapshotMetadata.new(
            message=old.message,
            hostname=old.hostname,
            timestamp=old.timestamp,
            relative_destination_path=old.relative_destination_path,
            compare_hashes=compare,
            restore_hashes=restore,
            snapshot_number=number,
            metrics=old.metrics,
            more={
                IMPORTED: {
                    "hash": old.hashval,
                    "release": self.old.release,
                    "compare_hashes": dict(old.compare_hashes),
                    "restore_hashes": dict(old.restore_hashes),
                }
            },
        )
        lost = [name for name, root in compare.items() if root is None]
        if lost := [name for name in lost if old.compare_hashes[name] is not None]:
            self.lost[record.hashval] = tuple(lost)
        session.flush()
        roots = [parse_id(root) for root in compare.values() if root]
        self.workspace.pins().pin(record.hashval, roots)
        self.workspace.catalogue.add(record)
        for tag in old.tags:
            self.workspace.catalogue.tag(tag, record.hashval)

    def _tree(self, session: Session, resource: OldResource, old: OldSnapshot) -> bytes | None:
        """Return the tree that a resource was, None where nobody has it any more."""
        kind, known = resource.resource_type, old.compare_hashes[resource.name]
        if kind == api_resource.RESOURCE_TYPE:
            files = {api_resource.HASH: known.encode()} if known else None
            return small_tree_of(files, session).root if files else None
        if kind == s3.RESOURCE_TYPE:
            return None  # which versions there were lies in the bucket
        if kind in (local_files.RESOURCE_TYPE, rclone.RESOURCE_TYPE):
            return self._listed_tree(session, resource, old)
        commit = old.restore_hashes.get(resource.name)
        if commit is None or not HASH.fullmatch(commit):
            return None
        if resource.resource_type == git_repository.RESOURCE_TYPE:
            return self._git_tree(session, self._places[resource.name], commit, "")
        path = os.path.normpath(str(resource.params["relative_path"]))
        if resource.role == "results":
            # Where nothing was there to be moved, there is no folder of it.
            place = old.relative_destination_path or SNAPSHOTS_FOLDER
            moved = self._git_tree(session, self.old.folder, commit, f"{path}/{place}")
            is_there = self._git_tree(session, self.old.folder, commit, path) is not None
            none = session.put(EMPTY, DIRECTORIES) if is_there else None
            return moved if moved is not None and old.relative_destination_path else none
        return self._git_tree(session, self.old.folder, commit, path)

    def _git_tree(self, session: Session, folder: Path, commit: str, path: str) -> bytes | None:
        git = folder / ".git"
        if git.is_symlink() or not git.is_dir():
            return None  # what it leads to belongs to somebody else
        repository = ForeignRepository(folder, self.workspace.local / "foreign-at-work")
        identity = repository.tree(commit, path)
        if identity is None:
            return None
        if (folder, identity) not in self._trees:
            found = self._new_git_tree(session, repository, identity)
            if found is None:
                return None
            self._trees[folder, identity] = found
        return self._trees[folder, identity]

    def _new_git_tree(
        self, session: Session, repository: ForeignRepository, identity: str
    ) -> bytes | None:
        files = {
            os.fsencode(path): blob
            for path, blob in repository.files_of(identity).items()
            if blob.mode in FILE_MODES or blob.mode == LINK_MODE  # a submodule is no content
        }
        for path in files:
            if not is_plain(path):
                raise ForeignFormatError(os.fsdecode(path), "git has a name that leads elsewhere")
        links = {blob.id for blob in files.values() if blob.mode == LINK_MODE}
        fresh = [
            blob
            for blob in files.values()
            if blob.id not in self._blobs or blob.id in links - self._targets.keys()
        ]
        for one, content in repository.streamed(fresh):
            self._blobs[one] = session.put(content), len(content)
            if one in links:
                self._targets[one] = content
        entries = {}
        for path, blob in files.items():
            if blob.id not in self._blobs:
                return None
            name = path.rpartition(b"/")[2]
            if blob.mode == LINK_MODE:
                entries[path] = link_entry(name, self._target(path, blob.id))
            else:
                permissions = 0o755 if blob.mode == EXECUTABLE_MODE else 0o644
                found, size = self._blobs[blob.id]
                entries[path] = Entry(name, FILE, permissions, size, found)
        try:
            return tree_of(session, entries)
        except ValueError as error:
            raise ForeignFormatError(identity, f"its tree in git is none: {error}") from None

    def _target(self, path: bytes, blob: str) -> bytes:
        target = self._targets[blob]
        if not 0 < len(target) <= MOST_TARGET or b"\0" in target:
            raise ForeignFormatError(os.fsdecode(path), "git has a link that leads nowhere")
        return target

    def _listed_tree(
        self, session: Session, resource: OldResource, old: OldSnapshot
    ) -> bytes | None:
        """Return the tree of a folder as it is now, if a snapshot has listed it by its hashes."""
        present, known = self._present[resource.name], old.compare_hashes[resource.name]
        if known is None or not resource.params.get("compute_hash"):
            return None  # sizes prove nothing
        listed = self.old.listed(resource, known)
        if listed is None:
            return None
        session.flush()
        files = {
            os.fsdecode(path): entry
            for path, entry in Trees(session).walk(present)
            if not entry.is_directory
        }
        if files.keys() != listed.keys() or any(one.is_link for one in files.values()):
            return None
        for path, entry in files.items():
            digest = hashlib.sha1(usedforsecurity=False)
            for piece in session.stream(entry.id):
                digest.update(piece)
            if digest.hexdigest() != listed[path]:
                return None
        return present
