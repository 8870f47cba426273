"""Capture: a folder becomes objects of the store, and an id.

Directories are walked in the main thread, which alone writes to the store; files are read, hashed
and compressed in batches by a few threads. What has not changed since the last capture, by the stat
cache, is not read; a directory of which nothing has changed is not even taken apart.
"""

from __future__ import annotations

import os
import stat
import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from blake3 import blake3

from workspace_core.errors import UnreadableEntryError, UnstorableEntryError
from workspace_core.store.chunking import DIRECTORIES, FILES, cut_stream
from workspace_core.store.frames import encoded
from workspace_core.store.identity import ID_BYTES, content_id
from workspace_core.trees.directory import (
    DIRECTORY,
    ENTRY,
    FILE,
    LINK,
    LINK_PERMISSIONS,
    MAGIC,
    PERMISSIONS,
    RESERVED,
    STAGING,
    TARGET,
)
from workspace_core.trees.reading import (
    OPEN_DIRECTORY,
    SPECIAL,
    WINDOW_BYTES,
    WORKERS,
    read_large,
    read_small,
)
from workspace_core.trees.stat_cache import (
    FIELDS,
    UNTRUSTED,
    CachedDirectory,
    StatCache,
    is_settled,
    packed,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from workspace_core.store.session import Session
    from workspace_core.trees.materialise import Written
    from workspace_core.trees.reading import Fields

    Encoded = tuple[bytes, int, int, bytes | memoryview]

BATCH_FILES, BATCH_BYTES, BATCH_DIRECTORIES = 128, 4 << 20, 16
EXECUTABLE = 0o111


@dataclass(frozen=True, slots=True)
class CaptureOptions:
    """What of a folder is captured, and how."""

    permissions: str = "all"  # or "executable": 0644 and 0755 alone, as git has them
    exclude: frozenset[bytes] = frozenset()  # names at the top that are not part of the tree
    skips_special: bool = False  # FIFOs, sockets, devices: left out and told of, or an error
    attempts: int = 3  # to read a file that changes meanwhile

    def of_file(self, mode: int) -> int:
        """Return the permission bits that the tree has of a file."""
        if self.permissions == "all":
            return mode & PERMISSIONS
        return 0o755 if mode & EXECUTABLE else 0o644

    def of_directory(self, mode: int) -> int:
        """Return the permission bits that the tree has of a directory."""
        return mode & PERMISSIONS if self.permissions == "all" else 0o755


@dataclass(frozen=True, slots=True)
class Capture:
    """A folder as it was captured."""

    root: bytes  # the id of the tree
    files: int
    size: int
    read_files: int  # those that had to be read
    read_bytes: int
    skipped: tuple[str, ...]  # special files and reserved names, for people
    left_out: tuple[bytes, ...]  # the same, as paths in the folder
    cache: StatCache
    directories: dict[bytes, bytes]  # objects by id, where nothing is written to the store


@dataclass(frozen=True, slots=True)
class Known:
    """What a restore has just done, so that nothing of it need be read again."""

    written: Mapping[bytes, Written]  # by path
    touched: frozenset[bytes]  # directories of which something changed; others are as they were


@dataclass(slots=True)
class _Folder:
    """A directory on its way."""

    path: bytes
    parent: _Folder | None
    index: int  # in the parent
    descriptor: int
    names: list[bytes]
    fields: list[int]
    ids: list[bytes]
    sizes: list[int]
    cached: CachedDirectory | None
    looks_unchanged: bool
    targets: dict[int, bytes] = field(default_factory=dict)  # of links
    pending: int = 0  # files to be read and directories to be finished
    users: int = 0  # those who still need the descriptor


def capture(
    session: Session,
    root: Path,
    cache: StatCache | None = None,
    options: CaptureOptions | None = None,
    *,
    keep: bool = True,
    remember: bool = False,
    known: Known | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Capture:
    """Capture a folder.

    Args:
        session: where its objects go; the caller flushes it.
        root: the folder; it may be a link to one.
        cache: what is known of the last capture; ignored if objects may have gone since.
        options: what is captured.
        keep: write to the store; otherwise ids are computed and directories kept in memory.
        remember: let the cache know of files that are not kept, too; it is then good for nothing
            but captures that keep nothing.
        known: what a restore has just done, by which the cache is brought up to date.
        progress: called with files and bytes that were read so far.

    Raises:
        UnreadableEntryError: if something cannot be read.
        UnstorableEntryError: for FIFOs, sockets and devices, unless they are skipped.
        ChangedWhileReadError: if a file changes each time it is read.
        StoreWriteError: if the store cannot be written.
    """
    if cache is None or cache.generation != session.generation:
        cache = StatCache()
    work = _Work(
        session,
        cache,
        options or CaptureOptions(),
        keep=keep,
        remember=remember,
        known=known,
        progress=progress,
    )
    with ThreadPoolExecutor(WORKERS, "capture") as pool:
        try:
            return work.run(root, pool)
        finally:
            work.close()


class _Work:
    def __init__(
        self,
        session: Session,
        cache: StatCache,
        options: CaptureOptions,
        *,
        keep: bool,
        remember: bool,
        known: Known | None,
        progress: Callable[[int, int], None] | None,
    ) -> None:
        self.session, self.old, self.options, self.keep = session, cache, options, keep
        self.remember = remember
        self.known, self.progress = known, progress
        self.new = StatCache(dict(cache.directories) if known else {}, session.generation)
        self.directories: dict[bytes, bytes] = {}
        self.left_out: list[bytes] = []
        self.files = self.read_files = self.read_bytes = 0
        self.looked_at = time.time_ns()
        self.open: set[int] = set()  # descriptors of directories
        self.stack: list[tuple[_Folder, int]] = []
        self.batch: list[tuple[_Folder, int]] = []
        self.batch_bytes, self.batch_folders = 0, 0
        self.running: deque[
            tuple[list[tuple[_Folder, int]], Future[list[tuple[bytes, Fields, Encoded | None]]]]
        ] = deque()
        self.result: tuple[bytes, int] | None = None

    def run(self, root: Path, pool: ThreadPoolExecutor) -> Capture:
        self.pool = pool
        self.top = os.fsencode(root)
        try:
            descriptor = os.open(root, OPEN_DIRECTORY & ~os.O_NOFOLLOW)
        except OSError as error:
            raise UnreadableEntryError(str(root), error.strerror or "unknown") from error
        self._enter(b"", None, 0, descriptor)
        while self.stack or self.batch or self.running:
            if self.stack:
                self._descend(*self.stack.pop())
            else:
                self._submit()
                self._collect()
        assert self.result is not None  # noqa: S101 - the root is finished last
        identity, size = self.result
        return Capture(
            identity,
            self.files,
            size,
            self.read_files,
            self.read_bytes,
            tuple(self._shown(path) for path in self.left_out),
            tuple(self.left_out),
            self.new,
            self.directories,
        )

    def close(self) -> None:
        """Close what an error has left open."""
        for _, future in self.running:
            future.cancel()
            if not future.cancelled():
                future.exception()
        for descriptor in self.open:
            os.close(descriptor)
        self.open.clear()

    def _release(self, folder: _Folder) -> None:
        folder.users -= 1
        if folder.users == 0:
            self.open.remove(folder.descriptor)
            os.close(folder.descriptor)

    def _descend(self, parent: _Folder, index: int) -> None:
        name = parent.names[index]
        path = self._path(parent, name)
        if self.known is not None and path not in self.known.touched:
            before = self.old.directories.get(path)
            if before is not None and before.id != UNTRUSTED:
                self._release(parent)
                self._hand_up(parent, index, before.id, before.size)
                return
        try:
            descriptor = os.open(name, OPEN_DIRECTORY, dir_fd=parent.descriptor)
        except OSError as error:
            raise UnreadableEntryError(self._shown(path), error.strerror or "unknown") from error
        self._release(parent)
        self._enter(path, parent, index, descriptor)

    def _enter(self, path: bytes, parent: _Folder | None, index: int, descriptor: int) -> None:
        """List a directory, and decide what of it must be read."""
        self.open.add(descriptor)
        cached = self.old.directories.get(path)
        names, fields, folders = self._listed(path, descriptor, top=parent is None)
        unchanged = (
            cached is not None
            and cached.names == b"\0".join(names)
            and cached.stats == packed(fields)
        )
        folder = _Folder(
            path, parent, index, descriptor, names, fields, [], fields[1::FIELDS], cached, unchanged
        )
        self.files += len(names) - len(folders)
        folder.ids, to_read = _known_ids(names, fields, cached, unchanged=unchanged)
        if self.known is not None:
            to_read = [number for number in to_read if not self._recognise(folder, number)]
        is_leaf_as_before = (
            unchanged and not folders and cached is not None and cached.id != UNTRUSTED
        )
        folder.users = 1
        if not is_leaf_as_before:
            self._read_links(folder)
        folder.pending = len(to_read) + len(folders)
        folder.users += folder.pending
        self.stack += [(folder, number) for number in reversed(folders)]
        for number in to_read:
            self._read(folder, number)
        self._release(folder)
        if not to_read and not folders:
            self._finish(folder)

    def _recognise(self, folder: _Folder, number: int) -> bool:
        """Take over the id of a file that a restore has written and nobody has touched since."""
        assert self.known is not None  # noqa: S101 - the caller has asked
        one = self.known.written.get(self._path(folder, folder.names[number]))
        _, size, mtime, _, inode = folder.fields[number * FIELDS : (number + 1) * FIELDS]
        if one is None or (one.size, one.mtime, one.inode) != (size, mtime, inode):
            return False
        folder.ids[number] = one.id
        return True

    def _listed(
        self, path: bytes, descriptor: int, *, top: bool
    ) -> tuple[list[bytes], list[int], list[int]]:
        """Return the sorted names of a directory, all stat fields, and which are directories."""
        try:
            with os.scandir(descriptor) as listing:
                found = sorted([(os.fsencode(one.name), one) for one in listing], key=_first)
            names: list[bytes] = []
            fields: list[int] = []
            folders: list[int] = []
            for name, one in found:
                if name in RESERVED or (top and name in self.options.exclude):
                    if name in RESERVED:
                        self._leave_out(path + b"/" + name if path else name)
                    continue
                status = one.stat(follow_symlinks=False)
                mode = status.st_mode
                if stat.S_ISDIR(mode):
                    folders.append(len(names))
                    fields += (mode, 0, 0, 0, 0)
                elif stat.S_ISREG(mode) or stat.S_ISLNK(mode):
                    fields += (
                        mode,
                        status.st_size,
                        status.st_mtime_ns,
                        status.st_ctime_ns,
                        status.st_ino,
                    )
                else:
                    self._special(path + b"/" + name if path else name, mode)
                    continue
                names.append(name)
        except OSError as error:
            raise UnreadableEntryError(self._shown(path), error.strerror or "unknown") from error
        return names, fields, folders

    def _special(self, path: bytes, mode: int) -> None:
        if not self.options.skips_special:
            raise UnstorableEntryError(self._shown(path), SPECIAL.get(stat.S_IFMT(mode), "special"))
        self._leave_out(path)

    def _leave_out(self, path: bytes) -> None:
        if path != STAGING:
            self.left_out.append(path)

    def _read(self, folder: _Folder, number: int) -> None:
        """Have a file read, now or with the next batch."""
        size = folder.sizes[number]
        if size >= FILES.from_size:
            self._read_large(folder, number)
            return
        if not self.batch or self.batch[-1][0] is not folder:
            self.batch_folders += 1
        self.batch.append((folder, number))
        self.batch_bytes += size
        if (
            len(self.batch) >= BATCH_FILES
            or self.batch_bytes >= BATCH_BYTES
            or self.batch_folders >= BATCH_DIRECTORIES
        ):
            self._submit()
            if len(self.running) > 2 * WORKERS:
                self._collect()

    def _submit(self) -> None:
        if self.batch:
            self.running.append((self.batch, self.pool.submit(self._batch_read, self.batch)))
            self.batch, self.batch_bytes, self.batch_folders = [], 0, 0

    def _batch_read(
        self, batch: list[tuple[_Folder, int]]
    ) -> list[tuple[bytes, Fields, Encoded | None]]:
        """Read, hash and compress files; runs in a thread."""
        found = []
        for folder, number in batch:
            at = number * FIELDS
            expected: Fields = tuple(folder.fields[at : at + FIELDS])  # type: ignore[assignment]
            name = folder.names[number]
            path = self._whole(self._path(folder, name))
            content, fields = read_small(
                name, folder.descriptor, expected, self.options.attempts, path
            )
            identity = blake3(content).digest()
            is_new = self.keep and not self.session.has(identity)
            found.append((identity, fields, encoded(content, identity) if is_new else None))
        return found

    def _collect(self) -> None:
        """Take the results of the oldest batch over."""
        if not self.running:
            return
        batch, future = self.running[0]
        results = future.result()
        self.running.popleft()
        for (folder, number), (identity, fields, frame) in zip(batch, results, strict=True):
            if frame is not None:
                self.session.add(*frame)
            self._take(folder, number, identity, fields)
        if self.progress:
            self.progress(self.read_files, self.read_bytes)

    def _take(self, folder: _Folder, number: int, identity: bytes, fields: Fields) -> None:
        folder.ids[number] = identity
        folder.fields[number * FIELDS : (number + 1) * FIELDS] = fields
        folder.sizes[number] = fields[1]
        self.read_files += 1
        self.read_bytes += fields[1]
        self._arrived(folder)

    def _arrived(self, folder: _Folder) -> None:
        self._release(folder)
        folder.pending -= 1
        if folder.pending == 0:
            self._finish(folder)

    def _read_large(self, folder: _Folder, number: int) -> None:
        """Read a large file here, while threads hash and compress its chunks."""
        name = folder.names[number]
        path = self._whole(self._path(folder, name))
        identity, fields = read_large(
            name, folder.descriptor, self.options.attempts, path, self._consume_large
        )
        self._take(folder, number, identity, fields)
        if self.progress:
            self.progress(self.read_files, self.read_bytes)

    def _consume_large(self, read: Callable[[int], bytes]) -> bytes:
        whole, size = blake3(), 0

        def fresh(length: int) -> bytes:
            nonlocal size
            piece = read(length)
            whole.update(piece)
            size += len(piece)
            return piece

        if not self.keep:
            while fresh(WINDOW_BYTES):
                pass
            return whole.digest()
        chunks: list[tuple[int, bytes]] = []
        running: deque[Future[list[tuple[int, bytes, Encoded | None]]]] = deque()
        group: list[memoryview] = []
        for chunk in cut_stream(fresh, FILES, WINDOW_BYTES):
            group.append(chunk)
            if len(group) >= 8:
                running.append(self.pool.submit(self._encode_chunks, group))
                group = []
            if len(running) > 2 * WORKERS + 2:
                self._keep_chunks(running.popleft().result(), chunks)
        running.append(self.pool.submit(self._encode_chunks, group))
        while running:
            self._keep_chunks(running.popleft().result(), chunks)
        if size < FILES.from_size:  # it has become small meanwhile; it will be read again
            return whole.digest()
        return self.session.put_list(whole.digest(), size, chunks, FILES)

    def _encode_chunks(self, group: list[memoryview]) -> list[tuple[int, bytes, Encoded | None]]:
        found = []
        for chunk in group:
            identity = blake3(chunk).digest()
            frame = None if self.session.has(identity) else encoded(chunk, identity)
            found.append((len(chunk), identity, frame))
        return found

    def _keep_chunks(
        self, group: list[tuple[int, bytes, Encoded | None]], chunks: list[tuple[int, bytes]]
    ) -> None:
        for length, identity, frame in group:
            if frame is not None:
                self.session.add(*frame)
            chunks.append((length, identity))

    def _finish(self, folder: _Folder) -> None:
        """Give a directory its id, and each one above it of which it was the last part."""
        while True:
            identity, size = self._identified(folder)
            parent = folder.parent
            if parent is None:
                self.result = identity, size
                return
            parent.ids[folder.index], parent.sizes[folder.index] = identity, size
            parent.pending -= 1
            if parent.pending:
                return
            folder = parent

    def _hand_up(self, parent: _Folder, index: int, identity: bytes, size: int) -> None:
        parent.ids[index], parent.sizes[index] = identity, size
        parent.pending -= 1
        if not parent.pending:
            self._finish(parent)

    def _identified(self, folder: _Folder) -> tuple[bytes, int]:
        """Return the id and the size of a directory whose entries all have theirs."""
        cached, ids = folder.cached, b"".join(folder.ids)
        if folder.looks_unchanged and cached and cached.id != UNTRUSTED and cached.ids == ids:
            self.new.directories[folder.path] = cached
            return cached.id, cached.size
        size = sum(folder.sizes)
        identity, is_kept = self._put(self._encoded(folder))
        remembered = self._remembered(folder, ids, identity, size, is_kept=is_kept)
        self.new.directories[folder.path] = remembered
        return identity, size

    def _put(self, content: bytes) -> tuple[bytes, bool]:
        """Return the id of a directory object, and whether the store has it."""
        if self.keep:
            return self.session.put(content, DIRECTORIES), True
        identity = content_id(content)
        if self.session.has(identity):
            return identity, True
        self.directories[identity] = content
        return identity, False

    def _encoded(self, folder: _Folder) -> bytes:
        """Return the canonical bytes of a directory, as `directory.encode` would."""
        pieces = [MAGIC]
        pack, options = ENTRY.pack, self.options
        modes = folder.fields[0::FIELDS]
        for number, (name, mode, size, identity) in enumerate(
            zip(folder.names, modes, folder.sizes, folder.ids, strict=True)
        ):
            kind = mode & 0o170000
            if kind == stat.S_IFREG:
                pieces += (pack(FILE, options.of_file(mode), len(name), size, identity), name)
            elif kind == stat.S_IFDIR:
                pieces += (
                    pack(DIRECTORY, options.of_directory(mode), len(name), size, identity),
                    name,
                )
            else:
                target = folder.targets[number]
                head = pack(LINK, LINK_PERMISSIONS, len(name), len(target), identity)
                pieces += (head, name, TARGET.pack(len(target)), target)
        return b"".join(pieces)

    def _remembered(
        self, folder: _Folder, ids: bytes, identity: bytes, size: int, *, is_kept: bool
    ) -> CachedDirectory:
        """Return what the cache is to know; what could change unseen, or is not kept, it is not."""
        doubtful = [n for n in range(len(folder.names)) if not self._is_believable(folder, n)]
        if doubtful:
            known = list(folder.ids)
            for number in doubtful:
                known[number] = UNTRUSTED
            ids = b"".join(known)
        trusted = identity if is_kept and not doubtful else UNTRUSTED
        names, stats = b"\0".join(folder.names), packed(folder.fields)
        return CachedDirectory(names, stats, ids, trusted, size)

    def _is_believable(self, folder: _Folder, number: int) -> bool:
        at = number * FIELDS
        mode = folder.fields[at]
        if stat.S_ISDIR(mode):
            return True
        if not is_settled(tuple(folder.fields[at : at + FIELDS]), self.looked_at):  # type: ignore[arg-type]
            return False
        if self.keep or self.remember or stat.S_ISLNK(mode):
            return True
        return self.session.has(folder.ids[number])

    def _read_links(self, folder: _Folder) -> None:
        """Read where links lead; that is cheap, so that the cache is not asked."""
        for number, mode in enumerate(folder.fields[0::FIELDS]):
            if not stat.S_ISLNK(mode):
                continue
            name = folder.names[number]
            try:
                target = os.readlink(name, dir_fd=folder.descriptor)
            except OSError as error:
                path = self._shown(self._path(folder, name))
                raise UnreadableEntryError(path, error.strerror or "unknown") from error
            folder.targets[number] = target
            folder.sizes[number] = len(target)
            folder.ids[number] = content_id(target)

    @staticmethod
    def _path(folder: _Folder, name: bytes) -> bytes:
        return folder.path + b"/" + name if folder.path else name

    def _whole(self, path: bytes) -> bytes:
        return self.top + b"/" + path if path else self.top

    def _shown(self, path: bytes) -> str:
        return os.fsdecode(self._whole(path))


def _known_ids(
    names: list[bytes], fields: list[int], cached: CachedDirectory | None, *, unchanged: bool
) -> tuple[list[bytes], list[int]]:
    """Return the ids of entries that have not changed, and the numbers of files to be read."""
    count = len(names)
    if cached is None:
        ids = [UNTRUSTED] * count
    elif unchanged:
        ids = [cached.ids[n : n + ID_BYTES] for n in range(0, count * ID_BYTES, ID_BYTES)]
        if cached.id != UNTRUSTED:
            return ids, []
    else:
        before, stats, width = cached.by_name(), packed(fields), FIELDS * 8
        ids = []
        for number, name in enumerate(names):
            stat_then, id_then = before.get(name, (b"", UNTRUSTED))
            same = stat_then == stats[number * width : (number + 1) * width]
            ids.append(id_then if same else UNTRUSTED)
    modes = fields[0::FIELDS]
    return ids, [n for n in range(count) if ids[n] == UNTRUSTED and stat.S_ISREG(modes[n])]


def _first(pair: tuple[bytes, object]) -> bytes:
    return pair[0]
