"""What resources hold at a moment: now, or in a snapshot."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from bisect import bisect_left
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING

from workspace_core.errors import ConfigurationError, MissingObjectsError, TreeError
from workspace_core.lineage.digests import Digests
from workspace_core.lineage.model import DIRECTORY, FILE, MISSING, HashCertificate, ResourceRef
from workspace_core.lineage.references import local_path
from workspace_core.lineage.store import listing_hash, relative
from workspace_core.sharing.partial import is_partly_here
from workspace_core.store.identity import id_text, parse_id
from workspace_core.trees.tree import Trees

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from workspace_core.backends.snapshots import LocalSnapshots
    from workspace_core.workspace import SnapshotMetadata

MOST_ALONE = 512  # files of a resource; it is quicker to look at more of them at once


@dataclass(frozen=True)
class ResourceFiles:
    """The files of a resource: content ids by path.

    Args:
        files: files and links.
        size_of: returns the bytes of one of them.
        is_whole: whether what is not there is not there; else it may only not be here.
    """

    files: Mapping[str, str]
    size_of: Callable[[str], int]
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
            return HashCertificate(ref, FILE, found[ref.path], self.size_of(ref.path))
        if not found and ref.path:
            return HashCertificate(ref, MISSING, None)
        size = sum(map(self.size_of, found))
        return HashCertificate(ref, DIRECTORY, listing_hash(relative(found, ref.path)), size)


class State(ABC):
    """A moment of a workspace; each resource is looked at once, or some of its files are."""

    def __init__(self) -> None:
        self._found: dict[str, ResourceFiles | None] = {}
        self._alone: dict[str, dict[str, HashCertificate | None]] = defaultdict(dict)

    def resource(self, name: str) -> ResourceFiles | None:
        """Return the files of a resource, None if nobody can say what they are."""
        if name not in self._found:
            self._found[name] = self._look(name)
        return self._found[name]

    def content(self, ref: ResourceRef) -> str | None:
        """Return the content id of a file, None if it is none, or nobody can say so.

        A few files of a resource are looked at alone; after more of them the resource as a whole.
        """
        if (known := self._look_alone(ref)) is not None:
            return known.hashval
        resource = self.resource(ref.name)
        return None if resource is None else resource.files.get(ref.path)

    def certificate(self, ref: ResourceRef) -> HashCertificate | None:
        """Return what is at a reference, None if nobody can say so."""
        if (known := self._look_alone(ref)) is not None:
            return known
        resource = self.resource(ref.name)
        return None if resource is None else resource.certificate(ref)

    def _look_alone(self, ref: ResourceRef) -> HashCertificate | None:
        if ref.name in self._found:
            return None
        alone = self._alone[ref.name]
        if ref.path not in alone and len(alone) < MOST_ALONE:
            alone[ref.path] = self._look_at_file(ref)
        return alone.get(ref.path)

    def outside(self, _read: HashCertificate) -> str | None:
        """Say what has become of a file outside of all resources; see `OutsideFiles.look`.

        None if nobody was asked to look.
        """
        return None

    @abstractmethod
    def _look(self, name: str) -> ResourceFiles | None:
        """Look at the files of a resource."""

    def _look_at_file(self, _ref: ResourceRef) -> HashCertificate | None:
        """Look at a file alone; None if that is no way to know what it is."""
        return None


class PresentState(State):
    """The workspace as it is now; nobody can say what is in a resource that is not here.

    Args:
        workspace: the workspace.
        ask_stores: also ask stores for what runs have read there.
    """

    def __init__(self, workspace: LocalSnapshots, *, ask_stores: bool = False) -> None:
        super().__init__()
        self._workspace, self._digests = workspace, Digests(workspace)
        self._ask_stores = ask_stores
        self._outside: dict[HashCertificate, str] = {}

    def outside(self, read: HashCertificate) -> str | None:
        """Say what has become of a file outside of all resources; each is looked at once."""
        if read not in self._outside:
            files = self._workspace.lineage.outside
            self._outside[read] = files.look(read, ask_stores=self._ask_stores)
        return self._outside[read]

    def _look(self, name: str) -> ResourceFiles | None:
        try:
            files = self._digests.files(name)
        except (ConfigurationError, TreeError):
            return None
        self._digests.save()
        is_whole = not is_partly_here(self._workspace.local_state(name))
        return ResourceFiles(files or {}, partial(self._size_of, name), is_whole)

    def _size_of(self, name: str, path: str) -> int:
        with suppress(OSError):  # it is gone since
            return os.lstat(local_path(self._workspace, ResourceRef(name, path))).st_size
        return 0

    def _look_at_file(self, ref: ResourceRef) -> HashCertificate | None:
        with suppress(ConfigurationError, TreeError):
            if (found := self._digests.of_known_file(ref)) is not None:
                return found.certificate(ref)
        return None


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
            found = {
                os.fsdecode(path): entry
                for path, entry in Trees(session).walk(parse_id(root))
                if not entry.is_directory
            }
            files = {path: id_text(entry.id) for path, entry in found.items()}
            return ResourceFiles(files, lambda path: found[path].size)
        return None
