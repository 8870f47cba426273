"""Erasing objects on purpose: what is left is a tombstone that says so."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from workspace_core.store.locks import DEFAULT_WAIT_SECONDS, exclusive
from workspace_core.store.pins import pinned_roots
from workspace_core.store.session import Session
from workspace_core.store.tombstones import write_tombstone
from workspace_core.upkeep.gc import Collected, rewrite
from workspace_core.upkeep.reach import reach

if TYPE_CHECKING:
    from collections.abc import Collection

    from workspace_core.store.store import Store


def erase(
    store: Store,
    ids: Collection[bytes],
    reason: str,
    wait_seconds: float = DEFAULT_WAIT_SECONDS,
) -> Collected:
    """Remove objects from every pack, whoever still refers to them.

    Chunks of a large file go with it unless another file has them, too. The snapshots that refer to
    an erased object stay; restoring and verifying them names it. The tombstone is on disk before
    the object goes. What the disk itself keeps of removed files is not in the hands of this
    function.

    Args:
        store: the store.
        ids: what is to go.
        reason: why, in words for everybody to read.
        wait_seconds: how long to wait for others.

    Raises:
        WorkspaceBusyError: if others use the store for longer.
        MissingObjectsError: if something that a pin leads to is missing; then nothing goes.
    """
    with exclusive(store.folder / "lock", "store", wait_seconds), Session(store) as session:
        others = reach(session, pinned_roots(store), without=ids).ids
        gone = set(ids)
        for object_id in ids:
            if session.has(object_id):
                gone.update(chunk for _, chunk in session.chunks(object_id) if chunk not in others)
        time = datetime.now(UTC).isoformat()
        for object_id in sorted(gone):
            write_tombstone(store, object_id, reason, time)
        return rewrite(
            store, session, lambda one: one not in gone, float("inf"), least_garbage=-1.0
        )
