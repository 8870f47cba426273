"""Which objects pinned trees lead to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from workspace_core.errors import ErasedObjectError
from workspace_core.trees.tree import Trees

if TYPE_CHECKING:
    from collections.abc import Iterable

    from workspace_core.store.session import Session


@dataclass(slots=True)
class Reached:
    """The objects that some trees lead to, chunks among them, and those that were erased."""

    ids: set[bytes] = field(default_factory=set)
    erased: set[bytes] = field(default_factory=set)


def reach(session: Session, roots: Iterable[bytes], without: Iterable[bytes] = ()) -> Reached:
    """Return what trees lead to.

    Args:
        session: where they are read.
        roots: the ids of the trees.
        without: ids that are not followed, as if nothing referred to them.

    Raises:
        MissingObjectsError: if an object is missing, for then nobody knows what it leads to.
        DamagedFileError: if an object is damaged.
    """
    reached, trees = Reached(), Trees(session)
    seen = set(without)
    stack = list(roots)
    while stack:
        directory = stack.pop()
        if directory in seen:
            continue
        seen.add(directory)
        if not _add(session, reached, directory):
            continue
        for entry in trees.entries(directory):
            if entry.is_directory:
                stack.append(entry.id)
            elif entry.is_file and entry.id not in seen:
                seen.add(entry.id)
                _add(session, reached, entry.id)
    return reached


def _add(session: Session, reached: Reached, object_id: bytes) -> bool:
    """Take an object with its chunks over; return whether it is there."""
    try:
        found = session.locate(object_id)
    except ErasedObjectError:
        reached.erased.add(object_id)
        return False
    reached.ids.add(object_id)
    if found.is_list:
        for _, chunk in session.chunks(object_id):
            (
                reached.ids if session.has(chunk) or not session.erased(chunk) else reached.erased
            ).add(chunk)
    return True
