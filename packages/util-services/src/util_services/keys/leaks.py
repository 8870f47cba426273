"""Look for a secret in what was written, in every spelling in which one leaks."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from util_services.encryption.secret import Secret

BASE64_STEP = 3  # bytes; what stands before shifts all that follows by up to two of them


def is_shown(secret: Secret, written: bytes | str) -> bool:
    """Return whether something that was written holds a secret, in whatever spelling."""
    if isinstance(written, str):
        written = written.encode(errors="surrogatepass")
    return any(spelling in written for spelling in _spellings(secret.reveal()))


def _spellings(content: bytes) -> Iterator[bytes]:
    yield content
    yield content.decode("latin-1").encode()
    yield repr(content)[2:-1].encode()
    yield ", ".join(map(str, content)).encode()
    yield content.hex().encode()
    yield content.hex().upper().encode()
    for before in range(BASE64_STEP):
        after = -(before + len(content)) % BASE64_STEP
        padded = bytes(before) + content + bytes(after)
        middle = slice(-(-before * 4 // 3), -(after + 1) if after else None)
        yield base64.b64encode(padded)[middle]
        yield base64.urlsafe_b64encode(padded)[middle]
