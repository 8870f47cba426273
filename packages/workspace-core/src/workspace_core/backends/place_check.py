"""Checking the place of a central workspace: revisions, packs, and that content is whole."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from workspace_core.errors import DamagedFileError, DataWorkspacesError
from workspace_core.sharing.fetch import Fetcher, damaged_in
from workspace_core.sharing.remote import PACKS
from workspace_core.store.frames import LISTS, decoded_list, plain
from workspace_core.store.identity import id_text
from workspace_core.trees.tree import Trees
from workspace_core.upkeep.verify import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from workspace_core.sharing.remote import Remote
    from workspace_core.sharing.revisions import Ledger
    from workspace_core.store.session import Session


def check_place(
    session: Session, ledger: Ledger, remote: Remote, roots: Mapping[bytes, str]
) -> list[Finding]:
    """Read all that a place has, and return what is damaged or missing there.

    Args:
        session: a session of this machine's store that fetches what it lacks.
        ledger: the records in the place.
        remote: the packs in the place.
        roots: trees that the place is to have, with the snapshot that names each.
    """
    address = remote.place.address
    found = [Finding("damaged", f"{address}/{one.name}", one.what) for one in ledger.damage()]
    found += [
        Finding("damaged", f"{address}/{PACKS}/{name}", what)
        for name, what in sorted(remote.unusable.items())
    ]
    for pack in remote.packs:
        found += [
            Finding("damaged", f"{address}/{PACKS}/{pack.name}", id_text(one))
            for one in damaged_in(remote, pack)
        ]
    return found + list(_absent(session, remote, roots))


def _absent(session: Session, remote: Remote, roots: Mapping[bytes, str]) -> Iterator[Finding]:
    """Yield what trees lead to that the place does not have."""
    trees, seen = Trees(session), set[bytes]()
    lists: dict[bytes, tuple[bytes, str]] = {}
    for root, snapshot in roots.items():
        stack: list[tuple[bytes, bytes, bool]] = [(b"", root, True)]
        while stack:
            path, one, is_directory = stack.pop()
            if one in seen:
                continue
            seen.add(one)
            if not remote.has(one):
                yield _missing(session, remote, one, path, snapshot)
            elif remote.locate(one)[1].form in LISTS:
                lists[one] = path, snapshot
            if not is_directory:
                continue
            try:
                for entry in trees.entries(one):
                    if entry.is_directory or entry.is_file:
                        below = path + b"/" + entry.name if path else entry.name
                        stack.append((below, entry.id, entry.is_directory))
            except DataWorkspacesError as error:
                if isinstance(error, DamagedFileError) or remote.has(one):
                    yield Finding(
                        "damaged", remote.place.address, str(error), os.fsdecode(path), (snapshot,)
                    )
    yield from _absent_chunks(session, remote, lists)


def _absent_chunks(
    session: Session, remote: Remote, lists: Mapping[bytes, tuple[bytes, str]]
) -> Iterator[Finding]:
    try:
        for frame in Fetcher(remote).frames(list(lists)):
            chunks = decoded_list(plain(frame.form, frame.size, frame.payload)).chunks
            for _, chunk in chunks:
                if not remote.has(chunk):
                    yield _missing(session, remote, chunk, *lists[frame.object_id])
    except DataWorkspacesError as error:
        yield Finding("damaged", remote.place.address, str(error))


def _missing(
    session: Session, remote: Remote, object_id: bytes, path: bytes, snapshot: str
) -> Finding:
    kind, what = "missing", id_text(object_id)
    if reason := session.erased(object_id):
        kind, what = "erased", f"{what} was erased: {reason}"
    return Finding(kind, remote.place.address, what, os.fsdecode(path), (snapshot,))
