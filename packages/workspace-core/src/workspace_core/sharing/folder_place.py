"""A folder as a place: on this machine, or on a disk that several share."""

from __future__ import annotations

import errno
import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from workspace_core.errors import NotSupportedError, shown
from workspace_core.sharing.errors import RemoteError
from workspace_core.sharing.places import Listed, Listing
from workspace_core.store.durable import (
    TEMPORARY,
    cause_of,
    remove_file,
    sync_folder,
    write_all,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

COPY_BYTES = 4 << 20
NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}  # some shared disks
HIDDEN = "."


class FolderPlace:
    """Files below a folder; what is being written has a hidden name.

    Args:
        folder: where; made when something is first put there.
        tells_apart: of two who make a small file at once one must be refused, or both, where the
            disk cannot tell them apart.
    """

    def __init__(self, folder: Path, *, tells_apart: bool = False) -> None:
        self.folder, self.tells_apart = folder, tells_apart

    @property
    def address(self) -> str:
        """Where it is."""
        return str(self.folder)

    def list(self, folder: str) -> Mapping[str, int]:
        """Return names and sizes of what is in a folder."""
        try:
            with os.scandir(self.folder / folder) as found:
                return {
                    one.name: one.stat().st_size
                    for one in found
                    if not one.name.startswith(HIDDEN) and one.is_file()
                }
        except FileNotFoundError:
            if not self.folder.exists():
                raise RemoteError(self.address, "there is no such folder") from None
            return {}
        except OSError as error:
            raise RemoteError(self.address, cause_of(error)) from error

    def everything(self) -> Listing:
        """Return all files, except those that are being written."""
        found: dict[str, Listed] = {}
        try:
            for above, folders, names in os.walk(self.folder, onerror=_raise):
                folders[:] = [one for one in folders if not one.startswith(HIDDEN)]
                for name in names:
                    if name.startswith(HIDDEN):
                        continue
                    file = os.path.join(above, name)
                    with suppress(FileNotFoundError):  # somebody has removed it meanwhile
                        status = os.stat(file)
                        path = os.path.relpath(file, self.folder)
                        found[path] = Listed(status.st_size, status.st_mtime)
        except FileNotFoundError:
            pass
        except OSError as error:
            raise RemoteError(self.address, cause_of(error)) from error
        return Listing(found, time.time())

    def read(self, name: str) -> bytes | None:
        """Return a small file, None where there is none."""
        try:
            return (self.folder / name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise RemoteError(self.address, cause_of(error)) from error

    def read_range(self, name: str, start: int, length: int) -> bytes:
        """Return so many bytes of a file."""
        try:
            descriptor = os.open(self.folder / name, os.O_RDONLY | os.O_CLOEXEC)
            try:
                found = os.pread(descriptor, length, start)
                while len(found) < length and (
                    more := os.pread(descriptor, length - len(found), start + len(found))
                ):
                    found += more
            finally:
                os.close(descriptor)
        except OSError as error:
            raise RemoteError(self.address, f"{name}: {cause_of(error)}") from error
        if len(found) < length:
            raise RemoteError(self.address, f"{name} is shorter than it was")
        return found

    def put(self, name: str, file: Path) -> None:
        """Make a new file of a local one: copied, forced to disk, and named in one step."""
        try:
            with file.open("rb") as source:
                self._write(name, lambda target: _copy(source.fileno(), target))
        except OSError as error:
            raise RemoteError(self.address, cause_of(error)) from error

    def create(self, name: str, content: bytes) -> bool:
        """Make a small file unless there is one; return whether it was made."""
        if (self.folder / name).exists():
            return False
        try:
            self._write(name, lambda target: write_all(target, content), must_link=self.tells_apart)
        except FileExistsError:
            return False
        except OSError as error:
            raise RemoteError(self.address, cause_of(error)) from error
        return True

    def remove(self, name: str) -> None:
        """Remove a file for good; nothing happens where there is none."""
        try:
            remove_file(self.folder / name)
        except OSError as error:
            raise RemoteError(self.address, f"{name}: {cause_of(error)}") from error

    def sweep(self, before: float) -> None:
        """Remove what writers that died have left, if it came there before a moment."""
        try:
            for above, _, names in os.walk(self.folder):
                for name in names:
                    file = os.path.join(above, name)
                    if TEMPORARY.fullmatch(name) and os.stat(file).st_mtime < before:
                        os.unlink(file)
        except FileNotFoundError:
            pass  # its writer was alive
        except OSError as error:
            raise RemoteError(self.address, cause_of(error)) from error

    def _write(self, name: str, write: Callable[[int], None], *, must_link: bool = False) -> None:
        target = self.folder / name
        temporary = target.with_name(f"{HIDDEN}{target.name}.{os.urandom(6).hex()}.tmp")
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            descriptor = os.open(temporary, flags, 0o644)
            try:
                write(descriptor)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            _name(temporary, target, must_link=must_link)
            sync_folder(target.parent)
        finally:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)


def _name(temporary: Path, target: Path, *, must_link: bool) -> None:
    """Give a file its name, unless another one has it."""
    try:
        os.link(temporary, target)
    except OSError as error:
        if error.errno not in NO_LINKS or target.exists():
            raise
        if must_link:
            raise NotSupportedError(
                f"The disk of {shown(target.parent)} makes no hard links, so that two writers "
                "could not be told apart, and nothing was changed; use another disk, or S3."
            ) from error
        temporary.rename(target)


def _raise(error: OSError) -> None:
    raise error


def _copy(source: int, target: int) -> None:
    while piece := os.read(source, COPY_BYTES):
        write_all(target, piece)
