"""Runs of ASCII whitespace, made one space each, in the bytes of all texts at once.

In UTF-8 a byte of ASCII is no part of another character, so that all texts stay valid. Arrow's
regular expressions do the same, and take longer.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

Numbers = np.ndarray[Any, Any]

OFFSETS = {pa.string(): np.int32, pa.large_string(): np.int64}
SPACE = ord(" ")  # below it are control characters, some of which are whitespace to Python
IS_WHITE = np.zeros(256, bool)
IS_WHITE[[SPACE, *range(0x09, 0x0E), *range(0x1C, 0x20)]] = True


def with_single_spaces(texts: pa.Array) -> pa.Array:
    """Return texts with a space in the place of each run of ASCII whitespace."""
    if texts.type not in OFFSETS:
        return with_single_spaces(texts.cast(pa.large_string())).cast(texts.type)
    _, offsets, data = texts.buffers()
    if data is None or not len(texts):
        return texts
    ends = np.frombuffer(offsets, OFFSETS[texts.type])
    ends = ends[texts.offset : texts.offset + len(texts) + 1]
    held = np.frombuffer(data, np.uint8)[ends[0] : ends[-1]]
    ends = ends - ends[0]
    is_white, has_controls = held == SPACE, bool((held < SPACE).any())
    if has_controls:
        is_white = IS_WHITE[held]
    surplus = _surplus(is_white, ends)
    if not has_controls and not surplus.any():
        return texts
    spaced = np.where(is_white, np.uint8(SPACE), held) if has_controls else held
    shifted = ends - np.searchsorted(np.flatnonzero(surplus), ends).astype(ends.dtype)
    buffers = [_validity(texts), pa.py_buffer(shifted), pa.py_buffer(spaced[~surplus])]
    return pa.Array.from_buffers(texts.type, len(texts), buffers)


def _surplus(is_white: Numbers, ends: Numbers) -> Numbers:
    """Return which bytes are whitespace behind whitespace of the same text."""
    surplus = np.zeros(len(is_white), bool)
    surplus[1:] = is_white[1:] & is_white[:-1]
    firsts = ends[:-1]
    surplus[firsts[firsts < len(is_white)]] = False
    return surplus


def _validity(texts: pa.Array) -> pa.Buffer | None:
    if not texts.null_count:
        return None
    is_valid = texts.is_valid().to_numpy(zero_copy_only=False)
    return pa.py_buffer(np.packbits(is_valid, bitorder="little"))
