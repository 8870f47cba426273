"""Content ids: what an object is called, which is what it holds.

The id of an object is the BLAKE3 hash (256 bits) of its bytes, in binary inside of the store and as
``blake3:<hex>`` wherever people or JSON meet it. The id of a file is the hash of the whole file, so
that ``b3sum`` finds it too, however the file is cut and compressed in the store.
"""

from __future__ import annotations

from blake3 import blake3

from workspace_core.errors import DataWorkspacesError

ID_BYTES = 32
ALGORITHM = "blake3"


def content_id(content: bytes | memoryview) -> bytes:
    """Return the id of some bytes."""
    return blake3(content).digest()


def id_text(object_id: bytes) -> str:
    """Return an id as JSON and people have it."""
    return f"{ALGORITHM}:{object_id.hex()}"


def parse_id(text: str) -> bytes:
    """Return the id that a text names.

    Raises:
        DataWorkspacesError: if it names none, or one of another algorithm.
    """
    algorithm, _, digits = text.partition(":")
    try:
        found = bytes.fromhex(digits)
    except ValueError:
        found = b""
    if algorithm != ALGORITHM or len(found) != ID_BYTES or digits != digits.lower():
        raise DataWorkspacesError(f"'{text[:80]}' is no content id of the form {ALGORITHM}:<hex>.")
    return found
