"""Mending a store: what is sound of damaged packs is kept, and the packs are set aside.

What was damaged is missing afterwards, and no longer counts as kept: the next snapshot of a folder
that still holds it keeps it again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workspace_core.errors import DamagedFileError, StoreWriteError
from workspace_core.store.durable import cause_of, sync_folder
from workspace_core.store.identity import id_text
from workspace_core.store.locks import DEFAULT_WAIT_SECONDS, exclusive
from workspace_core.store.session import Session

if TYPE_CHECKING:
    from pathlib import Path

    from workspace_core.store.packs import Pack
    from workspace_core.store.store import Store

DAMAGED = "damaged"


@dataclass(frozen=True, slots=True)
class Mended:
    """What was done to a damaged store."""

    packs: tuple[str, ...]  # set aside, as they were
    saved: int  # objects of theirs that were sound
    lost: tuple[str, ...]  # objects that no other pack has; their ids
    records: tuple[str, ...] = ()  # of runs, written anew from copies; their files

    def to_dict(self) -> dict[str, Any]:
        """Return the record as plain data."""
        return {
            "packs": list(self.packs),
            "saved": self.saved,
            "lost": list(self.lost),
            "records": list(self.records),
        }


def mend(store: Store, wait_seconds: float = DEFAULT_WAIT_SECONDS) -> Mended:
    """Copy what is sound out of damaged packs, and move these to the folder ``damaged``.

    Raises:
        WorkspaceBusyError: if others use the store for longer than one waits.
        StoreWriteError: if the disk does not take it; then the store is as it was.
    """
    with exclusive(store.folder / "lock", "store", wait_seconds), Session(store) as session:
        aside: list[Path] = []
        sound: set[bytes] = set()
        broken: set[bytes] = set()
        for pack in list(store.packs().values()):
            good, bad = _sorted_out(session, pack)
            if not bad and pack.damage is None and _is_gapless(pack):
                sound.update(good)
                continue
            aside.append(pack.file)
            broken.update(bad)
            for object_id in good:
                number = pack.find(object_id)
                if object_id not in sound and number is not None:
                    frame = session.checked_frame(object_id, pack, pack.row(number))
                    session.add(object_id, *frame, again=True)
            sound.update(good)
        saved = session.pending
        session.flush()
        aside += [store.folder / "packs" / name for name in sorted(store.damaged)]
        if aside:
            store.renew_generation()
            _set_aside(store.folder, aside)
        lost = tuple(sorted(id_text(one) for one in broken - sound))
        return Mended(tuple(sorted({file.name for file in aside})), saved, lost)


def _sorted_out(session: Session, pack: Pack) -> tuple[list[bytes], list[bytes]]:
    good: list[bytes] = []
    bad: list[bytes] = []
    for number, object_id in enumerate(pack.ids()):
        try:
            session.checked_frame(object_id, pack, pack.row(number), elsewhere=False)
        except DamagedFileError:
            bad.append(object_id)
        else:
            good.append(object_id)
    return good, bad


def _is_gapless(pack: Pack) -> bool:
    try:
        pack.check_extent()
    except DamagedFileError:
        return False
    return True


def _set_aside(folder: Path, files: list[Path]) -> None:
    try:
        (folder / DAMAGED).mkdir(exist_ok=True)
        for file in dict.fromkeys(files):
            file.rename(folder / DAMAGED / file.name)
        sync_folder(folder / DAMAGED)
        sync_folder(folder / "packs")
    except OSError as error:
        raise StoreWriteError(str(folder / DAMAGED), cause_of(error)) from error
