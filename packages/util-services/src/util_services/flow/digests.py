"""Digests of files, all that are wanted in one pass.

SHA-256 is what reports, manifests and the audit name. BLAKE3 is what stores of versions know
contents by; it is worked out where a recorder of runs asks for it, and imported then.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from util_services.encryption.paths import AnyPath

PIECE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class FileDigests:
    """The digests of a content, in hexadecimal digits."""

    sha256: str
    blake3: str | None = None


def digest_of(file: AnyPath) -> str:
    """Return the SHA-256 of a file in hexadecimal digits."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def digests_of(file: AnyPath, *, with_blake3: bool) -> FileDigests:
    """Return the digests of a file, which is read once."""
    if not with_blake3:
        return FileDigests(digest_of(file))
    from blake3 import blake3

    first, second = hashlib.sha256(), blake3()
    piece = memoryview(bytearray(PIECE_BYTES))
    with file.open("rb") as content:
        while count := content.readinto(piece):
            first.update(piece[:count])
            second.update(piece[:count])
    return FileDigests(first.hexdigest(), second.hexdigest())


def digests_of_bytes(content: bytes, *, with_blake3: bool) -> FileDigests:
    """Return the digests of a content that is in memory."""
    sha256 = hashlib.sha256(content).hexdigest()
    if not with_blake3:
        return FileDigests(sha256)
    from blake3 import blake3

    return FileDigests(sha256, blake3(content).hexdigest())
