"""Send what a remote lacks of some trees: packed, each object verified before it goes."""

from __future__ import annotations

import os
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workspace_core.errors import ErasedObjectError, StoreWriteError
from workspace_core.progress import listener
from workspace_core.sharing.remote import new_pack_name
from workspace_core.store.durable import cause_of
from workspace_core.store.packs import PACK_BYTES, PackWriter
from workspace_core.trees.tree import Trees

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from workspace_core.sharing.remote import Remote
    from workspace_core.store.session import Session

SENDERS = 3  # packs on their way at once, and on the disk of this machine


@dataclass(frozen=True, slots=True)
class Sent:
    """What was sent to a remote."""

    objects: int = 0
    bytes_sent: int = 0  # of packs
    packs: int = 0

    def __add__(self, other: Sent) -> Sent:
        """Return what was sent in all."""
        return Sent(
            self.objects + other.objects,
            self.bytes_sent + other.bytes_sent,
            self.packs + other.packs,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the record as plain data."""
        return {"objects": self.objects, "bytes": self.bytes_sent, "packs": self.packs}


def send(
    session: Session,
    remote: Remote,
    roots: Iterable[bytes],
    outgoing: Path,
    *,
    partly: Iterable[bytes] = (),
) -> Sent:
    """Send all that trees lead to and the remote does not have; what is there is not looked at.

    Args:
        session: where the objects are.
        remote: where they go.
        roots: the ids of the trees.
        outgoing: a folder of this machine for packs that are on their way.
        partly: the ids of trees of which not all is here; what is, is sent.

    Raises:
        RemoteError: if the remote fails; what has arrived stays there, for the next time.
        MissingObjectsError: if neither the store nor the remote has an object.
        DamagedFileError: if an object of the store is damaged.
    """
    directories, contents = _Lacking(session, remote).of(roots, partly)
    with Packing(remote, outgoing) as packing:
        for ids in (directories, contents):  # directories together, for they are read together
            for pack, rows in session.in_pack_order(ids):
                for object_id, row in rows:
                    packing.add(object_id, *session.checked_frame(object_id, pack, row))
        packing.finish()
    return Sent(len(directories) + len(contents), packing.bytes, packing.packs)


class _Lacking:
    """Finds what a remote lacks of trees."""

    def __init__(self, session: Session, remote: Remote) -> None:
        self._session, self._remote = session, remote
        self._directories: dict[bytes, None] = {}
        self._contents: dict[bytes, None] = {}
        self._seen: set[bytes] = set()

    def of(
        self, roots: Iterable[bytes], partly: Iterable[bytes]
    ) -> tuple[list[bytes], list[bytes]]:
        """Return directories, and the other objects, that the remote lacks; each with its chunks.

        Raises:
            MissingObjectsError: if something of the whole trees is neither here nor there.
        """
        self._walk(roots, is_whole=True)
        self._walk(partly, is_whole=False)
        contents = [one for one in self._contents if one not in self._directories]
        return list(self._directories), contents

    def _walk(self, roots: Iterable[bytes], *, is_whole: bool) -> None:
        trees, stack, seen = Trees(self._session), list(roots), self._seen
        while stack:
            directory = stack.pop()
            if directory in seen:
                continue
            seen.add(directory)
            if not self._take(directory, self._directories, is_whole=is_whole):
                continue
            for entry in trees.entries(directory):
                if entry.is_directory:
                    stack.append(entry.id)
                elif entry.is_file and entry.id not in seen:
                    seen.add(entry.id)
                    self._take(entry.id, self._contents, is_whole=is_whole)

    def _take(self, object_id: bytes, taken: dict[bytes, None], *, is_whole: bool) -> bool:
        """Take an object over that the remote lacks; return whether it is on this machine."""
        session, remote = self._session, self._remote
        if object_id in remote.erased:
            return False
        is_there = remote.has(object_id)
        if (is_there or not is_whole) and not session.has(object_id):
            return False
        try:
            found = session.locate(object_id)
        except ErasedObjectError:
            return False
        if found.is_list:
            for _, chunk in session.chunks(object_id):
                is_due = not remote.has(chunk) and (session.has(chunk) or is_whole)
                if is_due and not session.erased(chunk):
                    taken[chunk] = None
        if not is_there:
            taken[object_id] = None
        return True


class Packing:
    """Writes packs beside the store, and sends each as soon as it is whole.

    Args:
        remote: where they go.
        outgoing: a folder of this machine for packs that are on their way.
    """

    def __init__(self, remote: Remote, outgoing: Path) -> None:
        self._remote, self._outgoing = remote, outgoing
        self._writer: PackWriter | None = None
        self._sending: list[Future[None]] = []
        self._pool = ThreadPoolExecutor(SENDERS, "push")
        self.bytes = self.packs = self.objects = 0

    def __enter__(self) -> Packing:
        try:
            self._outgoing.mkdir(parents=True, exist_ok=True)
            self._sweep()
        except OSError as error:
            raise StoreWriteError(str(self._outgoing), cause_of(error)) from error
        return self

    def __exit__(self, *_: object) -> None:
        if self._writer is not None:
            self._writer.discard()
        self._pool.shutdown(cancel_futures=True)
        with suppress(OSError):
            self._sweep()

    def add(self, object_id: bytes, form: int, size: int, payload: bytes | memoryview) -> None:
        """Put an object into the present pack."""
        if self._writer is None:
            self._writer = PackWriter(self._outgoing / new_pack_name(), self._remote.keys)
        self._writer.add(object_id, form, size, payload)
        self.objects += 1
        if self._writer.size >= PACK_BYTES:
            self._close()

    def finish(self) -> None:
        """Wait until all has arrived."""
        self._close()
        while self._sending:
            self._sending.pop(0).result()

    def _close(self) -> None:
        if self._writer is None:
            return
        writer, self._writer = self._writer, None
        writer.close()
        self.bytes += os.stat(writer.file).st_size
        self.packs += 1
        if len(self._sending) >= SENDERS:
            self._sending.pop(0).result()
        self._sending.append(self._pool.submit(self._send, writer.file))
        if told := listener():
            told(self.objects, self.bytes)

    def _send(self, file: Path) -> None:
        self._remote.send(file)
        file.unlink(missing_ok=True)

    def _sweep(self) -> None:
        """Remove packs that a process which died was about to send."""
        for left in self._outgoing.iterdir():
            left.unlink(missing_ok=True)
