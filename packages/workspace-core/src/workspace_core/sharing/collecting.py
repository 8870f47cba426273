"""Collecting garbage on a remote, while others may be pushing to it and pulling from it.

Packs are never changed, so what is to go is let go of first: a note names the packs that nobody is
to rely on any more, and what is needed of them is in a new pack by then. They are removed by a
later collection, once the grace period is over. Whoever pushes looks at the notes before content is
sent, and again before records are published that refer to it, and sends what is not to be relied on
anew; so nothing that is published ever refers to a pack that goes, if publishing takes less than
the grace period. And a collection that is to remove a pack of which something is needed all the
same saves that first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workspace_core.errors import DamagedFileError
from workspace_core.sharing.errors import DamagedRemoteError
from workspace_core.sharing.fetch import Fetcher, damaged_in
from workspace_core.sharing.notes import LetGo
from workspace_core.sharing.receive import Receiving
from workspace_core.sharing.remote import PACKS
from workspace_core.sharing.send import Packing
from workspace_core.store.frames import LISTS
from workspace_core.upkeep.gc import MOST_SMALL, SMALL_BYTES, WORTH_REWRITING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable
    from pathlib import Path

    from workspace_core.sharing.remote import Remote, RemotePack
    from workspace_core.store.session import Session


@dataclass(frozen=True, slots=True)
class CollectedThere:
    """What a collection on a remote did, or would do."""

    objects: int  # that nobody needs, in the packs that were let go of
    bytes_waiting: int  # of packs that go when the grace period is over
    bytes_freed: int  # of packs that went
    packs_let_go: int
    packs_removed: int
    packs_written: int
    objects_kept: int
    dry_run: bool

    def to_dict(self) -> dict[str, Any]:
        """Return the record as plain data."""
        return {
            "objects": self.objects,
            "bytes_waiting": self.bytes_waiting,
            "bytes_freed": self.bytes_freed,
            "packs_let_go": self.packs_let_go,
            "packs_removed": self.packs_removed,
            "packs_written": self.packs_written,
            "objects_kept": self.objects_kept,
            "dry_run": self.dry_run,
        }


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is to happen to the packs of a remote."""

    leaving: tuple[str, ...]  # which were not let go of as yet
    due: tuple[str, ...]  # which were, long enough ago
    moving: frozenset[bytes]  # what is needed of both, and in no pack that stays
    double: frozenset[bytes]  # what is needed of both, and said to be in a pack that stays
    garbage: frozenset[bytes]
    kept: frozenset[bytes]


def collect_there(
    session: Session,
    remote: Remote,
    roots: Iterable[bytes],
    outgoing: Path,
    *,
    grace_seconds: float,
    is_current: Callable[[], bool],
    dry_run: bool = False,
) -> CollectedThere:
    """Let go of the packs of a remote that hold what no tree leads to; remove those let go before.

    Args:
        session: a session of the store of this machine; what it has need not be fetched.
        remote: the remote.
        roots: the ids of all trees that are recorded anywhere.
        outgoing: a folder of this machine for packs that are on their way.
        grace_seconds: how long packs stay after they came, and after they were let go of. With 0
            nobody else may use the remote meanwhile.
        is_current: asked before anything is removed: whether the roots are still all there are.
        dry_run: only say what would be done.

    Raises:
        RemoteError: if the remote fails; what was begun is gone on with by the next collection.
        DamagedRemoteError: if something that is needed is damaged there; then nothing goes.
    """
    remote.reads_leaving = True
    remote.look()
    directories, others = Receiving(session, remote).reach(roots)
    reached = directories | others
    is_lacking = any(not remote.has(one) for one in reached - remote.erased.keys())
    for name, what in remote.unusable.items() if is_lacking else ():
        raise DamagedRemoteError(remote.place.address, f"{PACKS}/{name}", what)
    plan = _plan(remote, reached, grace_seconds)
    leaving = {name: remote.listing.files[f"{PACKS}/{name}"].size for name in plan.leaving}
    written, due = 0, list(plan.due)
    if not dry_run:
        moving = plan.moving | _damaged_of(remote, plan)
        with Packing(remote, outgoing) as packing:
            copy_objects(session, remote, moving & directories, packing)
            copy_objects(session, remote, moving - directories, packing)
            packing.finish()
            written = packing.packs
        if leaving:
            remote.note(LetGo(frozenset(leaving)))
        if grace_seconds <= 0:
            due += leaving
        if due and not is_current():
            due = []  # somebody has published meanwhile: the next collection sees to it
    elif grace_seconds <= 0:
        due += leaving
    gone = {one: remote.listing.files[f"{PACKS}/{one}"].size for one in due}
    if not dry_run:
        remove_packs(remote, gone)
        remote.place.sweep(remote.listing.now - grace_seconds)
    return CollectedThere(
        len(plan.garbage),
        sum(size for name, size in leaving.items() if name not in gone),
        sum(gone.values()),
        *(len(leaving), len(gone), written, len(plan.kept)),
        dry_run,
    )


def copy_objects(
    session: Session, remote: Remote, ids: Collection[bytes], packing: Packing
) -> None:
    """Put objects of a remote into new packs, each verified; from this machine if they are here."""
    rest: list[bytes] = []
    here: list[bytes] = []
    for one in ids:
        # A list names the chunks that the remote has, and they may be cut otherwise here.
        is_list = remote.locate(one)[1].form in LISTS
        is_alike = not is_list and session.has(one) and not session.locate(one).is_list
        (here if is_alike else rest).append(one)
    for pack, rows in session.in_pack_order(here):
        for object_id, row in rows:
            try:
                packing.add(object_id, *session.checked_frame(object_id, pack, row))
            except DamagedFileError:
                rest.append(object_id)
    for frame in Fetcher(remote).frames(rest):
        packing.add(frame.object_id, frame.form, frame.size, frame.payload)


def remove_packs(remote: Remote, names: Collection[str]) -> None:
    """Remove packs, then the notes that name none which is still there."""
    for name in names:
        remote.place.remove(f"{PACKS}/{name}")
    if names:
        remote.look()
    there = {pack.name for pack in remote.packs} | remote.unusable.keys()
    for name, note in remote.notes.items():
        if isinstance(note, LetGo) and not note.packs & there:
            remote.place.remove(name)


def _plan(remote: Remote, reached: Collection[bytes], grace_seconds: float) -> _Plan:
    """Return which packs go, and what of them has to be kept."""
    listing, needed = remote.listing, frozenset(reached) - remote.erased.keys()
    young = listing.now - grace_seconds
    ids = {pack.name: pack.ids() for pack in remote.packs}
    staying = [pack for pack in remote.packs if pack.name not in remote.let_go]
    small = [pack for pack in staying if pack.size < SMALL_BYTES]
    merges = len(small) > MOST_SMALL
    old = {
        name
        for name in (*ids, *remote.unusable)
        if grace_seconds <= 0 or listing.files[f"{PACKS}/{name}"].changed <= young
    }
    gone = {
        pack.name
        for pack in staying
        if pack.name in old
        and (
            _is_worth_rewriting(pack, ids[pack.name], needed, remote)
            or (merges and pack.size < SMALL_BYTES)
        )
    }
    stays = {one for pack in staying if pack.name not in gone for one in ids[pack.name]}
    ruined = {one for one in remote.unusable if one in old and one not in remote.let_go}
    due = {
        name
        for name in (*ids, *remote.unusable)
        if (since := remote.let_go.get(name)) is not None and (grace_seconds <= 0 or since <= young)
    }
    going = (gone | due) & ids.keys()
    moving = {one for name in going for one in ids[name] if one in needed and one not in stays}
    double = {one for name in gone for one in ids[name] if one in needed and one in stays}
    garbage = {one for name in gone for one in ids[name] if one not in needed}
    kept = frozenset(one for found in ids.values() for one in found if one in needed)
    return _Plan(
        *(tuple(gone | ruined), tuple(due), frozenset(moving), frozenset(double)),
        *(frozenset(garbage), kept),
    )


def _is_worth_rewriting(
    pack: RemotePack, ids: list[bytes], needed: Collection[bytes], remote: Remote
) -> bool:
    if any(one in remote.erased for one in ids):
        return True
    stays = [
        pack.row(number).length
        for number, one in enumerate(ids)
        if one in needed and remote.locate(one)[0] is pack  # and in no other that is relied on
    ]
    garbage = 1 - sum(stays) / max(1, pack.size)
    return not ids or (len(stays) < len(ids) and garbage > WORTH_REWRITING)


def _damaged_of(remote: Remote, plan: _Plan) -> set[bytes]:
    """Return what a pack that goes has sound, and one that stays has damaged."""
    gone = {*plan.leaving, *plan.due}
    found: set[bytes] = set()
    for pack in remote.packs:
        if pack.name not in gone and not plan.double.isdisjoint(pack.ids()):
            found.update(damaged_in(remote, pack))
    return found & plan.double
