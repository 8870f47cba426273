"""Places where objects are kept for others: a folder, a bucket, or what rclone reaches."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from workspace_core.errors import ConfigurationError, shown

if TYPE_CHECKING:
    from collections.abc import Mapping

S3, RCLONE, FILE = "s3://", "rclone:", "file://"
# What follows a comma or a second colon are options for rclone, some of which start programs.
RCLONE_ADDRESS = re.compile(r"(?P<remote>[\w.+@][\w.+@ -]*):(?P<path>[^\x00-\x1f]*)")
S3_ADDRESS = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[^\x00-\x1f]*)?")
SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")


@dataclass(frozen=True, slots=True)
class Listed:
    """A file of a place, as a listing tells of it.

    Args:
        size: in bytes.
        changed: when it came there, in seconds since 1970, by the clock of the place.
        stamp: another one whenever the file is another one; "" where the place has none.
    """

    size: int
    changed: float
    stamp: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    """All files of a place by their names, and what time it is there."""

    files: Mapping[str, Listed]
    now: float


class Place(Protocol):
    """Files by their names, such as ``packs/0123.pack``; each appears whole or not at all."""

    @property
    def address(self) -> str:
        """Where it is, for messages."""

    def list(self, folder: str) -> Mapping[str, int]:
        """Return names and sizes of what is in a folder; nothing where there is no such folder.

        Raises:
            RemoteError: if the place cannot be reached.
        """

    def everything(self) -> Listing:
        """Return all files of the place, in as few requests as it takes; none if it is empty.

        Raises:
            RemoteError: if the place cannot be reached.
        """

    def read(self, name: str) -> bytes | None:
        """Return a small file, None where there is none."""

    def read_range(self, name: str, start: int, length: int) -> bytes:
        """Return so many bytes of a file, which has them.

        Raises:
            RemoteError: if it does not, or there is no such file.
        """

    def put(self, name: str, file: Path) -> None:
        """Make a new file of a local one."""

    def create(self, name: str, content: bytes) -> bool:
        """Make a small file unless there is one; return whether it was made."""

    def remove(self, name: str) -> None:
        """Remove a file; nothing happens where there is none."""

    def sweep(self, before: float) -> None:
        """Remove what writers that died have left, if it came there before a moment."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a place is.

    Args:
        text: ``s3://bucket/prefix``, ``rclone:REMOTE:PATH``, or the path of a folder.
        resource: the credential set for S3, as util-services names them.
    """

    text: str
    resource: str = ""

    @classmethod
    def checked(cls, text: str, resource: str = "") -> Address:
        """Return an address if it is one; a folder's is absolute then.

        Raises:
            ConfigurationError: if it is none.
        """
        if text.startswith(S3):
            if not S3_ADDRESS.fullmatch(text.removeprefix(S3)):
                raise ConfigurationError(f"{shown(text[:200])} names no bucket; {_FORMS}")
            return cls(text.rstrip("/"), resource)
        if text.startswith(RCLONE):
            if not RCLONE_ADDRESS.fullmatch(text.removeprefix(RCLONE)):
                raise ConfigurationError(
                    f"{shown(text[:200])} is no remote of rclone's configuration with a path; "
                    "write 'rclone:REMOTE:PATH', and give options by 'rclone config'."
                )
            return cls(text)
        path = text.removeprefix(FILE)
        if not path or "\0" in path or (SCHEME.match(path) and not os.path.isdir(path)):
            raise ConfigurationError(f"{shown(text[:200])} is no place for data; {_FORMS}")
        return cls(os.path.abspath(os.path.expanduser(path)))

    def open(self) -> Place:
        """Return the place; whether it can be reached shows when it is used."""
        if self.text.startswith(S3):
            from workspace_core.sharing.s3_place import S3Place

            return S3Place.at(self.text, self.resource)
        if self.text.startswith(RCLONE):
            from workspace_core.sharing.rclone_place import RclonePlace

            return RclonePlace(self.text.removeprefix(RCLONE))
        from workspace_core.sharing.folder_place import FolderPlace

        return FolderPlace(Path(self.text))


_FORMS = "write 's3://BUCKET/PREFIX', 'rclone:REMOTE:PATH', or the path of a folder."
