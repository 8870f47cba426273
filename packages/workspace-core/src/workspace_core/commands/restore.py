"""Bring resources back as a snapshot keeps them; or say what that would do."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from workspace_core.errors import ConfigurationError, ErasedObjectError, shown
from workspace_core.store.identity import id_text, parse_id
from workspace_core.trees.tree import Trees, checked_path
from workspace_core.workspace import (
    LocalStateResourceMixin,
    ResourceRoles,
    SnapshotResourceMixin,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workspace_core.backends.snapshots import LocalSnapshots
    from workspace_core.trees.plan import RestorePlan
    from workspace_core.trees.restoring import PlannedFolder
    from workspace_core.workspace import SnapshotMetadata

RESULTS_STAY = "results are added to and never restored"
NOT_IN_SNAPSHOT = "the snapshot does not have it"
NOT_IN_WORKSPACE = "the workspace does not have it any more"
REMOVED = "it was removed; 'dws resource bring-back {name}' makes it a resource again"
NOT_RESTORABLE = "the snapshot keeps nothing of it to restore"


@dataclass(frozen=True, slots=True)
class Selection:
    """Which resources are to be restored, and why the others are not."""

    names: tuple[str, ...]
    left: dict[str, str]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a restore has done, or would do."""

    snapshot: SnapshotMetadata
    is_dry_run: bool
    plans: dict[str, RestorePlan]
    left: dict[str, str]  # resources that were not restored, and why
    rescue: SnapshotMetadata | None = None
    notes: dict[str, str] = field(default_factory=dict)  # what is not done for a resource

    @property
    def conflicts(self) -> int:
        """How many paths would lose content that is in no snapshot."""
        return sum(len(plan.conflicts) for plan in self.plans.values())

    @property
    def erased(self) -> int:
        """How many files do not come back, because they were erased on purpose."""
        return sum(len(plan.erased) for plan in self.plans.values())

    @property
    def changed(self) -> int:
        """How many resources change."""
        return sum(bool(plan.changes) for plan in self.plans.values())

    def to_dict(self) -> dict[str, Any]:
        """Return the outcome as plain data."""
        return {
            "snapshot": self.snapshot.hashval,
            "dry_run": self.is_dry_run,
            "resources": {name: plan.to_dict() for name, plan in self.plans.items()},
            "left": self.left,
            "rescue": self.rescue.hashval if self.rescue else None,
            "notes": self.notes,
        }


def restore(
    workspace: LocalSnapshots,
    tag_or_hash: str,
    *,
    only: Sequence[str] | None = None,
    leave: Sequence[str] = (),
    path: str | None = None,
    strict: bool = False,
    force: bool = False,
    dry_run: bool = False,
) -> Outcome:
    """Restore resources, all of them or none.

    Args:
        workspace: the workspace.
        tag_or_hash: the snapshot.
        only: the resources to restore; all that can be where this is None.
        leave: resources to leave as they are.
        path: only this file or folder, which lies in one of the resources on this machine.
        strict: refuse if snapshot and workspace do not have the same resources, or something of the
            snapshot was erased on purpose; else that is named, and all that is left is restored.
        force: also where content that is in no snapshot would go; a rescue snapshot keeps it.
        dry_run: only say what would be done.

    Raises:
        ConfigurationError: if what is asked for is not there; nothing is changed.
        LocalChangesError: if content that is in no snapshot would go.
        ErasedObjectError: if the file at `path` was erased, or anything of a strict restore.
    """
    snapshot = workspace.get_snapshot_by_tag_or_hash(tag_or_hash)
    paths: tuple[bytes, ...] = ()
    if path is not None:
        if only is not None or leave:
            raise ConfigurationError("A path names its resource; leave out --only and --leave.")
        name, inside = workspace.map_local_path_to_resource(os.path.expanduser(path))
        only, paths = [name], (checked_path(inside),) if inside else ()
    selected = select(workspace, snapshot, only, leave, strict=strict)
    if paths:
        _require_path(workspace, snapshot, selected.names[0], paths[0])
    notes = _notes(workspace, snapshot, selected.names)
    if strict:
        planned = workspace.plan_restore(snapshot, selected.names, paths=paths, force=force)
        _require_whole(planned)
    if not dry_run:
        done = workspace.restore(snapshot, selected.names, paths=paths, force=force)
        plans = {one.folder.name: one.plan for one in done.folders}
        return Outcome(snapshot, False, plans, selected.left, done.rescue, notes)
    planned = workspace.plan_restore(snapshot, selected.names, paths=paths, force=force)
    plans = {one.folder.name: one.plan for one in planned}
    return Outcome(snapshot, True, plans, selected.left, notes=notes)


def _require_whole(planned: Sequence[PlannedFolder]) -> None:
    """Refuse to restore what was erased on purpose in part."""
    for one in planned:
        for path, reason in one.plan.erased:
            entry = one.trees.find(one.folder.target, path)
            place = f"{one.folder.name}: {os.fsdecode(path)}"
            raise ErasedObjectError("" if entry is None else id_text(entry.id), reason, place)


def _require_path(
    workspace: LocalSnapshots, snapshot: SnapshotMetadata, name: str, path: bytes
) -> None:
    """Refuse a path that is neither in the snapshot nor in the resource as it is."""
    resource, kept = workspace.get_resource(name), snapshot.restore_hashes[name]
    assert kept is not None  # noqa: S101 - what cannot be restored is refused before
    if isinstance(resource, LocalStateResourceMixin):
        here = resource.get_local_path_if_any()
        if here is not None and os.path.lexists(os.path.join(os.fsencode(here), path)):
            return
    with workspace.store_session() as session:
        if Trees(session).find(parse_id(kept), path) is None:
            raise ConfigurationError(
                f"Neither the snapshot '{snapshot.hashval[:8]}' nor the resource '{name}' has "
                f"{shown(path)}; mend the path."
            )


def select(
    workspace: LocalSnapshots,
    snapshot: SnapshotMetadata,
    only: Sequence[str] | None = None,
    leave: Sequence[str] = (),
    *,
    strict: bool = False,
) -> Selection:
    """Return which resources a restore is about.

    Results are never among them, and are no reason for `strict` to refuse.

    Raises:
        ConfigurationError: if a resource was asked for by name that cannot be restored.
    """
    if only is not None and leave:
        raise ConfigurationError("Give --only or --leave, not both.")
    reasons = _reasons(workspace, snapshot)
    for name in [*(only or ()), *leave]:
        if name not in reasons:
            if (now := workspace.catalogue.names_now().get(name)) is not None:
                raise ConfigurationError(f"The resource '{name}' is called '{now}' now.")
            raise ConfigurationError(
                f"Neither the workspace nor the snapshot '{snapshot.hashval[:8]}' has a resource "
                f"'{name[:80]}'; 'dws report status' lists them."
            )
    wanted = [name for name in reasons if (only is None or name in only) and name not in leave]
    for name in wanted:
        reason = reasons[name]
        if reason and (only is not None or (strict and reason != RESULTS_STAY)):
            raise ConfigurationError(f"'{name}' cannot be restored: {reason}.")
    left = {name: reason for name in wanted if (reason := reasons[name])}
    return Selection(tuple(name for name in wanted if not reasons[name]), left)


def _reasons(workspace: LocalSnapshots, snapshot: SnapshotMetadata) -> dict[str, str]:
    """Return all resources of both sides, and why they cannot be restored; an empty text if so."""
    present = list(workspace.get_resource_names())
    removed = set(workspace.get_removed_resource_names())
    found = {}
    for name in [*present, *(n for n in snapshot.compare_hashes if n not in present)]:
        if name in removed:
            found[name] = REMOVED.format(name=name)
        elif name not in present:
            found[name] = NOT_IN_WORKSPACE
        elif workspace.get_resource_role(name) == ResourceRoles.RESULTS:
            found[name] = RESULTS_STAY
        elif name not in snapshot.compare_hashes:
            found[name] = NOT_IN_SNAPSHOT
        else:
            found[name] = "" if snapshot.restore_hashes.get(name) else _why_not(workspace, name)
    return found


def _why_not(workspace: LocalSnapshots, name: str) -> str:
    resource = workspace.get_resource_wherever(name)
    kind = resource if isinstance(resource, SnapshotResourceMixin) else SnapshotResourceMixin
    return kind.not_restored


def _notes(
    workspace: LocalSnapshots, snapshot: SnapshotMetadata, names: Sequence[str]
) -> dict[str, str]:
    """Return what a restore of some resources does not do, in sentences."""
    found = {}
    for name in names:
        resource, kept = workspace.get_resource(name), snapshot.restore_hashes[name]
        if isinstance(resource, SnapshotResourceMixin) and kept is not None:
            found[name] = resource.restore_note(kept)
    return {name: note for name, note in found.items() if note}
