"""What is known of a resource's folder on this machine: its stat cache."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workspace_core.trees.stat_cache import StatCache

if TYPE_CHECKING:
    from pathlib import Path

    from workspace_core.store.store import Store


@dataclass(frozen=True, slots=True)
class FolderState:
    """The state of one folder; all of it can be lost without harm."""

    folder: Path
    store: Store

    def cache(self) -> StatCache:
        """Return the stat cache."""
        return StatCache.load(self.folder / "stat", self._store_id)

    def save_cache(self, cache: StatCache) -> None:
        """Keep the stat cache."""
        cache.save(self.folder / "stat", self._store_id)

    @property
    def _store_id(self) -> bytes:
        return uuid.UUID(self.store.id).bytes
