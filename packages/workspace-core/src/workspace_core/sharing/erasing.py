"""Erasing files on a remote on purpose: a note says so, and nobody is given them any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workspace_core.sharing.collecting import copy_objects, remove_packs
from workspace_core.sharing.errors import DamagedRemoteError
from workspace_core.sharing.fetch import Fetcher
from workspace_core.sharing.notes import Erasure
from workspace_core.sharing.receive import Receiving
from workspace_core.sharing.remote import PACKS
from workspace_core.sharing.send import Packing
from workspace_core.store.frames import LISTS, decoded_list, plain

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path

    from workspace_core.sharing.remote import Remote
    from workspace_core.store.session import Session


def erase_there(
    session: Session,
    remote: Remote,
    ids: Collection[bytes],
    reason: str,
    roots: Iterable[bytes],
    outgoing: Path,
) -> int:
    """Remove files from every pack of a remote, at once; all else of these packs stays.

    The note that tells of it is there before anything goes. Chunks of a large file go with it
    unless another file has them, too. What the store itself keeps of removed objects, as versions
    for instance, is not in the hands of this function.

    Args:
        session: a session of the store of this machine.
        remote: the remote.
        ids: the contents of the files.
        reason: why, in words for everybody to read.
        roots: the ids of all trees that are recorded anywhere.
        outgoing: a folder of this machine for packs that are on their way.

    Returns:
        how many packs were written anew.

    Raises:
        RemoteError: if the remote fails; the same call goes on from there.
        DamagedRemoteError: if something beside the files is damaged; then nothing goes.
    """
    remote.reads_leaving = True
    remote.look()
    for name, what in remote.unusable.items():
        raise DamagedRemoteError(remote.place.address, f"{PACKS}/{name}", what)
    gone = set(ids) | _chunks_of(session, remote, set(ids), roots)
    if fresh := set(ids) - remote.erased.keys():
        remote.note(Erasure.now(fresh, reason))
    holding = [pack for pack in remote.packs if not gone.isdisjoint(pack.ids())]
    beside = (one for pack in holding for one in pack.ids() if one not in gone)
    staying = [one for one in dict.fromkeys(beside) if remote.has(one)]
    with Packing(remote, outgoing) as packing:
        copy_objects(session, remote, staying, packing)
        packing.finish()
    remove_packs(remote, [pack.name for pack in holding])
    return len(holding)


def _chunks_of(
    session: Session, remote: Remote, ids: set[bytes], roots: Iterable[bytes]
) -> set[bytes]:
    """Return the chunks of files that no other file has; also of those erased in part before."""
    fetcher, chunks = Fetcher(remote), set[bytes]()
    for object_id in ids:
        for pack, row in remote.copies(object_id):
            if row.form in LISTS:
                frame = fetcher.one(object_id, pack, row)
                listed = decoded_list(plain(frame.form, frame.size, frame.payload))
                chunks.update(chunk for _, chunk in listed.chunks)
    if not chunks:
        return chunks
    directories, others = Receiving(session, remote).reach(roots, without=ids)
    return chunks - directories - others
