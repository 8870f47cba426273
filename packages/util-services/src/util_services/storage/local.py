"""Files below a root folder."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import shutil
import stat
import uuid
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from util_services import settings
from util_services.errors import StorageError
from util_services.storage.locks import LockHeldError, is_unlocked, locked, remove_if_empty
from util_services.storage.moves import (
    OPEN_FILES,
    UNSEEN_BEGINNING,
    move_new,
    move_over,
    open_unnamed,
)
from util_services.storage.protocol import (
    Fingerprint,
    Location,
    ObjectState,
    absent,
    already_exists,
    being_published,
    refuse_hostile,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from util_services.encryption.paths import AnyPath
    from util_services.storage.addresses import AddressKind
    from util_services.storage.patterns import Pattern

COPY_BYTES = 1 << 20
STAGING_FOLDER = ".data-services-staging"  # beside the data, so that publishing is a rename
COPY_ENDING = ".partial"
CLAIM_BEGINNING = UNSEEN_BEGINNING
WAIT_SECONDS = 20.0  # for a claim that another run holds


class LocalStorage:
    """A storage on the local file system that never leaves its root and its allow-list.

    Args:
        root: the folder that relative paths start from.
        allowed: further folders that absolute paths may point into.
        kinds: gives the kinds of addresses besides paths, by name; asked where a path has a colon.
    """

    kind = "local"

    def __init__(
        self,
        root: str | os.PathLike[str],
        allowed: Iterable[str | Path] = (),
        kinds: Callable[[], Mapping[str, AddressKind]] = dict,
    ) -> None:
        self.root = Path(root).resolve()
        self.allowed = tuple(Path(folder).resolve() for folder in allowed)
        self._kinds = kinds

    @classmethod
    def from_environment(
        cls, kinds: Callable[[], Mapping[str, AddressKind]] = dict
    ) -> LocalStorage:
        """Return the storage that ``DATA_SERVICES_ROOT`` and ``_ALLOWED_PATHS`` describe."""
        allowed = settings.text("ALLOWED_PATHS")
        return cls(settings.root(), allowed.split(os.pathsep) if allowed else (), kinds)

    def __repr__(self) -> str:
        """Return the class and its root."""
        return f"LocalStorage({str(self.root)!r})"

    def resolve(self, path: str) -> Location:
        """Return the real path of ``path``, links followed; refuse what lies outside."""
        refuse_hostile(path)
        if not self.root.is_dir():
            raise StorageError(
                f"The storage root '{self.root}' is no folder; make it, or correct "
                "DATA_SERVICES_ROOT."
            )
        if kind := self._kind_of(path):
            place = kind.resolve(path.partition(":")[2], self.root)
            found = self.resolve(str(self.root / place))
            return replace(found, address=path)
        if "://" in path:
            cure = "use the '_s3' twin of this job" if path.startswith("s3:") else "name a file"
            raise StorageError(f"The path '{path}' is not a local file; {cure}.")
        try:
            real = (self.root / path).resolve()
        except (OSError, RuntimeError):  # Python 3.11 raises the latter for a loop of links
            raise StorageError(
                f"The path '{path}' leads nowhere: it is too long, or its links form a loop; "
                "correct it."
            ) from None
        if not any(real.is_relative_to(folder) for folder in (self.root, *self.allowed)):
            raise StorageError(
                f"The path '{path}' lies outside the storage root; use a path below it, or add "
                "its folder to DATA_SERVICES_ALLOWED_PATHS."
            )
        if STAGING_FOLDER in real.parts:
            raise StorageError(f"The path '{path}' lies in the staging of runs; use another one.")
        return Location("", str(real))

    def _kind_of(self, path: str) -> AddressKind | None:
        """Return the kind of an address, None for a path."""
        name, colon, rest = path.partition(":")
        if not colon or "/" in name or rest.startswith("//"):
            return None
        return self._kinds().get(name)

    def _check_kind(self, location: Location) -> None:
        """Refuse to write what the kind of an address does not let be written."""
        if kind := self._kind_of(location.address):
            kind.check_writable(location.address.partition(":")[2], self.root)

    def fingerprint(self, location: Location) -> Fingerprint | None:
        """Return size, inode and time of change of a file; None where there is none."""
        with _sentences(location):
            try:
                state = Path(location.path).stat()
            except FileNotFoundError:
                return None
            if not stat.S_ISREG(state.st_mode):
                raise StorageError(
                    f"'{location}' is not a file; name a file, or end the path in '/' for all "
                    "files below a folder."
                )
        return Fingerprint(state.st_size, f"{state.st_dev}-{state.st_ino}-{state.st_mtime_ns}")

    def open(self, location: Location) -> BinaryIO:
        """Open a file."""
        with _sentences(location):
            return Path(location.path).open("rb")

    def find(self, pattern: Pattern) -> list[Location]:
        """Return the files that a pattern names; links to files count, links to folders do not."""
        folder = Path(self.resolve(pattern.folder or ".").path)
        if not folder.is_dir():
            return []
        found = []
        with _sentences(Location("", str(folder))):
            for place, folders, files in os.walk(folder, onerror=_raise):
                for name in (*folders, *files):
                    path = Path(place, name)
                    below = path.relative_to(folder).as_posix()
                    if name in folders:
                        if path.is_symlink() and pattern.enters(below):
                            raise StorageError(
                                f"'{path}' is a link to a folder, which a pattern does not follow; "
                                "name the folder itself."
                            )
                    elif pattern.matches(below):
                        found.append(self.resolve(str(path)))
        return sorted(found, key=lambda location: location.path)

    def look(self, pattern: Pattern) -> Iterator[ObjectState]:
        """Give the files below the folder of a pattern; links are followed where they may be."""
        folder = Path(self.resolve(pattern.folder or ".").path)
        if not folder.is_dir():
            return
        with _sentences(Location("", str(folder))):
            for place, folders, files in os.walk(folder, onerror=_raise):
                below = Path(place).relative_to(folder)
                folders[:] = [
                    name
                    for name in folders
                    if pattern.enters((below / name).as_posix())
                    and not pattern.hides((below / name).as_posix())
                ]
                for name in files:
                    with suppress(FileNotFoundError, StorageError):  # gone, or not ours to read
                        yield self._state(Path(place, name))

    def _state(self, path: Path) -> ObjectState:
        location = self.resolve(str(path)) if path.is_symlink() else Location("", str(path))
        refuse_hostile(location.path)
        state = Path(location.path).stat()
        version = f"{state.st_size}-{state.st_ino}-{state.st_mtime_ns}"
        return ObjectState(Location("", str(path)), state.st_size, version, state.st_mtime)

    def is_claimed(self, location: Location) -> bool:
        """Return whether there is a lock for the place, held or left behind."""
        return _claim_of(Path(location.path)).exists()

    def fetch(self, location: Location, target: AnyPath) -> AnyPath:  # noqa: ARG002 - the protocol's
        """Return the file itself: local files are read where they are."""
        return Path(location.path)

    def check_writable(self, location: Location) -> None:
        """Check that the nearest folder that exists already lets us make files in it."""
        self._check_kind(location)
        folder = Path(location.path).parent
        with _sentences(location):
            while not folder.exists():
                folder = folder.parent
            if not folder.is_dir():
                raise NotADirectoryError
            if not os.access(folder, os.W_OK | os.X_OK):
                raise PermissionError

    def publish(self, file: AnyPath, location: Location, *, overwrite: bool) -> None:
        """Move ``file`` to ``location``; it appears under its name in one step, bytes on disk."""
        with (
            self.claim(location, exclusive=not overwrite) as claim,
            claim.prepare(file, overwrite=overwrite) as commit,
        ):
            commit()

    @contextmanager
    def claim(self, location: Location, *, exclusive: bool) -> Iterator[LocalClaim]:  # noqa: ARG002 - a lock is always exclusive
        """Hold a lock on a place; the system takes it back from a process that dies."""
        self._check_kind(location)
        target = Path(location.path)
        with _sentences(location):
            target.parent.mkdir(parents=True, exist_ok=True)
            for left in target.parent.glob(f"{CLAIM_BEGINNING}*"):
                with suppress(LockHeldError), locked(left):
                    pass  # of a process that was killed; it goes with the lock
            lock = _claim_of(target)
            try:
                with locked(lock, WAIT_SECONDS):
                    yield LocalClaim(location)
            except LockHeldError:
                raise being_published(location, str(lock)) from None

    def remove(self, location: Location) -> None:
        """Remove a file, if it is there."""
        with _sentences(location):
            Path(location.path).unlink(missing_ok=True)

    def staging_base(self) -> Path:
        """Return the configured staging folder, else a hidden one below the root."""
        return settings.staging() or self.root / STAGING_FOLDER


def _claim_of(target: Path) -> Path:
    """Return the lock that stands for the right to publish at a path."""
    name = hashlib.sha256(os.fsencode(target.name)).hexdigest()[:16]
    return target.with_name(f"{CLAIM_BEGINNING}{name}")


def _raise(error: OSError) -> None:
    raise error


class LocalClaim:
    """The right to publish at one path."""

    def __init__(self, location: Location) -> None:
        self._location = location

    @contextmanager
    def prepare(self, file: AnyPath, *, overwrite: bool) -> Iterator[Callable[[], None]]:
        """Bring the bytes to the disk of the target, where the commit is one change of name."""
        target = Path(self._location.path)
        with _sentences(self._location), _on_same_device(file, target) as near:
            _flush(near)

            def commit() -> None:
                with _sentences(self._location):
                    if overwrite:
                        move_over(near, target)
                    else:
                        try:
                            move_new(near, target)
                        except FileExistsError:
                            raise already_exists(self._location) from None
                    _flush(target.parent)
                    file.unlink(missing_ok=True)

            yield commit

    def put(self, file: AnyPath, location: Location) -> None:
        """Make a file appear, whatever was there."""
        claim = LocalClaim(location)
        with claim.prepare(file, overwrite=True) as commit:
            commit()


@contextmanager
def _on_same_device(file: AnyPath, target: Path) -> Iterator[Path]:
    """Give ``file``, or a copy in a private folder beside ``target`` where a rename cannot reach.

    That is so on another disk, and where the file is encrypted and its copy is not.

    A copy is locked while it is in use, so that the next one knows what a killed process left. The
    copy of an encrypted file has no name at all, so that a killed process leaves none.
    """
    if isinstance(file, Path) and file.stat().st_dev == target.parent.stat().st_dev:
        yield file
        return
    unnamed = None if isinstance(file, Path) else open_unnamed(target.parent)
    if unnamed is not None:
        with os.fdopen(unnamed, "wb") as sink, file.open("rb") as source:
            shutil.copyfileobj(source, sink, COPY_BYTES)
            sink.flush()
            yield OPEN_FILES / str(unnamed)
        return
    folder = target.parent / STAGING_FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    for left in folder.glob(f"*{COPY_ENDING}"):
        if is_unlocked(left):
            left.unlink(missing_ok=True)
    copy = folder / f"{uuid.uuid4()}{COPY_ENDING}"
    try:
        with copy.open("xb") as sink, file.open("rb") as source:
            fcntl.flock(sink, fcntl.LOCK_SH)
            shutil.copyfileobj(source, sink, COPY_BYTES)
            sink.flush()
            yield copy
    finally:
        copy.unlink(missing_ok=True)
        remove_if_empty(folder)


def _flush(path: Path) -> None:
    """Force a file or folder to disk, so that a power cut cannot leave a name without bytes."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _sentences(location: Location) -> Iterator[None]:
    """Turn the operating system's errors into sentences."""
    try:
        yield
    except StorageError:
        raise
    except FileNotFoundError:
        raise absent(location) from None
    except PermissionError:
        raise StorageError(f"No permission for '{location}'; ask its owner for access.") from None
    except (FileExistsError, NotADirectoryError):
        raise StorageError(
            f"A part of the path '{location}' is a file, not a folder; choose another path."
        ) from None
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise StorageError(f"No space is left for '{location}'; free some space.") from None
        reason = os.strerror(error.errno) if error.errno else type(error).__name__
        raise StorageError(f"'{location}' cannot be used: {reason}.") from None
