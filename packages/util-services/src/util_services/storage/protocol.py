"""What every storage can do, and the two records it speaks in."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, BinaryIO, Protocol

from util_services.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from util_services.encryption.paths import AnyPath
    from util_services.storage.patterns import Pattern

VERSION_MARK = "?versionId="
HOSTILE_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})


@dataclass(frozen=True, slots=True)
class Location:
    """A normalised address inside a storage; equal locations hold the same object."""

    container: str  # the folder or bucket that holds it: "" for local files
    path: str  # absolute path, or key in the bucket
    version: str = ""  # of an S3 object; such a location is read, never written
    address: str = field(default="", compare=False)  # of a kind that a plugin brings, if any

    def __str__(self) -> str:
        """Return the address as a person writes it."""
        if not self.container:
            return self.path
        version = f"{VERSION_MARK}{self.version}" if self.version else ""
        return f"s3://{self.container}/{self.path}{version}"

    @property
    def current(self) -> Location:
        """The same place without a version."""
        return replace(self, version="")

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rsplit("/", 1)[-1]

    def beside(self, suffix: str) -> Location:
        """Return the location whose path is this one followed by ``suffix``."""
        return replace(self, path=self.path + suffix, version="")


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What tells one state of an object from another without reading it."""

    size: int  # bytes
    version: str  # inode and time of change of a file; ETag and version id of an S3 object


@dataclass(frozen=True, slots=True)
class ObjectState:
    """An object as a listing shows it, without a request of its own."""

    location: Location
    size: int  # bytes
    version: str  # changes with each write, even of the same content
    modified: float  # seconds since the epoch, by the clock of the store


class Claim(Protocol):
    """The right to publish at one place, which one process has at a time."""

    def prepare(
        self, file: AnyPath, *, overwrite: bool
    ) -> AbstractContextManager[Callable[[], None]]:
        """Bring a file into the store, still unseen; give the function that makes it appear.

        The function is the commit: it checks that the claim is still ours, takes one step, and
        uses the file up. What was prepared and not committed is removed.

        Raises:
            StorageError: if something is there already and ``overwrite`` is false.
        """

    def put(self, file: AnyPath, location: Location) -> None:
        """Make a file appear at a place that belongs to the claimed one, whatever was there."""


class Storage(Protocol):
    """A place that datasets are read from and published to."""

    @property
    def kind(self) -> str:
        """``local`` or ``s3``."""

    def resolve(self, path: str) -> Location:
        """Return where ``path`` of a run config points.

        Raises:
            StorageError: if the path is malformed or lies outside what this storage may touch.
        """

    def fingerprint(self, location: Location) -> Fingerprint | None:
        """Return the state of an object, None where there is none."""

    def find(self, pattern: Pattern) -> list[Location]:
        """Return the objects that a pattern names, sorted by path.

        Raises:
            StorageError: if the folder is malformed or lies outside what this storage may touch,
                or if a link below it does.
        """

    def look(self, pattern: Pattern) -> Iterator[ObjectState]:
        """Give all objects below the folder of a pattern where it may name some, in no order.

        Unlike ``find`` this passes over what cannot be read or named, and does not pass over
        hidden names and claims: it is for watching a place, not for reading a dataset.

        Raises:
            StorageError: if the folder is malformed or lies outside what this storage may touch.
        """

    def is_claimed(self, location: Location) -> bool:
        """Return whether a run publishes at a place, or died while it did."""

    def open(self, location: Location) -> BinaryIO:
        """Return an object as a seekable file; only what is read is transferred."""

    def fetch(self, location: Location, target: AnyPath) -> AnyPath:
        """Return a local file with the bytes of an object: itself, or a copy at ``target``."""

    def check_writable(self, location: Location) -> None:
        """Check, as far as that is possible without writing, that an object can be published.

        Raises:
            StorageError: if it cannot.
        """

    def publish(self, file: AnyPath, location: Location, *, overwrite: bool) -> None:
        """Make ``file`` appear at ``location``, whole or not at all; the file is used up.

        Raises:
            StorageError: if something is there already and ``overwrite`` is false.
        """

    def claim(self, location: Location, *, exclusive: bool) -> AbstractContextManager[Claim]:
        """Hold the right to publish at a place; a process that dies loses it.

        Raises:
            StorageError: if another run holds it, or if it must be ``exclusive`` and the store
                cannot promise that.
        """

    def remove(self, location: Location) -> None:
        """Remove an object, if it is there."""

    def staging_base(self) -> Path:
        """Return the folder below which runs on this storage stage their files."""


def refuse_hostile(path: str) -> None:
    """Refuse a path that no honest configuration holds: empty, or with control characters.

    Line and paragraph separators count as such, and so do lone surrogates, which no system can
    encode.

    Raises:
        StorageError: naming the rule, with the path cut to what is harmless to print.
    """
    if not path.strip():
        raise StorageError("The path is empty; name a file.")
    if any(unicodedata.category(character) in HOSTILE_CATEGORIES for character in path):
        shown = "".join(c if c.isprintable() else "?" for c in path)[:80]
        raise StorageError(f"The path '{shown}' holds control characters; remove them.")


def absent(location: Location) -> StorageError:
    """Return the error for an object that is not there."""
    return StorageError(f"There is no object '{location}'; check the path.")


def already_exists(location: Location) -> StorageError:
    """Return the error for an output that would replace something."""
    return StorageError(
        f"The output '{location}' already exists; choose another path or set 'overwrite: true'."
    )


def being_published(location: Location, claim: str) -> StorageError:
    """Return the error for a place that another run is publishing at."""
    return StorageError(
        f"Another run is publishing '{location}' (claim '{claim}'); wait for its end and start "
        "this one again."
    )
