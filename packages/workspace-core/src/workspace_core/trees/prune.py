"""A tree without all but some paths of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from workspace_core.store.chunking import DIRECTORIES
from workspace_core.trees.directory import encode

if TYPE_CHECKING:
    from collections.abc import Collection

    from workspace_core.store.session import Session
    from workspace_core.trees.tree import Trees


def prune(session: Session, trees: Trees, root: bytes, paths: Collection[bytes]) -> bytes:
    """Return a tree with what stands at some paths, and the directories above, and nothing else.

    Args:
        session: where new directories are written.
        trees: where directories are read; those beside the paths are not.
        root: the tree.
        paths: in it; an empty one stands for all of it.
    """
    if b"" in paths:
        return root
    return _pruned(session, trees, root, [path.split(b"/") for path in paths])[0]


def _pruned(
    session: Session, trees: Trees, directory: bytes, paths: Collection[list[bytes]]
) -> tuple[bytes, int]:
    kept = []
    for entry in trees.entries(directory):
        rests = [rest for first, *rest in paths if first == entry.name]
        if not rests:
            continue
        if not all(rests) or not entry.is_directory:
            if [] in rests:
                kept.append(entry)
            continue
        found, size = _pruned(session, trees, entry.id, rests)
        kept.append(replace(entry, id=found, size=size))
    return session.put(encode(kept), DIRECTORIES), sum(one.size for one in kept)
