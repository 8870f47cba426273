"""Tombstones: what is left of objects that were erased on purpose."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workspace_core.store.durable import json_bytes, write_whole
from workspace_core.store.identity import id_text

if TYPE_CHECKING:
    from workspace_core.store.store import Store

SCHEMA = 1


def write_tombstone(store: Store, object_id: bytes, reason: str, time: str) -> None:
    """Say why an object is not there any more, or never came.

    Raises:
        StoreWriteError: if the disk does not take it.
    """
    record = {"schema": SCHEMA, "object": id_text(object_id), "reason": reason, "time": time}
    write_whole(store.folder / "erased" / f"{object_id.hex()}.json", json_bytes(record))
