"""The keys of runs: random, in memory alone, gone with the run.

A key is kept as a file on a file system that is in memory, where each process of the run finds it,
and where nothing is left of it after a power cut. Where the steps of a run sit on several machines,
it is derived instead from a secret of the deployment and the run's id, and is stored nowhere.
"""

from __future__ import annotations

import base64
import binascii
import fcntl
import os
import secrets
import time
import uuid
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from util_services import settings
from util_services.encryption.keys import KEY_BYTES, StagingKey
from util_services.errors import ConfigurationError, StorageError
from util_services.storage.locks import is_unlocked, remove_if_empty
from util_services.storage.private import is_private_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

KEY_FOLDER = "data-services-keys"
CREATE_ATTEMPTS = 10
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - not a temporary folder: a file system in memory
MOUNTS = Path("/proc/self/mountinfo")
MEMORY_FILE_SYSTEMS = frozenset({"tmpfs", "ramfs"})


class RunKeys:
    """Makes, finds and removes the keys of runs.

    Args:
        secret: the secret of the deployment that keys are derived from, if there is one.
        folders: where keys are kept otherwise; the first that can be used is.
    """

    _held: dict[Path, int] = {}  # noqa: RUF012 - locks of this process, kept between its steps

    def __init__(self, secret: StagingKey | None, folders: tuple[Path, ...]) -> None:
        self._secret, self._folders = secret, folders

    @classmethod
    def from_environment(cls) -> RunKeys:
        """Return the keys that the environment asks for.

        Raises:
            ConfigurationError: if the secret of the deployment is not of its form.
        """
        runtime = os.environ.get("XDG_RUNTIME_DIR")
        folders = [SHARED_MEMORY / f"{KEY_FOLDER}-{os.getuid()}"]
        if runtime:
            folders.append(Path(runtime) / KEY_FOLDER)
        return cls(_deployment_secret(), tuple(folders))

    @property
    def are_derived(self) -> bool:
        """Whether each machine of a deployment has the same key of a run."""
        return self._secret is not None

    def check(self) -> None:
        """Check that there is a place for keys.

        Raises:
            StorageError: if no file system in memory can be used.
        """
        if self._secret is None:
            self._folder()

    def create(self, run_id: str) -> StagingKey:
        """Return a new key of a run; one that it had before is forgotten."""
        if self._secret is not None:
            return self._secret.for_run(run_id)
        self.remove(run_id)
        file = self._folder() / run_id
        secret = secrets.token_bytes(KEY_BYTES)
        self._hold(file, _new_private_file(file))
        descriptor = self._held[file]
        os.write(descriptor, secret)
        return StagingKey(secret)

    def find(self, run_id: str) -> StagingKey | None:
        """Return the key that an earlier step of a run made, None if it is gone."""
        if self._secret is not None:
            return self._secret.for_run(run_id)
        for file in self._files(run_id):
            with suppress(OSError):
                descriptor = os.open(file, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
                self._hold(file, descriptor)
                secret = os.pread(descriptor, KEY_BYTES + 1, 0)
                if len(secret) == KEY_BYTES:
                    return StagingKey(secret)
        return None

    def remove(self, run_id: str) -> None:
        """Forget the key of a run."""
        for file in self._files(run_id):
            with suppress(OSError):
                file.unlink(missing_ok=True)
            descriptor = self._held.pop(file, None)
            if descriptor is not None:
                os.close(descriptor)
            remove_if_empty(file.parent)

    def sweep(self, is_over: Callable[[str], bool | None], forgotten_seconds: float) -> None:
        """Remove the keys of runs that ended without a word, as staging folders are swept."""
        for file in self._all():
            if file in self._held or not is_unlocked(file):
                continue
            over = is_over(file.name)
            with suppress(OSError):
                idle = time.time() - file.stat().st_mtime
                if over or (over is None and idle > forgotten_seconds):
                    file.unlink(missing_ok=True)
        for folder in filter(is_private_folder, self._folders):
            remove_if_empty(folder)

    def _hold(self, file: Path, descriptor: int) -> None:
        if file in self._held:
            os.close(self._held[file])
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        self._held[file] = descriptor

    def _files(self, run_id: str) -> Iterator[Path]:
        return (folder / run_id for folder in self._folders if is_private_folder(folder))

    def _all(self) -> Iterator[Path]:
        for folder in self._folders:
            for file in folder.iterdir() if is_private_folder(folder) else ():
                with suppress(ValueError):
                    uuid.UUID(file.name)
                    yield file

    def _folder(self) -> Path:
        """Return the first folder that keys can be kept in; it may not be there yet.

        Raises:
            StorageError: if there is none.
        """
        for folder in self._folders:
            if is_in_memory(folder.parent) and (is_private_folder(folder) or _can_be_made(folder)):
                return folder
        raise StorageError(
            "There is no file system in memory for the key of encrypted staging; mount a tmpfs at "
            "/dev/shm, or set DATA_SERVICES_STAGING_KEY."
        )


def _can_be_made(folder: Path) -> bool:
    return not os.path.lexists(folder) and os.access(folder.parent, os.W_OK | os.X_OK)


def _new_private_file(file: Path) -> int:
    """Make a file in a folder of our own, and return its descriptor."""
    for _ in range(CREATE_ATTEMPTS):
        with suppress(FileNotFoundError):  # the end of another run has just removed the folder
            file.parent.mkdir(mode=0o700, exist_ok=True)
            if is_private_folder(file.parent):
                return os.open(file, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600)
    raise StorageError(
        f"The folder '{file.parent}' for the key of encrypted staging cannot be used; remove it."
    )


def is_in_memory(folder: Path) -> bool:
    """Return whether a folder lies on a file system that is gone after a power cut."""
    try:
        real = folder.resolve(strict=True)
        lines = MOUNTS.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except (OSError, RuntimeError):
        return False
    kinds = {}
    for line in lines:
        fields, _, source = line.partition(" - ")
        point = fields.split()[4].encode().decode("unicode_escape")
        kinds[Path(point)] = source.split()[0]  # the last one mounted at a place counts
    around = (place for place in (real, *real.parents) if place in kinds)
    return kinds[next(around)] in MEMORY_FILE_SYSTEMS


def _deployment_secret() -> StagingKey | None:
    """Return the secret of the deployment: of the environment, or of a file that it names."""
    variable, value = "STAGING_KEY", settings.text("STAGING_KEY")
    file = settings.text("STAGING_KEY_FILE")
    if value is None and file is not None:
        variable = "STAGING_KEY_FILE"
        try:
            value = Path(file).read_text(encoding="ascii")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(
                f"{settings.PREFIX}{variable} names a file that cannot be read "
                f"({type(error).__name__}); correct the variable."
            ) from None
    if value is None:
        return None
    try:
        secret = base64.b64decode(value.strip(), validate=True)
    except (binascii.Error, ValueError):
        secret = b""
    if len(secret) < KEY_BYTES:
        raise ConfigurationError(
            f"{settings.PREFIX}{variable} must hold {KEY_BYTES} random bytes or more in Base64; "
            f"make them with 'openssl rand -base64 {KEY_BYTES}'."
        )
    return StagingKey(secret)
