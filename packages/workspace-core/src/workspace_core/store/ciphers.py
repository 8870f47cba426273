"""Encryption at rest: a key for each pack, derived from a keyset of util-services.

A frame is sealed with AES-256-GCM (NIST SP 800-38D) under a random nonce of 96 bits; its place in
the pack is authenticated with it, so that a frame that was changed, moved or taken from another
pack is noticed. The key of a pack is a subkey (HKDF) of the keyset's primary key for the store and
the pack's salt, so that nonces stay far from repeating.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from workspace_core.errors import StoreKeyError

if TYPE_CHECKING:
    from util_services.keys.keyset import Key, Keyset

PURPOSE = "workspace-store"
NONCE_BYTES, TAG_BYTES = 12, 16


class PackCipher:
    """Seals and unseals the frames of one pack."""

    def __init__(self, key: Key, store_id: str, salt: bytes) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self._cipher = AESGCM(key.subkey(f"store:{store_id}", "pack", salt.hex()).reveal())
        self._salt = salt

    def seal(self, place: int, text: bytes) -> bytes:
        """Return a frame as it stands in the pack."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, text, self._authenticated(place))

    def unseal(self, place: int, sealed: bytes | memoryview) -> bytes:
        """Return what a frame holds.

        Raises:
            ValueError: if it is not the one that was written there.
        """
        from cryptography.exceptions import InvalidTag

        view = memoryview(sealed)
        try:
            return self._cipher.decrypt(
                bytes(view[:NONCE_BYTES]), view[NONCE_BYTES:], self._authenticated(place)
            )
        except InvalidTag:
            raise ValueError("the seal does not fit") from None

    def _authenticated(self, place: int) -> bytes:
        return self._salt + place.to_bytes(8, "little")


class StoreKeys:
    """The keys of an encrypted store."""

    def __init__(self, keyset: Keyset, store_id: str) -> None:
        if keyset.purpose != PURPOSE:
            raise StoreKeyError(
                f"The keyset '{keyset.name}' is for {keyset.purpose}; a store needs one for "
                f"{PURPOSE}."
            )
        self._keyset, self._store_id = keyset, store_id

    @property
    def primary(self) -> str:
        """The id of the key for new packs."""
        return self._keyset.primary.id

    def cipher(self, key_id: str, salt: bytes) -> PackCipher:
        """Return the cipher of a pack.

        Raises:
            StoreKeyError: if the keyset does not have the key, or it may not be used.
        """
        try:
            return PackCipher(self._keyset.key(key_id), self._store_id, salt)
        except ValueError as error:  # what util-services has to say of keys
            raise StoreKeyError(str(error)) from error
