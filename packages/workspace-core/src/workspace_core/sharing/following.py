"""Which snapshots a resource on this machine has met already, and is not to be merged with again.

Those of others that it was brought together with, and those that a restore has led away from.
"""

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
        newest = History(name, snapshots).newest()
        if newest is not None:
            _note(workspace, name, [newest.hashval])


def note_left(workspace: Workspace, name: str, standing: Sequence[str]) -> None:
    """Take note that a resource has been led away from where it stood, and is to stay away."""
    _note(workspace, name, standing)


def _note(workspace: Workspace, name: str, hashes: Sequence[str]) -> None:
    before = followed(workspace, name)
    found = tuple(dict.fromkeys((*hashes, *before)))[:MOST_EARLIER]
    if found and found != before:
        first, *earlier = found
        record = {"schema": SCHEMA, "snapshot": first, "earlier": earlier}
        write_whole(workspace.local_state(name) / FOLLOWED, json_bytes(record))
