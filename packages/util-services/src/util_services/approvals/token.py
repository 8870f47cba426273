"""The form of an approval: a compact JSON Web Signature (RFC 7515) with Ed25519 (RFC 9864).

``BASE64URL(header) . BASE64URL(claims) . BASE64URL(signature)``. The header is always
``{"alg": "Ed25519", "kid": <fingerprint>, "typ": "data-services-approval-1"}``; nothing else is
read, so that there is no algorithm to be talked into and no key to be brought along. Any JWS
library reads and checks the form; the signature is made and checked by `cryptography` itself,
since a library for JWS adds what this form leaves out.
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from util_services.approvals.errors import MalformedApprovalError
from util_services.approvals.records import Claims
from util_services.keys.errors import BrokenRecordError
from util_services.keys.fields import canonical, parse_object, require_fields, require_form
from util_services.keys.key_pairs import to_base64url

if TYPE_CHECKING:
    from util_services.keys.key_pairs import KeyPair

ALGORITHM = "Ed25519"
TYPE = "data-services-approval-1"  # the number is that of the schema of the claims
FINGERPRINT = re.compile(r"[A-Za-z0-9_-]{43}")
SIGNATURE_BYTES = 64
MAX_TOKEN = 1 << 20
PARTS = 3


@dataclass(frozen=True, slots=True)
class Token:
    """An approval as it was handed over; nobody has checked the signature yet."""

    claims: Claims
    key: str  # the fingerprint of the key that is said to have signed
    signed: bytes
    signature: bytes
    sha256: str


def sign(claims: Claims, pair: KeyPair) -> str:
    """Return the token of an approval."""
    header = {"alg": ALGORITHM, "kid": pair.public.fingerprint, "typ": TYPE}
    signed = ".".join(to_base64url(canonical(part)) for part in (header, claims.to_dict()))
    return f"{signed}.{to_base64url(pair.sign(signed.encode()))}"


def read(text: str) -> Token:
    """Return the approval that a text holds.

    Raises:
        MalformedApprovalError: if it holds none.
    """
    text = text.strip()
    try:
        return _read(text)
    except BrokenRecordError as error:
        raise MalformedApprovalError(None, str(error)) from None


def _read(text: str) -> Token:
    parts = text.split(".")
    if len(text) > MAX_TOKEN or len(parts) != PARTS or not text.isascii():
        raise BrokenRecordError("it is no token of three parts")
    header, claims, signature = map(_decoded, parts)
    fields = parse_object(header)
    require_fields(fields, {"alg", "kid", "typ"}, "its header")
    if fields["typ"] != TYPE or fields["alg"] != ALGORITHM:
        raise BrokenRecordError(
            f"it is not of the type '{TYPE}' with '{ALGORITHM}', which is what this version reads"
        )
    key = require_form(fields["kid"], FINGERPRINT, "'kid'")
    if len(signature) != SIGNATURE_BYTES:
        raise BrokenRecordError("its signature is not of its length")
    signed = text.rpartition(".")[0].encode()
    digest = hashlib.sha256(text.encode()).hexdigest()
    return Token(Claims.from_dict(parse_object(claims)), key, signed, signature, digest)


def _decoded(part: str) -> bytes:
    """Return the bytes of a part, which has one spelling alone."""
    try:
        content = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except ValueError:
        content = b""
    if not content or to_base64url(content) != part:
        raise BrokenRecordError("a part of it is no Base64url")
    return content
