"""Key pairs on disk: a private file for its owner alone, and beside it a public one."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from util_services.encryption.secret import Secret
from util_services.errors import DataServicesError, printable
from util_services.keys.errors import BrokenRecordError, KeysError
from util_services.keys.key_pairs import PrivateFile, PublicKey
from util_services.storage.private import (
    READABLE,
    NameTakenError,
    read_private,
    read_small,
    write_whole,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from util_services.keys.key_pairs import KeyPair, Use
    from util_services.keys.sealing import Passphrase

PUBLIC_ENDING = ".pub"


class KeyFileError(KeysError):
    """Raised for a file that holds no key for what it is to be used for."""


def write_key_pair(pair: KeyPair, file: Path, passphrase: Passphrase | None) -> Path:
    """Write the private file and, beside it, the public one, whose path is returned.

    Raises:
        NameTakenError: if one of them is there.
        WriteError: if one cannot be written.
    """
    public = file.with_name(f"{file.name}{PUBLIC_ENDING}")
    if public.exists():
        raise NameTakenError(f"'{printable(str(public))}' exists already; choose another name.")
    write_whole(file, pair.to_file(passphrase), replace=False)
    write_whole(public, Secret(pair.public.to_file().encode()), replace=False, mode=READABLE)
    return public


def read_private_key(file: Path, use: Use) -> PrivateFile:
    """Return what a private file holds.

    Raises:
        KeyFileError: if it holds no key for this use.
        StorageError: if it cannot be read, or others can read it.
    """
    _refuse_public_half(file, use)
    content = read_private(file)
    with key_file(file):
        return PrivateFile.from_bytes(content, use)


def read_public_key(file: Path, use: Use) -> PublicKey:
    """Return what a public file holds.

    Raises:
        KeyFileError: if it holds no key for this use.
        StorageError: if it cannot be read.
    """
    with key_file(file):
        return PublicKey.from_file(read_small(file), use)


def _refuse_public_half(file: Path, use: Use) -> None:
    """Refuse a public file that somebody names in place of the private one."""
    try:
        PublicKey.from_file(read_small(file), use)
    except DataServicesError:
        return
    raise KeyFileError(
        f"'{printable(str(file))}' is the public half of a key pair; name the private half, which "
        f"lies beside it without '{PUBLIC_ENDING}'."
    )


@contextmanager
def key_file(file: Path) -> Iterator[None]:
    """Tell of which file a fault is."""
    try:
        yield
    except BrokenRecordError as error:
        raise KeyFileError(
            f"'{printable(str(file))}' holds no key that can be used here: {error}; name another "
            "file."
        ) from None
