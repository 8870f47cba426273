"""FF1 for one value, step by step as SP 800-38G writes it: what the fast path is compared with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC, ECB

if TYPE_CHECKING:
    from collections.abc import Sequence

ROUNDS = 10


def crypt(
    key: bytes, radix: int, tweak: bytes, numerals: Sequence[int], *, decrypt: bool
) -> list[int]:
    """Return the numerals of a value, encrypted or decrypted (algorithms 7 and 8)."""
    n, t = len(numerals), len(tweak)
    u = n // 2
    v = n - u
    a, b = list(numerals[:u]), list(numerals[u:])
    width = ((radix**v - 1).bit_length() + 7) // 8
    d = 4 * -(-width // 4) + 4
    p = (
        bytes([1, 2, 1])
        + radix.to_bytes(3, "big")
        + bytes([10, u % 256])
        + n.to_bytes(4, "big")
        + t.to_bytes(4, "big")
    )
    for i in reversed(range(ROUNDS)) if decrypt else range(ROUNDS):
        source = a if decrypt else b
        padding = bytes((-t - width - 1) % 16)
        q = tweak + padding + bytes([i]) + _number(radix, source).to_bytes(width, "big")
        r = _mac(key, p + q)
        s = r
        for j in range(1, -(-d // 16)):
            s += _block(key, bytes(x ^ y for x, y in zip(r, j.to_bytes(16, "big"), strict=True)))
        y = int.from_bytes(s[:d], "big")
        m = u if i % 2 == 0 else v
        if decrypt:
            c = (_number(radix, b) - y) % radix**m
            a, b = _numerals(radix, m, c), a
        else:
            c = (_number(radix, a) + y) % radix**m
            a, b = b, _numerals(radix, m, c)
    return a + b


def _number(radix: int, numerals: Sequence[int]) -> int:
    number = 0
    for numeral in numerals:
        number = number * radix + numeral
    return number


def _numerals(radix: int, length: int, number: int) -> list[int]:
    numerals = [0] * length
    for place in reversed(range(length)):
        number, numerals[place] = divmod(number, radix)
    return numerals


def _mac(key: bytes, message: bytes) -> bytes:
    """Return the last block of CBC with a zero start (algorithm 6)."""
    encryptor = Cipher(AES(key), CBC(bytes(16))).encryptor()
    return encryptor.update(message)[-16:]


def _block(key: bytes, block: bytes) -> bytes:
    return Cipher(AES(key), ECB()).encryptor().update(block)  # noqa: S305 - one block
