"""Swap: a folder becomes a tree, and back again if that fails.

    .dws-restore/new/<n>    staged entries, whole new directories among them, verified and on disk
    .dws-restore/old/<n>    what had to give way
    .dws-restore/journal    what is to be moved where; on disk before the first move

Everything lies in the folder itself, so that each move is a rename within one file system. A file
that takes another's place does so in one rename: it is the old one or the new one at any time. Who
finds a journal after a crash moves everything back (or clears up, if the restore as a whole had
come to its end).

Directories are opened one after the other from the root, and links are never followed.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workspace_core.errors import RestoreError
from workspace_core.store.durable import sync_folder, write_whole
from workspace_core.trees.directory import STAGING
from workspace_core.trees.reading import OPEN_DIRECTORY

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from workspace_core.trees.directory import Entry
    from workspace_core.trees.plan import RestorePlan
    from workspace_core.trees.tree import Trees

JOURNAL, NEW, OLD = "journal", "new", "old"
STAGING_NAME = STAGING.decode()
SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Move:
    """One entry of a folder that gives way, takes its place, or changes its permissions."""

    path: bytes
    number: int
    removes: bool
    places: bool
    is_file: bool  # both sides are files or links: one rename does it
    permissions: int | None = None  # of a directory that stays: the new ones
    before: int | None = None  # and the old ones

    def to_dict(self) -> dict[str, Any]:
        """Return the move as the journal has it."""
        return {
            "path": os.fsdecode(self.path),
            "number": self.number,
            "removes": self.removes,
            "places": self.places,
            "is_file": self.is_file,
            "permissions": self.permissions,
            "before": self.before,
        }

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> Move:
        """Return the move that a journal holds."""
        return cls(**{**record, "path": os.fsencode(record["path"])})


class Swap:
    """The restore of one folder: `stage`, `apply`, then `finish` or `roll_back`."""

    def __init__(self, root: Path, trees: Trees, plan: RestorePlan, restore_id: str) -> None:
        self.root, self.trees, self.plan, self.restore_id = root, trees, plan, restore_id
        self.area = root / STAGING_NAME
        self.moves: list[Move] = []

    def stage(self) -> None:
        """Write everything that is new beside the folder's content, verified, and force it to disk.

        Raises:
            RestoreError: if it cannot be written; nothing has been changed.
            DamagedFileError: if an object is damaged.
        """
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            (self.area / NEW).mkdir(parents=True)
            (self.area / OLD).mkdir()
            self._stage_all()
            os.sync()
            record = {
                "schema": SCHEMA,
                "restore": self.restore_id,
                "moves": [move.to_dict() for move in self.moves],
            }
            write_whole(self.area / JOURNAL, (json.dumps(record) + "\n").encode())
        except OSError as error:
            remove_tree(self.area)
            raise _restore_error(error, self.root) from error
        except BaseException:
            remove_tree(self.area)
            raise

    def apply(self) -> None:
        """Move everything to its place; on any failure, move everything back.

        Raises:
            RestoreError: if a move failed.
        """
        try:
            for move in self.moves:
                _apply(self.root, self.area, move)
            sync_folder(self.root)
        except OSError as error:
            self.roll_back()
            raise _restore_error(error, self.root) from error
        except BaseException:
            self.roll_back()
            raise

    def roll_back(self) -> None:
        """Move everything back that was moved."""
        _roll_back(self.root, self.area, self.moves)

    def finish(self) -> None:
        """Forget what gave way."""
        clear(self.root)

    def _stage_all(self) -> None:
        staged: bytes | None = None  # the new directory that is being filled
        for change in self.plan.changes:
            if staged is not None and change.path.startswith(staged + b"/"):
                continue
            staged = None
            self._stage_one(change.path, change.before, change.after)
            if (
                change.after is not None
                and change.after.is_directory
                and not (change.before is not None and change.before.is_directory)
            ) or (
                change.before is not None and change.before.is_directory and change.after is None
            ):
                staged = change.path

    def _stage_one(self, path: bytes, before: Entry | None, after: Entry | None) -> None:
        number = len(self.moves)
        if before is not None and after is not None and before.is_directory and after.is_directory:
            self.moves.append(
                Move(path, number, False, False, False, after.permissions, before.permissions)
            )
            return
        if after is not None:
            self._write(os.fsencode(self.area / NEW / str(number)), after)
        are_files = not any(one is not None and one.is_directory for one in (before, after))
        self.moves.append(Move(path, number, before is not None, after is not None, are_files))

    def _write(self, file: bytes, entry: Entry) -> None:
        """Write an entry, and all below it, under a name of the staging area."""
        if entry.is_link:
            os.symlink(entry.target, file)
        elif entry.is_file:
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            try:
                for piece in self.trees.session.stream(entry.id):
                    view = memoryview(piece)
                    while view:
                        view = view[os.write(descriptor, view) :]
                os.fchmod(descriptor, entry.permissions)
            finally:
                os.close(descriptor)
        else:
            os.mkdir(file, 0o700)
            for one in self.trees.entries(entry.id):
                self._write(file + b"/" + one.name, one)
            os.chmod(file, entry.permissions)


def recover(root: Path, is_complete: Callable[[str], bool]) -> bool:
    """Bring a folder to rest after a crash; return whether there was anything to do.

    Args:
        root: the folder.
        is_complete: whether the restore of an id had come to its end, in all resources.

    Raises:
        RestoreError: if that cannot be done.
    """
    area = root / STAGING_NAME
    if not area.is_dir():
        return False
    try:
        record = json.loads((area / JOURNAL).read_bytes())
    except FileNotFoundError:
        clear(root)  # nothing had been moved yet, or all was cleared up but this
        return True
    if not is_complete(str(record["restore"])):
        _roll_back(root, area, [Move.from_dict(one) for one in record["moves"]])
    else:
        clear(root)
    return True


def clear(root: Path) -> None:
    """Remove the staging area; the journal goes first, after which nothing can be moved back."""
    area = root / STAGING_NAME
    with suppress(FileNotFoundError):
        (area / JOURNAL).unlink()
        sync_folder(area)
    remove_tree(area)


def remove_tree(folder: Path) -> None:
    """Remove a folder with all that is in it, whatever its permissions."""
    for above, directories, files in os.walk(folder, topdown=False):
        os.chmod(above, 0o700)
        for name in directories + files:
            path = os.path.join(above, name)
            if os.path.isdir(path) and not os.path.islink(path):
                os.chmod(path, 0o700)
                os.rmdir(path)
            else:
                os.unlink(path)
    with suppress(FileNotFoundError):
        folder.rmdir()


def _apply(root: Path, area: Path, move: Move) -> None:
    with _parent_of(root, move.path) as (parent, name):
        if move.permissions is not None:
            os.chmod(name, move.permissions, dir_fd=parent)
            return
        new, old = area / NEW / str(move.number), area / OLD / str(move.number)
        if move.removes and move.places and move.is_file:
            os.link(name, old, src_dir_fd=parent, follow_symlinks=False)
        elif move.removes:
            os.rename(name, old, src_dir_fd=parent)
        if move.places:
            os.rename(new, name, dst_dir_fd=parent)


def _roll_back(root: Path, area: Path, moves: list[Move]) -> None:
    """Undo moves, the last first; each may or may not have been made."""
    for move in reversed(moves):
        new, old = area / NEW / str(move.number), area / OLD / str(move.number)
        with suppress(FileNotFoundError), _parent_of(root, move.path) as (parent, name):
            if move.permissions is not None and move.before is not None:
                os.chmod(name, move.before, dir_fd=parent)
                continue
            if move.places and not os.path.lexists(new) and not (move.removes and move.is_file):
                os.rename(name, new, src_dir_fd=parent)
            if move.removes and os.path.lexists(old):
                os.rename(old, name, dst_dir_fd=parent)
    clear(root)


class _parent_of:  # noqa: N801 - reads like a function
    """Open the directory that holds a path, from the root on, and follow no link."""

    def __init__(self, root: Path, path: bytes) -> None:
        self.root, (*self.above, self.name) = root, path.split(b"/")

    def __enter__(self) -> tuple[int, bytes]:
        descriptor = os.open(self.root, OPEN_DIRECTORY & ~os.O_NOFOLLOW)
        try:
            for name in self.above:
                below = os.open(name, OPEN_DIRECTORY, dir_fd=descriptor)
                os.close(descriptor)
                descriptor = below
        except BaseException:
            os.close(descriptor)
            raise
        self.descriptor = descriptor
        return descriptor, self.name

    def __exit__(self, *_: object) -> None:
        os.close(self.descriptor)


def _restore_error(error: OSError, root: Path) -> RestoreError:
    if isinstance(error, RestoreError):
        return error
    return RestoreError(str(error.filename or root), error.strerror or type(error).__name__)
