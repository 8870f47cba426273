"""What is known of a resource's folder on this machine: its stat caches."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from workspace_core.trees.stat_cache import UNTRUSTED, StatCache, united

if TYPE_CHECKING:
    from pathlib import Path

    from workspace_core.store.store import Store

LINEAGE = "lineage-stat"  # the cache of those who keep nothing: no store need have the contents
NO_STORE = bytes(16)


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

    def cache_for_looking(self, generation: int) -> StatCache:
        """Return what is known of files for those who keep nothing, of whatever is in the store.

        Steps and runs have hashed files, too, that no snapshot has kept yet.

        Args:
            generation: of the store.
        """
        known = self.cache()
        found = dict(known.directories) if known.generation == generation else {}
        of_lineage = StatCache.load(self.folder / LINEAGE, NO_STORE)
        for path, one in of_lineage.directories.items():
            before = found.get(path)
            found[path] = replace(one, id=UNTRUSTED) if before is None else united(before, one)
        return StatCache(found, generation)

    @property
    def _store_id(self) -> bytes:
        return uuid.UUID(self.store.id).bytes
