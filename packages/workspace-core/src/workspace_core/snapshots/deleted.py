"""What stays on record of a snapshot that was deleted: enough to know what came from it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from workspace_core.snapshots.metadata import PARENTS, SCHEMA
from workspace_core.snapshots.names import renamed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from workspace_core.snapshots.metadata import SnapshotMetadata

NUMBER, TIMESTAMP, TREES = "snapshot_number", "timestamp", "trees"


@dataclass(frozen=True, slots=True)
class DeletedSnapshot:
    """A snapshot that is not there any more.

    Others may have gone on from it, so that merging needs what it came from, and which trees it
    had; their content goes with the next collection of garbage.

    Args:
        hashval: its hash.
        snapshot_number: its number, which no other snapshot gets.
        timestamp: when it was taken, ISO 8601 in UTC; empty where that is not known.
        parents: by resource, the snapshots that it came from; earlier releases did not tell.
        trees: by resource, the id of the tree that it had.
    """

    hashval: str
    snapshot_number: int
    timestamp: str = ""
    parents: Mapping[str, Sequence[str]] | None = None
    trees: Mapping[str, str] | None = None

    @classmethod
    def of(cls, snapshot: SnapshotMetadata) -> DeletedSnapshot:
        """Return what is to stay of a snapshot, under the names of its record."""
        found = snapshot.recorded or snapshot
        trees = {
            name: tree
            for name, compared in found.compare_hashes.items()
            if (tree := found.restore_hashes.get(name) or compared)
        }
        return cls(
            found.hashval, found.snapshot_number, found.timestamp, found.more.get(PARENTS), trees
        )

    def under_names(self, now: Mapping[str, str]) -> DeletedSnapshot:
        """Return the same with its resources under other names."""
        parents = None if self.parents is None else renamed(self.parents, now)
        return replace(self, parents=parents, trees=renamed(self.trees or {}, now))

    def to_dict(self) -> dict[str, Any]:
        """Return the record as its file has it."""
        record: dict[str, Any] = {"schema": SCHEMA, NUMBER: self.snapshot_number}
        if self.trees is not None:
            record |= {TIMESTAMP: self.timestamp, TREES: dict(self.trees)}
        if self.parents is not None:
            record[PARENTS] = {name: list(found) for name, found in self.parents.items()}
        return record

    @classmethod
    def from_dict(cls, hashval: str, record: Mapping[str, Any]) -> DeletedSnapshot:
        """Return what a record tells."""
        return cls(
            hashval,
            int(record[NUMBER]),
            str(record.get(TIMESTAMP, "")),
            record.get(PARENTS),
            record.get(TREES),
        )
