"""A session: objects read and written while the store's lock keeps them from being collected."""

from __future__ import annotations

import json
import os
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from blake3 import blake3

from workspace_core.errors import (
    DamagedFileError,
    ErasedObjectError,
    MissingObjectsError,
    StoreWriteError,
)
from workspace_core.store.chunking import FILES, Cutting, cut
from workspace_core.store.durable import cause_of, sync_folder
from workspace_core.store.frames import (
    LISTS,
    ChunkList,
    decoded_list,
    encoded,
    encoded_list,
    plain,
    verified,
)
from workspace_core.store.identity import id_text
from workspace_core.store.packs import PACK_BYTES, SUFFIX, Pack, PackWriter, Row

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator
    from types import TracebackType
    from typing import Self, TypeVar

    from workspace_core.store.store import Store

    T = TypeVar("T")

ROW_BITS = 32


@dataclass(frozen=True, slots=True)
class Location:
    """Where an object stands."""

    pack: Pack
    row: Row

    @property
    def is_list(self) -> bool:
        """Whether the object is kept in chunks."""
        return self.row.form in LISTS


class Session:
    """Objects of a store; got from `Store.session`. Reading is safe from several threads."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._packs: list[Pack] = []
        self._places: dict[bytes, int] | None = None
        self._new: dict[bytes, int] = {}  # written here and not flushed yet: id and size
        self._writer: PackWriter | None = None
        self._closing: list[tuple[PackWriter, Future[None]]] = []
        self._closer: ThreadPoolExecutor | None = None
        self._refreshing = threading.Lock()
        self.generation = 0  # of the store, which stays while the session lasts
        self.written_bytes = 0

    def __enter__(self) -> Self:
        """Look at the packs as they are now."""
        self.generation = self.store.generation
        self._refresh()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give up what was not flushed."""
        self._discard()

    # Reading

    def has(self, object_id: bytes) -> bool:
        """Return whether an object is there, in the store or as yet in this session alone."""
        return object_id in self._new or object_id in self._known

    def missing(self, ids: Iterable[bytes]) -> list[bytes]:
        """Return the ids of those objects that are not there whole, with all of their chunks."""
        absent = self._absent(ids)
        if absent:
            self._refresh()
            absent = self._absent(absent)
        return absent

    def _absent(self, ids: Iterable[bytes]) -> list[bytes]:
        absent: list[bytes] = []
        for object_id in ids:
            if object_id in self._new:
                continue
            if object_id not in self._known:
                absent.append(object_id)
            elif (found := self.locate(object_id)).is_list:
                chunks = self._chunk_list(object_id, found).chunks
                if not all(self.has(chunk) for _, chunk in chunks):
                    absent.append(object_id)
        return absent

    def require(self, ids: Iterable[bytes]) -> None:
        """Check that objects are there with all of their chunks; none is read.

        Raises:
            ErasedObjectError: if one was erased on purpose.
            MissingObjectsError: if some are missing.
        """
        if absent := self.missing(ids):
            self._raise_missing(absent)

    def _raise_missing(self, absent: list[bytes]) -> NoReturn:
        for object_id in absent:
            if reason := self.erased(object_id):
                raise ErasedObjectError(id_text(object_id), reason)
        for error in self.store.damaged.values():
            raise error
        raise MissingObjectsError([id_text(one) for one in absent], str(self.store.folder))

    def erased_among(self, ids: Iterable[bytes]) -> dict[bytes, str]:
        """Return those objects that are not there because they were erased, and why."""
        absent = self.missing(ids)
        return {one: reason for one in absent if (reason := self.erased(one)) is not None}

    def erased(self, object_id: bytes) -> str | None:
        """Return why an object was erased on purpose, None where it was not."""
        try:
            file = self.store.folder / "erased" / f"{object_id.hex()}.json"
            return str(json.loads(file.read_bytes())["reason"])
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError):
            return "the reason cannot be read"

    def size(self, object_id: bytes) -> int:
        """Return how many bytes an object has."""
        return self._new[object_id] if object_id in self._new else self.locate(object_id).row.size

    def read(self, object_id: bytes) -> bytes:
        """Return the bytes of an object, whole and verified.

        Raises:
            MissingObjectsError: if it is not there.
            ErasedObjectError: if it was erased on purpose.
            DamagedFileError: if it is damaged in every pack that holds it.
        """
        return b"".join(self.stream(object_id))

    def stream(self, object_id: bytes) -> Iterator[bytes]:
        """Yield the bytes of an object piece by piece, each verified; the whole at the end.

        Raises:
            MissingObjectsError: if it, or a chunk of it, is not there.
            DamagedFileError: if it is damaged in every pack that holds it.
        """
        found = self.locate(object_id)
        if not found.is_list:
            yield self._whole(object_id, found)
            return
        whole, size = blake3(), 0
        for _, chunk in self._chunk_list(object_id, found).chunks:
            piece = self._whole(chunk, self.locate(chunk))
            whole.update(piece)
            size += len(piece)
            yield piece
        if whole.digest() != object_id or size != found.row.size:
            raise DamagedFileError(str(found.pack.file), f"{id_text(object_id)} is not its chunks")

    def read_range(self, object_id: bytes, start: int, end: int) -> bytes:
        """Return some bytes of an object; only the chunks that hold them are read."""
        found = self.locate(object_id)
        if not found.is_list:
            return self._whole(object_id, found)[start:end]
        pieces, at = [], 0
        for length, chunk in self._chunk_list(object_id, found).chunks:
            if at >= end:
                break
            if at + length > start:
                piece = self._whole(chunk, self.locate(chunk))
                pieces.append(piece[max(0, start - at) : end - at])
            at += length
        return b"".join(pieces)

    def chunks(self, object_id: bytes) -> tuple[tuple[int, bytes], ...]:
        """Return lengths and ids of an object's chunks, or the object itself where it is whole."""
        found = self.locate(object_id)
        if found.is_list:
            return self._chunk_list(object_id, found).chunks
        return ((found.row.size, object_id),)

    def locate(self, object_id: bytes) -> Location:
        """Return where an object stands.

        Raises:
            MissingObjectsError: if it is nowhere.
            ErasedObjectError: if it was erased on purpose.
        """
        if object_id in self._new:
            self._make_visible()
        place = self._place(object_id)
        if place is None:
            self._raise_missing([object_id])
        pack = self._packs[place >> ROW_BITS]
        return Location(pack, pack.row(place & ((1 << ROW_BITS) - 1)))

    def in_pack_order(
        self, ids: Collection[bytes]
    ) -> Iterator[tuple[Pack, list[tuple[bytes, Row]]]]:
        """Yield packs with those of some objects that stand in them, in the order of their places.

        Objects that are kept in chunks stand where their lists do.
        """
        by_pack: dict[int, list[tuple[bytes, Row]]] = {}
        if any(i in self._new for i in ids):
            self._make_visible()
        for object_id in ids:
            place = self._place(object_id)
            if place is None:
                self._raise_missing([object_id])
            number = place >> ROW_BITS
            row = self._packs[number].row(place & ((1 << ROW_BITS) - 1))
            by_pack.setdefault(number, []).append((object_id, row))
        for number in sorted(by_pack):
            rows = by_pack.pop(number)
            rows.sort(key=lambda one: one[1].place)
            yield self._packs[number], rows

    def from_block(self, object_id: bytes, pack: Pack, row: Row, body: bytes | memoryview) -> bytes:
        """Return the verified bytes of an object whose frame was read together with others.

        Raises:
            DamagedFileError: if it is damaged in every pack that holds it.
        """
        try:
            frame = pack.taken_apart(row.place, body, row.length)
            if frame.object_id == object_id:
                return verified(object_id, frame.size, plain(frame.form, frame.size, frame.payload))
        except (ValueError, DamagedFileError):
            pass
        return self._whole(object_id, Location(pack, row))  # from another pack, or with the reason

    def checked_frame(
        self, object_id: bytes, pack: Pack, row: Row, *, elsewhere: bool = True
    ) -> tuple[int, int, bytes | memoryview]:
        """Return form, size and payload of an object as a pack has it, once it is verified.

        Raises:
            DamagedFileError: if it is damaged there, and in all other packs unless only this
            counts.
        """

        def use(location: Location) -> tuple[int, int, bytes | memoryview]:
            frame = location.pack.frame(location.row)
            if (frame.object_id, frame.form, frame.size) != (
                object_id,
                location.row.form,
                location.row.size,
            ):
                raise ValueError("another frame stands there")
            text = plain(frame.form, frame.size, frame.payload)
            if frame.form in LISTS:
                decoded_list(text)
            else:
                verified(object_id, frame.size, text)
            return frame.form, frame.size, frame.payload

        return self._from_any_copy(object_id, Location(pack, row), use, elsewhere=elsewhere)

    @staticmethod
    def is_list(row: Row) -> bool:
        """Return whether an object is kept in chunks."""
        return row.form in LISTS

    # Writing

    def put(self, content: bytes | memoryview, cutting: Cutting = FILES) -> bytes:
        """Keep a content, cut where it is large, and return its id; `flush` brings it to disk.

        Raises:
            StoreWriteError: if the disk does not take it.
        """
        if len(content) < cutting.from_size:
            found = encoded(content)
            self.add(*found)
            return found[0]
        chunks = []
        for chunk in cut(memoryview(content), cutting):
            found = encoded(chunk)
            self.add(*found)
            chunks.append((len(chunk), found[0]))
        return self.put_list(blake3(content).digest(), len(content), chunks, cutting)

    def put_list(
        self, object_id: bytes, size: int, chunks: list[tuple[int, bytes]], cutting: Cutting = FILES
    ) -> bytes:
        """Keep the list of chunks, which were kept before, that make up a content."""
        self.add(*encoded_list(object_id, size, chunks, cutting))
        return object_id

    def add(
        self,
        object_id: bytes,
        form: int,
        size: int,
        payload: bytes | memoryview,
        *,
        again: bool = False,
    ) -> bool:
        """Keep an encoded object unless it is there already; return whether it was written.

        With ``again`` it is written even if an older pack has it.
        """
        if object_id in self._new or (object_id in self._known and not again):
            return False
        if self._writer is None:
            self._writer = self._new_writer()
        self._writer.add(object_id, form, size, payload)
        self._new[object_id] = size
        self.written_bytes += len(payload)
        if self._writer.size >= PACK_BYTES:
            self._close_writer()
        return True

    @property
    def pending(self) -> int:
        """The number of objects that were written here and not flushed yet."""
        return len(self._new)

    def flush(self) -> None:
        """Force all that was written to disk, and let everybody see it.

        Raises:
            StoreWriteError: if the disk does not take it; then all of it is given up.
        """
        try:
            self._close_writer()
            for _, closing in self._closing:
                closing.result()
            self._publish()
        except BaseException:
            self._discard()
            raise
        self._refresh()

    def _make_visible(self) -> None:
        self.flush()

    def _publish(self) -> None:
        if not self._closing:
            return
        folder = self.store.folder / "packs"
        try:
            for writer, _ in self._closing:
                writer.file.rename(folder / writer.file.name)
            sync_folder(folder)
        except OSError as error:
            raise StoreWriteError(str(folder), cause_of(error)) from error
        self._closing, self._new = [], {}

    def _new_writer(self) -> PackWriter:
        file = self.store.folder / "incoming" / f"{os.urandom(16).hex()}{SUFFIX}"
        return PackWriter(file, self.store.keys)

    def _close_writer(self) -> None:
        """Have the present pack forced to disk while the work goes on."""
        if self._writer is None:
            return
        if self._closer is None:
            self._closer = ThreadPoolExecutor(1, "pack-closer")
        writer, self._writer = self._writer, None
        self._closing.append((writer, self._closer.submit(writer.close)))

    def _discard(self) -> None:
        if self._writer is not None:
            self._writer.discard()
            self._writer = None
        if self._closer is not None:
            self._closer.shutdown(wait=True)
            self._closer = None
        for writer, _ in self._closing:
            writer.file.unlink(missing_ok=True)
        self._closing, self._new = [], {}

    # Where objects are

    def _refresh(self) -> None:
        """Add the packs that have appeared; none goes while the session lasts.

        Numbers of packs stay what they are, since threads may be reading.
        """
        with self._refreshing:
            known = set(map(id, self._packs))
            fresh = [pack for pack in self.store.packs().values() if id(pack) not in known]
            for pack in fresh:
                self._packs.append(pack)
                if self._places is not None:
                    self._places.update(self._places_in(len(self._packs) - 1))

    @property
    def _known(self) -> dict[bytes, int]:
        if self._places is None:
            places: dict[bytes, int] = {}
            for number in range(len(self._packs)):
                places.update(self._places_in(number))
            self._places = places
        return self._places

    def _places_in(self, number: int) -> Iterator[tuple[bytes, int]]:
        ids = self._ids(self._packs[number])
        first = number << ROW_BITS
        return zip(ids, range(first, first + len(ids)), strict=True)

    def _place(self, object_id: bytes) -> int | None:
        """Return where an object is, in a pack that has just appeared, too."""
        place = self._known.get(object_id)
        if place is None:
            self._refresh()
            place = self._known.get(object_id)
        return place

    def _ids(self, pack: Pack) -> list[bytes]:
        try:
            return pack.ids()
        except DamagedFileError as error:
            self.store.damaged[pack.file.name] = error
            return []

    def _whole(self, object_id: bytes, found: Location) -> bytes:
        def content(location: Location) -> bytes:
            return self._content(object_id, location)

        return self._from_any_copy(object_id, found, content)

    def _chunk_list(self, object_id: bytes, found: Location) -> ChunkList:
        def chunk_list(location: Location) -> ChunkList:
            frame = location.pack.frame(location.row)
            if frame.object_id != object_id or frame.form not in LISTS:
                raise ValueError("another frame stands there")
            return decoded_list(plain(frame.form, frame.size, frame.payload))

        return self._from_any_copy(object_id, found, chunk_list)

    @staticmethod
    def _content(object_id: bytes, location: Location) -> bytes:
        frame = location.pack.frame(location.row)
        if frame.object_id != object_id:
            raise ValueError("another frame stands there")
        return verified(object_id, frame.size, plain(frame.form, frame.size, frame.payload))

    def _from_any_copy(
        self,
        object_id: bytes,
        found: Location,
        use: Callable[[Location], T],
        *,
        elsewhere: bool = True,
    ) -> T:
        """Use an object as it stands in one pack; if it is damaged there, as in any other."""
        try:
            return use(found)
        except (ValueError, DamagedFileError) as error:
            first: Any = error
        for pack in self._packs if elsewhere else ():
            if pack is found.pack or pack.file.name in self.store.damaged:
                continue
            if (number := pack.find(object_id)) is None:
                continue
            try:
                return use(Location(pack, pack.row(number)))
            except (ValueError, DamagedFileError):
                continue
        if isinstance(first, DamagedFileError):
            raise first
        raise DamagedFileError(str(found.pack.file), f"{id_text(object_id)}: {first}")
