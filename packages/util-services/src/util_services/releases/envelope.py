"""Signed envelopes: DSSE (Dead Simple Signing Envelope, version 1.0) with Ed25519 (RFC 8032).

    {"payloadType": …, "payload": BASE64(content),
     "signatures": [{"keyid": fingerprint, "sig": BASE64(signature)}]}

What is signed is ``PAE(type, content)``, so that a content never counts as one of another type. The
tools of in-toto and sigstore read and check the form.

Source: https://github.com/secure-systems-lab/dsse, protocol.md and envelope.md.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from util_services.releases.errors import EnvelopeError

if TYPE_CHECKING:
    from util_services.keys.key_pairs import KeyPair, PublicKey

STATEMENT_TYPE = "application/vnd.in-toto+json"  # of what is signed of a release
MAX_BYTES = 256 << 20


@dataclass(frozen=True, slots=True)
class Envelope:
    """A content with one signature; nobody has checked it yet."""

    payload_type: str
    payload: bytes
    key: str  # the fingerprint of the key that is said to have signed
    signature: bytes

    @classmethod
    def sealed(cls, payload_type: str, payload: bytes, pair: KeyPair) -> Envelope:
        """Return a content that a key pair has signed."""
        signature = pair.sign(pre_authentication_encoding(payload_type, payload))
        return cls(payload_type, payload, pair.public.fingerprint, signature)

    @classmethod
    def from_json(cls, content: bytes, payload_type: str) -> Envelope:
        """Return the envelope that a file holds.

        Raises:
            EnvelopeError: if it holds none, or one of another type.
        """
        if len(content) > MAX_BYTES:
            raise EnvelopeError(f"it has more than {MAX_BYTES >> 20} MB")
        try:
            record = json.loads(content)
            (signature,) = record["signatures"]
            envelope = cls(
                record["payloadType"],
                base64.b64decode(record["payload"], validate=True),
                signature["keyid"],
                base64.b64decode(signature["sig"], validate=True),
            )
        except (ValueError, KeyError, TypeError, RecursionError, binascii.Error):
            raise EnvelopeError("it is no envelope with one signature") from None
        if envelope.payload_type != payload_type:
            raise EnvelopeError(f"it is no envelope of the type '{payload_type}'")
        return envelope

    def to_json(self) -> bytes:
        """Return the envelope as sorted, indented JSON that ends in a newline."""
        record: dict[str, Any] = {
            "payloadType": self.payload_type,
            "payload": base64.b64encode(self.payload).decode(),
            "signatures": [
                {"keyid": self.key, "sig": base64.b64encode(self.signature).decode()},
            ],
        }
        return (json.dumps(record, indent=2, sort_keys=True) + "\n").encode()

    def is_signed_by(self, key: PublicKey) -> bool:
        """Return whether the private half of a key has signed just this."""
        signed = pre_authentication_encoding(self.payload_type, self.payload)
        return key.fingerprint == self.key and key.verifies(self.signature, signed)

    @property
    def payload_sha256(self) -> str:
        """The digest of the content."""
        return hashlib.sha256(self.payload).hexdigest()


def pre_authentication_encoding(payload_type: str, payload: bytes) -> bytes:
    """Return what is signed of a content (DSSE, protocol.md, section "Signature Definition")."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
