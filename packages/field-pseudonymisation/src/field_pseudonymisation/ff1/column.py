"""FF1 for columns: one call of AES for each round of thousands of values.

All of CBC-MAC's input but its end is the same for values of one length: the state before that end
is worked out once. A round is then one block for each value, made as two 64-bit words, and one call
of AES-ECB over all of them (SP 800-38G, algorithms 7 and 8).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB

if TYPE_CHECKING:
    from collections.abc import Iterator

    from util_services.encryption.secret import Secret

ROUNDS = 10
BLOCK = 16  # bytes
ROWS_AT_ONCE = 16_384  # their blocks and numbers stay in the second-level cache
NARROW = 1 << 48  # halves below this are reduced in 64-bit words
MOST_TABLE_ROWS = 1 << 16


class ColumnCipher:
    """FF1 over numerals that lie one behind the other."""

    def __init__(self, key: Secret, radix: int) -> None:
        self._key, self.radix = key, radix

    def crypt(
        self, numerals: np.ndarray, lengths: np.ndarray, tweak: bytes | np.ndarray, *, decrypt: bool
    ) -> np.ndarray:
        """Return the numerals, transformed; values of length 0 are passed over.

        The tweak is one for all, or a matrix with one of 16 bytes for each value.
        """
        encryptor = Cipher(AES(self._key.reveal()), ECB()).encryptor()  # noqa: S305 - a primitive
        result = np.empty_like(numerals)
        starts = np.cumsum(lengths) - lengths
        for length in np.unique(lengths[lengths > 0]):
            rows = None if (lengths == length).all() else np.flatnonzero(lengths == length)
            count = len(lengths) if rows is None else len(rows)
            shape = _Shape.of(self.radix, int(length), tweak, encryptor)
            chosen = None if isinstance(tweak, bytes) else tweak if rows is None else tweak[rows]
            for first in range(0, count, ROWS_AT_ONCE):
                last = min(first + ROWS_AT_ONCE, count)
                if rows is None:
                    place: Any = slice(first * length, last * length)
                else:
                    place = starts[rows[first:last], None] + np.arange(length)
                block = numerals[place].reshape(last - first, length)
                some = shape if chosen is None else shape.tweaked(chosen[first:last], encryptor)
                result[place] = some.crypt(block, encryptor, decrypt=decrypt).reshape(
                    block.shape if rows is not None else -1
                )
        return result


@dataclass(frozen=True, slots=True)
class _Shape:
    """What is the same for all values of one length."""

    radix: int
    u: int
    v: int
    width: int  # bytes of a half as a number
    d: int  # bytes of a round's number
    state: np.ndarray  # of CBC-MAC before the block with the round's number, of all or of each
    end: bytes  # of Q: what stands in that block before the number of the round

    @classmethod
    def of(cls, radix: int, length: int, tweak: bytes | np.ndarray, encryptor: Any) -> _Shape:
        """Return the shape; where each value has a tweak, ``tweaked`` completes it."""
        u = length // 2
        v = length - u
        width = ((radix**v - 1).bit_length() + 7) // 8
        p = (
            bytes([1, 2, 1])
            + radix.to_bytes(3, "big")
            + bytes([10, u % 256])
            + length.to_bytes(4, "big")
            + (len(tweak) if isinstance(tweak, bytes) else BLOCK).to_bytes(4, "big")
        )
        shared = tweak if isinstance(tweak, bytes) else b""  # a tweak of a block fills it
        fixed = p + shared + bytes((-len(shared) - width - 1) % BLOCK)
        whole = len(fixed) // BLOCK * BLOCK
        state = bytes(BLOCK)
        for place in range(0, whole, BLOCK):
            block = int.from_bytes(state, "big") ^ int.from_bytes(
                fixed[place : place + BLOCK], "big"
            )
            state = encryptor.update(block.to_bytes(BLOCK, "big"))
        found = np.frombuffer(state, np.uint8)
        return cls(radix, u, v, width, 4 * -(-width // 4) + 4, found, fixed[whole:])

    def tweaked(self, tweaks: np.ndarray, encryptor: Any) -> _Shape:
        """Return the shape for values that each have a tweak of one block."""
        return replace(self, state=_ecb(tweaks ^ self.state, encryptor))

    def crypt(self, values: np.ndarray, encryptor: Any, *, decrypt: bool) -> np.ndarray:
        """Return the values of a matrix with one in each row, transformed."""
        if self.radix**self.v > NARROW:
            return _wide(self, values, encryptor, decrypt=decrypt)
        return _narrow(self, values, encryptor, decrypt=decrypt)

    def rounds(self, *, decrypt: bool) -> Iterator[tuple[int, int]]:
        """Yield the number of each round and the modulus of the half that it changes."""
        for i in reversed(range(ROUNDS)) if decrypt else range(ROUNDS):
            yield i, self.radix ** (self.u if i % 2 == 0 else self.v)


def _narrow(shape: _Shape, values: np.ndarray, encryptor: Any, *, decrypt: bool) -> np.ndarray:
    """Transform values whose halves are below 2^48: a round's block is one, d is at most 12."""
    radix, u, v = shape.radix, shape.u, shape.v
    a, b = _numbers(values[:, :u], radix), _numbers(values[:, u:], radix)
    count, shift = len(values), np.uint64(8 * shape.width)
    words = shape.state.view(">u8") ^ np.frombuffer(shape.end.ljust(BLOCK, b"\0"), ">u8")
    last = words[..., 1].astype(np.uint64)
    blocks = np.empty((count, 2), ">u8")
    blocks[:, 0] = words[..., 0]
    swapped = blocks.view("<u8")
    out = np.empty(count * BLOCK + BLOCK - 1, np.uint8)
    high, low = out[: count * BLOCK].view("<u8").reshape(count, 2).T
    for i, modulus in shape.rounds(decrypt=decrypt):
        fixed = last ^ (np.uint64(i) << shift)
        swapped[:, 1] = ((a if decrypt else b) ^ fixed).byteswap()
        encryptor.update_into(blocks.data.cast("B"), out)
        y = _reduced(high.byteswap(), low, shape.d, modulus)
        if decrypt:
            b += np.uint64(modulus) - y
            _fold(b, modulus)
            a, b = b, a
        else:
            a += y
            _fold(a, modulus)
            a, b = b, a
    result = np.empty_like(values)
    _write(a, result, 0, u, radix)
    _write(b, result, u, v, radix)
    return result


def _fold(numbers: np.ndarray, modulus: int) -> None:
    """Bring numbers below twice the modulus below it, in place."""
    np.minimum(numbers, numbers - np.uint64(modulus), out=numbers)  # what is below wraps around


def _reduced(high: np.ndarray, low: np.ndarray, d: int, modulus: int) -> np.ndarray:
    """Return the remainder of the number in the first 8 or 12 bytes of a block."""
    rest = _remainder(high, modulus)
    if d == 8:
        return rest
    bits = 64 - (modulus - 1).bit_length()
    tail, left = low.byteswap() >> np.uint64(32), 32
    while left:
        step = min(bits, left)
        left -= step
        part = (tail >> np.uint64(left)) & np.uint64((1 << step) - 1)
        rest = _remainder((rest << np.uint64(step)) | part, modulus)
    return rest


def _remainder(numbers: np.ndarray, modulus: int) -> np.ndarray:
    """Return remainders; numpy divides by one number in vectors, which its ``%`` does not."""
    quotient = numbers // np.uint64(modulus)
    quotient *= np.uint64(modulus)
    return np.asarray(np.subtract(numbers, quotient, out=quotient))


def _numbers(numerals: np.ndarray, radix: int) -> np.ndarray:
    """Return the number of each row's numerals, by Horner's rule."""
    columns = np.ascontiguousarray(numerals.T)
    numbers = columns[0].astype(np.uint64)
    for column in columns[1:]:
        numbers *= np.uint64(radix)
        numbers += column
    return np.asarray(numbers)


def _write(numbers: np.ndarray, target: np.ndarray, start: int, length: int, radix: int) -> None:
    """Write numbers as numerals into columns of a matrix, several at a time from a table."""
    table, size = _table(radix, target.dtype.str)
    base = np.uint64(radix**size)
    place = start + length
    while place > start:
        part = min(size, place - start)
        if place - start > size:
            rest = numbers // base
            digits = numbers - rest * base
        else:
            rest, digits = numbers, numbers
        target[:, place - part : place] = table[digits][:, size - part :]
        numbers, place = rest, place - part


@lru_cache(maxsize=32)
def _table(radix: int, dtype: str) -> tuple[np.ndarray, int]:
    """Return the numerals of all numbers of as many digits as a small table holds."""
    size = 1
    while size < 4 and radix ** (size * 2) <= MOST_TABLE_ROWS:
        size *= 2
    numbers = np.arange(radix**size)
    places = radix ** np.arange(size - 1, -1, -1)
    return (numbers[:, None] // places % radix).astype(dtype), size


def _wide(shape: _Shape, values: np.ndarray, encryptor: Any, *, decrypt: bool) -> np.ndarray:
    """Transform values of any length: exact integers of Python, and AES over all of them."""
    radix, u, count = shape.radix, shape.u, len(values)
    weights = [int(radix) ** k for k in range(shape.v)]
    a = _big_numbers(values[:, :u], weights)
    b = _big_numbers(values[:, u:], weights)
    start = np.frombuffer(shape.end, np.uint8)
    tail = -(-(len(start) + 1 + shape.width) // BLOCK)
    message = np.zeros((count, tail * BLOCK), np.uint8)
    message[:, : len(start)] = start
    for i, modulus in shape.rounds(decrypt=decrypt):
        message[:, len(start)] = i
        source = b"".join([number.to_bytes(shape.width, "big") for number in (a if decrypt else b)])
        message[:, len(start) + 1 :] = np.frombuffer(source, np.uint8).reshape(count, -1)
        stream = _stream(shape, message, encryptor).tobytes()
        size = len(stream) // count
        ys = [
            int.from_bytes(stream[place : place + shape.d], "big")
            for place in range(0, len(stream), size)
        ]
        if decrypt:
            a, b = [(one - y) % modulus for one, y in zip(b, ys, strict=True)], a
        else:
            a, b = b, [(one + y) % modulus for one, y in zip(a, ys, strict=True)]
    result = np.empty_like(values)
    _write_big(a, result[:, :u], radix)
    _write_big(b, result[:, u:], radix)
    return result


def _stream(shape: _Shape, message: np.ndarray, encryptor: Any) -> np.ndarray:
    """Return S of a round for each row: the last block of CBC-MAC, and what is made of it."""
    state = shape.state
    for place in range(0, message.shape[1], BLOCK):
        block = np.ascontiguousarray(message[:, place : place + BLOCK] ^ state)
        state = _ecb(block, encryptor)
    numbers = (j.to_bytes(BLOCK, "big") for j in range(1, -(-shape.d // BLOCK)))
    more = [_ecb(state ^ np.frombuffer(number, np.uint8), encryptor) for number in numbers]
    return np.concatenate([state, *more], axis=1)


def _ecb(blocks: np.ndarray, encryptor: Any) -> np.ndarray:
    return np.frombuffer(encryptor.update(blocks.tobytes()), np.uint8).reshape(blocks.shape)


def _big_numbers(numerals: np.ndarray, weights: list[int]) -> list[int]:
    """Return exact numbers of rows, from parts that 64 bits hold."""
    size = 1
    while weights[1] ** (size + 1) <= NARROW:
        size += 1
    width = numerals.shape[1]
    numbers = [0] * len(numerals)
    for first in range(0, width, size):
        part = numerals[:, first : min(first + size, width)]
        factor = weights[1] ** part.shape[1]
        found = _numbers(part, weights[1]).tolist()
        numbers = [number * factor + more for number, more in zip(numbers, found, strict=True)]
    return numbers


def _write_big(numbers: list[int], target: np.ndarray, radix: int) -> None:
    """Write exact numbers as numerals into all columns of a matrix."""
    size = 1
    while radix ** (size + 1) <= NARROW:
        size += 1
    place, base = target.shape[1], radix**size
    while place > 0:
        part = min(size, place)
        split = [divmod(number, base) for number in numbers]
        digits = np.array([digit for _, digit in split], np.uint64)
        _write(digits, target, place - part, part, radix)
        numbers, place = [rest for rest, _ in split], place - part
