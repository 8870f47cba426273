"""The private folder of a run: everything it writes before its output is published.

It belongs to the run, not to a step, because a multi-process run has a process for each step. Its
lease is a locked file: a process that dies, however it dies, gives the lock back. Where a run has a
key, its files are encrypted, and the paths that are given out are those of encrypted files.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from util_services.encryption.paths import SCHEME, AnyPath, EncryptedPath
from util_services.errors import DataServicesError, StorageError
from util_services.storage.local import STAGING_FOLDER
from util_services.storage.locks import is_unlocked, remove_if_empty

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from util_services.encryption.keys import StagingKey

LEASE = "lease"
CREATE_ATTEMPTS = 10
FORGOTTEN_SECONDS = 3600.0  # runs of another Dagster instance may share a staging base
RunIsOver = Callable[[str], bool | None]  # whether a run has ended; None where it is not known


@dataclass(frozen=True, slots=True)
class Leftovers:
    """What runs that ended without a word have left in staging."""

    folders: int
    bytes: int


class StagingGoneError(DataServicesError):
    """Raised when a step finds the staging of its run gone."""

    def __init__(self) -> None:
        super().__init__(
            "The staging of this run is gone, so it cannot be continued from a failed step; start "
            "the run from the beginning."
        )

    def __reduce__(self) -> tuple[type[StagingGoneError], tuple[()]]:
        """Return what makes the error anew in another process."""
        return type(self), ()


class Staging:
    """The staging folder of one run, open in this process.

    Args:
        folder: the folder; made by ``create``, found by ``reopen``.
        key: what its files are encrypted with, None for plain files.
        prefix: what the names of its files begin with.
    """

    _held: dict[Path, int] = {}  # noqa: RUF012 - leases of this process, kept between its steps

    def __init__(self, folder: Path, key: StagingKey | None = None, prefix: str = "") -> None:
        self.folder, self._key, self._prefix = folder, key, prefix

    @classmethod
    def create(cls, base: Path, run_id: str, key: StagingKey | None = None) -> Staging:
        """Make an empty staging folder that only this user can enter.

        Raises:
            StorageError: if it cannot be made.
        """
        staging = cls(base / run_id, key)
        staging.remove()  # a step that is run again begins anew
        for attempt in range(CREATE_ATTEMPTS):
            try:
                base.mkdir(mode=0o700, parents=True, exist_ok=True)
                staging.folder.mkdir(mode=0o700)
            except OSError as error:
                # The end of another run may just have removed the empty base.
                if isinstance(error, FileNotFoundError) and attempt + 1 < CREATE_ATTEMPTS:
                    continue
                raise unusable(base, os.strerror(error.errno or 0)) from None
            break
        staging._hold()
        return staging

    @classmethod
    def reopen(cls, base: Path, run_id: str, key: StagingKey | None = None) -> Staging:
        """Return the staging that an earlier step of the run made.

        Raises:
            StagingGoneError: if it is gone.
        """
        staging = cls(base / run_id, key)
        if not (staging.folder / LEASE).exists():
            raise StagingGoneError
        staging._hold()
        return staging

    def file(self, name: str) -> AnyPath:
        """Return the path of a file of this run."""
        return self._given_out(self.folder / f"{self._prefix}{name}")

    def within(self, prefix: str) -> Staging:
        """Return the same staging for files of a second dataset, whose names begin otherwise."""
        return Staging(self.folder, self._key, prefix)

    def path(self, text: str) -> AnyPath:
        """Return the path that a text stands for: of a file of this run, or of a source.

        Raises:
            StagingGoneError: if the file is encrypted and the key of the run is gone.
        """
        if not text.startswith(SCHEME):
            return Path(text)
        if self._key is None:
            raise StagingGoneError
        return self._given_out(self.folder / text.removeprefix(SCHEME))

    def holds(self, file: AnyPath) -> bool:
        """Return whether a file is one of this run, not a source."""
        return not isinstance(file, Path) or file.is_relative_to(self.folder)

    def scratch(self) -> AnyPath:
        """Return a folder for an engine's intermediate data, empty."""
        folder = self.folder / f"{self._prefix}scratch"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        return self._given_out(folder)

    def remove(self) -> None:
        """Remove the folder and give up its lease."""
        shutil.rmtree(self.folder, ignore_errors=True)
        descriptor = self._held.pop(self.folder, None)
        if descriptor is not None:
            os.close(descriptor)
        _tidy(self.folder.parent)

    def _given_out(self, place: Path) -> AnyPath:
        return place if self._key is None else EncryptedPath(place, self.folder, self._key)

    def _hold(self) -> None:
        if self.folder not in self._held:
            descriptor = os.open(self.folder / LEASE, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
            fcntl.flock(descriptor, fcntl.LOCK_SH)
            self._held[self.folder] = descriptor


def check_usable(base: Path) -> None:
    """Check, without making anything, that runs can stage below a base.

    Raises:
        StorageError: if they cannot.
    """
    folder = base
    while not folder.exists():
        folder = folder.parent
    if not folder.is_dir():
        raise unusable(base, f"'{folder}' is no folder")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise unusable(base, "no permission")


def unusable(base: Path, reason: str) -> StorageError:
    """Return the error for a staging base that cannot be used."""
    return StorageError(
        f"The staging folder '{base}' cannot be used ({reason}); set DATA_SERVICES_STAGING to a "
        "folder that can be written."
    )


def remove_all_of(run_id: str, bases: Iterable[Path]) -> None:
    """Remove whatever a run has staged: in this process anywhere, else below the bases."""
    folders = {base / run_id for base in bases}
    folders.update(folder for folder in Staging._held if folder.name == run_id)
    for folder in folders:
        Staging(folder).remove()


def sweep(base: Path, is_over: RunIsOver) -> None:
    """Remove what runs that ended without a word have left below a staging base."""
    for folder in _left_behind(base, is_over):
        shutil.rmtree(folder, ignore_errors=True)
    _tidy(base)


def leftovers(bases: Iterable[Path], is_over: RunIsOver) -> Leftovers:
    """Return how much there is to sweep below staging bases."""
    folders = [folder for base in set(bases) for folder in _left_behind(base, is_over)]
    return Leftovers(len(folders), sum(map(_bytes_in, folders)))


def _left_behind(base: Path, is_over: RunIsOver) -> Iterator[Path]:
    """Return the folders that runs which ended without a word have left below a staging base.

    Only folders that a run has made are looked at: they are named by its id and hold a lease. One
    is left behind if no process holds its lease and its run is over: between the steps of a
    multi-process run nobody holds the lease of a living run. Where nobody knows the run, its folder
    is, once it has been left alone for ``FORGOTTEN_SECONDS``.
    """
    for folder in _folders(base):
        if folder in Staging._held or not is_unlocked(folder / LEASE):
            continue
        over = is_over(folder.name)
        if over or (over is None and _idle_seconds(folder) > FORGOTTEN_SECONDS):
            yield folder


def _bytes_in(folder: Path) -> int:
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):  # another sweep was faster
                total += (Path(place) / name).lstat().st_size
    return total


def _folders(base: Path) -> list[Path]:
    try:
        return [entry for entry in base.iterdir() if _is_staging(entry)]
    except OSError:  # there is none, or it is not ours to look into; making one will tell
        return []


def _is_staging(folder: Path) -> bool:
    """Whether a run made this folder; whatever else stands beside it is not ours."""
    try:
        uuid.UUID(folder.name)
    except ValueError:
        return False
    return (folder / LEASE).is_file() and not folder.is_symlink()


def _tidy(base: Path) -> None:
    """Remove an empty staging base that we have made."""
    if STAGING_FOLDER.lstrip(".") in base.name:
        remove_if_empty(base)


def _idle_seconds(folder: Path) -> float:
    """Return for how long nothing was made or removed in a folder."""
    try:
        return time.time() - folder.stat().st_mtime
    except FileNotFoundError:  # another sweep was faster
        return 0.0
