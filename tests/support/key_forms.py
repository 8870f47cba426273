"""The forms in which a key may stand in a file, for tests that look whether one does."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

URL_SAFE = bytes.maketrans(b"+/", b"-_")


def forms_of(key: bytes) -> Iterator[bytes]:
    """Yield a key as it is, in hexadecimal digits, and in Base64, wherever it begins there."""
    yield key
    yield key.hex().encode()
    yield key.hex().upper().encode()
    for before in range(3):
        first = -(-8 * before // 6)  # the first character that the bytes before have no part in
        encoded = base64.b64encode(bytes(before) + key).rstrip(b"=")[first:-1]
        yield encoded
        yield encoded.translate(URL_SAFE)


def shows(content: bytes, keys: Iterable[bytes]) -> bool:
    """Return whether any of some keys stands in a content."""
    return any(form in content for key in keys for form in forms_of(key))


def files_with(keys: Iterable[bytes], *folders: Path, but: Path) -> list[Path]:
    """Return the files below folders in which a key stands, except below one of them."""
    known = list(keys)
    paths = (path for folder in folders for path in folder.rglob("*"))
    return [
        path for path in paths if not path.is_relative_to(but) and shows(_content_of(path), known)
    ]


def _content_of(path: Path) -> bytes:
    """Return what is in a file; nothing of one that has just gone, and of what is none."""
    try:
        return path.read_bytes() if path.is_file() else b""
    except FileNotFoundError:
        return b""
