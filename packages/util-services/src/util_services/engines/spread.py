"""Values in the places that a truth value marks, and nothing in the others.

Arrow's `take` would copy each value; here the bytes of texts stay where they are, and only what
tells where they begin is written anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    Bits = np.ndarray[Any, np.dtype[np.bool_]]

BITS_OF_A_BYTE = 8
OFFSETS = {
    pa.string(): np.int32,
    pa.binary(): np.int32,
    pa.large_string(): np.int64,
    pa.large_binary(): np.int64,
}


def spread(array: pa.Array, is_marked: Bits) -> pa.Array:
    """Return the values of an array in the places that are marked, which are as many.

    Args:
        array: values of a fixed size, texts or bytes.
        is_marked: a truth value for each place.
    """
    if not len(array):
        return pa.nulls(len(is_marked), array.type)
    is_valid = is_marked
    if array.null_count:
        is_valid = _placed(array.is_valid().to_numpy(zero_copy_only=False), is_marked)
    if pa.types.is_boolean(array.type):
        values = array.fill_null(fill_value=False).to_numpy(zero_copy_only=False)
        held = [_packed(_placed(values, is_marked))]
    elif array.type in OFFSETS:
        held = [_offsets(array, is_marked), array.buffers()[2]]
    else:
        held = [pa.py_buffer(_placed(_fixed(array), is_marked))]
    return pa.Array.from_buffers(array.type, len(is_marked), [_packed(is_valid), *held])


def _placed(values: np.ndarray[Any, Any], is_marked: Bits) -> np.ndarray[Any, Any]:
    places = np.zeros((len(is_marked), *values.shape[1:]), values.dtype)
    places[is_marked] = values
    return places


def _packed(values: Bits) -> pa.Buffer:
    return pa.py_buffer(np.packbits(values, bitorder="little"))


def _fixed(array: pa.Array) -> np.ndarray[Any, Any]:
    """Return the bytes of values of a fixed size, those of each in a row of their own."""
    size = array.type.bit_width // BITS_OF_A_BYTE
    whole = np.frombuffer(array.buffers()[1], np.uint8)
    if size in {1, 2, 4, 8}:
        held = whole[: len(whole) // size * size].view(f"u{size}")
    else:
        held = whole[: len(whole) // size * size].reshape(-1, size)
    return held[array.offset : array.offset + len(array)]


def _offsets(array: pa.Array, is_marked: Bits) -> pa.Buffer:
    """Return where the texts of all places begin and end: the others are of no length."""
    given = np.frombuffer(array.buffers()[1], OFFSETS[array.type])
    given = given[array.offset : array.offset + len(array) + 1]
    ends = np.empty(len(is_marked) + 1, given.dtype)
    ends[0] = given[0]
    ends[1:] = given[np.cumsum(is_marked)]
    return pa.py_buffer(ends)
