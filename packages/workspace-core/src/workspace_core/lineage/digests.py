"""What is at references now, by content; what has not changed by the stat cache is not read.

The cache is one of its own: that of snapshots knows of files only once the store has them. Nothing
here needs the store, so that no step waits for it.
"""

from __future__ import annotations

import os
import stat
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, cast

from blake3 import blake3

from workspace_core.errors import NotSupportedError, StoreError, UnreadableEntryError
from workspace_core.lineage.model import (
    DIRECTORY,
    FILE,
    LINK,
    MISSING,
    HashCertificate,
    ResourceRef,
)
from workspace_core.lineage.store import listing_hash
from workspace_core.resources.folder import FolderResource
from workspace_core.resources.folder_state import LINEAGE, NO_STORE
from workspace_core.store.identity import id_text, parse_id
from workspace_core.trees.capture import capture
from workspace_core.trees.directory import RESERVED
from workspace_core.trees.reading import OPEN_DIRECTORY, read_large, windows
from workspace_core.trees.stat_cache import (
    UNTRUSTED,
    CachedDirectory,
    StatCache,
    directory_of,
    is_settled,
    packed,
    stat_fields,
)
from workspace_core.trees.tree import EMPTY_ID, Trees

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from workspace_core.store.session import Session
    from workspace_core.trees.capture import Capture
    from workspace_core.workspace import Workspace

ATTEMPTS = 3  # to read a file that changes meanwhile


@dataclass(frozen=True, slots=True)
class Content:
    """What is at a reference.

    Args:
        kind: ``file``, ``directory``, ``link`` or ``missing``.
        hashval: see `HashCertificate`.
        size: bytes of files.
        files: of a directory, the content ids of files and links by their paths in it.
        stats: what each file in it (itself under the empty path) looked like, so that one can tell
            whether it was written since, even if with the same content.
    """

    kind: str
    hashval: str | None = None
    size: int = 0
    files: Mapping[str, str] = field(default_factory=dict)
    stats: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    def certificate(self, ref: ResourceRef) -> HashCertificate:
        """Return the certificate of this content at a reference."""
        return HashCertificate(ref, self.kind, self.hashval, self.size)


class Digests:
    """Finds out what is at references of a workspace."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._caches: dict[str, StatCache] = {}
        self._changed: set[str] = set()
        self._folders: dict[str, FolderResource] = {}  # that files are looked at in alone
        self._by_name: dict[int, tuple[CachedDirectory, Mapping[bytes, tuple[bytes, bytes]]]] = {}
        self._plain: dict[tuple[str, tuple[bytes, ...]], bool] = {}

    def of(self, ref: ResourceRef) -> Content:
        """Return what is at a reference.

        Raises:
            ConfigurationError: if there is no such resource on this machine.
            NotSupportedError: if it has no files.
            ChangedWhileReadError: if a file changes each time it is read.
            UnreadableEntryError: if something cannot be read.
        """
        resource = folder_of(self._workspace, ref)
        path = os.fsencode(ref.path)
        place = os.path.join(os.fsencode(resource.root), path)
        try:
            found = os.stat(place) if not path else os.lstat(place)
        except (FileNotFoundError, NotADirectoryError):
            return Content(MISSING)
        except OSError as error:
            raise UnreadableEntryError(os.fsdecode(place), error.strerror or "unknown") from error
        if stat.S_ISDIR(found.st_mode):
            return self._directory(resource, path)
        if stat.S_ISLNK(found.st_mode):
            target = os.readlink(place)
            return Content(LINK, id_text(blake3(target).digest()), len(target))
        return self._file(resource, path, place, found)

    def of_known_file(self, ref: ResourceRef) -> Content | None:
        """Return what a regular file is, None where one has to look further to know that.

        That is so if it has changed since somebody looked at it, if a link leads there, or if it is
        no part of the resource.

        Raises:
            ConfigurationError: if there is no such resource on this machine.
            NotSupportedError: if it has no files.
        """
        if ref.name not in self._folders:
            self._folders[ref.name] = folder_of(self._workspace, ref)
        resource = self._folders[ref.name]
        *above, name = os.fsencode(ref.path).split(b"/")
        excluded = resource.capture_options.exclude
        if not RESERVED.isdisjoint((*above, name)) or (*above, name)[0] in excluded:
            return None
        known = self._cache(resource).directories.get(b"/".join(above))
        stats, identity = self._entry(known, name)
        place = os.path.join(os.fsencode(resource.root), *above)
        if identity == UNTRUSTED or not self._is_plain(resource, tuple(above)):
            return None
        try:
            found = os.lstat(os.path.join(place, name))
        except OSError:
            return None
        fields = stat_fields(found)
        if not stat.S_ISREG(found.st_mode) or stats != packed(fields):
            return None
        return Content(FILE, id_text(identity), fields[1], stats={"": fields})

    def _entry(self, known: CachedDirectory | None, name: bytes) -> tuple[bytes, bytes]:
        """Return what is known of a file: its stat fields and its id."""
        if known is None:
            return b"", UNTRUSTED
        if id(known) not in self._by_name:
            self._by_name[id(known)] = known, known.by_name()
        return self._by_name[id(known)][1].get(name, (b"", UNTRUSTED))

    def _is_plain(self, resource: FolderResource, above: tuple[bytes, ...]) -> bool:
        """Return whether directories of a resource are that, and no links."""
        key = (resource.name, above)
        if key not in self._plain:
            place = os.path.join(os.fsencode(resource.root), *above)
            try:
                is_directory = not above or stat.S_ISDIR(os.lstat(place).st_mode)
            except OSError:
                is_directory = False
            self._plain[key] = is_directory and (not above or self._is_plain(resource, above[:-1]))
        return self._plain[key]

    def files(self, name: str) -> dict[str, str] | None:
        """Return the content ids of all files of a resource by path, None if it has no folder.

        Raises:
            ConfigurationError: if there is no such resource on this machine.
            NotSupportedError: if it has no files.
            ChangedWhileReadError: if a file changes each time it is read.
            UnreadableEntryError: if something cannot be read.
        """
        resource = folder_of(self._workspace, ResourceRef(name))
        return _files(self._capture(resource, b"")) if resource.root.is_dir() else None

    def note(self, ref: ResourceRef, hashval: str, fields: tuple[int, int, int, int, int]) -> None:
        """Take note of the content of a file that somebody else has read, as a look finds it.

        Args:
            ref: the file.
            hashval: its content id.
            fields: what it looked like; see `stat_fields`. That the content is of that state, and
                that a later change would show, the caller vouches for.

        Raises:
            ConfigurationError: if there is no such resource on this machine.
            NotSupportedError: if it has no files.
        """
        resource = folder_of(self._workspace, ref)
        cache = self._cache(resource)
        above, _, name = os.fsencode(ref.path).rpartition(b"/")
        known = cache.directories.get(above)
        cache.directories[above] = _with(known, name, packed(fields), parse_id(hashval))
        self._changed.add(resource.name)

    def save(self) -> None:
        """Keep what was found for the next time."""
        for name in self._changed:
            with suppress(StoreError, OSError):  # what can be lost without harm
                self._caches[name].save(self._file_of_cache(name), NO_STORE)
        self._changed.clear()

    # Files

    def _file(
        self, resource: FolderResource, path: bytes, place: bytes, found: os.stat_result
    ) -> Content:
        cache = self._cache(resource)
        above, _, name = path.rpartition(b"/")
        fields = stat_fields(found)
        known = cache.directories.get(above)
        stats, identity = (known.by_name() if known else {}).get(name, (b"", UNTRUSTED))
        if identity == UNTRUSTED or stats != packed(fields):
            looked_at = time.time_ns()
            identity, fields = _hashed(place, name)
            believed = identity if is_settled(fields, looked_at) else UNTRUSTED
            cache.directories[above] = _with(known, name, packed(fields), believed)
            self._changed.add(resource.name)
        return Content(FILE, id_text(identity), fields[1], stats={"": fields})

    # Directories

    def _directory(self, resource: FolderResource, path: bytes) -> Content:
        found = self._capture(resource, path)
        files = _files(found)
        return Content(
            DIRECTORY, listing_hash(files), found.size, files, _stats(found.cache.directories)
        )

    def _capture(self, resource: FolderResource, path: bytes) -> Capture:
        cache = self._cache(resource)
        options = replace(resource.capture_options, skips_special=True)
        if path:
            options = replace(options, exclude=frozenset())
        below = _below(cache, path)
        found = capture(
            cast("Session", _NOTHING),
            resource.root / os.fsdecode(path),
            StatCache(dict(below)),
            options,
            keep=False,
            remember=True,
        )
        if found.cache.directories != below:
            for inside in below:
                del cache.directories[_joined(path, inside)]
            for inside, one in found.cache.directories.items():
                cache.directories[_joined(path, inside)] = one
            self._changed.add(resource.name)
        return found

    # The cache

    def _cache(self, resource: FolderResource) -> StatCache:
        if resource.name not in self._caches:
            cache = StatCache.load(self._file_of_cache(resource.name), NO_STORE)
            if not cache.directories:
                cache = _of_snapshots(resource)
            self._caches[resource.name] = cache
        return self._caches[resource.name]

    def _file_of_cache(self, name: str) -> Path:
        return self._workspace.local_state(name) / LINEAGE


def folder_of(workspace: Workspace, ref: ResourceRef) -> FolderResource:
    """Return the resource of a reference.

    Raises:
        ConfigurationError: if there is none on this machine.
        NotSupportedError: if it has no files.
    """
    resource = workspace.get_resource(ref.name)
    if not isinstance(resource, FolderResource):
        raise NotSupportedError(
            f"The resource '{ref.name}' has no files on this machine, so that nobody can say what "
            "a step reads there; leave it out."
        )
    return resource


class _Nothing:
    """A store without objects, for captures that keep nothing."""

    generation = 0

    @staticmethod
    def has(_object_id: bytes) -> bool:
        return False


_NOTHING = _Nothing()


def _files(found: Capture) -> dict[str, str]:
    """Return the content ids of files and links by path."""
    trees = Trees(cast("Session", _NOTHING), found.directories)
    return {
        os.fsdecode(inside): id_text(entry.id)
        for inside, entry in trees.walk(found.root)
        if not entry.is_directory
    }


def _of_snapshots(resource: FolderResource) -> StatCache:
    """Return what the last snapshot knows of files; its directories are in the store alone."""
    with suppress(StoreError):
        known = resource.snapshot_folder(EMPTY_ID).cache
        if known is not None:
            return StatCache({k: replace(v, id=UNTRUSTED) for k, v in known.directories.items()})
    return StatCache()


def _hashed(place: bytes, name: bytes) -> tuple[bytes, tuple[int, int, int, int, int]]:
    try:
        folder = os.open(os.path.dirname(place), OPEN_DIRECTORY & ~os.O_NOFOLLOW)
    except OSError as error:
        raise UnreadableEntryError(os.fsdecode(place), error.strerror or "unknown") from error
    try:
        return read_large(name, folder, ATTEMPTS, place, _hash_of)
    finally:
        os.close(folder)


def _hash_of(read: Callable[[int], bytes]) -> bytes:
    whole = blake3()
    for piece in windows(read):
        whole.update(piece)
    return whole.digest()


def _with(
    known: CachedDirectory | None, name: bytes, stats: bytes, identity: bytes
) -> CachedDirectory:
    """Return what is known of a directory, with one more file in it."""
    return directory_of({**(known.by_name() if known else {}), name: (stats, identity)})


def _below(cache: StatCache, path: bytes) -> dict[bytes, CachedDirectory]:
    """Return what is known of the directories from a path downwards, by their paths there."""
    if not path:
        return dict(cache.directories)
    start = path + b"/"
    return {
        one[len(start) :]: known
        for one, known in cache.directories.items()
        if one == path or one.startswith(start)
    }


def _joined(path: bytes, inside: bytes) -> bytes:
    return path + b"/" + inside if path and inside else path or inside


def _stats(directories: Mapping[bytes, CachedDirectory]) -> dict[str, tuple[int, ...]]:
    """Return the stat fields of all that is no directory."""
    found = {}
    for above, known in directories.items():
        for name, (fields, _) in known.by_name().items():
            if name not in RESERVED:
                path = os.fsdecode(_joined(above, name))
                found[path] = tuple(memoryview(fields).cast("q"))
    return found
