"""Tokens: ``<scheme>1.<key id>.<Base64url>``, which say how and by which key they were made.

| scheme | made by | bytes in Base64url (RFC 4648, section 5, without padding) |
|---|---|---|
| ``mac`` | ``hash`` | the first 16 to 32 bytes of HMAC-SHA256 |
| ``siv`` | ``encrypt``, deterministic | what AES-SIV gives: 16 bytes of SIV, and the ciphertext |
| ``gcm`` | ``encrypt``, random | 16 bytes of salt, 12 of nonce, ciphertext, 16 bytes of tag |
| ``tok`` | ``tokenise`` | 16 random bytes |
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from field_pseudonymisation.errors import AppliedTwiceError, TokenError
from field_pseudonymisation.flat import Flat

if TYPE_CHECKING:
    from collections.abc import Iterator

TINK_HEAD = 5  # bytes: 0x01 and the id of the key
PREFIX_CHARACTERS = 14  # "siv1.00a1b2c3."
ANY_PSEUDONYM = r"^(?:mac|siv|gcm|tok)1\.[0-9a-f]{8}\.[A-Za-z0-9_-]{16,}$"
SCHEMES = ("mac1.", "siv1.", "gcm1.", "tok1.")
WRONG_FORM = "what is no token of this technique"
LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
IS_HEX = np.isin(np.arange(256), np.frombuffer(b"0123456789abcdef", np.uint8))
IS_LETTER = np.isin(np.arange(256), np.frombuffer(LETTERS, np.uint8))


def write_tokens(scheme: str, key_id: str, payloads: Flat) -> pa.Array:
    """Return the tokens that hold these bytes."""
    return base64_texts(payloads, f"{scheme}1.{key_id}.".encode())


def base64_texts(payloads: Flat, prefix: bytes = b"") -> pa.Array:
    """Return bytes in Base64url, each behind a prefix."""
    sizes = -(-payloads.lengths * 4 // 3) + len(prefix)
    result = Flat.empty(np.where(payloads.present, sizes, 0), payloads.present)
    head = np.frombuffer(prefix, np.uint8)
    for length, rows in payloads.groups():
        size = -(-length * 4 // 3)
        padded = np.zeros((len(rows), -(-length // 3) * 3), np.uint8)
        padded[:, :length] = payloads.get(length, rows)
        letters = np.frombuffer(base64.urlsafe_b64encode(padded.data), np.uint8)
        matrix = np.empty((len(rows), len(head) + size), np.uint8)
        matrix[:, : len(head)] = head
        matrix[:, len(head) :] = letters.reshape(len(rows), -1)[:, :size]
        result.put(len(head) + size, rows, matrix)
    return result.to_texts()


@dataclass(frozen=True, slots=True)
class TokenGroup:
    """Tokens of one key: the bytes in them, of the rows that are present."""

    key_id: str
    payloads: Flat


def read_tokens(tokens: pa.Array, scheme: str) -> Iterator[TokenGroup]:
    """Yield the bytes of tokens by key; missing values are passed over.

    Raises:
        TokenError: with the positions of what are no tokens of this scheme.
    """
    flat = Flat.of(tokens.cast(pa.large_string()))
    ids = np.zeros(len(flat.lengths), "S8")
    letters = Flat.empty(np.maximum(flat.lengths - PREFIX_CHARACTERS, 0), flat.present)
    head = np.frombuffer(f"{scheme}1.".encode(), np.uint8)
    wrong = np.zeros(len(ids), bool)
    for length, rows in flat.groups():
        if length < PREFIX_CHARACTERS + 2:
            wrong[rows] = True
            continue
        matrix = flat.get(length, rows)
        body = matrix[:, PREFIX_CHARACTERS:]
        fits = (matrix[:, : len(head)] == head).all(axis=1) & (matrix[:, 13] == ord("."))
        fits &= IS_HEX[matrix[:, 5:13]].all(axis=1) & IS_LETTER[body].all(axis=1)
        wrong[rows] = ~fits
        ids[rows] = np.ascontiguousarray(matrix[:, 5:13]).view("S8").reshape(-1)
        letters.put(length - PREFIX_CHARACTERS, rows, body)
    if wrong.any():
        raise TokenError("values", WRONG_FORM, np.flatnonzero(wrong))
    payloads = _payloads(letters)
    for key_id in np.unique(ids[flat.present]).tolist():
        yield TokenGroup(key_id.decode(), payloads.of_rows(flat.present & (ids == key_id)))


def read_tink(tokens: pa.Array) -> Iterator[TokenGroup]:
    """Yield the bytes of texts in Tink's wire format by key; missing values are passed over.

    Raises:
        TokenError: with the positions of what is not in this format.
    """
    letters = Flat.of(tokens.cast(pa.large_string()))
    wrong = letters.present & (letters.lengths < TINK_HEAD * 2)
    if len(letters.data):
        strange = np.flatnonzero(~IS_LETTER[letters.data])
        wrong[np.searchsorted(np.cumsum(letters.lengths), strange, side="right")] = True
    if wrong.any():
        raise TokenError("values", WRONG_FORM, np.flatnonzero(wrong))
    payloads = _payloads(letters)
    ids = np.zeros(len(payloads.lengths), "S8")
    bodies = Flat.empty(np.maximum(payloads.lengths - TINK_HEAD, 0), payloads.present)
    for length, rows in payloads.groups():
        matrix = payloads.get(length, rows)
        wrong[rows] = matrix[:, 0] != 1
        ids[rows] = [row.tobytes().hex().encode() for row in matrix[:, 1:TINK_HEAD]]
        bodies.put(length - TINK_HEAD, rows, matrix[:, TINK_HEAD:])
    if wrong.any():
        raise TokenError("values", WRONG_FORM, np.flatnonzero(wrong))
    for key_id in np.unique(ids[payloads.present]).tolist():
        yield TokenGroup(key_id.decode(), bodies.of_rows(payloads.present & (ids == key_id)))


def _payloads(letters: Flat) -> Flat:
    """Return the bytes that Base64url stands for; each text stands for other bytes."""
    result = Flat.empty(letters.lengths * 3 // 4, letters.present)
    for size, rows in letters.groups():
        length = size * 3 // 4
        padded = np.full((len(rows), -(-size // 4) * 4), ord("A"), np.uint8)
        padded[:, :size] = letters.get(size, rows)
        decoded = np.frombuffer(base64.urlsafe_b64decode(padded.data), np.uint8)
        matrix = decoded.reshape(len(rows), -1)
        wrong = (matrix[:, length:] != 0).any(axis=1)
        if size % 4 == 1 or wrong.any():
            raise TokenError("values", WRONG_FORM, rows if size % 4 == 1 else rows[wrong])
        result.put(length, rows, matrix[:, :length])
    return result


def refuse_tokens(values: pa.Array) -> None:
    """Refuse texts that are tokens already, so that nothing is pseudonymised twice unawares.

    Raises:
        AppliedTwiceError: with the positions of the tokens.
    """
    if not any(pc.any(pc.starts_with(values, scheme)).as_py() for scheme in SCHEMES):
        return  # found out in a part of the time
    found = pc.fill_null(pc.match_substring_regex(values, ANY_PSEUDONYM), False)
    if pc.any(found).as_py():
        raise AppliedTwiceError(
            "values",
            "tokens of an earlier pseudonymisation",
            np.flatnonzero(found.to_numpy(zero_copy_only=False)),
            "use 'repseudonymise_structured', or set 'again: true' in the rule",
        )
