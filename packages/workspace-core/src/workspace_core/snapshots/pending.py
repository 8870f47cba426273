"""What is due once a snapshot is recorded: its tag, and results that move to a folder of its own.

The journal of it is on disk before the record of the snapshot, and the record before the first
move. So whoever finds a journal knows: with a record all of it is due, without one nothing has
happened. What is to be moved is told from what was written meanwhile under the same name by its
stat fields.
"""

from __future__ import annotations

import os
import stat
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from workspace_core.errors import ConfigurationError, MoveError, shown
from workspace_core.store.durable import cause_of, json_bytes, read_json, sync_folder, write_whole
from workspace_core.trees.directory import RESERVED

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from workspace_core.snapshots.exclusion import Exclusion

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Moved:
    """An entry that is to be moved, by which it is known again."""

    name: str  # its path in the folder, which is a name unless something beside it stays
    inode: int
    is_directory: bool
    size: int
    mtime: int  # nanoseconds

    @classmethod
    def of(cls, entry: os.DirEntry[str], path: str) -> Moved:
        """Return what an entry at a path of the folder is known by."""
        found = entry.stat(follow_symlinks=False)
        return cls(
            path,
            found.st_ino,
            stat.S_ISDIR(found.st_mode),
            found.st_size,
            found.st_mtime_ns,
        )

    def is_at(self, path: Path) -> bool:
        """Return whether the entry is what stands at a path now."""
        try:
            found = path.lstat()
        except FileNotFoundError:
            return False
        if found.st_ino != self.inode or stat.S_ISDIR(found.st_mode) != self.is_directory:
            return False
        return self.is_directory or (found.st_size, found.st_mtime_ns) == (self.size, self.mtime)


@dataclass(frozen=True, slots=True)
class ResultsMove:
    """What a snapshot moves within one resource."""

    resource: str
    root: str  # the id of the tree that the snapshot keeps of it, as text
    entries: tuple[Moved, ...]


@dataclass(frozen=True, slots=True)
class PendingSnapshot:
    """All that is due once a snapshot is recorded."""

    snapshot: str
    tag: str | None
    destination: str
    moves: tuple[ResultsMove, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the journal as its file has it."""
        return {"schema": SCHEMA, **asdict(self)}

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> PendingSnapshot:
        """Return the journal that a file holds."""
        return cls(
            record["snapshot"],
            record["tag"],
            record["destination"],
            tuple(
                ResultsMove(
                    one["resource"], one["root"], tuple(Moved(**entry) for entry in one["entries"])
                )
                for one in record["moves"]
            ),
        )

    def write(self, file: Path) -> None:
        """Put the journal on disk."""
        write_whole(file, json_bytes(self.to_dict()))

    @classmethod
    def read(cls, file: Path) -> PendingSnapshot | None:
        """Return the journal in a file, None where there is none."""
        try:
            return cls.from_dict(read_json(file, SCHEMA))
        except FileNotFoundError:
            return None


def entries_to_move(folder: Path, stay: Exclusion) -> tuple[Moved, ...]:
    """Return what is to be moved of a folder: all but what stays, and names that are reserved.

    A folder moves whole, unless something in it stays.
    """
    reserved = {name.decode() for name in RESERVED}
    with os.scandir(folder) as found:
        entries = [one for one in found if one.name not in reserved]
    moved = [one for entry in entries for one in _moved(entry, entry.name, stay)]
    return tuple(sorted(moved, key=lambda one: one.name))


def _moved(entry: os.DirEntry[str], path: str, stay: Exclusion) -> list[Moved]:
    if stay.leaves_out(path):
        return []
    if stay.is_of_names or not entry.is_dir(follow_symlinks=False):
        return [Moved.of(entry, path)]
    with os.scandir(entry.path) as found:
        below = [(one, f"{path}/{one.name}") for one in found]
    moved = [(one, _moved(one, inside, stay)) for one, inside in below]
    if all([kept.name for kept in kepts] == [f"{path}/{one.name}"] for one, kepts in moved):
        return [Moved.of(entry, path)]
    return [kept for _, kepts in moved for kept in kepts]


def check_destination(folder: Path, destination: str) -> None:
    """Refuse a destination that leads through a link, which may point anywhere.

    Raises:
        ConfigurationError: if it does.
    """
    here = folder
    for name in destination.split("/"):
        here = here / name
        if here.is_symlink() or (here.exists() and not here.is_dir()):
            raise ConfigurationError(
                f"{shown(here)} is no folder, and results are moved below it; rename it, or change "
                "the parameter 'results.dir_template'."
            )


def move_entries(folder: Path, destination: str, entries: Collection[Moved]) -> None:
    """Move entries of a folder to a place in it; those that are there already stay.

    Raises:
        MoveError: if one cannot be moved; the next command goes on from there.
    """
    place = folder / destination
    try:
        for one in entries:
            if one.is_at(folder / one.name) and not os.path.lexists(place / one.name):
                (place / one.name).parent.mkdir(parents=True, exist_ok=True)
                (folder / one.name).rename(place / one.name)
        for above in {os.path.dirname(one.name) for one in entries} | {""}:
            for changed in (place / above, folder / above):
                if changed.is_dir():
                    sync_folder(changed)
    except OSError as error:
        raise MoveError(str(error.filename or folder), cause_of(error)) from error
