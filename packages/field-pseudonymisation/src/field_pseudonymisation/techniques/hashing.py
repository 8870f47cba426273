"""Keyed hash: HMAC-SHA256 (RFC 2104) under a subkey of the domain."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from field_pseudonymisation.flat import Flat
from field_pseudonymisation.techniques.distinct import per_distinct
from field_pseudonymisation.techniques.encoding import encode, plain
from field_pseudonymisation.techniques.normalisation import normalise
from field_pseudonymisation.techniques.technique import Base
from field_pseudonymisation.techniques.tokens import base64_texts, write_tokens
from util_services.encryption.secret import discreet

if TYPE_CHECKING:
    from collections.abc import Mapping

    from util_services.encryption.secret import Secret

AT_ONCE = 8192  # messages
BLOCK = 64  # bytes of a block of SHA-256
INNER, OUTER = 0x36, 0x5C


class KeyedHash(Base):
    """Replaces values by their HMAC-SHA256."""

    @property
    def output(self) -> pa.DataType:
        """Texts."""
        return pa.string()

    def apply(self, values: pa.Array, others: Mapping[str, pa.Array]) -> pa.Array:  # noqa: ARG002
        """Return the hashes."""
        return per_distinct(plain(values), self._hashes)

    def _hashes(self, values: pa.Array) -> pa.Array:
        encoded = encode(
            normalise(values, self.options.normalise), as_text=self.options.as_ == "text"
        )
        size = self.options.bytes
        macs = hmac_sha256(self.target.subkey("hash"), encoded, size)
        present = encoded.is_valid().to_numpy(zero_copy_only=False)
        flat = Flat(np.frombuffer(macs, np.uint8), np.where(present, size, 0), present)
        form = self.options.form
        if form == "token":
            return write_tokens("mac", self.target.key().id, flat).cast(self.output)
        if form == "base64url":
            return base64_texts(flat).cast(self.output)
        write = {"hex": lambda mac: mac.hex(), "base32": _base32}[form]
        rows = iter(range(0, len(macs), size))
        texts = [
            write(macs[(at := next(rows)) : at + size]) if is_value else None
            for is_value in present
        ]
        return pa.array(texts, self.output)


def _base32(mac: bytes) -> str:
    return base64.b32encode(mac).decode().rstrip("=").lower()


@discreet
def hmac_sha256(key: Secret, messages: pa.Array, size: int) -> bytes:
    """Return the first bytes of the HMAC of each message, one behind the other.

    The key's two blocks are hashed once, and the states copied for each message. So few messages
    are objects of Python at a time that these stay near the processor.

    Args:
        key: of at most 64 bytes.
        messages: binary values; missing ones are passed over.
        size: how many bytes of each HMAC.
    """
    padded = key.reveal().ljust(BLOCK, b"\0")
    inner = hashlib.sha256(bytes(byte ^ INNER for byte in padded)).copy
    outer = hashlib.sha256(bytes(byte ^ OUTER for byte in padded)).copy
    parts = []
    for start in range(0, len(messages), AT_ONCE):
        macs: list[bytes] = []
        add = macs.append
        for message in messages.slice(start, AT_ONCE).to_pylist():
            if message is not None:
                first = inner()
                first.update(message)
                second = outer()
                second.update(first.digest())
                add(second.digest())
        whole = np.frombuffer(b"".join(macs), np.uint8).reshape(-1, hashlib.sha256().digest_size)
        parts.append(whole[:, :size].tobytes())
    return b"".join(parts)
