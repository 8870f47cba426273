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

import ctypes
import errno
import json
import os
import stat
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from workspace_core.errors import DamagedFileError, RestoreError
from workspace_core.store.durable import read_json, sync_folder, write_whole
from workspace_core.trees.directory import STAGING
from workspace_core.trees.materialise import NewFile, Written, materialise
from workspace_core.trees.reading import OPEN_DIRECTORY

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from workspace_core.trees.directory import Entry
    from workspace_core.trees.plan import RestorePlan
    from workspace_core.trees.tree import Trees

JOURNAL, NEW, OLD = "journal", "new", "old"
STAGING_NAME = STAGING.decode()
SCHEMA = 1
MOST_SINGLE_SYNCS = 64
OWNER = 0o700
SPECIAL_BITS = 0o7000


@dataclass(frozen=True, slots=True)
class Move:
    """One entry of a folder that gives way, takes its place, or changes its permissions."""

    path: bytes
    number: int
    removes: bool
    places: bool
    is_file: bool  # both sides are files or links: one rename does it
    staged: tuple[int, int, int] | None = None  # inode, size and mtime of a new file

    def to_dict(self) -> dict[str, Any]:
        """Return the move as the journal has it."""
        return {
            "path": os.fsdecode(self.path),
            "number": self.number,
            "removes": self.removes,
            "places": self.places,
            "is_file": self.is_file,
            "staged": self.staged,
        }

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Move:
        """Return the move that a journal holds."""
        staged = record["staged"]
        return cls(
            os.fsencode(record["path"]),
            int(record["number"]),
            bool(record["removes"]),
            bool(record["places"]),
            bool(record["is_file"]),
            None if staged is None else (int(staged[0]), int(staged[1]), int(staged[2])),
        )


@dataclass(frozen=True, slots=True)
class Mode:
    """Permissions of a directory, which is open to its owner while it is worked in or moved."""

    path: bytes
    before: int | None  # None: it was not there
    after: int | None  # None: it is not to be there

    @property
    def at_work(self) -> int:
        """The permissions in between."""
        known = self.after if self.before is None else self.before
        return (known or 0) | OWNER

    def to_dict(self) -> dict[str, Any]:
        """Return the permissions as the journal has them."""
        return {"path": os.fsdecode(self.path), "before": self.before, "after": self.after}

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Mode:
        """Return the permissions that a journal holds."""
        before, after = record["before"], record["after"]
        return cls(
            os.fsencode(record["path"]),
            None if before is None else int(before),
            None if after is None else int(after),
        )


@dataclass(slots=True)
class Work:
    """What is to be done to a folder: moves, and permissions of its directories."""

    restore_id: str
    moves: list[Move] = field(default_factory=list)
    modes: list[Mode] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Return the work as the journal has it."""
        return {
            "schema": SCHEMA,
            "restore": self.restore_id,
            "moves": [move.to_dict() for move in self.moves],
            "modes": [mode.to_dict() for mode in self.modes],
        }

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Work:
        """Return the work that a journal holds."""
        return cls(
            str(record["restore"]),
            [Move.from_dict(one) for one in record["moves"]],
            [Mode.from_dict(one) for one in record["modes"]],
        )


class Swap:
    """The restore of one folder: `stage`, `apply`, then `finish` or `roll_back`."""

    def __init__(self, root: Path, trees: Trees, plan: RestorePlan, restore_id: str) -> None:
        self.root, self.trees, self.plan = root, trees, plan
        self.area = root / STAGING_NAME
        self.work = Work(restore_id)
        self.written: dict[bytes, Written] = {}
        self._files: list[NewFile] = []
        self._folders: list[tuple[bytes, int]] = []
        self._made_root = False

    def stage(self, progress: Callable[[int, int], None] | None = None) -> None:
        """Write everything that is new beside the folder's content, verified, and force it to disk.

        Args:
            progress: called with the number of files and bytes that were written so far.

        Raises:
            RestoreError: if it cannot be written; nothing has been changed.
            DamagedFileError: if an object is damaged.
        """
        try:
            self._made_root = not self.root.exists()
            self.root.mkdir(parents=True, exist_ok=True)
            self.area.mkdir(mode=0o700)
        except OSError as error:  # what stands there is not ours to remove
            raise _restore_error(error, self.root) from error
        try:
            (self.area / NEW).mkdir()
            (self.area / OLD).mkdir()
            self._list_all()
            self.written = materialise(self.trees.session, self._files, progress)
            for folder, permissions in reversed(self._folders):
                os.chmod(folder, permissions | os.lstat(folder).st_mode & SPECIAL_BITS)
            force_to_disk(self.area, [file.staged for file in self._files])
            self.work.moves = [self._known_again(move) for move in self.work.moves]
            content = json.dumps(self.work.to_dict()) + "\n"
            write_whole(self.area / JOURNAL, content.encode())
        except OSError as error:
            self.roll_back()
            raise _restore_error(error, self.root) from error
        except BaseException:
            self.roll_back()
            raise

    def apply(self) -> None:
        """Move everything to its place.

        Raises:
            RestoreError: if a move failed; the caller rolls back.
        """
        try:
            with Parents(self.root) as parents:
                _set_modes(parents, self.work.modes, lambda mode: mode.before and mode.at_work)
                for move in self.work.moves:
                    _apply(parents, self.area, move)
                _set_modes(parents, self.work.modes[::-1], lambda mode: mode.after)
            sync_folder(self.root)
        except OSError as error:
            raise _restore_error(error, self.root) from error

    def roll_back(self) -> None:
        """Move everything back that was moved, and forget what was staged."""
        is_begun = (self.area / JOURNAL).exists()
        _roll_back(self.root, self.area, self.work if is_begun else Work(self.work.restore_id))
        if self._made_root:
            with suppress(OSError):
                self.root.rmdir()

    def finish(self) -> None:
        """Forget what gave way."""
        clear(self.root)

    def _list_all(self) -> None:
        """Make staged directories and links, and list the files and the moves."""
        new = os.fsencode(self.area / NEW)
        whole: bytes | None = None  # the directory that is moved as one
        modes: dict[bytes, Mode] = {}
        staged = b""
        for change in self.plan.changes:
            if whole is not None and change.path.startswith(whole + b"/"):
                if change.after is not None:
                    self._new(change.path, staged + change.path[len(whole) :], change.after)
                continue
            before, after, whole = change.before, change.after, None
            is_folder = after is not None and after.is_directory
            was_folder = before is not None and before.is_directory
            number = len(self.work.moves)
            if before is not None and after is not None and is_folder and was_folder:
                modes[change.path] = Mode(change.path, before.permissions, after.permissions)
                continue
            staged = new + b"/%d" % number
            if after is not None:
                self._new(change.path, staged, after)
            if is_folder != was_folder:
                whole = change.path
                known = before if was_folder else after
                if known is not None and known.permissions & OWNER != OWNER:
                    sides = (known.permissions, None) if was_folder else (None, known.permissions)
                    modes[change.path] = Mode(change.path, *sides)
                    if is_folder:  # a directory that cannot be written cannot be moved
                        self._folders[-1] = (staged, known.permissions | OWNER)
            is_file = not (is_folder or was_folder)
            self.work.moves.append(
                Move(change.path, number, before is not None, after is not None, is_file)
            )
        self._add_closed(modes)
        self.work.modes = [modes[path] for path in sorted(modes)]

    def _known_again(self, move: Move) -> Move:
        """Return a move with what its file is known by, should somebody write to it afterwards."""
        one = self.written.get(move.path)
        if one is None or not move.places:
            return move
        return replace(move, staged=(one.inode, one.size, one.mtime))

    def _add_closed(self, modes: dict[bytes, Mode]) -> None:
        """Add the directories that would not let their owner move anything."""
        above = {move.path.rpartition(b"/")[0] for move in self.work.moves}
        with Parents(self.root) as parents:
            for path in sorted(above - modes.keys() - {b""}):
                parent, name = parents.of(path)
                mode = stat.S_IMODE(os.lstat(name, dir_fd=parent).st_mode)
                if mode & OWNER != OWNER:
                    modes[path] = Mode(path, mode, mode)

    def _new(self, path: bytes, staged: bytes, entry: Entry) -> None:
        if entry.is_file:
            self._files.append(NewFile(path, staged, entry.id, entry.permissions))
        elif entry.is_link:
            os.symlink(entry.target, staged)
        else:
            os.mkdir(staged, 0o700)
            self._folders.append((staged, entry.permissions))


def recover(root: Path, complete: str | None) -> bool:
    """Bring a folder to rest after a crash; return whether there was anything to do.

    Args:
        root: the folder.
        complete: the id of the restore that had come to its end in all folders, if there is one.

    Raises:
        DamagedFileError: if the journal cannot be read; then nothing is touched.
        RestoreError: if something cannot be moved.
    """
    area = root / STAGING_NAME
    if area.is_symlink() or not area.is_dir():
        return False
    try:
        record = read_json(area / JOURNAL, SCHEMA)
    except FileNotFoundError:
        clear(root)  # nothing had been moved yet, or all was cleared up but this
        return True
    try:
        work = Work.from_dict(record)
    except (KeyError, TypeError, ValueError):
        raise DamagedFileError(str(area / JOURNAL), "it tells no moves") from None
    try:
        if work.restore_id == complete:
            clear(root)
        else:
            _roll_back(root, area, work)
    except OSError as error:
        raise _restore_error(error, root) from error
    return True


def clear(root: Path) -> None:
    """Remove the staging area; the journal goes first, after which nothing can be moved back."""
    area = root / STAGING_NAME
    if area.is_symlink():
        return
    with suppress(FileNotFoundError):
        (area / JOURNAL).unlink()
        sync_folder(area)
    remove_tree(area)


def remove_tree(folder: Path) -> None:
    """Remove a folder with all that is in it, whatever its permissions."""
    stack = [os.fsencode(folder)]
    while stack:
        here = stack[-1]
        below = _remove_files(here)
        if not below:
            stack.pop()
            with suppress(FileNotFoundError):
                os.rmdir(here)
        stack += below


def _remove_files(folder: bytes) -> list[bytes]:
    """Remove what is no directory, and return the directories, opened to their owner."""
    try:
        with os.scandir(folder) as listing:
            found = [(one.path, one.is_dir(follow_symlinks=False)) for one in listing]
    except FileNotFoundError:
        return []
    for path, is_folder in found:
        if is_folder:
            os.chmod(path, OWNER)
        else:
            os.unlink(path)
    return [path for path, is_folder in found if is_folder]


def force_to_disk(folder: Path, files: Sequence[bytes]) -> None:
    """Force staged files to disk: a few one by one, many with all of their file system."""
    if len(files) > MOST_SINGLE_SYNCS:
        _sync_file_system(folder)
        return
    for file in files:
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    sync_folder(folder / NEW)


def _sync_file_system(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        library = ctypes.CDLL(None, use_errno=True)
        if library.syncfs(descriptor) != 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code), str(folder))
    except AttributeError:  # not Linux
        os.sync()
    finally:
        os.close(descriptor)


def _apply(parents: Parents, area: Path, move: Move) -> None:
    parent, name = parents.of(move.path)
    new, old = area / NEW / str(move.number), area / OLD / str(move.number)
    if move.removes and not (move.is_file and move.places and _linked(name, parent, old)):
        os.rename(name, old, src_dir_fd=parent)
    if move.places:
        os.rename(new, name, dst_dir_fd=parent)


def _linked(name: bytes, parent: int, old: Path) -> bool:
    """Keep a file under a second name, so that it can be replaced in one step, where that works."""
    try:
        os.link(name, old, src_dir_fd=parent, follow_symlinks=False)
    except OSError as error:
        if error.errno in (errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS):
            return False
        raise
    return True


def _set_modes(
    parents: Parents, modes: Sequence[Mode], chosen: Callable[[Mode], int | None]
) -> None:
    """Change permissions of those directories that are there, and keep set-group-id."""
    for mode in modes:
        permissions = chosen(mode)
        if permissions is None:
            continue
        with suppress(FileNotFoundError, NotADirectoryError):
            parent, name = parents.of(mode.path)
            now = os.lstat(name, dir_fd=parent).st_mode
            if stat.S_ISDIR(now):
                os.chmod(name, permissions | now & SPECIAL_BITS, dir_fd=parent)


def _roll_back(root: Path, area: Path, work: Work) -> None:
    """Undo moves, the last first; each may or may not have been made."""
    with Parents(root) as parents:
        _set_modes(parents, work.modes, lambda mode: mode.at_work)
        for move in reversed(work.moves):
            new, old = area / NEW / str(move.number), area / OLD / str(move.number)
            try:
                parent, name = parents.of(move.path)
            except FileNotFoundError:
                continue
            was_replaced = move.removes and move.is_file
            if _is_edited(parent, name, move, old):
                continue  # it is worth more than what was there before
            if move.places and not os.path.lexists(new) and not was_replaced:
                with suppress(FileNotFoundError):
                    os.rename(name, new, src_dir_fd=parent)
            if move.removes and os.path.lexists(old):
                os.rename(old, name, dst_dir_fd=parent)
        _set_modes(parents, work.modes[::-1], lambda mode: mode.before)
    if work.moves or work.modes:
        sync_folder(root)
    clear(root)


def _is_edited(parent: int, name: bytes, move: Move, old: Path) -> bool:
    """Return whether somebody has written to a file since it took its place."""
    if move.staged is None:
        return False
    try:
        now = os.lstat(name, dir_fd=parent)
    except FileNotFoundError:
        return False
    with suppress(FileNotFoundError):
        if os.path.samestat(now, os.lstat(old)):
            return False
    if move.removes and not os.path.lexists(old):
        return False  # it is still the one that was to give way
    return (now.st_ino, now.st_size, now.st_mtime_ns) != move.staged


class Parents:
    """Directories of a folder, opened one below the other from the root on; no link is followed."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._open: list[tuple[bytes, int]] = []

    def __enter__(self) -> Parents:
        self._open.append((b"", os.open(self._root, OPEN_DIRECTORY & ~os.O_NOFOLLOW)))
        return self

    def __exit__(self, *_: object) -> None:
        for _path, descriptor in self._open:
            os.close(descriptor)
        self._open = []

    def of(self, path: bytes) -> tuple[int, bytes]:
        """Return the directory that holds a path, open until the next is asked for, and the name.

        Raises:
            OSError: if there is no such directory, or a link stands in its place.
        """
        above, _, name = path.rpartition(b"/")
        while len(self._open) > 1 and not _holds(self._open[-1][0], above):
            os.close(self._open.pop()[1])
        at, descriptor = self._open[-1]
        for part in above[len(at) :].split(b"/"):
            if part:
                at = at + b"/" + part if at else part
                descriptor = os.open(part, OPEN_DIRECTORY, dir_fd=descriptor)
                self._open.append((at, descriptor))
        return descriptor, name


def _holds(folder: bytes, path: bytes) -> bool:
    return path == folder or path.startswith(folder + b"/")


def _restore_error(error: OSError, root: Path) -> RestoreError:
    if isinstance(error, RestoreError):
        return error
    return RestoreError(str(error.filename or root), error.strerror or type(error).__name__)
