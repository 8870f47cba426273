"""What has changed in the resources since the last snapshot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workspace_core.trees.capture import capture
from workspace_core.trees.diff import Change, diff
from workspace_core.trees.tree import Trees
from workspace_core.workspace import SnapshotResourceMixin

if TYPE_CHECKING:
    from workspace_core.backends.git import GitWorkspace


@dataclass(frozen=True, slots=True)
class ResourceStatus:
    """A resource, and what has changed in it."""

    name: str
    role: str
    resource_type: str
    changes: tuple[Change, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the status as plain data."""
        return {
            "name": self.name,
            "role": self.role,
            "resource_type": self.resource_type,
            "changes": [change.to_dict() for change in self.changes],
        }


def status(workspace: GitWorkspace) -> list[ResourceStatus]:
    """Return what has changed since the last snapshot; nothing is changed or kept."""
    last = workspace.get_most_recent_snapshot()
    found = []
    with workspace.store_session() as session:
        for resource in workspace.get_resources():
            changes: tuple[Change, ...] = ()
            if isinstance(resource, SnapshotResourceMixin):
                before = (last.restore_hashes.get(resource.name) if last else None) or ""
                folder = resource.snapshot_folder(before) if before else None
                if folder is not None:
                    now = capture(session, folder.root, folder.cache, folder.options, keep=False)
                    changes = tuple(diff(Trees(session, now.directories), folder.target, now.root))
            found.append(
                ResourceStatus(resource.name, resource.role, resource.resource_type, changes)
            )
    return found
