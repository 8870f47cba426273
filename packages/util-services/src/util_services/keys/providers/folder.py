"""Keysets as files of a folder that only this user can enter, one file each.

A change is made under a lock, and the new file replaces the old one in one step. So readers need no
lock, and a writer that is killed leaves the keyset as it was.
"""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING

from util_services.errors import printable, quoted_name
from util_services.keys.document import Document
from util_services.keys.errors import (
    BusyKeysetError,
    KeysError,
    KeysetExistsError,
    KeysetNotFoundError,
)
from util_services.keys.info import require_name
from util_services.keys.keyset import with_new_materials
from util_services.keys.providers.documents import DocumentProvider, is_name, refuse_known_keys
from util_services.storage.locks import LockHeldError, locked
from util_services.storage.private import (
    make_private_folder,
    read_private,
    replace_and_overwrite,
    require_private_folder,
    sweep_unfinished,
    unwritable,
    write_whole,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from util_services.encryption.secret import Secret
    from util_services.keys.info import KeysetInfo
    from util_services.keys.keyset import Keyset
    from util_services.keys.providers.protocol import Change, Wrapping

ENDING = ".json"
LOCK_SECONDS = 30.0
ALL = ".all"  # the lock that new keysets share, since each is compared with all others


class FolderProvider(DocumentProvider):
    """Keeps keysets as files in a folder, each key in a wrapping."""

    def __init__(self, folder: Path, wrapping: Wrapping) -> None:
        super().__init__(wrapping)
        self.folder = folder

    def names(self) -> tuple[str, ...]:
        """Return the names of all keysets, sorted."""
        if not os.path.lexists(self.folder):
            return ()
        require_private_folder(self.folder)
        names = (file.name.removesuffix(ENDING) for file in self.folder.glob(f"*{ENDING}"))
        return tuple(sorted(filter(is_name, names)))

    def create(self, keyset: Keyset) -> None:
        """Keep a new keyset."""
        make_private_folder(self.folder)
        file = self._file(keyset.name)
        with self._lock(keyset.name, ALL), self._lock(keyset.name):
            if os.path.lexists(file):
                raise KeysetExistsError(
                    f"{self._place(keyset.name)} exists already; choose another name."
                )
            refuse_known_keys(keyset.info, self._others())
            sweep_unfinished(file)
            materials = {
                key_id: self._wrapped(keyset.info, key_id, material)
                for key_id, material in keyset.materials.items()
            }
            write_whole(file, Document(keyset.info, materials).to_bytes(), replace=False)

    def update(self, name: str, change: Change) -> KeysetInfo:
        """Change a keyset and return what is then known of it."""
        self._document(name)  # so that a missing folder or keyset is told as such
        with self._lock(name):
            former = self._document(name)
            info, new = with_new_materials(change(former.info), former.materials)
            materials = {
                key.id: former.materials.get(key.id) or self._wrapped(info, key.id, new[key.id])
                for key in info.keys
                if key.state != "destroyed"
            }
            file, content = self._file(name), Document(info, materials).to_bytes()
            sweep_unfinished(file)
            if former.materials.keys() - materials.keys():
                replace_and_overwrite(file, content)
            else:
                write_whole(file, content, replace=True)
        return info

    def _place(self, name: str) -> str:
        return f"The keyset {quoted_name(name)} in '{printable(str(self.folder))}'"

    def _file(self, name: str) -> Path:
        return self.folder / f"{require_name(name, 'keyset')}{ENDING}"

    def _content(self, name: str) -> Secret:
        file = self._file(name)
        if os.path.lexists(self.folder):
            require_private_folder(self.folder)
            if os.path.lexists(file):
                return read_private(file)
        raise KeysetNotFoundError(name, f"'{printable(str(self.folder))}'")

    def _others(self) -> Iterator[KeysetInfo]:
        for name in self.names():
            with suppress(KeysError):  # a damaged keyset is told to those who use it
                yield self.describe(name)

    @contextmanager
    def _lock(self, name: str, lock: str | None = None) -> Iterator[None]:
        file = self.folder / f".{lock or name}.lock"
        with ExitStack() as stack:
            try:
                stack.enter_context(locked(file, LOCK_SECONDS))
            except LockHeldError:
                raise BusyKeysetError(name) from None
            except OSError as error:
                raise unwritable(file, error) from None
            yield
