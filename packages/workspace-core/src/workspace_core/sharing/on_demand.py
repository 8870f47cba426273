"""A store that has of a remote what was asked for so far: what it lacks is fetched when needed."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from workspace_core.sharing.fetch import Fetcher
from workspace_core.sharing.receive import AHEAD_BYTES, Received, Receiving
from workspace_core.store.frames import LISTS
from workspace_core.store.session import Session
from workspace_core.store.tombstones import write_tombstone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from workspace_core.sharing.remote import Remote
    from workspace_core.store.store import Store


class FetchingSession(Session):
    """Objects of a store, and those of a remote that it lacks.

    What is looked for one by one is fetched with its neighbours, for directories lie together; of
    what is asked for at once, all that is absent is fetched at once.

    Args:
        store: where objects are kept.
        source: returns the remote.
        received: counts what was fetched.
    """

    def __init__(self, store: Store, source: Callable[[], Remote], received: Received) -> None:
        super().__init__(store)
        self._source, self._received = source, received
        self._fetching = threading.RLock()
        self._busy = threading.local()

    def missing(self, ids: Iterable[bytes]) -> list[bytes]:
        """Return the ids of objects that are neither here nor on the remote."""
        absent = super().missing(ids)
        if absent and not self._is_busy:
            self._fetch(absent, ahead=0)
            absent = super().missing(absent)
        return absent

    def _place(self, object_id: bytes) -> int | None:
        found = super()._place(object_id)
        if found is None and not self._is_busy:
            self._fetch([object_id], ahead=AHEAD_BYTES)
            found = super()._place(object_id)
        return found

    @property
    def _is_busy(self) -> bool:
        """Whether this thread is at fetching, so that what is absent is to be told as absent."""
        return getattr(self._busy, "flag", False)

    def _fetch(self, ids: list[bytes], ahead: int) -> None:
        with self._fetching:
            self._busy.flag = True
            try:
                remote = self._source()
                wanted = [one for one in ids if not self.erased(one)]
                if not all(map(remote.has, wanted)):
                    remote.look()  # perhaps it has just come
                for one in wanted:
                    if erasure := remote.erased.get(one):
                        write_tombstone(self.store, one, erasure.reason, erasure.time)
                there = [one for one in wanted if remote.has(one)]
                if there:
                    self._take(remote, there, ahead)
            finally:
                self._busy.flag = False

    def _take(self, remote: Remote, ids: list[bytes], ahead: int) -> None:
        if ahead:
            fetcher = Fetcher(remote)
            for frame in fetcher.frames(ids, ahead=ahead):
                if frame.form not in LISTS:  # a list is kept after its chunks
                    taken = self.add(frame.object_id, frame.form, frame.size, frame.payload)
                    self._received.objects += taken
            self._received.bytes_read += fetcher.bytes
        receiving = Receiving(self, remote)
        receiving.objects(ids)
        done = receiving.finish()
        self._received.objects += done.objects
        self._received.bytes_read += done.bytes_read
