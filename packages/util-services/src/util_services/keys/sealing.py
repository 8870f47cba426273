"""Sealing a secret for later: under a passphrase, or for whoever holds a recovery key.

* A passphrase: AES-256-GCM under a key that scrypt (RFC 7914) makes of it. Whoever opens it knows
  that somebody with the passphrase has sealed it.
* A recovery key: HPKE (RFC 9180, base mode) with X25519, HKDF-SHA256 and ChaCha20-Poly1305.
  Whoever opens it knows that nobody has changed it, and not who has sealed it: the public key is
  public.

Either way the record that lies open beside the seal is authenticated with it.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from util_services.encryption.secret import Secret, discreet
from util_services.errors import quoted_name
from util_services.keys.errors import BrokenRecordError, KeysError, WrongRecoveryKeyError
from util_services.keys.fields import (
    canonical,
    from_base64,
    require_fields,
    require_text,
    to_base64,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from util_services.keys.key_pairs import KeyPair, PublicKey

SALT_BYTES, NONCE_BYTES, KEY_BYTES = 16, 12, 32
SCRYPT_COST = 1 << 17  # with the next two: 128 MB of memory
SCRYPT_BLOCK = 8
SCRYPT_LANES = 1
MAX_SCRYPT_COST = 1 << 20  # a file may ask for 1 GB of memory and no more
SHORTEST_PASSPHRASE = 12
HPKE_INFO = b"data-services/sealed/1"
PASSPHRASE, RECIPIENT = "passphrase", "recipient"


class Sealer(Protocol):
    """Seals a secret beside an open record."""

    def seal(self, record: Mapping[str, Any], content: Secret) -> dict[str, Any]:
        """Return the seal, a JSON object."""
        ...


class Opener(Protocol):
    """Opens what was sealed."""

    def open(self, record: Mapping[str, Any], seal: Mapping[str, Any]) -> Secret:
        """Return the content.

        Raises:
            WrongRecoveryKeyError: if it was sealed for another, or anything was changed.
        """
        ...


@dataclass(frozen=True, slots=True)
class Passphrase:
    """Seals and opens with a passphrase."""

    text: Secret
    cost: int = SCRYPT_COST

    @classmethod
    @discreet
    def new(cls, text: Secret) -> Passphrase:
        """Return a passphrase to seal with.

        Raises:
            KeysError: if it is too short.
        """
        if len(text.reveal().decode()) < SHORTEST_PASSPHRASE:
            raise KeysError(
                f"The passphrase has fewer than {SHORTEST_PASSPHRASE} characters; use several "
                "random words."
            )
        return cls(text)

    @discreet
    def seal(self, record: Mapping[str, Any], content: Secret) -> dict[str, Any]:
        """Return the seal."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        salt, nonce = Secret.random(SALT_BYTES), Secret.random(NONCE_BYTES)
        seal = {
            "method": PASSPHRASE,
            "n": self.cost,
            "r": SCRYPT_BLOCK,
            "p": SCRYPT_LANES,
            "salt": to_base64(salt.reveal()),
            "nonce": to_base64(nonce.reveal()),
        }
        cipher = AESGCM(self._key(salt.reveal(), self.cost, SCRYPT_BLOCK, SCRYPT_LANES).reveal())
        sealed = cipher.encrypt(nonce.reveal(), content.reveal(), _bound(record, seal))
        return {**seal, "content": to_base64(sealed)}

    @discreet
    def open(self, record: Mapping[str, Any], seal: Mapping[str, Any]) -> Secret:
        """Return the content."""
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        require_method(seal, PASSPHRASE, "a passphrase")
        require_fields(seal, {"method", "n", "r", "p", "salt", "nonce", "content"}, "the seal")
        open_part = {name: value for name, value in seal.items() if name != "content"}
        salt, nonce = from_base64(seal["salt"], "the salt"), from_base64(seal["nonce"], "the nonce")
        sealed = from_base64(seal["content"], "the content")
        if len(nonce) != NONCE_BYTES or len(salt) < SALT_BYTES:
            raise BrokenRecordError("the salt or the nonce is not of its length")
        key = self._key(salt, *_scrypt_parameters(seal))
        try:
            return Secret(AESGCM(key.reveal()).decrypt(nonce, sealed, _bound(record, open_part)))
        except InvalidTag:
            raise WrongRecoveryKeyError(
                "The passphrase is wrong, or the file was changed; give the passphrase under "
                "which it was sealed."
            ) from None

    def _key(self, salt: bytes, cost: int, block: int, lanes: int) -> Secret:
        return Secret(scrypt(_normalised(self.text), salt, cost, block, lanes, KEY_BYTES))


@dataclass(frozen=True, slots=True)
class Recipient:
    """Seals for the holder of a recovery key."""

    public_key: PublicKey

    @discreet
    def seal(self, record: Mapping[str, Any], content: Secret) -> dict[str, Any]:
        """Return the seal."""
        seal = {"method": RECIPIENT, "recipient": self.public_key.fingerprint}
        info = HPKE_INFO + _bound(record, seal)
        sealed = hpke_suite().encrypt(content.reveal(), self.public_key.x25519(), info)
        return {**seal, "content": to_base64(sealed)}


@dataclass(frozen=True, slots=True)
class RecoveryKey:
    """Opens what was sealed for it."""

    pair: KeyPair

    @discreet
    def open(self, record: Mapping[str, Any], seal: Mapping[str, Any]) -> Secret:
        """Return the content."""
        from cryptography.exceptions import InvalidTag

        require_method(seal, RECIPIENT, "a recovery key")
        require_fields(seal, {"method", "recipient", "content"}, "the seal")
        open_part = {name: value for name, value in seal.items() if name != "content"}
        if (
            other := require_text(seal["recipient"], "'recipient'")
        ) != self.pair.public.fingerprint:
            raise WrongRecoveryKeyError(
                f"It was sealed for the recovery key {quoted_name(other)} and this one is "
                f"'{self.pair.public.fingerprint}'; give the other one."
            )
        info = HPKE_INFO + _bound(record, open_part)
        sealed = from_base64(seal["content"], "the content")
        try:
            return Secret(hpke_suite().decrypt(sealed, self.pair.x25519(), info))
        except (InvalidTag, ValueError):
            raise WrongRecoveryKeyError(
                "It does not open with the recovery key that it was sealed for, so it was changed; "
                "take another copy."
            ) from None


def hpke_suite() -> Any:
    """Return the suite of RFC 9180, appendix A.2."""
    from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

    return Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)


@discreet
def scrypt(text: Secret, salt: bytes, cost: int, block: int, lanes: int, length: int) -> bytes:
    """Return the key that scrypt (RFC 7914) makes of a text."""
    from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

    return Scrypt(salt, length, cost, block, lanes).derive(text.reveal())


def require_method(seal: Mapping[str, Any], method: str, what: str) -> None:
    """Check how something was sealed.

    Raises:
        WrongRecoveryKeyError: if it opens in another way.
    """
    if not isinstance(seal, dict) or seal.get("method") not in (PASSPHRASE, RECIPIENT):
        raise BrokenRecordError("it is not sealed in a way that this version knows")
    if seal["method"] != method:
        other = "a passphrase" if method == RECIPIENT else "a recovery key"
        raise WrongRecoveryKeyError(f"It was sealed with {other} and not with {what}; give that.")


def _scrypt_parameters(seal: Mapping[str, Any]) -> tuple[int, int, int]:
    cost, block, lanes = (seal[name] for name in ("n", "r", "p"))
    numbers = all(type(number) is int for number in (cost, block, lanes))
    if not numbers or (block, lanes) != (SCRYPT_BLOCK, SCRYPT_LANES):
        raise BrokenRecordError("the parameters of scrypt are none that this version writes")
    if not 2 <= cost <= MAX_SCRYPT_COST or cost & (cost - 1):
        raise BrokenRecordError("the cost of scrypt is none that this version accepts")
    return cost, block, lanes


def _bound(record: Mapping[str, Any], seal: Mapping[str, Any]) -> bytes:
    """Return what is authenticated and lies open: the record, and how it was sealed."""
    return canonical({"record": dict(record), "seal": dict(seal)})


def _normalised(text: Secret) -> Secret:
    """Return a passphrase as every keyboard makes it (RFC 8265: Unicode form C)."""
    return Secret(unicodedata.normalize("NFC", text.reveal().decode()).encode())
