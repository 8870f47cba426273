"""What has changed in the resources since the snapshot that they were made by or like."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from workspace_core.commands.staleness import Stale, stale_by
from workspace_core.errors import (
    DataWorkspacesError,
    MissingObjectsError,
    ResourceNotHereError,
    shown,
)
from workspace_core.lineage.staleness import Unwatched, judge_present
from workspace_core.store.identity import id_text, parse_id
from workspace_core.trees.diff import Change, diff
from workspace_core.trees.tree import EMPTY_ID, Trees
from workspace_core.workspace import LocalStateResourceMixin, Resource, SnapshotResourceMixin

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from workspace_core.backends.files import FiledWorkspace
    from workspace_core.snapshots.exclusion import Exclusion
    from workspace_core.store.session import Session
    from workspace_core.trees.building import Present
    from workspace_core.workspace import SnapshotMetadata

NOT_IN_STORE = (
    "The store here does not have the snapshot that it is compared with, so that nobody can say "
    "what has changed; name the store that has it: dws config store DIR."
)
NOTHING_YET = "Nobody has written down on this machine what it is now."
UNCHANGED, CHANGED, NEW = "unchanged", "changed", "new"
MISSING, UNREADABLE = "missing", "unreadable"


@dataclass(frozen=True, slots=True)
class ResourceStatus:
    """A resource, and what has changed in it.

    `state` is ``unchanged``, ``changed``, ``new`` (in no snapshot yet), ``missing`` (it is not
    here) or ``unreadable`` (it is here, and cannot be looked at); `reason` says why.
    """

    name: str
    role: str
    resource_type: str
    local_path: str | None
    state: str
    since: str | None  # the hash of the snapshot it is compared with
    changes: tuple[Change, ...] = ()
    reason: str | None = None
    skipped: tuple[bytes, ...] = ()  # paths of what no snapshot can hold, such as FIFOs
    stale: tuple[Stale, ...] = ()  # what is out of date
    unwatched: tuple[Unwatched, ...] = ()  # files outside of which nobody knows whether they have

    def to_dict(self) -> dict[str, Any]:
        """Return the status as plain data."""
        return {
            "name": self.name,
            "role": self.role,
            "resource_type": self.resource_type,
            "local_path": self.local_path,
            "state": self.state,
            "since": self.since,
            "changes": [change.to_dict() for change in self.changes],
            "reason": self.reason,
            "skipped": [os.fsdecode(path) for path in self.skipped],
            "stale": [one.to_dict() for one in self.stale],
            "unwatched": [{"path": one.path, "why": one.why} for one in self.unwatched],
        }


def status(workspace: FiledWorkspace, *, ask_stores: bool = False) -> list[ResourceStatus]:
    """Return what has changed in each resource; nothing is changed or kept.

    A resource is compared with the snapshot that it was last made by or like. Results that a
    snapshot has moved to its own folder are no change; those that came since are. Where the store
    does not have what a resource is compared with, or there is none yet, ids alone tell whether it
    has changed, and nobody can say in what.

    Args:
        workspace: the workspace.
        ask_stores: also ask stores whether that has changed which runs have read there.

    Raises:
        DamagedFileError: if a record of lineage is damaged, so that nobody can say what is out of
            date.
    """
    found, seen = changes_of(workspace)
    return with_stale(workspace, found, seen, ask_stores=ask_stores)


def changes_of(workspace: FiledWorkspace) -> tuple[list[ResourceStatus], dict[str, str]]:
    """Return what has changed in each resource, as `status`, and the trees that they are now."""
    seen: dict[str, str] = {}
    with workspace.looking() as session:
        found = [
            _status_of(session, workspace, name, workspace.snapshot_of(name), seen)
            for name in workspace.get_resource_names()
        ]
    return found, seen


def with_stale(
    workspace: FiledWorkspace,
    found: Iterable[ResourceStatus],
    seen: Mapping[str, str],
    *,
    ask_stores: bool = False,
) -> list[ResourceStatus]:
    """Return what has changed, and what is out of date, too; see `status`."""
    judgement = judge_present(workspace, ask_stores=ask_stores)
    stale = stale_by(workspace, judgement, seen)
    return [
        replace(
            one,
            stale=tuple(late for late in stale if late.name == one.name),
            unwatched=tuple(file for file in judgement.unwatched if one.name in file.made),
        )
        for one in found
    ]


def _status_of(
    session: Session,
    workspace: FiledWorkspace,
    name: str,
    last: SnapshotMetadata | None,
    seen: dict[str, str],
) -> ResourceStatus:
    resource = workspace.get_resource_wherever(name)
    path = (
        resource.get_local_path_if_any() if isinstance(resource, LocalStateResourceMixin) else None
    )
    facts = (resource.name, resource.role, resource.resource_type, path)
    since = last.hashval if last else None
    if not isinstance(resource, SnapshotResourceMixin):
        return ResourceStatus(*facts, UNCHANGED, since)
    known = last.compare_hashes.get(resource.name) if last else None
    try:
        workspace.get_resource(name)
        if path is not None and not os.path.lexists(path):
            if resource.has_results_role() or known == EMPTY_ID:
                return ResourceStatus(*facts, UNCHANGED, since)  # git keeps no empty folder
            return ResourceStatus(*facts, MISSING, since, reason=_absent(path, name, last))
        now = resource.present(session)
        note = resource.present_note() or None
    except ResourceNotHereError as error:
        return ResourceStatus(*facts, MISSING, since, reason=str(error))
    except DataWorkspacesError as error:
        return ResourceStatus(*facts, UNREADABLE, since, reason=str(error))
    if now is None:
        state, reason = (UNCHANGED, None) if known is None else (MISSING, NOTHING_YET)
        return ResourceStatus(*facts, state, since, reason=reason)
    seen[name] = id_text(now.root)
    skipped = now.left_out
    try:
        changes = _changes(session, workspace, resource, now, known)
    except MissingObjectsError:
        return ResourceStatus(*facts, CHANGED, since, reason=NOT_IN_STORE, skipped=skipped)
    state = CHANGED if changes else UNCHANGED
    return ResourceStatus(
        *facts, state if last else NEW, since, changes, reason=note, skipped=skipped
    )


def _changes(
    session: Session,
    workspace: FiledWorkspace,
    resource: SnapshotResourceMixin,
    now: Present,
    known: str | None,
) -> tuple[Change, ...]:
    trees = Trees(session, now.directories)
    before = None if known is None else parse_id(known)
    assert isinstance(resource, Resource)  # noqa: S101 - mixins are mixed into resources
    if not resource.has_results_role():
        return tuple(diff(trees, before, now.root))
    # The snapshot has moved all but these, so that whatever else is there has come since.
    stay = workspace.results_that_stay(resource.name)
    fresh = _fresh(diff(trees, None, now.root), stay)
    stayed = [one for one in diff(trees, before, now.root) if stay.leaves_out(_path(one))]
    return tuple(sorted([*fresh, *stayed], key=lambda one: one.path.split(b"/")))


def _fresh(found: Iterable[Change], stay: Exclusion) -> list[Change]:
    """Return what a snapshot would move, without folders that only something which stays needs."""
    entries = list(found)
    staying = _above(one for one in entries if stay.leaves_out(_path(one)))
    moving = [one for one in entries if not stay.leaves_out(_path(one))]
    needed = _above(one for one in moving if _path(one) not in staying)
    return [one for one in moving if _path(one) not in staying - needed]


def _above(changes: Iterable[Change]) -> set[str]:
    """Return the folders above some paths."""
    parts = [_path(one).split("/") for one in changes]
    return {"/".join(one[:end]) for one in parts for end in range(1, len(one))}


def _path(change: Change) -> str:
    return os.fsdecode(change.path)


def _absent(path: str, name: str, last: SnapshotMetadata | None) -> str:
    brings = f": dws restore {last.hashval[:8]} --only {name}" if last else ", or make it"
    return f"{shown(path)} is not there; bring it back{brings}."
