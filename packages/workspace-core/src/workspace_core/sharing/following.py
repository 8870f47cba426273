"""Which snapshots of others a resource on this machine was brought together with already."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workspace_core.errors import DataWorkspacesError
from workspace_core.sharing.history import History
from workspace_core.store.durable import json_bytes, read_json, write_whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from workspace_core.snapshots.metadata import SnapshotMetadata
    from workspace_core.workspace import Workspace

SCHEMA = 1
FOLLOWED = "followed.json"
MOST_EARLIER = 100  # of which only those count that the resource has not come from


def followed(workspace: Workspace, name: str) -> tuple[str, ...]:
    """Return the snapshots that a resource has met, the one of the last time first."""
    try:
        record = read_json(workspace.local_state(name) / FOLLOWED, SCHEMA)
        return (str(record["snapshot"]), *map(str, record.get("earlier", ())))
    except (FileNotFoundError, KeyError, DataWorkspacesError):
        return ()


def note_followed(
    workspace: Workspace, names: Iterable[str], snapshots: Sequence[SnapshotMetadata]
) -> None:
    """Take note that resources have been brought together with the newest of some snapshots."""
    for name in names:
        newest, before = History(name, snapshots).newest(), followed(workspace, name)
        if newest is None:
            continue
        found = tuple(dict.fromkeys((newest.hashval, *before)))[:MOST_EARLIER]
        if found != before:
            first, *earlier = found
            record = {"schema": SCHEMA, "snapshot": first, "earlier": earlier}
            write_whole(workspace.local_state(name) / FOLLOWED, json_bytes(record))
