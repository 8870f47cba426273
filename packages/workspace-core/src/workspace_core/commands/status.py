"""What has changed in the resources since the snapshot that they were made by or like."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workspace_core.errors import DataWorkspacesError
from workspace_core.progress import listener
from workspace_core.store.identity import parse_id
from workspace_core.trees.capture import capture
from workspace_core.trees.diff import Change, diff
from workspace_core.trees.tree import EMPTY_ID, Trees
from workspace_core.workspace import (
    LocalStateResourceMixin,
    SnapshotResourceMixin,
)

if TYPE_CHECKING:
    from workspace_core.backends.snapshots import LocalSnapshots
    from workspace_core.store.session import Session
    from workspace_core.workspace import SnapshotMetadata

UNCHANGED, CHANGED, NEW, MISSING = "unchanged", "changed", "new", "missing"


@dataclass(frozen=True, slots=True)
class ResourceStatus:
    """A resource, and what has changed in it.

    `state` is ``unchanged``, ``changed``, ``new`` (in no snapshot yet) or ``missing`` (it cannot be
    looked at; `reason` says why).
    """

    name: str
    role: str
    resource_type: str
    local_path: str | None
    state: str
    since: str | None  # the hash of the snapshot it is compared with
    changes: tuple[Change, ...] = ()
    reason: str | None = None

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
        }


def status(workspace: LocalSnapshots) -> list[ResourceStatus]:
    """Return what has changed in each resource; nothing is changed or kept.

    A resource is compared with the snapshot that it was last made by or like. Results that a
    snapshot has moved to its own folder are no change; those that came since are.
    """
    with workspace.store_session() as session:
        return [
            _status_of(session, workspace, name, workspace.snapshot_of(name))
            for name in workspace.get_resource_names()
        ]


def _status_of(
    session: Session, workspace: LocalSnapshots, name: str, last: SnapshotMetadata | None
) -> ResourceStatus:
    resource = workspace.get_resource_wherever(name)
    path = (
        resource.get_local_path_if_any() if isinstance(resource, LocalStateResourceMixin) else None
    )
    facts = (resource.name, resource.role, resource.resource_type, path)
    since = last.hashval if last else None
    if not isinstance(resource, SnapshotResourceMixin):
        return ResourceStatus(*facts, UNCHANGED, since)
    known = last.compare_hashes[resource.name] if last else None
    try:
        workspace.get_resource(name)
        before = None if known is None or resource.has_results_role() else parse_id(known)
        folder = resource.snapshot_folder(known or EMPTY_ID)
        now = capture(
            session, folder.root, folder.cache, folder.options, keep=False, progress=listener()
        )
    except DataWorkspacesError as error:
        return ResourceStatus(*facts, MISSING, since, reason=str(error))
    changes = tuple(diff(Trees(session, now.directories), before, now.root))
    state = CHANGED if changes else UNCHANGED
    return ResourceStatus(*facts, state if last else NEW, since, changes)
