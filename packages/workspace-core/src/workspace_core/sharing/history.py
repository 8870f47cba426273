"""Which snapshot of a resource came from which: the ancestors that merging needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workspace_core.snapshots.metadata import PARENTS
from workspace_core.store.identity import parse_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from workspace_core.snapshots.deleted import DeletedSnapshot
    from workspace_core.snapshots.metadata import SnapshotMetadata

ASIDE = "aside"  # in a record: it keeps what was replaced, and nobody goes on from it


class History:
    """The snapshots of one resource, by what they came from.

    One that does not tell what it came from, as one that was imported, is taken to have come from
    the one before it. What came from a snapshot that nothing is known of any more is not taken to
    have come from any other in its place: that would hide what others have done.

    Args:
        resource: its name.
        snapshots: all that there are.
        deleted: those that were deleted; what came from them still did.
    """

    def __init__(
        self,
        resource: str,
        snapshots: Iterable[SnapshotMetadata],
        deleted: Iterable[DeletedSnapshot] = (),
    ) -> None:
        found = {one.hashval: one for one in snapshots if one.compare_hashes.get(resource)}
        gone = {one.hashval: one for one in deleted if one.hashval not in found}
        self._order = sorted(found.values(), key=_age)
        self._ages = {one.hashval: _age(one) for one in self._order}
        self._ages |= {one.hashval: _age(one) for one in gone.values()}
        self._parents: dict[str, tuple[str, ...]] = {
            one.hashval: tuple((one.parents or {}).get(resource, ())) for one in gone.values()
        }
        self._trees: dict[str, bytes] = {
            one.hashval: parse_id(tree)
            for one in gone.values()
            if (tree := (one.trees or {}).get(resource))
        }
        self._gone = frozenset(gone)
        before: tuple[str, ...] = ()
        for one in self._order:
            told: Mapping[str, list[str]] | None = one.more.get(PARENTS)
            self._parents[one.hashval] = before if told is None else tuple(told.get(resource, ()))
            tree = one.restore_hashes.get(resource) or one.compare_hashes[resource]
            self._trees[one.hashval] = parse_id(str(tree))
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

    def tree(self, hashval: str) -> bytes | None:
        """Return the tree that a snapshot has of the resource, or had."""
        return self._trees.get(hashval)

    def common(
        self,
        ours: Iterable[str],
        theirs: Iterable[str],
        is_there: Callable[[bytes], bool] = lambda _: True,
    ) -> list[str]:
        """Return the snapshots that two sides have come from last, the newest first.

        There are several where both sides have merged the same two; each for itself.

        Args:
            ours: the snapshots that the one side stands at.
            theirs: those of the other one.
            is_there: whether the tree of a deleted snapshot can still be read; one that cannot
                gives way to what it came from.
        """
        shared = {
            one
            for one in self.ancestors(ours) & self.ancestors(theirs)
            if (tree := self.tree(one)) is not None and (one not in self._gone or is_there(tree))
        }
        older: set[str] = set()
        for one in shared:
            older |= self.ancestors(self._parents[one])
        return sorted(shared - older, key=self._ages.__getitem__, reverse=True)


def _age(one: SnapshotMetadata | DeletedSnapshot) -> tuple[int, str, str]:
    return one.snapshot_number, one.timestamp, one.hashval
