"""The snapshots of a workspace whose metadata are files on this machine; a base for backends."""

from __future__ import annotations

import getpass
import logging
import os
import shutil
from abc import abstractmethod
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workspace_core.errors import (
    ConfigurationError,
    DataWorkspacesError,
    NoStoreError,
    RemovalError,
    ResourceNotHereError,
    RestoreError,
    StoreWriteError,
    UnfinishedSnapshotError,
    shown,
)
from workspace_core.parameters import (
    HOSTNAME_PARAMETER,
    RESULTS_EXCLUDE,
    RESULTS_STAY,
    RESULTS_TEMPLATE,
)
from workspace_core.progress import listener
from workspace_core.sharing.history import ASIDE, History
from workspace_core.snapshots.exclusion import Exclusion
from workspace_core.snapshots.metadata import PARENTS, SnapshotMetadata, checked_tag
from workspace_core.snapshots.metrics import metrics_of, with_finite_numbers
from workspace_core.snapshots.pending import (
    PendingSnapshot,
    ResultsMove,
    check_destination,
    entries_to_move,
    move_entries,
)
from workspace_core.snapshots.templates import SNAPSHOTS_FOLDER, filled
from workspace_core.store.durable import cause_of, json_bytes, read_json, remove_file, write_whole
from workspace_core.store.identity import parse_id
from workspace_core.workspace import (
    JSONDict,
    LocalStateResourceMixin,
    Resource,
    Restored,
    SnapshotResourceMixin,
    SnapshotWorkspaceMixin,
    Workspace,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from workspace_core.lineage.store import LineageStore
    from workspace_core.snapshots.catalogue import Catalogue
    from workspace_core.store.pins import Pins
    from workspace_core.trees.restoring import Folder, PlannedFolder

SCHEMA = 1
PENDING, DELETION, AT = "snapshot.json", "deletion.json", "at.json"
FACTS, LINEAGE = "resources", "lineage"
FILES_OF_GIT = (".gitattributes", ".gitignore", ".gitkeep")

_reports = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Kept:
    """A resource, and the trees by which a snapshot compares and restores it."""

    name: str
    resource: SnapshotResourceMixin
    compare: str | None
    restore: str | None

    @property
    def root(self) -> str | None:
        """The tree that the store keeps of it."""
        return self.restore or self.compare

    @property
    def is_results(self) -> bool:
        """Whether it holds results."""
        assert isinstance(self.resource, Resource)  # noqa: S101 - mixins are mixed into resources
        return self.resource.has_results_role()

    def results_folder(self) -> Path | None:
        """Return the folder of this machine if it holds results."""
        return _folder(self.resource) if self.is_results else None


class LocalSnapshots(SnapshotWorkspaceMixin, Workspace):
    """A workspace that takes snapshots, with its records in a `Catalogue`."""

    catalogue: Catalogue
    lineage: LineageStore  # of those that support it
    lock_wait_seconds: float

    @property
    @abstractmethod
    def local(self) -> Path:
        """Where files lie that belong to this copy alone, the journals among them."""

    @property
    @abstractmethod
    def is_there(self) -> bool:
        """Whether the records are still where they were when it was opened."""

    @abstractmethod
    def locked(self) -> AbstractContextManager[None]:
        """Keep other commands from changing the workspace, and bring it to rest after a crash."""

    @abstractmethod
    def pins(self) -> Pins:
        """Return the pins of this copy of the workspace in its store."""

    @abstractmethod
    def save_contents(self, message: str) -> None:
        """Make parameters and resources last, and what resources have in the workspace's folder."""

    # Taking

    def get_next_snapshot_number(self) -> int:
        """Return a number that no snapshot has or ever had."""
        return self.catalogue.next_number()

    def snapshot(
        self,
        tag: str | None = None,
        message: str = "",
        metrics: Mapping[str, Any] | None = None,
        *,
        facts: Mapping[str, Any] | None = None,
        skips_special: bool = False,
    ) -> SnapshotMetadata:
        """Take a snapshot of all resources, record it, and move results to a folder of its own.

        Args:
            tag: what it is to be called, beside its hash.
            message: what is to be remembered of it.
            metrics: in place of those in ``results.json``.
            facts: what else its record is to hold, such as the run that took it.
            skips_special: leave out FIFOs, sockets and devices, and record which; else they are an
                error.
        """
        with self.locked():
            self._require_free(tag)
            resources = list(self.get_resources())
            return self._take(
                resources, tag, message, metrics, more=facts or {}, skips_special=skips_special
            )

    def _require_free(self, tag: str | None) -> None:
        if tag is not None and checked_tag(tag) in self.catalogue.tagged():
            raise ConfigurationError(
                f"The tag '{tag}' is in use; choose another one, or delete the snapshot that has "
                "it."
            )

    def _take(
        self,
        resources: Sequence[Resource],
        tag: str | None,
        message: str,
        metrics: Mapping[str, Any] | None = None,
        *,
        more: Mapping[str, Any] | None = None,
        moves_results: bool = True,
        skips_special: bool = False,
    ) -> SnapshotMetadata:
        with self.store_session() as session:
            kept = _kept(resources, skips_special=skips_special)
            session.flush()
            number, moment = self.get_next_snapshot_number(), datetime.now(UTC)
            self._require_free(tag)  # which may have been given elsewhere meanwhile
            moves = self._moves(kept) if moves_results else ()
            destination = self._destination(kept, number, moment, tag) if moves else ""
            facts = {one.name: found for one in kept if (found := one.resource.snapshot_facts())}
            metadata = SnapshotMetadata.new(
                message=message,
                hostname=self.get_local_param(HOSTNAME_PARAMETER),
                timestamp=moment.isoformat(timespec="microseconds"),
                relative_destination_path=destination,
                compare_hashes={one.name: one.compare for one in kept},
                restore_hashes={one.name: one.restore for one in kept},
                snapshot_number=number,
                metrics=(
                    with_finite_numbers(dict(metrics))
                    if metrics is not None
                    else metrics_of(session, _results(kept))
                ),
                more={
                    **(more or {}),
                    **({FACTS: facts} if facts else {}),
                    **self._lineage_fact(),
                    PARENTS: {one.name: list(self.standing(one.name)) for one in kept},
                },
            )
            self.pins().pin(metadata.hashval, [parse_id(one.root) for one in kept if one.root])
            pending = PendingSnapshot(metadata.hashval, tag, destination, moves)
            pending.write(self.local / PENDING)
            self.catalogue.add(metadata)  # the commit point
            try:
                self._finish_snapshot()
            except StoreWriteError as error:
                raise UnfinishedSnapshotError(metadata.hashval, error.path, error.cause) from error
        for one in kept:
            with suppress(StoreWriteError):  # what can be lost without harm
                one.resource.note_recorded()
                self.note_at(one.name, metadata.hashval)
        self.save_contents(f"Snapshot {tag or f'{number:03d}'} {metadata.hashval[:8]}")
        return self.catalogue.get(metadata.hashval)

    def _lineage_fact(self) -> JSONDict:
        """Return how much of the lineage there was when a snapshot is taken."""
        runs = len(self.lineage.ids()) if self.supports_lineage() else 0
        return {LINEAGE: {"sequence": runs}} if runs else {}

    def record_merge(self, names: Sequence[str], message: str) -> SnapshotMetadata:
        """Take a snapshot of some resources that were merged; results stay where they are."""
        with self.locked():
            resources = [self.get_resource(name) for name in names]
            return self._take(resources, None, message, moves_results=False, skips_special=True)

    def keep_aside(self, names: Sequence[str], message: str) -> SnapshotMetadata:
        """Take a snapshot of what is about to be replaced; nobody goes on from it."""
        with self.locked():
            resources = [self.get_resource(name) for name in names]
            return self._take(
                *(resources, None, message),
                more={ASIDE: True},
                moves_results=False,
                skips_special=True,
            )

    def _moves(self, kept: Sequence[Kept]) -> tuple[ResultsMove, ...]:
        moves = []
        for one in kept:
            if not one.is_results or one.root is None:
                continue
            folder, stay = one.results_folder(), self.results_that_stay(one.name)
            if folder is not None and (entries := entries_to_move(folder, stay)):
                moves.append(ResultsMove(one.name, one.root, entries))
            elif one.resource.holds_results(one.root, stay):
                moves.append(ResultsMove(one.name, one.root, ()))
        return tuple(moves)

    def results_that_stay(self, resource_name: str) -> Exclusion:
        """Return what of a resource with results no snapshot moves."""
        names = {SNAPSHOTS_FOLDER, *FILES_OF_GIT, *self.get_global_param(RESULTS_STAY)}
        globs = self._get_resource_params(resource_name).get(RESULTS_EXCLUDE, ())
        return Exclusion.of(names, globs)

    def _destination(
        self, kept: Sequence[Kept], number: int, moment: datetime, tag: str | None
    ) -> str:
        """Return a folder for the results that no snapshot has or had."""
        wanted = filled(
            self.get_global_param(RESULTS_TEMPLATE),
            moment=moment,
            username=_username(),
            hostname=self.get_local_param(HOSTNAME_PARAMETER),
            number=number,
            tag=tag,
        )
        folders = [folder for one in kept if (folder := one.results_folder()) is not None]
        for folder in folders:
            check_destination(folder, wanted)
        taken = {one.relative_destination_path for one in self.catalogue.all()}
        found, suffix = wanted, 2
        while found in taken or any(os.path.lexists(folder / found) for folder in folders):
            found, suffix = f"{wanted}-{suffix}", suffix + 1
        return found

    # After a crash

    def bring_to_rest(self) -> None:
        """Finish what was begun and is due, and forget what was only announced."""
        self._finish_snapshot()
        self._finish_deletion()
        self._pin_recorded()

    def _pin_recorded(self) -> None:
        """Pin what records name that have come by another way, such as a merge in git."""
        with suppress(NoStoreError):
            pins = self.pins()
            if not (unpinned := set(self.catalogue.hashes()) - pins.names()):
                return
            with self.store_session() as session:
                for one in map(self.catalogue.get, sorted(unpinned)):
                    hashes = {*one.compare_hashes.values(), *one.restore_hashes.values()}
                    roots = [parse_id(found) for found in hashes if found]
                    if not session.missing(roots):  # else they are in another store
                        pins.pin(one.hashval, roots)

    def _finish_snapshot(self) -> None:
        file = self.local / PENDING
        pending = PendingSnapshot.read(file)
        if pending is None:
            return
        if pending.snapshot in self.catalogue.hashes():
            self._finish_tag(pending)
            for move in pending.moves:
                self._finish_move(move, pending.destination)
        remove_file(file)

    def _finish_tag(self, pending: PendingSnapshot) -> None:
        """Give a snapshot its tag, unless another one has got that since a crash."""
        if pending.tag is None:
            return
        if self.catalogue.tagged().get(pending.tag) in (None, pending.snapshot):
            self.catalogue.tag(pending.tag, pending.snapshot)
        else:
            _reports.warning(
                "Another snapshot was given the tag '%s', so the snapshot %s has none.",
                *(pending.tag, pending.snapshot[:8]),
            )

    def _finish_move(self, move: ResultsMove, destination: str) -> None:
        resource = self._snapshot_resource(move.resource)
        folder = _folder(resource)
        if folder is None:
            resource.move_results(move.root, destination, self.results_that_stay(move.resource))
            return
        move_entries(folder, destination, move.entries)
        place = folder / destination
        absent = [one.name for one in move.entries if not os.path.lexists(place / one.name)]
        if not absent:
            return
        from workspace_core.trees.restoring import (
            JOURNAL,
            Folder,
            plan_folders,
            recover_folders,
            restore_folders,
        )

        # Somebody has removed or rewritten them meanwhile; the store has them as they were.
        with self.store_session() as session:
            paths = tuple(os.fsencode(name) for name in absent)
            target = Folder(move.resource, place, parse_id(move.root), paths=paths)
            place.mkdir(parents=True, exist_ok=True)
            recover_folders([place], self.local / JOURNAL)
            restore_folders(plan_folders(session, [target]), self.local / JOURNAL)

    # Restoring

    def plan_restore(
        self,
        snapshot: SnapshotMetadata,
        names: Sequence[str],
        *,
        paths: Sequence[bytes] = (),
        force: bool = False,
    ) -> list[PlannedFolder]:
        """Return what restoring resources would do; nothing is changed."""
        from workspace_core.trees.restoring import plan_folders

        with self.store_session() as session:
            folders = [replace(one, paths=tuple(paths)) for one in self._folders(snapshot, names)]
            return plan_folders(session, folders, force=force)

    def restore(
        self,
        snapshot: SnapshotMetadata,
        names: Sequence[str],
        *,
        paths: Sequence[bytes] = (),
        force: bool = False,
    ) -> Restored:
        """Make resources as they were, all of them or none."""
        from workspace_core.trees.restoring import JOURNAL, restore_folders

        with self.locked(), self.store_session():
            planned = self.plan_restore(snapshot, names, paths=paths, force=force)
            rescue = None
            if force and (lost := [one for one in planned if one.plan.unsaved]):
                message = f"Rescue before {snapshot.hashval[:8]} was restored"
                rescue = self.keep_aside([one.folder.name for one in lost], message)
            for due in planned:
                if due.plan.changes and not due.plan.conflicts:
                    _make_way(due)
            restored = restore_folders(planned, self.local / JOURNAL, listener())
            for one in restored:
                with suppress(StoreWriteError):  # what can be lost without harm
                    self._snapshot_resource(one.folder.name).note_restored(one)
                    if not paths:
                        left = self._left_for(one.folder.name, snapshot)
                        self.note_at(one.folder.name, snapshot.hashval, left=left)
            self.save_contents(f"Restore {snapshot.hashval[:8]}")
            return Restored(tuple(restored), rescue)

    def _folders(self, snapshot: SnapshotMetadata, names: Sequence[str]) -> list[Folder]:
        found, taken = [], self.list_snapshots()
        for name in names:
            restore_hash = snapshot.restore_hashes.get(name)
            if restore_hash is None:
                raise ConfigurationError(
                    f"The snapshot '{snapshot.hashval[:8]}' keeps nothing of '{name}' to restore; "
                    "leave it out with --leave."
                )
            saved = dict.fromkeys(
                parse_id(other) for one in taken if (other := one.restore_hashes.get(name))
            )
            folder = self._snapshot_resource(name).snapshot_folder(restore_hash)
            found.append(replace(folder, saved=(*folder.saved, *saved)))
        return found

    def _snapshot_resource(self, name: str) -> SnapshotResourceMixin:
        resource = self.get_resource(name)
        if not isinstance(resource, SnapshotResourceMixin):
            raise ConfigurationError(f"No snapshots are taken of the resource '{name}'.")
        return resource

    # Records and tags

    def get_snapshot_metadata(self, hash_val: str) -> SnapshotMetadata:
        """Return a snapshot by its whole hash."""
        return self.catalogue.get(hash_val)

    def get_snapshot_by_tag_or_hash(self, tag_or_hash: str) -> SnapshotMetadata:
        """Return a snapshot by a tag, the beginning of its hash, or its number."""
        return self.catalogue.find(tag_or_hash)

    def list_snapshots(
        self, *, reverse: bool = True, max_count: int | None = None
    ) -> list[SnapshotMetadata]:
        """Return snapshots, the newest first unless told otherwise."""
        found = self.catalogue.all()
        return (found[::-1] if reverse else found)[:max_count]

    def move_tag_to_snapshot(self, hash_val: str, tag: str) -> None:
        """Let a tag point to a snapshot, wherever it pointed before; other tags stay."""
        with self.locked():
            self.catalogue.tag(tag, self.catalogue.get(hash_val).hashval, moves=True)
            self.save(f"Move tag {tag} to {hash_val[:8]}")

    def remove_tag_from_snapshot(self, hash_val: str, tag: str) -> None:
        """Remove a tag; others that the snapshot has stay."""
        with self.locked():
            if not self.catalogue.get(hash_val).has_tag(tag):
                raise ConfigurationError(
                    f"The snapshot '{hash_val[:8]}' does not have the tag '{tag}'."
                )
            self.catalogue.untag(tag)
            self.save(f"Remove tag {tag}")

    def snapshot_of(self, resource_name: str) -> SnapshotMetadata | None:
        """Return the snapshot that a resource was last made by or like; else the newest with it.

        None where no snapshot has the resource.
        """
        file = self.local_state(resource_name) / AT
        with suppress(FileNotFoundError, KeyError, DataWorkspacesError):
            return self.catalogue.get(str(read_json(file, SCHEMA)["snapshot"]))
        taken = self.list_snapshots()
        return next((one for one in taken if one.compare_hashes.get(resource_name)), None)

    def standing(self, resource_name: str) -> tuple[str, ...]:
        """Return the snapshots that the next one of a resource is to come from.

        That which it was last made by or like, those that were merged with it since, and those that
        a restore has led it away from: what was restored goes on from there.
        """
        at, merged, left = self._at(resource_name)
        if at is not None:
            return (at, *merged, *left)
        last = self.snapshot_of(resource_name)
        return () if last is None else (last.hashval,)

    def merged_since(self, resource_name: str) -> tuple[str, ...]:
        """Return the snapshots that were merged into a resource, and that is not recorded yet."""
        return self._at(resource_name)[1]

    def note_at(
        self,
        resource_name: str,
        hashval: str,
        merged: Sequence[str] = (),
        *,
        left: Sequence[str] = (),
    ) -> None:
        """Take note of which snapshot a resource is like, and what else it has come from since.

        Args:
            resource_name: the resource.
            hashval: the snapshot.
            merged: what was merged into it since.
            left: where it stood before it was restored.
        """
        record: JSONDict = {"schema": SCHEMA, "snapshot": hashval}
        record |= {"merged": list(merged)} if merged else {}
        record |= {"left": list(left)} if left else {}
        write_whole(self.local_state(resource_name) / AT, json_bytes(record))

    def _at(self, resource_name: str) -> tuple[str | None, tuple[str, ...], tuple[str, ...]]:
        """Return what was noted; nothing at all if some of it is of no snapshot that is known."""
        file = self.local_state(resource_name) / AT
        with suppress(FileNotFoundError, KeyError, DataWorkspacesError):
            record = read_json(file, SCHEMA)
            at = str(record["snapshot"])
            merged, left = (tuple(map(str, record.get(key, ()))) for key in ("merged", "left"))
            if {at, *merged, *left} <= {*self.catalogue.hashes(), *self.catalogue.deleted_hashes()}:
                return at, merged, left
        return None, (), ()

    def _left_for(self, resource_name: str, snapshot: SnapshotMetadata) -> tuple[str, ...]:
        """Return where a resource stands that is restored, as far as the snapshot is not newer.

        What was restored before, and nothing made of it, has only been looked at.
        """
        line = self._at(resource_name)[2] or self.standing(resource_name)
        taken, deleted = self.list_snapshots(), self.catalogue.deleted_snapshots()
        known = History(resource_name, taken, deleted).ancestors([snapshot.hashval])
        return tuple(one for one in line if one not in known)

    # Deleting

    def delete_snapshot(self, hash_val: str, *, include_resources: bool = False) -> None:
        """Remove a snapshot, and the folders of its own results if asked for."""
        with self.locked():
            snapshot = self.catalogue.get(hash_val)
            place = snapshot.relative_destination_path if include_resources else ""
            others = [one for one in self.catalogue.all() if one.hashval != hash_val]
            if place in {one.relative_destination_path for one in others}:
                place = ""
            record = {"schema": SCHEMA, "snapshot": hash_val, "destination": place}
            write_whole(self.local / DELETION, json_bytes(record))
            self._finish_deletion()
            self.save_contents(f"Delete snapshot {snapshot.snapshot_number:03d} {hash_val[:8]}")

    def _finish_deletion(self) -> None:
        file = self.local / DELETION
        try:
            record = read_json(file, SCHEMA)
        except FileNotFoundError:
            return
        hashval, place = str(record["snapshot"]), str(record["destination"])
        if hashval in self.catalogue.hashes():
            self.catalogue.delete(hashval)
        self.pins().unpin(hashval)
        if place.startswith(f"{SNAPSHOTS_FOLDER}/"):
            for resource in self.get_resources():
                folder = _folder(resource)
                if not resource.has_results_role():
                    continue
                if folder is not None:
                    _remove_results(folder, place)
                elif isinstance(resource, SnapshotResourceMixin):
                    resource.delete_snapshot(hashval, "", place)
        remove_file(file)


def _make_way(planned: PlannedFolder) -> None:
    """Make the folders above single paths that are to come back, as the snapshot has them.

    Raises:
        ConfigurationError: if something else stands there.
        RestoreError: if one cannot be made.
    """
    folder = planned.folder
    for path in folder.paths:
        here, names = b"", path.split(b"/")[:-1]
        for name in names:
            here = here + b"/" + name if here else name
            place = folder.root / os.fsdecode(here)
            if place.is_dir() and not place.is_symlink():
                continue
            if os.path.lexists(place):
                raise ConfigurationError(
                    f"{shown(here)} is no folder now, and what is to come back lies below it; "
                    "restore that instead."
                )
            entry = planned.trees.find(folder.target, here)
            try:
                place.mkdir(mode=entry.permissions if entry else 0o755)
                place.chmod(entry.permissions if entry else 0o755)
            except OSError as error:
                raise RestoreError(str(place), cause_of(error)) from error


def _kept(resources: Sequence[Resource], *, skips_special: bool) -> list[Kept]:
    found = [(one.name, one) for one in resources if isinstance(one, SnapshotResourceMixin)]
    for _, resource in found:
        resource.skips_special = skips_special
        resource.snapshot_precheck()
    return [Kept(name, resource, *resource.snapshot()) for name, resource in found]


def _results(kept: Sequence[Kept]) -> dict[str, str]:
    """Return the trees of the resources that hold results."""
    return {one.name: one.root for one in kept if one.root and one.is_results}


def _remove_results(folder: Path, place: str) -> None:
    """Remove the results of one snapshot, and nothing that a link leads to."""
    try:
        check_destination(folder, place)
        shutil.rmtree(folder / place)
    except ConfigurationError as error:
        _reports.warning("Results of a deleted snapshot are left where they are: %s", error)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise RemovalError(str(error.filename or folder / place), cause_of(error)) from error


def _folder(resource: object) -> Path | None:
    """Return where a resource is on this machine, None for one without files."""
    if not isinstance(resource, LocalStateResourceMixin):
        return None
    path = resource.get_local_path_if_any()
    return None if path is None else Path(path)


def _username() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # no entry for the user, as in some containers
        return "unknown"


def folders_of(workspace: Workspace) -> Iterator[Path]:
    """Yield the folders that restores change; some resources may not be here yet."""
    for name in workspace.get_resource_names():
        with suppress(ResourceNotHereError):
            resource = workspace.get_resource(name)
            if not isinstance(resource, SnapshotResourceMixin):
                continue
            if (folder := resource.restored_folder()) is not None:
                yield folder
