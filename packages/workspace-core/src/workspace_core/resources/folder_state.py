"""What is known of a resource's folder on this machine: its stat cache, and what it last was."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workspace_core.errors import DataWorkspacesError
from workspace_core.store.durable import json_bytes, read_json, write_whole
from workspace_core.store.identity import id_text, parse_id
from workspace_core.trees.stat_cache import StatCache

if TYPE_CHECKING:
    from pathlib import Path

    from workspace_core.store.store import Store

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class FolderState:
    """The state of one folder; all of it can be lost without harm."""

    folder: Path
    store: Store

    def cache(self) -> StatCache:
        """Return the stat cache."""
        return StatCache.load(self.folder / "stat", self._store_id, self.store.generation)

    def save_cache(self, cache: StatCache) -> None:
        """Keep the stat cache."""
        cache.save(self.folder / "stat", self._store_id, self.store.generation)

    def base(self) -> bytes | None:
        """Return the tree that the folder was last captured as or restored to, None if unknown."""
        try:
            return parse_id(str(read_json(self.folder / "base.json", SCHEMA)["root"]))
        except (FileNotFoundError, KeyError, DataWorkspacesError):
            return None

    def set_base(self, root: bytes) -> None:
        """Take note of what the folder is now."""
        record = {"schema": SCHEMA, "root": id_text(root)}
        write_whole(self.folder / "base.json", json_bytes(record))

    @property
    def _store_id(self) -> bytes:
        return uuid.UUID(self.store.id).bytes
