"""Receive what a store lacks of some trees, or of paths in them.

Contents come first and directories last, children before parents: so what a store has of a tree
from a remote is whole, whenever the transfer ends.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from blake3 import blake3

from workspace_core.progress import listener
from workspace_core.sharing.errors import DamagedRemoteError, ForeignRemoteError
from workspace_core.sharing.fetch import Fetcher
from workspace_core.store.chunking import DIRECTORIES
from workspace_core.store.frames import LISTS, decoded_list, plain, verified
from workspace_core.store.identity import id_text
from workspace_core.store.tombstones import write_tombstone
from workspace_core.trees.directory import FILE, Entry, decode, encode

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from workspace_core.sharing.remote import Remote
    from workspace_core.store.frames import Frame
    from workspace_core.store.session import Session

AHEAD_BYTES = 1 << 20  # directories lie together
MOST_PATHS = 1_000_000_000
FLUSH_BYTES = 64 << 20  # what is lost at most of a transfer that is cut off


@dataclass(slots=True)
class Received:
    """What has come, and what was to come and is nowhere."""

    objects: int = 0
    bytes_read: int = 0  # of the remote
    lacking: set[bytes] = field(default_factory=set)  # trees with something that is nowhere
    erased_there: int = 0  # files that are still here, and were erased on purpose on the remote

    def to_dict(self) -> dict[str, Any]:
        """Return the record as plain data."""
        return {
            "objects": self.objects,
            "bytes": self.bytes_read,
            "lacking": len(self.lacking),
            "erased_there": self.erased_there,
        }


class Receiving:
    """Brings objects of a remote to a store.

    Args:
        session: where they go; `finish` brings them to disk.
        remote: where they come from; None where there is none, so that only what is here counts.
    """

    def __init__(self, session: Session, remote: Remote | None) -> None:
        self._session, self._remote = session, remote
        self._fetcher = None if remote is None else Fetcher(remote)
        self._held: dict[bytes, Frame] = {}  # read ahead, and directories that wait for their files
        self._new: dict[bytes, None] = {}  # directories to be kept, parents before children
        self._entries: dict[bytes, list[Entry] | None] = {}
        self._counts: dict[bytes, int] = {}  # of paths below a directory
        self._unflushed = 0
        self.received = Received()

    def trees(self, roots: Iterable[bytes]) -> set[bytes]:
        """Receive trees with all that they lead to; return the objects that make them up."""
        return self._below(dict.fromkeys(roots))

    def path(self, root: bytes, path: bytes) -> set[bytes]:
        """Receive what stands at a path of a tree, and all directories of the tree.

        Returns:
            the objects that have come, or were here.
        """
        directories, _ = self._directories({root: None})
        here, names = root, [name for name in path.split(b"/") if name]
        for number, name in enumerate(names, 1):
            entries = self._entries_of(here) or []
            entry = next((one for one in entries if one.name == name), None)
            if entry is not None and entry.is_directory:
                here = entry.id
                continue
            if entry is None or not entry.is_file or number < len(names):
                return directories
            self._contents([entry.id])
            return directories | {entry.id}
        return directories | self._below({here: None})

    def objects(self, ids: Iterable[bytes]) -> None:
        """Receive single objects, each with its chunks, and nothing that they lead to."""
        self._contents(list(ids))

    def finish(self) -> Received:
        """Bring all that has come to disk.

        Raises:
            StoreWriteError: if the disk does not take it.
        """
        for directory in reversed(self._new):
            self._keep_directory(directory)
        self._session.flush()
        self._new = {}
        if self._fetcher is not None:
            self.received.bytes_read = self._fetcher.bytes
        if self._remote is not None:
            self.received.erased_there = sum(map(self._session.has, self._remote.erased))
        return self.received

    def reach(
        self, roots: Iterable[bytes], without: Collection[bytes] = ()
    ) -> tuple[set[bytes], set[bytes]]:
        """Return what trees lead to on the remote; nothing is kept here, and no file is read.

        Directories that are not there lead nowhere: they were never pushed.

        Args:
            roots: the ids of the trees.
            without: ids of files that are passed over.

        Returns:
            directories, and all else: files, lists and chunks.

        Raises:
            DamagedRemoteError: if something that has to be read is damaged there.
        """
        directories, listed = self._directories(dict.fromkeys(roots))
        files = [one for one in listed if one not in without]
        there = [one for one in (*directories, *files) if self._is_there(one)]
        lists = self._lists(there)
        found = {chunk for frame in lists.values() for _, chunk in self._chunks(frame)}
        self._new = {}
        return directories, found.union(files) - directories

    def _below(self, roots: dict[bytes, None]) -> set[bytes]:
        """Receive trees: directories level by level, then all files."""
        directories, files = self._directories(roots)
        self._contents(files)
        return directories.union(files)

    def _directories(self, roots: dict[bytes, None]) -> tuple[set[bytes], list[bytes]]:
        """Receive the directories of trees; return them, and the files that they lead to."""
        found: set[bytes] = set()
        files: dict[bytes, None] = {}
        level = list(roots)
        while level:
            self._fetch_directories(level)
            following: dict[bytes, None] = {}
            for directory in level:
                found.add(directory)
                for entry in self._entries_of(directory) or ():
                    if entry.is_directory:
                        if entry.id not in found:
                            following[entry.id] = None
                    elif entry.is_file:
                        files[entry.id] = None
            level = list(following)
        self._check_counts(roots)
        return found, list(files)

    def _check_counts(self, roots: Iterable[bytes]) -> None:
        """Refuse trees that unfold to more paths than any folder has.

        A few directories suffice for that: each holds the next one a thousand times.

        Raises:
            ForeignRemoteError: if one does.
        """
        counts, stack = self._counts, list(roots)
        while stack:
            directory = stack[-1]
            entries = self._entries_of(directory) or ()
            below = [one.id for one in entries if one.is_directory]
            if waiting := [one for one in dict.fromkeys(below) if one not in counts]:
                stack += waiting
                continue
            stack.pop()
            counts[directory] = len(entries) + sum(counts[one] for one in below)
            if counts[directory] > MOST_PATHS:
                raise ForeignRemoteError(
                    f"a tree of {counts[directory]} paths", f"no folder has more than {MOST_PATHS}"
                )

    # Directories

    def _fetch_directories(self, ids: Iterable[bytes]) -> None:
        """Hold the directories that are not in the store, in memory as yet."""
        fresh = [one for one in ids if not self._is_here(one, with_chunks=True)]
        self._hold([one for one in fresh if self._is_there(one)])
        lists = [one for one in fresh if one in self._held and self._held[one].form in LISTS]
        chunks = [chunk for one in lists for _, chunk in self._chunks(self._held[one])]
        self._hold([one for one in chunks if one not in self._held and self._is_there(one)])
        for one in fresh:
            if one in self._held:
                self._new[one] = None

    def _hold(self, ids: list[bytes]) -> None:
        wanted = [one for one in dict.fromkeys(ids) if one not in self._held]
        if self._fetcher is None or not wanted:
            return
        for frame in self._fetcher.frames(wanted, ahead=AHEAD_BYTES):
            self._held.setdefault(frame.object_id, frame)

    def _entries_of(self, directory: bytes) -> list[Entry] | None:
        """Return the entries of a directory, None for one that is nowhere.

        Raises:
            HostileTreeError: if it holds names that lead out of it.
        """
        if directory not in self._entries:
            content = self._content_of(directory)
            self._entries[directory] = None if content is None else decode(content)
        return self._entries[directory]

    def _content_of(self, directory: bytes) -> bytes | None:
        frame = self._held.get(directory)
        if frame is None:
            if self._is_here(directory, with_chunks=True):
                return self._session.read(directory)
            self.received.lacking.add(directory)
            return None
        if frame.form not in LISTS:
            return plain(frame.form, frame.size, frame.payload)
        pieces = []
        for _, chunk in self._chunks(frame):
            part = self._held.get(chunk)
            if part is not None:
                pieces.append(plain(part.form, part.size, part.payload))
            elif self._session.has(chunk):
                pieces.append(self._session.read(chunk))
            else:
                self.received.lacking.add(directory)
                return None
        return self._verified(directory, frame.size, b"".join(pieces))

    def _keep_directory(self, directory: bytes) -> None:
        frame = self._held[directory]
        if self._entries.get(directory) is None:
            return  # it was not whole
        if frame.form in LISTS:
            for _, chunk in self._chunks(frame):
                if chunk in self._held:
                    self._add(self._held[chunk])
        self._add(frame)

    # Files

    def _contents(self, ids: list[bytes]) -> None:
        """Receive files, the lists of large ones first and kept last."""
        absent = [one for one in dict.fromkeys(ids) if not self._is_here(one, with_chunks=True)]
        there = [one for one in absent if self._is_there(one)]
        for one in set(absent) - set(there):
            self._note_absent(one)
        lists = self._lists(there)
        chunks = dict.fromkeys(c for frame in lists.values() for _, c in self._chunks(frame))
        wanted = [one for one in dict.fromkeys([*there, *chunks]) if one not in lists]
        missing = [one for one in wanted if not self._is_here(one)]
        self._take_over([one for one in missing if self._is_there(one)])
        for object_id, frame in lists.items():
            self._keep_list(object_id, frame)

    def _lists(self, ids: list[bytes]) -> dict[bytes, Frame]:
        """Return the lists of those objects that the remote has in chunks."""
        if self._fetcher is None or self._remote is None:
            return {}
        in_chunks = [one for one in ids if self._remote.locate(one)[1].form in LISTS]
        held = {one: self._held[one] for one in in_chunks if one in self._held}
        rest = [one for one in in_chunks if one not in held]
        return held | {frame.object_id: frame for frame in self._fetcher.frames(rest)}

    def _note_absent(self, object_id: bytes) -> None:
        """Take note that an object is nowhere, or was erased on purpose."""
        erasure = None if self._remote is None else self._remote.erased.get(object_id)
        if erasure is None:
            self.received.lacking.add(object_id)
        else:
            write_tombstone(self._session.store, object_id, erasure.reason, erasure.time)

    def _take_over(self, ids: list[bytes]) -> None:
        if self._fetcher is None:
            return
        told = listener()
        for one in [one for one in ids if one in self._held]:
            self._add(self._held[one])
        for frame in self._fetcher.frames([one for one in ids if one not in self._held]):
            self._add(frame)
            if told:
                told(self.received.objects, self._fetcher.bytes)

    def _keep_list(self, object_id: bytes, frame: Frame) -> None:
        """Keep a list once its chunks are here and make up the object."""
        whole, size = blake3(), 0
        chunks = self._chunks(frame)
        if not all(self._session.has(chunk) for _, chunk in chunks):
            self.received.lacking.add(object_id)
            return
        for _, chunk in chunks:
            piece = self._session.read(chunk)
            whole.update(piece)
            size += len(piece)
        if whole.digest() != object_id or size != frame.size:
            raise self._damaged(object_id)
        self._add(frame)

    # What is where

    def _add(self, frame: Frame) -> None:
        if self._session.add(frame.object_id, frame.form, frame.size, frame.payload):
            self.received.objects += 1
            self._unflushed += len(frame.payload)
        if self._unflushed >= FLUSH_BYTES:
            self._session.flush()
            self._unflushed = 0

    def _is_here(self, object_id: bytes, *, with_chunks: bool = False) -> bool:
        if not self._session.has(object_id):
            return bool(self._session.erased(object_id))
        return not with_chunks or not self._session.missing([object_id])

    def _is_there(self, object_id: bytes) -> bool:
        return self._remote is not None and self._remote.has(object_id)

    @staticmethod
    def _chunks(frame: Frame) -> tuple[tuple[int, bytes], ...]:
        return decoded_list(plain(frame.form, frame.size, frame.payload)).chunks

    def _verified(self, object_id: bytes, size: int, content: bytes) -> bytes:
        try:
            return verified(object_id, size, content)
        except ValueError:
            raise self._damaged(object_id) from None

    def _damaged(self, object_id: bytes) -> DamagedRemoteError:
        assert self._remote is not None  # noqa: S101 - what is damaged has come from there
        pack, _ = self._remote.locate(object_id)
        return DamagedRemoteError(
            self._remote.place.address,
            f"packs/{pack.name}",
            f"{id_text(object_id)} is not its chunks",
        )


def held_objects(session: Session, ids: Iterable[bytes]) -> bytes:
    """Keep a list of objects as a directory of its own, for a pin that is to keep just these.

    Returns:
        the id of that directory; it is brought to disk with all else.
    """
    present = sorted(one for one in ids if session.has(one))
    entries: Sequence[Entry] = [
        Entry(one.hex().encode(), FILE, 0o644, session.size(one), one) for one in present
    ]
    return session.put(encode(entries), DIRECTORIES)
