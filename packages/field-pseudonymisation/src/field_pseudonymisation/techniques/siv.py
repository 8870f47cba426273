"""AES-SIV (RFC 5297) over many values: one call of AES for each block of thousands of them.

With one string of associated data, S2V of a value is CMAC of the value, changed at its end by a
constant. Values of one length share the number of blocks, so CMAC is one call of AES-ECB for each
block, and CTR another. Long values are left to the `AESSIV` of ``cryptography``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB

from field_pseudonymisation.flat import Flat

if TYPE_CHECKING:
    from util_services.encryption.secret import Secret

BLOCK = 16
LONGEST = 1024  # bytes; beyond it a call for each value costs less


class ColumnSiv:
    """AES-SIV of byte strings with one string of associated data."""

    def __init__(self, key: Secret, associated: bytes) -> None:
        self._key, self._associated = key, associated
        half = len(key) // 2
        self._mac = Cipher(AES(key.reveal()[:half]), ECB()).encryptor()  # noqa: S305 - a primitive
        self._ctr = Cipher(AES(key.reveal()[half:]), ECB()).encryptor()  # noqa: S305
        first = _double(self._mac.update(bytes(BLOCK)))
        self._whole, self._cut = _bits(first), _bits(_double(first))
        zero = self._cmac(np.zeros((1, BLOCK), np.uint8)).tobytes()
        start = self._cmac(np.frombuffer(associated, np.uint8).reshape(1, -1))
        self._start = start[0] ^ _bits(_double(zero))

    def seal(self, values: Flat) -> Flat:
        """Return SIV and ciphertext of each value."""
        result = Flat.empty(np.where(values.present, values.lengths + BLOCK, 0), values.present)
        for length, rows in values.groups():
            matrix = values.get(length, rows)
            if length > LONGEST:
                whole = AESSIV(self._key.reveal())
                sealed = b"".join(
                    whole.encrypt(row.tobytes(), [self._associated]) for row in matrix
                )
                done = np.frombuffer(sealed, np.uint8).reshape(len(rows), -1)
            else:
                siv = self._s2v(matrix)
                done = np.concatenate([siv, self._crypted(siv, matrix)], axis=1)
            result.put(length + BLOCK, rows, done)
        return result

    def open(self, sealed: Flat) -> tuple[Flat, np.ndarray]:
        """Return the values, and which rows are not what ``seal`` has made."""
        lengths = np.maximum(sealed.lengths - BLOCK, 0)
        result = Flat.empty(lengths, sealed.present)
        wrong = np.zeros(len(lengths), bool)
        for length, rows in sealed.groups():
            if length < BLOCK:
                wrong[rows] = True
                continue
            matrix = sealed.get(length, rows)
            if length > LONGEST + BLOCK:
                done, refused = self._opened_one_by_one(matrix)
            else:
                siv = matrix[:, :BLOCK]
                done = self._crypted(siv, matrix[:, BLOCK:])
                refused = np.bitwise_or.reduce(self._s2v(done) ^ siv, axis=1) != 0  # all bytes
            wrong[rows] = refused
            result.put(length - BLOCK, rows, done)
        return result, wrong

    def _opened_one_by_one(self, matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        whole = AESSIV(self._key.reveal())
        done = np.zeros((len(matrix), matrix.shape[1] - BLOCK), np.uint8)
        refused = np.zeros(len(matrix), bool)
        for number, row in enumerate(matrix):
            try:
                opened = whole.decrypt(row.tobytes(), [self._associated])
            except InvalidTag:
                refused[number] = True
            else:
                done[number] = np.frombuffer(opened, np.uint8)
        return done, refused

    def _s2v(self, matrix: np.ndarray) -> np.ndarray:
        length = matrix.shape[1]
        if length >= BLOCK:
            changed = matrix.copy()
            changed[:, length - BLOCK :] ^= self._start
            return self._cmac(changed)
        last = np.zeros((len(matrix), BLOCK), np.uint8)
        last[:, :length] = matrix
        last[:, length] = 0x80
        last ^= _bits(_double(self._start.tobytes())) ^ self._whole
        return _ecb(self._mac, last)

    def _cmac(self, matrix: np.ndarray) -> np.ndarray:
        """Return the CMAC (NIST SP 800-38B) of each row."""
        length = matrix.shape[1]
        before = max(0, -(-length // BLOCK) - 1)
        state = np.zeros((len(matrix), BLOCK), np.uint8)
        for place in range(0, before * BLOCK, BLOCK):
            state = _ecb(self._mac, state ^ matrix[:, place : place + BLOCK])
        rest = length - before * BLOCK
        last = np.zeros((len(matrix), BLOCK), np.uint8)
        last[:, :rest] = matrix[:, before * BLOCK :]
        if rest < BLOCK:
            last[:, rest] = 0x80
        last ^= state
        last ^= self._whole if rest == BLOCK else self._cut
        return _ecb(self._mac, last)

    def _crypted(self, siv: np.ndarray, matrix: np.ndarray) -> np.ndarray:
        """Return rows, each combined with the key stream that its SIV starts."""
        length = matrix.shape[1]
        counter = siv.copy()
        counter[:, 8] &= 0x7F
        counter[:, 12] &= 0x7F
        low = counter[:, 12:].copy().view(">u4").reshape(-1)
        blocks = []
        for number in range(-(-length // BLOCK)):
            counter[:, 12:] = (low + np.uint32(number)).astype(">u4").view(np.uint8).reshape(-1, 4)
            blocks.append(_ecb(self._ctr, counter))
        stream = (
            blocks[0] if len(blocks) == 1 else np.concatenate(blocks, axis=1) if blocks else matrix
        )
        return np.asarray(matrix ^ stream[:, :length])


def _ecb(encryptor: Any, blocks: np.ndarray) -> np.ndarray:
    out = np.empty(blocks.size + BLOCK - 1, np.uint8)
    encryptor.update_into(np.ascontiguousarray(blocks), out)
    return out[: blocks.size].reshape(blocks.shape)


def _bits(block: bytes) -> np.ndarray:
    return np.frombuffer(block, np.uint8)


def _double(block: bytes) -> bytes:
    """Return the product with x in GF(2^128)."""
    number = int.from_bytes(block, "big") << 1
    if number >> 128:
        number ^= (1 << 128) | 0x87
    return number.to_bytes(BLOCK, "big")
