"""What resources hold at a moment: now, or in a snapshot."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from bisect import bisect_left
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from workspace_core.errors import ConfigurationError, MissingObjectsError, TreeError
from workspace_core.lineage.digests import Digests
from workspace_core.lineage.model import DIRECTORY, FILE, MISSING, HashCertificate, ResourceRef
from workspace_core.lineage.store import listing_hash, relative
from workspace_core.sharing.partial import is_partly_here
from workspace_core.store.identity import id_text, parse_id
from workspace_core.trees.tree import Trees

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workspace_core.backends.snapshots import LocalSnapshots
    from workspace_core.workspace import SnapshotMetadata


@dataclass(frozen=True)
class ResourceFiles:
    """The files of a resource: content ids by path.

    Args:
        files: files and links.
        is_whole: whether what is not there is not there; else it may only not be here.
    """

    files: Mapping[str, str]
    is_whole: bool = True

    @cached_property
    def _paths(self) -> list[str]:
        return sorted(self.files)

    def at(self, path: str) -> dict[str, str]:
        """Return the files at a path or below it, by their paths in the resource."""
        if not path:
            return dict(self.files)
        if path in self.files:
            return {path: self.files[path]}
        found, start = {}, f"{path}/"
        for number in range(bisect_left(self._paths, start), len(self._paths)):
            one = self._paths[number]
            if not one.startswith(start):
                break
            found[one] = self.files[one]
        return found

    def certificate(self, ref: ResourceRef) -> HashCertificate:
        """Return what is at a reference to this resource."""
        found = self.at(ref.path)
        if ref.path in found:
            return HashCertificate(ref, FILE, found[ref.path])
        if not found and ref.path:
            return HashCertificate(ref, MISSING, None)
        return HashCertificate(ref, DIRECTORY, listing_hash(relative(found, ref.path)))


class State(ABC):
    """A moment of a workspace; each resource is looked at once."""

    def __init__(self) -> None:
        self._found: dict[str, ResourceFiles | None] = {}

    def resource(self, name: str) -> ResourceFiles | None:
        """Return the files of a resource, None if nobody can say what they are."""
        if name not in self._found:
            self._found[name] = self._look(name)
        return self._found[name]

    @abstractmethod
    def _look(self, name: str) -> ResourceFiles | None:
        """Look at the files of a resource."""


class PresentState(State):
    """The workspace as it is now; nobody can say what is in a resource that is not here."""

    def __init__(self, workspace: LocalSnapshots) -> None:
        super().__init__()
        self._workspace, self._digests = workspace, Digests(workspace)

    def _look(self, name: str) -> ResourceFiles | None:
        try:
            files = self._digests.files(name)
        except (ConfigurationError, TreeError):
            return None
        self._digests.save()
        is_whole = not is_partly_here(self._workspace.local_state(name))
        return ResourceFiles(files or {}, is_whole)


class SnapshotState(State):
    """The workspace as a snapshot has it; nobody can say what the store lacks of it."""

    def __init__(self, workspace: LocalSnapshots, snapshot: SnapshotMetadata) -> None:
        super().__init__()
        self._workspace, self._snapshot = workspace, snapshot

    def _look(self, name: str) -> ResourceFiles | None:
        root = self._snapshot.compare_hashes.get(name)
        if root is None:
            return None
        with suppress(MissingObjectsError), self._workspace.store_session() as session:
            return ResourceFiles(
                {
                    os.fsdecode(path): id_text(entry.id)
                    for path, entry in Trees(session).walk(parse_id(root))
                    if not entry.is_directory
                }
            )
        return None
