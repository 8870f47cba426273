"""Fetch objects of a remote: neighbours in one request, every object verified on receipt."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from util_services.errors import StorageError
from workspace_core.sharing.errors import DamagedRemoteError, RemoteError
from workspace_core.sharing.remote import PACKS
from workspace_core.store.frames import LISTS, MOST_PLAIN, Frame, decoded_list, plain, verified
from workspace_core.store.identity import id_text
from workspace_core.store.packs import LENGTH, Row

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from workspace_core.sharing.remote import Remote, RemotePack

GAP_BYTES = 256 << 10  # what is cheaper to read and drop than to ask once more
SPAN_BYTES = 16 << 20  # of a request
READERS = 4
MOST_FRAME = MOST_PLAIN + (1 << 20)  # what one object takes at most, sealed and with its head


@dataclass(frozen=True, slots=True)
class Span:
    """Objects of a pack that are read in one request."""

    pack: RemotePack
    rows: tuple[tuple[bytes, Row], ...]

    @property
    def start(self) -> int:
        """Where it begins."""
        return self.rows[0][1].place

    @property
    def end(self) -> int:
        """Where it ends."""
        last = self.rows[-1][1]
        return last.place + LENGTH.size + last.length


class Fetcher:
    """Reads objects of a remote; counts what it has read."""

    def __init__(self, remote: Remote) -> None:
        self.remote = remote
        self.bytes = 0

    def frames(self, ids: Collection[bytes], *, ahead: int = 0) -> Iterator[Frame]:
        """Yield objects that the remote has, and their neighbours where it is to read ahead.

        Args:
            ids: of the objects.
            ahead: how many bytes each request has at least, as far as there are so many.

        Raises:
            RemoteError: if the remote fails.
            DamagedRemoteError: if an object is damaged wherever the remote has it.
        """
        spans = deque(self._spans(ids, ahead))
        wanted = set(ids)
        waiting: deque[tuple[Span, Future[bytes]]] = deque()
        with ThreadPoolExecutor(READERS, "pull") as pool:
            try:
                while spans or waiting:
                    while spans and len(waiting) < READERS:
                        span = spans.popleft()
                        waiting.append((span, pool.submit(self._read, span)))
                    span, reading = waiting.popleft()
                    try:
                        block = reading.result()
                    except (RemoteError, StorageError) as error:
                        spans.extend(self._elsewhere(span, wanted, error))
                        continue
                    yield from self._taken_apart(span, block, wanted)
            finally:
                pool.shutdown(cancel_futures=True)

    def _spans(self, ids: Collection[bytes], ahead: int) -> Iterator[Span]:
        by_pack: dict[str, tuple[RemotePack, list[tuple[bytes, Row]]]] = {}
        for object_id in ids:
            pack, row = self.remote.locate(object_id)
            if row.length > MOST_FRAME or row.place + LENGTH.size + row.length > pack.size:
                raise DamagedRemoteError(
                    self.remote.place.address,
                    f"{PACKS}/{pack.name}",
                    f"{id_text(object_id)} cannot be as large as it says",
                )
            by_pack.setdefault(pack.name, (pack, []))[1].append((object_id, row))
        for pack, rows in by_pack.values():
            rows.sort(key=lambda one: one[1].place)
            group: list[tuple[bytes, Row]] = []
            start = end = 0
            for object_id, row in rows:
                reach = row.place + LENGTH.size + row.length
                if group and (row.place - end > GAP_BYTES or reach - start > SPAN_BYTES):
                    yield _widened(Span(pack, tuple(group)), ahead)
                    group = []
                if not group:
                    start = row.place
                group.append((object_id, row))
                end = max(start + ahead, reach)
            if group:
                yield _widened(Span(pack, tuple(group)), ahead)

    def _elsewhere(self, span: Span, wanted: set[bytes], error: Exception) -> list[Span]:
        """Return where the objects of a span stand whose pack has gone since it was looked at.

        Raises:
            RemoteError: if the pack is still there, and could not be read.
            StorageError: likewise.
        """
        self.remote.look()
        if span.pack.name in {pack.name for pack in self.remote.packs}:
            raise error
        ids = [one for one, _ in span.rows if one in wanted]
        if any(not self.remote.has(one) for one in ids):
            raise RemoteError(
                self.remote.place.address, "content has gone from it while it was read"
            )
        return list(self._spans(ids, 0))

    def _read(self, span: Span) -> bytes:
        length = span.end - span.start
        found = self.remote.place.read_range(f"{PACKS}/{span.pack.name}", span.start, length)
        self.bytes += length
        return found

    def _taken_apart(self, span: Span, block: bytes, wanted: set[bytes]) -> Iterator[Frame]:
        view = memoryview(block)
        for object_id, row in span.rows:
            at = row.place + LENGTH.size - span.start
            try:
                yield checked(span.pack, object_id, row, view[at : at + row.length])
            except ValueError as error:
                if object_id in wanted:
                    yield self._from_another(object_id, span.pack, str(error))

    def one(self, object_id: bytes, pack: RemotePack, row: Row) -> Frame:
        """Return an object from one pack.

        Raises:
            ValueError: if it is damaged there.
            RemoteError: if the remote fails.
        """
        block = self._read(Span(pack, ((object_id, row),)))
        return checked(pack, object_id, row, block[LENGTH.size :])

    def _from_another(self, object_id: bytes, damaged: RemotePack, what: str) -> Frame:
        """Return an object from a pack other than the one where it is damaged."""
        for pack, row in self.remote.copies(object_id):
            if pack is damaged:
                continue
            try:
                return self.one(object_id, pack, row)
            except (ValueError, RemoteError, StorageError):
                continue
        raise DamagedRemoteError(
            self.remote.place.address, f"{PACKS}/{damaged.name}", f"{id_text(object_id)}: {what}"
        )


def damaged_in(remote: Remote, pack: RemotePack) -> list[bytes]:
    """Return the objects of a pack that are damaged there; all of it is read."""
    found: list[bytes] = []
    at, rows = 0, pack.within(0, pack.size)
    while at < len(rows):
        end = at + 1
        while end < len(rows) and rows[end][1].place - rows[at][1].place < SPAN_BYTES:
            end += 1
        span = Span(pack, tuple(rows[at:end]))
        block = memoryview(
            remote.place.read_range(f"{PACKS}/{pack.name}", span.start, span.end - span.start)
        )
        for object_id, row in span.rows:
            start = row.place + LENGTH.size - span.start
            try:
                checked(pack, object_id, row, block[start : start + row.length])
            except ValueError:
                found.append(object_id)
        at = end
    return found


def checked(pack: RemotePack, object_id: bytes, row: Row, body: bytes | memoryview) -> Frame:
    """Return the frame in a body, once its content is what its id names.

    A list of chunks is checked by itself only: that they make up the object shows when they are
    there.

    Raises:
        ValueError: if it is not.
    """
    frame = pack.frame(object_id, row, body)
    text = plain(frame.form, frame.size, frame.payload)
    if frame.form in LISTS:
        decoded_list(text)
    else:
        verified(object_id, frame.size, text)
    return Frame(object_id, frame.form, frame.size, bytes(frame.payload))


def _widened(span: Span, ahead: int) -> Span:
    """Return a span with the neighbours that lie in what is read ahead."""
    if span.end - span.start >= ahead:
        return span
    rows = span.pack.within(span.start, span.start + ahead)
    return Span(span.pack, tuple(rows)) if len(rows) > len(span.rows) else span
