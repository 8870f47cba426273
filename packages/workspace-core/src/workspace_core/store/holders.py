"""Holders: the workspaces that have pins in a store, and where each of them was seen.

A store outlives its workspaces. So each of them signs for its pins, in ``pins/<workspace>/holder``,
with all the folders that it was ever in; whoever collects garbage can see whose pins they are.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workspace_core.errors import DamagedFileError
from workspace_core.store.durable import json_bytes, read_json, remove_file, write_whole
from workspace_core.store.pins import pins_folder

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from workspace_core.store.store import Store

SCHEMA = 1
FILE = "holder"


@dataclass(frozen=True, slots=True)
class Place:
    """A folder of a machine."""

    machine: str
    folder: str

    @classmethod
    def here(cls, folder: Path) -> Place:
        """Return the place that a folder is on this machine."""
        return cls(socket.gethostname(), str(folder))

    @property
    def is_of_this_machine(self) -> bool:
        """Whether one can look whether anything is there."""
        return self.machine == socket.gethostname()

    def to_dict(self) -> dict[str, Any]:
        """Return the place as plain data."""
        return {"machine": self.machine, "folder": self.folder}


@dataclass(frozen=True, slots=True)
class Holder:
    """A workspace that has pins in a store."""

    id: str
    name: str | None  # None where it never signed
    places: tuple[Place, ...]  # where it was seen, the latest last
    pins: int

    def to_dict(self) -> dict[str, Any]:
        """Return the holder as plain data."""
        return {
            "id": self.id,
            "name": self.name,
            "places": [place.to_dict() for place in self.places],
            "snapshots": self.pins,
        }


def sign(store: Store, workspace_id: str, name: str, place: Place) -> None:
    """Say for whom the pins of a workspace are, and where it is now.

    Raises:
        StoreWriteError: if the store cannot be written.
    """
    folder = pins_folder(store, workspace_id)
    known = _read(folder)
    places = _places(known)
    if known.get("name") == name and places[-1:] == (place,):
        return
    kept = [one for one in places if one != place]
    record = {
        "schema": SCHEMA,
        "name": name,
        "places": [one.to_dict() for one in (*kept, place)],
    }
    write_whole(folder / FILE, json_bytes(record))


def holders(store: Store) -> list[Holder]:
    """Return all workspaces that have pins in a store."""
    found = []
    for folder in sorted((store.folder / "pins").iterdir()):
        pins = len(list(folder.glob("[!.]*.json"))) if folder.is_dir() else 0
        if pins:
            known = _read(folder)
            found.append(Holder(folder.name, known.get("name"), _places(known), pins))
    return found


def let_go(store: Store, workspace_id: str) -> None:
    """Remove all pins of a workspace."""
    folder = pins_folder(store, workspace_id)
    for file in folder.glob("*.json"):
        remove_file(file)
    remove_file(folder / FILE)


def _read(folder: Path) -> Mapping[str, Any]:
    """Return what a workspace has signed; nothing where that is lost, for it signs again."""
    try:
        return read_json(folder / FILE, SCHEMA)
    except (FileNotFoundError, DamagedFileError):
        return {}


def _places(known: Mapping[str, Any]) -> tuple[Place, ...]:
    try:
        return tuple(Place(one["machine"], one["folder"]) for one in known["places"])
    except (KeyError, TypeError):
        return ()
