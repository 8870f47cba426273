"""Which snapshot of others a resource on this machine was brought together with last."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workspace_core.errors import DataWorkspacesError
from workspace_core.sharing.history import History
from workspace_core.store.durable import json_bytes, read_json, write_whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from workspace_core.workspace import SnapshotMetadata, Workspace

SCHEMA = 1
FOLLOWED = "followed.json"


def followed(workspace: Workspace, name: str) -> str | None:
    """Return the snapshot of others that a resource was brought together with last."""
    try:
        return str(read_json(workspace.local_state(name) / FOLLOWED, SCHEMA)["snapshot"])
    except (FileNotFoundError, KeyError, DataWorkspacesError):
        return None


def note_followed(
    workspace: Workspace, names: Iterable[str], snapshots: Sequence[SnapshotMetadata]
) -> None:
    """Take note that resources have been brought together with the newest of some snapshots."""
    for name in names:
        newest = History(name, snapshots).newest()
        if newest is not None and followed(workspace, name) != newest.hashval:
            record = {"schema": SCHEMA, "snapshot": newest.hashval}
            write_whole(workspace.local_state(name) / FOLLOWED, json_bytes(record))
