"""Giving a file a new name in one step, on file systems of every kind."""

from __future__ import annotations

import ctypes
import errno
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

NO_LINKS = frozenset(
    {errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK, errno.EINVAL}
)
NO_SUCH_RENAME = frozenset({errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM})
CURRENT_FOLDER = -100  # AT_FDCWD of <fcntl.h>: names are relative to it, or absolute
RENAME_NOREPLACE = 1  # of <linux/fs.h>


def move_new(file: Path, target: Path) -> None:
    """Give ``file`` the name ``target``, which must be free; it may keep its old name as well.

    A second name (a hard link) never replaces anything, and works nearly everywhere. Where it does
    not (FAT, some network and FUSE file systems), a rename is asked not to replace. Where that is
    not known either, the name is looked at before the rename: then only the caller's lock keeps
    another writer from coming in between.

    Raises:
        FileExistsError: if the name is taken.
    """
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
