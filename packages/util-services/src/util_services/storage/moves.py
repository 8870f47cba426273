"""Giving a file a new name in one step, on file systems of every kind."""

from __future__ import annotations

import ctypes
import errno
import os
import uuid
from pathlib import Path

NO_LINKS = frozenset(
    {errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK, errno.EINVAL}
)
NO_SUCH_RENAME = frozenset({errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM})
OPEN_FILES = Path("/proc/self/fd")
UNSEEN_BEGINNING = ".publishing-"  # what is left of such a name, the next run there removes
CURRENT_FOLDER = -100  # AT_FDCWD of <fcntl.h>: names are relative to it, or absolute
RENAME_NOREPLACE = 1  # of <linux/fs.h>


def open_unnamed(folder: Path) -> int | None:
    """Return a new file on the disk of a folder that has no name, and so is gone with its process.

    None where the file system knows no such files.
    """
    if not OPEN_FILES.is_dir():
        return None
    try:
        return os.open(folder, os.O_TMPFILE | os.O_WRONLY | os.O_CLOEXEC, 0o666)
    except OSError:  # where even a file with a name cannot be made, making one will tell
        return None


def move_over(file: Path, target: Path) -> None:
    """Give ``file`` the name ``target``, whatever has that name."""
    if file.parent == OPEN_FILES:
        named = target.with_name(f"{UNSEEN_BEGINNING}{uuid.uuid4()}")
        _name(file, named)
        file = named
    file.replace(target)


def _name(unnamed: Path, target: Path) -> None:
    """Give a name to an open file that has none."""
    folder = os.open(target.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:  # a folder's descriptor makes Python ask the system to follow the link
        os.link(unnamed, target, src_dir_fd=folder, follow_symlinks=True)
    finally:
        os.close(folder)


def move_new(file: Path, target: Path) -> None:
    """Give ``file`` the name ``target``, which must be free; it may keep its old name as well.

    A second name (a hard link) never replaces anything, and works nearly everywhere. Where it does
    not (FAT, some network and FUSE file systems), a rename is asked not to replace. Where that is
    not known either, the name is looked at before the rename: then only the caller's lock keeps
    another writer from coming in between.

    Raises:
        FileExistsError: if the name is taken.
    """
    if file.parent == OPEN_FILES:
        _name(file, target)
        return
    try:
        os.link(file, target)
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
    else:
        return
    try:
        _rename_new(file, target)
    except OSError as error:
        if error.errno not in NO_SUCH_RENAME:
            raise
        if os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target)) from None
        file.rename(target)


def _rename_new(file: Path, target: Path) -> None:
    """Call renameat2(2), which Python does not offer."""
    renameat2 = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if renameat2 is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    names = os.fsencode(file), os.fsencode(target)
    if renameat2(CURRENT_FOLDER, names[0], CURRENT_FOLDER, names[1], RENAME_NOREPLACE):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(target))
