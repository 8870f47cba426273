"""Pins: what keeps objects from being collected, by workspace and name.

A pin is on disk before the record of its snapshot, and goes after it; so what a record names is
always pinned, whatever happens in between.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from workspace_core.errors import DamagedFileError, DataWorkspacesError
from workspace_core.store.durable import json_bytes, read_json, remove_file, write_whole
from workspace_core.store.identity import content_id, id_text, parse_id

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from workspace_core.store.store import Store

SCHEMA = 1
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class Pins:
    """The pins that one workspace has in a store."""

    def __init__(self, store: Store, workspace_id: str) -> None:
        self.folder = pins_folder(store, workspace_id)

    def names(self) -> set[str]:
        """Return the names of all pins."""
        return {file.stem for file in self.folder.glob("*.json")} if self.folder.is_dir() else set()

    def roots(self, name: str) -> set[bytes] | None:
        """Return what a pin keeps, None where there is no such pin, or it is damaged."""
        try:
            return set(_roots(self.folder / f"{_checked(name)}.json"))
        except (FileNotFoundError, DataWorkspacesError):
            return None

    def pin(self, name: str, roots: Iterable[bytes]) -> None:
        """Keep what some trees lead to."""
        texts = sorted(id_text(root) for root in roots)
        record = {"schema": SCHEMA, "roots": texts, "check": _check(texts)}
        write_whole(self.folder / f"{_checked(name)}.json", json_bytes(record))

    def unpin(self, name: str) -> None:
        """Let go of what a pin keeps, if there is such a pin."""
        remove_file(self.folder / f"{_checked(name)}.json")


def pins_folder(store: Store, workspace_id: str) -> Path:
    """Return where the pins of a workspace are."""
    return _folder(store) / _checked(workspace_id)


def pinned_roots(store: Store, without: str | None = None) -> dict[bytes, list[Path]]:
    """Return all roots that any workspace has pinned, with the pins that name them.

    Args:
        store: the store.
        without: a workspace whose pins do not count.

    Raises:
        DamagedFileError: if a pin cannot be read, for then nobody knows what it keeps.
    """
    found: dict[bytes, list[Path]] = {}
    for file in sorted(_folder(store).glob("*/*.json")):
        if file.parent.name == without:
            continue
        for root in _roots(file):
            found.setdefault(root, []).append(file)
    return found


def _roots(file: Path) -> list[bytes]:
    record = read_json(file, SCHEMA)
    try:
        texts = [str(text) for text in record["roots"]]
        roots = [parse_id(text) for text in texts]
    except (KeyError, TypeError, DataWorkspacesError):
        raise DamagedFileError(str(file), "it names no roots") from None
    if record.get("check") != _check(texts):
        raise DamagedFileError(str(file), "it does not fit its checksum")
    return roots


def _folder(store: Store) -> Path:
    return store.folder / "pins"


def _check(texts: list[str]) -> str:
    return content_id("\n".join(texts).encode()).hex()


def _checked(name: str) -> str:
    if not NAME.fullmatch(name):
        raise ValueError(f"no name for a pin: {name!r}")
    return name
