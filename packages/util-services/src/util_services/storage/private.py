"""Files and folders that only this user can look into, as keys and identities need them.

What is written appears whole or not at all. What others could read or change is refused, and so is
a link in its place: it may lead to what somebody else controls.
"""

from __future__ import annotations

import os
import secrets
import stat
from contextlib import suppress
from typing import TYPE_CHECKING

from util_services.encryption.secret import Secret, discreet
from util_services.errors import DataServicesError, StorageError, printable
from util_services.storage.moves import move_new, move_over

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAX_BYTES = 1 << 20  # keys, identities and tokens are small; a device is none of them
SMALL = "a key or a token"  # what such a file holds
PRIVATE, FOR_GROUP, READABLE = 0o600, 0o640, 0o644
OTHERS, WRITABLE_BY_OTHERS = 0o077, 0o022
WRITABLE_BY_GROUP, WRITABLE_BY_STRANGERS = 0o020, 0o002
KEYS = ("keys are for their owner alone", "replace the keys that others may have read")
PASSPHRASE = ("a passphrase is for its owner alone", "change it if others may have read it")
ROOT = 0
UNFINISHED = ".writing"


class NotPrivateError(StorageError):
    """Raised for a file or folder that others can look into or change."""


class WriteError(DataServicesError, OSError):
    """Raised where a file cannot be written; unless it says so, what stood there still does."""


class NameTakenError(StorageError, FileExistsError):
    """Raised where a file would take the place of another."""


def is_private_folder(folder: Path) -> bool:
    """Return whether a folder is our own, which only we can enter, and no link to one."""
    try:
        state = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(state.st_mode) and _fault(state) is None


def require_private_folder(folder: Path) -> None:
    """Check that a folder is our own, which only we can enter, and no link to one.

    Raises:
        NotPrivateError: if it is not.
        StorageError: if there is none.
    """
    try:
        state = folder.lstat()
    except OSError as error:
        raise _unreadable(folder, error) from None
    if not stat.S_ISDIR(state.st_mode):
        raise _no_folder(folder, state)
    _refuse(folder, state, "700", KEYS)


def make_private_folder(folder: Path) -> None:
    """Make a folder that only we can enter, unless it is there; those above it as usual.

    Raises:
        NotPrivateError: if it is there and others can enter it.
        WriteError: if it cannot be made.
    """
    _make_folder(folder)
    require_private_folder(folder)


def make_guarded_folder(folder: Path) -> None:
    """Make a folder that strangers cannot write to, for us alone unless it is there.

    One that is there is ours, root's, or shared with a group of ours that may write to it.

    Raises:
        NotPrivateError: if it is there and strangers can write to it, or it is somebody else's.
        WriteError: if it cannot be made.
    """
    _make_folder(folder)
    state = folder.lstat()
    if not stat.S_ISDIR(state.st_mode):
        raise _no_folder(folder, state)
    mode = stat.S_IMODE(state.st_mode)
    if mode & WRITABLE_BY_STRANGERS:
        raise NotPrivateError(
            f"{_named(folder)} can be changed by anybody (mode {mode:04o}), and what is recorded "
            "there must stay; run 'chmod o-w' on it as its owner."
        )
    groups = {os.getegid(), *os.getgroups()}
    is_shared = bool(mode & WRITABLE_BY_GROUP) and state.st_gid in groups
    if state.st_uid not in (os.geteuid(), ROOT) and not is_shared:
        raise NotPrivateError(
            f"{_named(folder)} belongs to another user (uid {state.st_uid}) and is not shared with "
            "a group of this one; have its owner run 'chgrp' and 'chmod g+rwxs' on it, or name "
            "another."
        )


@discreet
def read_private(file: Path) -> Secret:
    """Return the content of a file that only we can read.

    Raises:
        NotPrivateError: if others can read or change it, or it is a link.
        StorageError: if it cannot be read, or is too large.
    """
    if file.is_symlink():
        raise NotPrivateError(
            f"{_named(file)} is a link, which may lead to what somebody else controls; name the "
            "file itself, or put it in the place of the link."
        )
    with _closing(_open(file, os.O_NOFOLLOW | os.O_NONBLOCK)) as descriptor:
        state = _regular(file, descriptor)
        _refuse(file, state, "600", KEYS)
        return Secret(_read_all(file, descriptor))


def require_unchangeable_folder(folder: Path) -> None:
    """Check that a folder holds what only its owner, or root, has put there.

    Raises:
        NotPrivateError: if others can change what is in it.
        StorageError: if there is none.
    """
    with _closing(_open(folder, os.O_DIRECTORY)) as descriptor:
        _refuse_changeable(folder, descriptor)


def read_unchangeable(file: Path) -> bytes:
    """Return the content of a file that only its owner, or root, can change; links are followed.

    Raises:
        NotPrivateError: if others can change it.
        StorageError: if it cannot be read, or is too large.
    """
    with _closing(_open(file, os.O_NONBLOCK)) as descriptor:
        _regular(file, descriptor)
        _refuse_changeable(file, descriptor)
        return _read_all(file, descriptor)


def read_small(file: Path, most: int = MAX_BYTES, what: str = SMALL) -> bytes:
    """Return the content of a file, or of a pipe, that holds no secret.

    Args:
        file: the file.
        most: how many bytes it may have.
        what: what it should hold, for the error.

    Raises:
        StorageError: if it cannot be read, or is too large.
    """
    with _closing(_open(file)) as descriptor:
        return _read_all(file, descriptor, most, what)


@discreet
def read_handed_over(file: Path) -> Secret:
    """Return the content of a file, or of a pipe, that somebody hands a secret over in.

    Raises:
        NotPrivateError: if it is a file that others can read or change.
        StorageError: if it cannot be read, or is too large.
    """
    with _closing(_open(file)) as descriptor:
        state = os.fstat(descriptor)
        if stat.S_ISREG(state.st_mode):
            _refuse(file, state, "600", PASSPHRASE)
        return Secret(_read_all(file, descriptor))


@discreet
def write_whole(file: Path, content: Secret, *, replace: bool, mode: int = PRIVATE) -> None:
    """Write a file, for us alone unless told otherwise; it appears whole and on the disk, or not.

    Raises:
        NameTakenError: if it is there and is not to be replaced.
        WriteError: if it cannot be written.
    """
    unfinished = file.with_name(f".{file.name}.{secrets.token_hex(8)}{UNFINISHED}")
    try:
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(unfinished, flags, PRIVATE)
        try:
            with os.fdopen(descriptor, "wb") as opened:
                os.fchmod(opened.fileno(), mode)
                opened.write(content.reveal())
                opened.flush()
                os.fsync(opened.fileno())
            (move_over if replace else move_new)(unfinished, file)
        finally:
            unfinished.unlink(missing_ok=True)
    except FileExistsError:
        raise NameTakenError(f"{_named(file)} exists already; choose another name.") from None
    except OSError as error:
        raise unwritable(file, error) from None
    _sync(file)


def replace_and_overwrite(file: Path, content: Secret) -> None:
    """Replace a file, and then write zeros over what it held before.

    The new content is in place first, so that nothing is lost if this is interrupted. A file
    system that writes elsewhere (Btrfs, ZFS), a flash disk and a backup may keep the old bytes.

    Raises:
        WriteError: if it cannot be written.
    """
    try:
        former = os.open(file, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError as error:
        raise unwritable(file, error) from None
    with _closing(former):
        write_whole(file, content, replace=True)
        _overwrite(former)


def sweep_unfinished(file: Path) -> None:
    """Remove what writers of a file that were killed have left; no writer may be at work."""
    for left in file.parent.glob(f".{file.name}.*{UNFINISHED}"):
        with suppress(OSError):
            descriptor = os.open(left, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
            with _closing(descriptor):
                _overwrite(descriptor)
            left.unlink()


def _make_folder(folder: Path) -> None:
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):
            folder.mkdir(mode=0o700)
    except OSError as error:
        raise unwritable(folder, error) from None


def _overwrite(descriptor: int) -> None:
    with suppress(OSError):  # the name leads to the new content already
        os.pwrite(descriptor, bytes(os.fstat(descriptor).st_size), 0)
        os.fsync(descriptor)


def _open(path: Path, flags: int = 0) -> int:
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC | flags)
    except OSError as error:
        raise _unreadable(path, error) from None


def _regular(file: Path, descriptor: int) -> os.stat_result:
    state = os.fstat(descriptor)
    if not stat.S_ISREG(state.st_mode):
        raise StorageError(f"{_named(file)} is no file; name one.")
    return state


def _refuse_changeable(path: Path, descriptor: int) -> None:
    if os.fstatvfs(descriptor).f_flag & os.ST_RDONLY:
        return  # as an orchestrator mounts what it configures
    state = os.fstat(descriptor)
    if state.st_uid not in (os.geteuid(), ROOT):
        fault = f"belongs to another user (uid {state.st_uid})"
    elif stat.S_IMODE(state.st_mode) & WRITABLE_BY_OTHERS:
        fault = f"can be changed by others (mode {stat.S_IMODE(state.st_mode):04o})"
    else:
        return
    raise NotPrivateError(
        f"{_named(path)} {fault}, and what it says is trusted; run 'chmod go-w' on it as its owner."
    )


class _closing:  # noqa: N801 - used like contextlib.closing
    """Closes a descriptor at the end of a block."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def __enter__(self) -> int:
        return self._descriptor

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)


def _read_all(file: Path, descriptor: int, most: int = MAX_BYTES, what: str = SMALL) -> bytes:
    pieces = b"".join(_pieces(file, descriptor, most))
    if len(pieces) > most:
        raise StorageError(
            f"{_named(file)} has more than {most >> 20} MB; name a file with {what}."
        )
    return pieces


def _pieces(file: Path, descriptor: int, most: int) -> Iterator[bytes]:
    left = most + 1
    try:
        while left > 0 and (piece := os.read(descriptor, left)):
            left -= len(piece)
            yield piece
    except OSError as error:
        raise _unreadable(file, error) from None


def _fault(state: os.stat_result) -> str | None:
    if state.st_uid != os.geteuid():
        return f"belongs to another user (uid {state.st_uid})"
    if stat.S_IMODE(state.st_mode) & OTHERS:
        return f"is open to others (mode {stat.S_IMODE(state.st_mode):04o})"
    return None


def _refuse(path: Path, state: os.stat_result, mode: str, thing: tuple[str, str]) -> None:
    fault = _fault(state)
    if fault is None:
        return
    rule, afterwards = thing
    cure = (
        f"have root run 'chown {os.geteuid()}' on it, or name one of your own"
        if state.st_uid != os.geteuid()
        else f"run 'chmod {mode}' on it as its owner, and {afterwards}"
    )
    raise NotPrivateError(f"{_named(path)} {fault}, and {rule}; {cure}.")


def _no_folder(path: Path, state: os.stat_result) -> NotPrivateError:
    kind = "a link" if stat.S_ISLNK(state.st_mode) else "no folder"
    return NotPrivateError(f"{_named(path)} is {kind}; name a folder of your own.")


def _sync(file: Path) -> None:
    """Force the name of a file to the disk."""
    try:
        with _closing(os.open(file.parent, os.O_RDONLY | os.O_CLOEXEC)) as descriptor:
            os.fsync(descriptor)
    except OSError as error:
        raise WriteError(
            f"{_named(file)} was written, and a power cut may undo that ({_reason(error)}); check "
            "the disk."
        ) from None


def _named(path: Path) -> str:
    return f"'{printable(str(path))}'"


def _unreadable(path: Path, error: OSError) -> StorageError:
    return StorageError(f"{_named(path)} cannot be read ({_reason(error)}); correct the path.")


def unwritable(path: Path, error: OSError) -> WriteError:
    """Return the sentence for what the system said to an attempt to write."""
    return WriteError(
        f"{_named(path)} cannot be written ({_reason(error)}); nothing was changed. Give it space "
        "and permission, or name another place."
    )


def _reason(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else type(error).__name__
