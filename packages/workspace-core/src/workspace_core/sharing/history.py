"""Which snapshot of a resource came from which: the ancestors that merging needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from workspace_core.snapshots.metadata import SnapshotMetadata

PARENTS = "parents"  # in a record: the snapshots that each resource came from, by its name
ASIDE = "aside"  # in a record: it keeps what was replaced, and nobody goes on from it


class History:
    """The snapshots of one resource, by what they came from.

    One that does not tell what it came from, or came from one that was deleted, is taken to have
    come from the one before it.

    Args:
        resource: its name.
        snapshots: all that there are.
    """

    def __init__(self, resource: str, snapshots: Iterable[SnapshotMetadata]) -> None:
        self._resource = resource
        found = {one.hashval: one for one in snapshots if one.compare_hashes.get(resource)}
        self._order = sorted(found.values(), key=_age)
        self._parents: dict[str, tuple[str, ...]] = {}
        before: tuple[str, ...] = ()
        for one in self._order:
            told: Mapping[str, list[str]] = one.more.get(PARENTS, {resource: [""]})
            parents = told.get(resource, ())
            known = tuple(parent for parent in parents if parent in found)
            self._parents[one.hashval] = known if len(known) == len(parents) else known + before
            before = (one.hashval,)

    def newest(self) -> SnapshotMetadata | None:
        """Return the snapshot that was taken last and is gone on from, None where there is none."""
        return next((one for one in reversed(self._order) if not one.more.get(ASIDE)), None)

    def ancestors(self, hashes: Iterable[str]) -> set[str]:
        """Return snapshots, and all that they came from."""
        found: set[str] = set()
        stack = list(hashes)
        while stack:
            one = stack.pop()
            if one not in found:
                found.add(one)
                stack += self._parents.get(one, ())
        return found

    def common(self, ours: Iterable[str], theirs: str) -> SnapshotMetadata | None:
        """Return the newest snapshot that two sides have come from, None where there is none."""
        shared = self.ancestors(ours) & self.ancestors([theirs])
        return next((one for one in reversed(self._order) if one.hashval in shared), None)


def _age(one: SnapshotMetadata) -> tuple[int, str, str]:
    return one.snapshot_number, one.timestamp, one.hashval
