"""Collecting garbage: packs go, or are written anew without what no pin leads to."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workspace_core.errors import StoreWriteError
from workspace_core.store.durable import cause_of, sync_folder
from workspace_core.store.holders import let_go
from workspace_core.store.locks import DEFAULT_WAIT_SECONDS, exclusive
from workspace_core.store.pins import pinned_roots
from workspace_core.store.session import Session
from workspace_core.upkeep.reach import reach

if TYPE_CHECKING:
    from collections.abc import Callable

    from workspace_core.store.packs import Pack, Row
    from workspace_core.store.store import Store

DEFAULT_GRACE_SECONDS = 3600.0
WORTH_REWRITING = 0.05  # share of a pack that is garbage
SMALL_BYTES, MOST_SMALL = 4 << 20, 16  # packs of less are put together once there are so many


@dataclass(frozen=True, slots=True)
class Collected:
    """What garbage collection did, or would do."""

    objects: int  # that went
    bytes_freed: int  # on disk
    packs_removed: int
    packs_written: int
    objects_kept: int
    dry_run: bool

    def to_dict(self) -> dict[str, Any]:
        """Return the record as plain data."""
        return {
            "objects": self.objects,
            "bytes_freed": self.bytes_freed,
            "packs_removed": self.packs_removed,
            "packs_written": self.packs_written,
            "objects_kept": self.objects_kept,
            "dry_run": self.dry_run,
        }


def collect(
    store: Store,
    *,
    dry_run: bool = False,
    grace_seconds: float = DEFAULT_GRACE_SECONDS,
    wait_seconds: float = DEFAULT_WAIT_SECONDS,
    without: str | None = None,
) -> Collected:
    """Remove objects that no pin leads to, once nobody else uses the store.

    Args:
        store: the store.
        dry_run: only say what would go.
        grace_seconds: packs that are younger stay as they are, whatever is in them: on file systems
            whose locks do not reach other machines, one of these may be about to pin it.
        wait_seconds: how long to wait for others.
        without: a workspace whose pins are let go of.

    Raises:
        WorkspaceBusyError: if others use the store for longer.
        MissingObjectsError: if something that a pin leads to is missing; then nothing goes.
        DamagedFileError: if a pin or a directory is damaged; then nothing goes.
    """
    with exclusive(store.folder / "lock", "store", wait_seconds), Session(store) as session:
        if not dry_run:
            store.sweep()
        reached = reach(session, pinned_roots(store, without))
        if without is not None and not dry_run:
            let_go(store, without)
        young = time.time() - grace_seconds
        return rewrite(store, session, reached.ids.__contains__, young, dry_run=dry_run)


def rewrite(
    store: Store,
    session: Session,
    is_kept: Callable[[bytes], bool],
    young: float,
    *,
    dry_run: bool = False,
    least_garbage: float = WORTH_REWRITING,
) -> Collected:
    """Write packs anew without some objects; the caller holds the store's lock alone.

    What stays is on disk under its new name before anything old goes, so that nothing is lost
    whenever this ends.

    Args:
        store: the store.
        session: a session of it.
        is_kept: whether an object stays.
        young: packs changed after this moment stay as they are.
        dry_run: only say what would be done.
        least_garbage: what share of a pack must be garbage for it to be written anew.

    Raises:
        DamagedFileError: if an object that stays is damaged wherever it stands; nothing goes then.
    """
    old, moving, dropped, kept = _sorted_out(store, is_kept, young, least_garbage)
    size = sum(pack.file.stat().st_size for pack in old)
    before = len(store.packs())
    if not dry_run:
        written = _write_anew(session, moving)
        if old:
            store.renew_generation()  # before anything goes, so that no cache believes in it
            _remove(store, old)
        after = len(store.packs())
        written_packs = after - (before - len(old))
    else:
        written = sum(row.length for _, rows in moving for _, row in rows)
        written_packs = -(-written // (32 << 20))
    return Collected(len(dropped), max(0, size - written), len(old), written_packs, kept, dry_run)


def _sorted_out(
    store: Store, is_kept: Callable[[bytes], bool], young: float, least_garbage: float
) -> tuple[list[Pack], list[tuple[Pack, list[tuple[bytes, Row]]]], set[bytes], int]:
    """Return the packs that go, what of them stays, what goes, and how much stays in all.

    What a pack that stays has, too, is copied all the same: nobody has verified it there.
    """
    old: list[Pack] = []
    moving: list[tuple[Pack, list[tuple[bytes, Row]]]] = []
    moved: set[bytes] = set()
    dropped: set[bytes] = set()
    kept: set[bytes] = set()
    packs = {pack: pack.file.stat() for pack in store.packs().values()}
    small = [pack for pack, status in packs.items() if status.st_size < SMALL_BYTES]
    merges = len(small) > MOST_SMALL
    for pack, status in packs.items():
        ids = pack.ids()
        stays = [number for number, one in enumerate(ids) if is_kept(one)]
        kept.update(ids[number] for number in stays)
        rows = [(ids[n], pack.row(n)) for n in stays if ids[n] not in moved]
        garbage = 1 - sum(row.length for _, row in rows) / max(1, status.st_size)
        is_worth = len(stays) < len(ids) and garbage > least_garbage
        if status.st_mtime > young or not (is_worth or not ids or (merges and pack in small)):
            continue
        old.append(pack)
        moved.update(one for one, _ in rows)
        dropped.update(one for one in ids if not is_kept(one))
        if rows:
            moving.append((pack, rows))
    return old, moving, dropped, len(kept)


def _write_anew(session: Session, moving: list[tuple[Pack, list[tuple[bytes, Row]]]]) -> int:
    """Copy objects into new packs, each of them verified, and force these to disk."""
    written = 0
    for pack, rows in moving:
        for object_id, row in sorted(rows, key=lambda one: one[1].place):
            form, size, payload = session.checked_frame(object_id, pack, row)
            session.add(object_id, form, size, payload, again=True)
            written += len(payload)
    session.flush()
    return written


def _remove(store: Store, packs: list[Pack]) -> None:
    try:
        for pack in packs:
            pack.file.unlink()
        sync_folder(store.folder / "packs")
    except OSError as error:
        raise StoreWriteError(str(store.folder / "packs"), cause_of(error)) from error
