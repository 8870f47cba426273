"""Whether the very bytes of a release are at the place where it was published."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from util_services.datasets.manifest import MANIFEST
from util_services.errors import StorageError
from util_services.storage.local import LocalStorage

if TYPE_CHECKING:
    from util_services.releases.registered import RegisteredRelease, RegisteredTable
    from util_services.storage.protocol import Storage


CHUNK_BYTES = 1 << 20


def holds(storage: Storage, path: str, table: RegisteredTable) -> bool:
    """Return whether a path of a storage leads to the very bytes of a table.

    Raises:
        StorageError: if the storage cannot be asked, or does not serve that path.
    """
    location = storage.resolve(path.rstrip("/"))
    if table.path.endswith("/"):
        location = replace(location, path=f"{location.path}/{MANIFEST}")
    if storage.fingerprint(location) is None:
        return False
    digest = hashlib.sha256()
    with storage.open(location) as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest() == table.sha256


def is_there(storage: Storage, release: RegisteredRelease) -> bool | None:
    """Return whether a release is where it was published; None if that cannot be told."""
    try:
        return all(holds(storage, one.address, one) for one in release.tables.values())
    except StorageError:
        return None


def is_on_this_machine(release: RegisteredRelease) -> bool | None:
    """Return whether a release is where it was published, None for a place in a bucket."""
    address = release.table.address
    if "://" in address:
        return None
    return is_there(LocalStorage(Path(address).parent), release)
