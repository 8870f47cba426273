"""What differs between two snapshots, or a snapshot and the resources as they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workspace_core.lineage.differences import made_differences
from workspace_core.lineage.questions import graph_of
from workspace_core.store.identity import id_text, parse_id
from workspace_core.trees.diff import Change, diff
from workspace_core.trees.tree import Trees
from workspace_core.workspace import SnapshotResourceMixin

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from workspace_core.backends.snapshots import LocalSnapshots
    from workspace_core.lineage.differences import MadeDifference
    from workspace_core.store.session import Session
    from workspace_core.workspace import SnapshotMetadata

SAME, DIFFERENT, ADDED, REMOVED = "same", "different", "added", "removed"
NOW = "now"


@dataclass(frozen=True, slots=True)
class ResourceDifference:
    """A resource on both sides: the same, different, added or removed, and its files."""

    name: str
    state: str
    changes: tuple[Change, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the difference as plain data."""
        return {
            "name": self.name,
            "state": self.state,
            "changes": [change.to_dict() for change in self.changes],
        }


@dataclass(frozen=True, slots=True)
class Difference:
    """What leads from one side to the other."""

    before: str  # the hash of a snapshot
    after: str  # the hash of a snapshot, or `NOW`
    resources: tuple[ResourceDifference, ...]
    lineage: tuple[MadeDifference, ...] = ()  # what made what differs, as far as runs are on record

    def to_dict(self) -> dict[str, Any]:
        """Return the difference as plain data."""
        return {
            "before": self.before,
            "after": self.after,
            "resources": [one.to_dict() for one in self.resources],
            "lineage": [one.to_dict() for one in self.lineage],
        }


def difference(workspace: LocalSnapshots, before: str, after: str | None = None) -> Difference:
    """Return what differs, file by file.

    Args:
        workspace: the workspace.
        before: a tag or the beginning of a hash.
        after: another one; None for the resources as they are, but for results, which snapshots
            have moved away.

    Raises:
        ConfigurationError: if there is no such snapshot.
    """
    first = workspace.get_snapshot_by_tag_or_hash(before)
    second = None if after is None else workspace.get_snapshot_by_tag_or_hash(after)
    with workspace.store_session() as session:
        if second is not None:
            trees = Trees(session)
            found = _between(trees, first.compare_hashes, second.compare_hashes)
            return Difference(
                first.hashval, second.hashval, found, _made(workspace, found, first, second)
            )
        hashes, directories = _present(workspace, session)
        trees = Trees(session, directories)
        results = {one.name for one in workspace.get_resources() if one.has_results_role()}
        before_now = {k: v for k, v in first.compare_hashes.items() if k not in results}
        found = _between(trees, before_now, hashes)
        return Difference(first.hashval, NOW, found, _made(workspace, found, first, None))


def _made(
    workspace: LocalSnapshots,
    found: Sequence[ResourceDifference],
    first: SnapshotMetadata,
    second: SnapshotMetadata | None,
) -> tuple[MadeDifference, ...]:
    """Return what made what differs."""
    if not workspace.supports_lineage() or not any(one.changes for one in found):
        return ()
    before, after = (graph_of(workspace, one) for one in (first, second))
    if not after.steps:
        return ()
    return tuple(
        made for one in found for made in made_differences(one.name, one.changes, before, after)
    )


def _between(
    trees: Trees, before: Mapping[str, str | None], after: Mapping[str, str | None]
) -> tuple[ResourceDifference, ...]:
    return tuple(
        _of_resource(trees, name, before.get(name), after.get(name))
        for name in sorted(before.keys() | after.keys())
    )


def _of_resource(
    trees: Trees, name: str, before: str | None, after: str | None
) -> ResourceDifference:
    if before == after:
        return ResourceDifference(name, SAME, ())
    state = ADDED if before is None else REMOVED if after is None else DIFFERENT
    old, new = (None if one is None else parse_id(one) for one in (before, after))
    return ResourceDifference(name, state, tuple(diff(trees, old, new)))


def _present(
    workspace: LocalSnapshots, session: Session
) -> tuple[dict[str, str | None], dict[bytes, bytes]]:
    hashes: dict[str, str | None] = {}
    directories: dict[bytes, bytes] = {}
    for resource in workspace.get_resources():
        if isinstance(resource, SnapshotResourceMixin) and not resource.has_results_role():
            now = resource.present(session)
            hashes[resource.name] = None if now is None else id_text(now.root)
            directories |= {} if now is None else now.directories
    return hashes, directories
