"""Authenticated encryption: AES-SIV where equal values stay equal, AES-GCM where they do not.

The associated data of both name the domain and, where tokens are bound to their column, the column:
a token that was moved elsewhere cannot be read.
"""

from __future__ import annotations

import secrets
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from field_pseudonymisation.errors import TokenError
from field_pseudonymisation.flat import Flat
from field_pseudonymisation.techniques.distinct import by_length, per_distinct
from field_pseudonymisation.techniques.encoding import decode, decode_each, encode, plain
from field_pseudonymisation.techniques.normalisation import normalise
from field_pseudonymisation.techniques.siv import ColumnSiv
from field_pseudonymisation.techniques.technique import Base
from field_pseudonymisation.techniques.tokens import (
    base64_texts,
    read_tink,
    read_tokens,
    write_tokens,
)
from util_services.encryption.secret import discreet

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

TINK_START = b"\x01"  # of what is encrypted, before the id of the key
SIV_KEY = 64  # bytes: AES-256 twice
SALT, NONCE, TAG = 16, 12, 16
MOST_MESSAGES = 1 << 32  # of random nonces under one key (NIST SP 800-38D, section 8.3)
NOT_OURS = (
    "a token that was changed, was moved here from another column or domain, or belongs to another "
    "keyset"
)


class Encryption(Base):
    """What both modes have in common: values to bytes and back, and what tokens are bound to."""

    @property
    def output(self) -> pa.DataType:
        """Texts."""
        return pa.string()

    @property
    def associated(self) -> bytes:
        """What a token is bound to: its domain and maybe its column."""
        parts = [self.target.domain]
        if self.options.bound_to == "column":
            parts.append(self.target.column)
        return b"".join(len(p.encode()).to_bytes(4, "big") + p.encode() for p in parts)

    def encoded(self, values: pa.Array) -> pa.Array:
        """Return values as bytes."""
        form = normalise(plain(values), self.options.normalise)
        return encode(form, as_text=self.options.as_ == "text")

    def reverse(self, values: pa.Array, others: Mapping[str, pa.Array]) -> pa.Array:  # noqa: ARG002
        """Return the original values."""
        as_text = self.options.as_ == "text"
        return decode(self.opened(plain(values)), self.target.type, as_text=as_text)

    def reverse_each(self, values: pa.Array) -> list[Any]:
        """Return the original values, each of the type that it tells itself."""
        return decode_each(self.opened(plain(values)).to_pylist())

    def opened(self, tokens: pa.Array) -> pa.Array:
        """Return what is in tokens."""
        raise NotImplementedError

    def gathered(
        self, tokens: pa.Array, scheme: str, opened: Callable[[str, Flat], tuple[Flat, np.ndarray]]
    ) -> pa.Array:
        """Return what is in the tokens of all keys, in the order of the rows.

        Raises:
            TokenError: with the positions of tokens that cannot be opened.
        """
        result = pa.nulls(len(tokens), pa.large_binary())
        is_tink = self.options.form == "tink"
        for group in read_tink(tokens) if is_tink else read_tokens(tokens, scheme):
            values, wrong = opened(group.key_id, group.payloads)
            if wrong.any():
                raise TokenError("values", NOT_OURS, np.flatnonzero(wrong), "nothing was decrypted")
            found = values.to_binary()
            result = found if result.null_count == len(result) else pc.coalesce(result, found)
        return result


class DeterministicEncryption(Encryption):
    """AES-SIV (RFC 5297) with a key of 512 bits."""

    def apply(self, values: pa.Array, others: Mapping[str, pa.Array]) -> pa.Array:  # noqa: ARG002
        """Return the tokens."""
        return per_distinct(plain(values), self._tokens)

    def _tokens(self, values: pa.Array) -> pa.Array:
        key = self.target.key()
        cipher = self._cipher(key.id)

        def sealed(encoded: pa.Array) -> pa.Array:
            payloads = cipher.seal(Flat.of(encoded))
            if self.options.form == "tink":
                return base64_texts(payloads.behind(TINK_START + bytes.fromhex(key.id)))
            return write_tokens("siv", key.id, payloads)

        return by_length(self.encoded(values), sealed).cast(self.output)

    def opened(self, tokens: pa.Array) -> pa.Array:
        """Return what is in tokens."""

        def opened(values: pa.Array) -> pa.Array:
            return self.gathered(
                values, "siv", lambda key_id, flat: self._cipher(key_id).open(flat)
            )

        return per_distinct(tokens, lambda some: by_length(some, opened))

    @discreet
    def _cipher(self, key_id: str) -> ColumnSiv:
        return ColumnSiv(
            self.target.subkey("encrypt", length=SIV_KEY, key_id=key_id), self.associated
        )


class RandomEncryption(Encryption):
    """AES-256-GCM with random nonces, under a subkey of this run's own."""

    @cached_property
    def _salt(self) -> bytes:
        return secrets.token_bytes(SALT)

    def apply(self, values: pa.Array, others: Mapping[str, pa.Array]) -> pa.Array:  # noqa: ARG002
        """Return the tokens."""
        encoded, key = self.encoded(values), self.target.key()
        self.count("messages", len(encoded) - encoded.null_count)
        if self.counts.get("messages", 0) > MOST_MESSAGES:
            raise TokenError(
                "values", "more values than one key may encrypt", (), "split the dataset"
            )
        cipher, associated = self._cipher(key.id, self._salt), self.associated
        sealed: list[bytes | None] = []
        for value in encoded.to_pylist():
            if value is None:
                sealed.append(None)
                continue
            nonce = secrets.token_bytes(NONCE)
            sealed.append(self._salt + nonce + cipher.encrypt(nonce, value, associated))
        return write_tokens("gcm", key.id, Flat.of(pa.array(sealed, pa.large_binary()))).cast(
            self.output
        )

    def opened(self, tokens: pa.Array) -> pa.Array:
        """Return what is in tokens."""
        return self.gathered(tokens, "gcm", self._open)

    def _open(self, key_id: str, sealed: Flat) -> tuple[Flat, np.ndarray]:
        ciphers: dict[bytes, AESGCM] = {}
        values: list[bytes | None] = [None] * len(sealed.lengths)
        wrong = np.zeros(len(sealed.lengths), bool)
        payloads = sealed.to_payloads()
        for row in np.flatnonzero(sealed.present).tolist():
            token = payloads[row]
            salt, nonce, body = token[:SALT], token[SALT : SALT + NONCE], token[SALT + NONCE :]
            if salt not in ciphers:
                ciphers[salt] = self._cipher(key_id, salt)
            try:
                values[row] = ciphers[salt].decrypt(nonce, body, self.associated)
            except (InvalidTag, ValueError):
                wrong[row] = True
        return Flat.of(pa.array(values, pa.large_binary())), wrong

    @discreet
    def _cipher(self, key_id: str, salt: bytes) -> AESGCM:
        subkey = self.target.subkey("encrypt-random", key_id=key_id)
        return AESGCM(subkey.derive(b"data-services/gcm/1", 32, salt).reveal())
