"""The store: objects by their ids, for one or more workspaces of a machine.

store.json       format, id of the store, its keyset
packs/           <random>.pack, never changed
incoming/        packs that are being written; what lies there while nobody writes is removed
pins/            <workspace>/<name>.json: roots that `gc` keeps, with all that they lead to
erased/          <id>.json: objects that were erased on purpose
generation       renewed whenever objects may have gone, so that caches know
lock             shared by all who read and write, held alone by `gc`
"""

from __future__ import annotations

import os
import uuid
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workspace_core.errors import DamagedFileError, NoStoreError, StoreKeyError, StoreWriteError
from workspace_core.store.ciphers import StoreKeys
from workspace_core.store.durable import cause_of, json_bytes, read_json, write_whole
from workspace_core.store.locks import DEFAULT_WAIT_SECONDS, SharedLock
from workspace_core.store.packs import SUFFIX, Pack
from workspace_core.store.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from util_services.keys.keyset import Keyset

SCHEMA = 1
SETTINGS, PACKS, INCOMING, PINS, ERASED = "store.json", "packs", "incoming", "pins", "erased"
GENERATION, LOCK = "generation", "lock"


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """What a store is, decided when it is made."""

    id: str
    keyset: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as the file has them."""
        return {"schema": SCHEMA, "id": self.id, "keyset": self.keyset}

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> StoreSettings:
        """Return the settings that a file holds."""
        keyset = record.get("keyset")
        return cls(str(record["id"]), None if keyset is None else str(keyset))


class Store:
    """A content-addressed store in a folder. Objects are read and written in a `session`."""

    def __init__(self, folder: Path, settings: StoreSettings, keys: StoreKeys | None) -> None:
        self.folder, self.settings, self.keys = folder, settings, keys
        self._packs: dict[str, Pack] = {}
        self.damaged: dict[str, DamagedFileError] = {}  # packs whose tables cannot be used

    @classmethod
    def create(cls, folder: Path, keyset: Keyset | None = None) -> Store:
        """Make a store, or open the one that is there.

        Its folder is for its owner alone, since what it keeps may come from files that are. Who
        shares a store with other users opens the folder to them.

        Args:
            folder: where; made if it is missing.
            keyset: keys for encryption at rest, of the purpose ``workspace-store``.

        Raises:
            StoreWriteError: if the folder cannot be written.
            StoreKeyError: if a store is there already and has another keyset.
        """
        if not (folder / SETTINGS).exists():
            settings = StoreSettings(str(uuid.uuid4()), keyset.name if keyset else None)
            try:
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                for name in (PACKS, INCOMING, PINS, ERASED):
                    (folder / name).mkdir(parents=True, exist_ok=True)
                (folder / LOCK).touch()
                (folder / GENERATION).write_text(f"{_random_number():016x}\n")
            except OSError as error:
                raise StoreWriteError(str(folder), cause_of(error)) from error
            write_whole(folder / SETTINGS, json_bytes(settings.to_dict()))
        return cls.open(folder, keyset)

    @classmethod
    def open(cls, folder: Path, keyset: Keyset | None = None) -> Store:
        """Open a store.

        Args:
            folder: where it is.
            keyset: its keys; by default those that its settings name are loaded.

        Raises:
            NoStoreError: if there is none.
            StoreKeyError: if it is encrypted with another keyset.
            FormatVersionError: if a newer release has made it.
        """
        try:
            settings = StoreSettings.from_dict(read_json(folder / SETTINGS, SCHEMA))
        except (FileNotFoundError, NotADirectoryError):
            raise NoStoreError(str(folder)) from None
        except KeyError:
            raise DamagedFileError(str(folder / SETTINGS), "it names no store") from None
        return cls(folder, settings, _keys(settings, keyset))

    @property
    def id(self) -> str:
        """What the store is called, for ever."""
        return self.settings.id

    @property
    def generation(self) -> int:
        """A number that is another one whenever objects may have gone; never 0."""
        try:
            return int((self.folder / GENERATION).read_text(), 16) or _random_number()
        except (OSError, ValueError):
            return _random_number()  # which no cache was written for, so that none is believed

    def renew_generation(self) -> None:
        """Let caches know that objects may have gone."""
        write_whole(self.folder / GENERATION, b"%016x\n" % _random_number())

    @contextmanager
    def session(
        self,
        wait_seconds: float = DEFAULT_WAIT_SECONDS,
        kind: Callable[[Store], Session] = Session,
    ) -> Iterator[Session]:
        """Read and write objects, while nothing is collected.

        What was written and not flushed at the end is given up.

        Args:
            wait_seconds: how long to wait for somebody who collects garbage.
            kind: makes the session; for one that gets objects from elsewhere, too.

        Raises:
            WorkspaceBusyError: if somebody collects garbage for longer than one waits.
        """
        lock = SharedLock(self.folder / LOCK, "store", wait_seconds)
        try:
            if lock.acquire():
                self.sweep()
                lock.share()
            with kind(self) as session:
                yield session
        finally:
            lock.release()

    def packs(self) -> dict[str, Pack]:
        """Return the packs by name, as they are now; damaged ones are in `damaged`."""
        names = {name for name in os.listdir(self.folder / PACKS) if name.endswith(SUFFIX)}
        for name in self._packs.keys() - names:
            self._packs.pop(name).close()
        self.damaged = {name: error for name, error in self.damaged.items() if name in names}
        for name in sorted(names - self._packs.keys() - self.damaged.keys()):
            try:
                self._packs[name] = Pack(self.folder / PACKS / name, self.keys)
            except DamagedFileError as error:
                self.damaged[name] = error
            except StoreKeyError as error:  # its key was destroyed, or is disabled
                self.damaged[name] = DamagedFileError(
                    str(self.folder / PACKS / name), f"its key cannot be used: {error}"
                )
        return self._packs

    def sweep(self) -> None:
        """Remove what writers that died have left; the caller holds the lock alone."""
        with suppress(OSError):  # a read-only medium
            for left in (self.folder / INCOMING).iterdir():
                left.unlink()


def _random_number() -> int:
    return int.from_bytes(os.urandom(8), "big") | 1


def _keys(settings: StoreSettings, keyset: Keyset | None) -> StoreKeys | None:
    if settings.keyset is None:
        if keyset is not None:
            raise StoreKeyError("The store is not encrypted; open it without a keyset.")
        return None
    if keyset is None:
        from util_services.keys.keyset import Keyset as Keysets

        keyset = Keysets.load(settings.keyset)
    elif keyset.name != settings.keyset:
        raise StoreKeyError(
            f"The store is encrypted with the keyset '{settings.keyset}', not '{keyset.name}'."
        )
    return StoreKeys(keyset, settings.id)
