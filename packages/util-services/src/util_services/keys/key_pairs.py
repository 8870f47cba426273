"""Key pairs: recovery keys, identities of people, and keys of deployments.

The first open backups, the second sign approvals and policies, the third sign releases. The private
half is a file for its owner alone, sealed under a passphrase unless one insists. The public half is
a file for everybody. A key is known by its fingerprint: the SHA-256 thumbprint of its JSON Web Key
(RFC 7638, RFC 8037).
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NoReturn, get_args

from util_services.encryption.secret import Secret, discreet
from util_services.keys.errors import BrokenRecordError, KeysError
from util_services.keys.fields import (
    canonical,
    from_base64,
    parse,
    require_fields,
    require_form,
    require_instant,
    require_text,
    secret_from_base64,
    to_base64,
    to_json,
)
from util_services.keys.info import utc_now

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from util_services.keys.sealing import Passphrase

Use = Literal["approval", "recovery", "release"]
CURVES: dict[Use, str] = {"approval": "Ed25519", "recovery": "X25519", "release": "Ed25519"}
PRIVATE_KIND = "data-services/private-key"
PUBLIC_KIND = "data-services/public-key"
SCHEMA = 1
PRIVATE_BYTES = PUBLIC_BYTES = 32
USE = re.compile("|".join(get_args(Use)))
PUBLIC_FIELDS = frozenset({"use", "owner", "created", "public_key"})


@dataclass(frozen=True, slots=True)
class PublicKey:
    """The public half: what it is for, whose it says it is, and the key."""

    use: Use
    owner: str
    created: str
    content: bytes

    @property
    def fingerprint(self) -> str:
        """The SHA-256 thumbprint of the key (RFC 7638), in hexadecimal digits."""
        return thumbprint(CURVES[self.use], self.content)

    def x25519(self) -> Any:
        """Return the key in the form of the library."""
        from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey

        return X25519PublicKey.from_public_bytes(self.content)

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Return whether the private half has signed a message (Ed25519, RFC 8032)."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        try:
            Ed25519PublicKey.from_public_bytes(self.content).verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        return True

    def to_dict(self) -> dict[str, str]:
        """Return the record as a JSON object."""
        return {
            "use": self.use,
            "owner": self.owner,
            "created": self.created,
            "public_key": to_base64(self.content),
        }

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Self:
        """Return the record that a JSON object holds.

        Raises:
            BrokenRecordError: if it is none.
        """
        require_fields(fields, PUBLIC_FIELDS, "a public key")
        require_form(fields["use"], USE, "'use'")
        require_owner(fields["owner"])
        require_instant(fields["created"], "'created'")
        content = from_base64(fields["public_key"], "'public_key'")
        if len(content) != PUBLIC_BYTES:
            raise BrokenRecordError(f"'public_key' does not have {PUBLIC_BYTES} bytes")
        return cls(fields["use"], fields["owner"], fields["created"], content)

    def to_file(self) -> str:
        """Return the content of a public file; the fingerprint in it is for people."""
        return to_json(PUBLIC_KIND, SCHEMA, {**self.to_dict(), "fingerprint": self.fingerprint})

    @classmethod
    def from_file(cls, content: bytes, use: Use) -> Self:
        """Return the key that a public file holds.

        Raises:
            BrokenRecordError: if it holds none for this use.
        """
        record = parse(content, PUBLIC_KIND, SCHEMA)
        fingerprint = record.pop("fingerprint", None)
        key = cls.from_dict(record)
        require_use(key, use)
        if key.fingerprint != fingerprint:
            raise BrokenRecordError("its fingerprint is that of another key")
        return key


class KeyPair:
    """A private key and its public half."""

    __slots__ = ("_private", "public")

    def __init__(self, public: PublicKey, private: Secret) -> None:
        self.public, self._private = public, private

    @classmethod
    def generate(cls, use: Use, owner: str) -> KeyPair:
        """Return a new key pair of an owner.

        Raises:
            KeysError: if the owner's name cannot be one.
        """
        private = Secret.random(PRIVATE_BYTES)
        try:
            require_owner(owner)
        except BrokenRecordError as error:
            raise KeysError(f"The owner cannot be used: {error}; give a name.") from None
        return cls(PublicKey(use, owner, utc_now(), public_bytes(use, private)), private)

    def x25519(self) -> Any:
        """Return the private key in the form of the library."""
        from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

        return X25519PrivateKey.from_private_bytes(self._private.reveal())

    @discreet
    def sign(self, message: bytes) -> bytes:
        """Return the signature of a message (Ed25519, RFC 8032): 64 bytes."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return Ed25519PrivateKey.from_private_bytes(self._private.reveal()).sign(message)

    @discreet
    def to_file(self, passphrase: Passphrase | None) -> Secret:
        """Return the content of a private file, sealed unless there is no passphrase."""
        record: dict[str, Any] = {**self.public.to_dict()}
        if passphrase is None:
            record["private_key"] = to_base64(self._private.reveal())
        else:
            record["seal"] = passphrase.seal(sealed_record(self.public), self._private)
        return Secret(to_json(PRIVATE_KIND, SCHEMA, record).encode())

    def __repr__(self) -> str:
        """Return owner and fingerprint, never the private key."""
        return f"KeyPair({self.public.owner!r}, {self.public.fingerprint})"

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled.

        Raises:
            TypeError: always.
        """
        raise TypeError("A private key is never pickled.")


@dataclass(frozen=True, slots=True)
class PrivateFile:
    """A file with a private key, which a passphrase may have to open."""

    public: PublicKey
    seal: Mapping[str, Any] | None
    plain: Secret | None

    @classmethod
    @discreet
    def from_bytes(cls, content: Secret, use: Use) -> PrivateFile:
        """Return what a private file holds.

        Raises:
            BrokenRecordError: if it holds no key for this use.
        """
        record = parse(content.reveal(), PRIVATE_KIND, SCHEMA)
        seal, plain = record.pop("seal", None), record.pop("private_key", None)
        public = PublicKey.from_dict(record)
        require_use(public, use)
        if (seal is None) == (plain is None):
            raise BrokenRecordError("it holds either a seal or a private key")
        if plain is None:
            return cls(public, seal, None)
        return cls(public, None, secret_from_base64(plain, "'private_key'"))

    @property
    def is_sealed(self) -> bool:
        """Whether it takes a passphrase to open it."""
        return self.plain is None

    @discreet
    def open(self, passphrase: Passphrase | None) -> KeyPair:
        """Return the key pair.

        Raises:
            KeysError: if the passphrase is missing or wrong, or the halves do not belong together.
        """
        if self.plain is not None:
            private = self.plain
        elif passphrase is None:
            raise KeysError("The private key is sealed; give its passphrase.")
        else:
            private = passphrase.open(sealed_record(self.public), self.seal or {})
        if len(private) != PRIVATE_BYTES:
            raise BrokenRecordError(f"the private key does not have {PRIVATE_BYTES} bytes")
        if public_bytes(self.public.use, private) != self.public.content:
            raise BrokenRecordError("the private key belongs to another public key")
        return KeyPair(self.public, private)


@discreet
def public_bytes(use: Use, private: Secret) -> bytes:
    """Return the public half of a private key."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

    kind = Ed25519PrivateKey if CURVES[use] == "Ed25519" else X25519PrivateKey
    return kind.from_private_bytes(private.reveal()).public_key().public_bytes_raw()


def sealed_record(public: PublicKey) -> dict[str, Any]:
    """Return what lies open beside a sealed private key."""
    return {"kind": PRIVATE_KIND, "schema": SCHEMA, **public.to_dict()}


def thumbprint(curve: str, public: bytes) -> str:
    """Return the SHA-256 thumbprint of a key on an Edwards or Montgomery curve (RFC 7638).

    It is written in hexadecimal digits: people read it out to each other and type it.
    """
    jwk = canonical({"crv": curve, "kty": "OKP", "x": to_base64url(public)})
    return hashlib.sha256(jwk).hexdigest()


def to_base64url(content: bytes) -> str:
    """Return bytes as Base64url without padding (RFC 7515, section 2)."""
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def require_use(key: PublicKey, use: Use) -> None:
    """Check what a key is for.

    Raises:
        BrokenRecordError: if it is for something else.
    """
    if key.use != use:
        raise BrokenRecordError(f"its key is for '{key.use}' and not for '{use}'")


def require_owner(owner: Any) -> str:
    """Return the name of an owner.

    Raises:
        BrokenRecordError: if it cannot be one.
    """
    if not require_text(owner, "the owner") or owner != owner.strip():
        raise BrokenRecordError("the owner is empty, or has spaces around it")
    return str(owner)
