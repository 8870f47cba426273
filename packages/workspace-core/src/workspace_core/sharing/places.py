"""Places where objects are kept for others: a folder, a bucket, or what rclone reaches."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from workspace_core.place_addresses import RCLONE, S3, checked_place

if TYPE_CHECKING:
    from collections.abc import Mapping


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
        return cls(checked_place(text), resource if text.startswith(S3) else "")

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
