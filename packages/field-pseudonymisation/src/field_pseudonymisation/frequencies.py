"""How often values stand in a column, of which some may be told by that."""

from __future__ import annotations

import secrets
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from field_pseudonymisation.flat import Flat
from field_pseudonymisation.techniques.encoding import is_text, plain

WORD = 8  # bytes


class Frequency(NamedTuple):
    """How many distinct values there are, how often the first stands, how many stand once."""

    distinct: int
    top: int
    once: int


def frequencies(values: pa.Array) -> Frequency:
    """Return how often the values of a column stand in it, missing ones left out.

    Texts are counted by hashes of 64 bits, which takes a part of the time; a collision, to be
    expected once in tens of millions of columns of 10^6 values, is one value less.
    """
    present = plain(values).drop_null()
    if not len(present):
        return Frequency(0, 0, 0)
    if not is_text(present.type):
        found = present.value_counts().field("counts")
        return Frequency(len(found), pc.max(found).as_py(), pc.sum(pc.equal(found, 1)).as_py())
    hashes = np.sort(_hashes(Flat.of(present)))
    starts = np.flatnonzero(np.concatenate(([True], hashes[1:] != hashes[:-1])))
    counts = np.diff(starts, append=len(hashes))
    return Frequency(len(starts), int(counts.max()), int((counts == 1).sum()))


def _hashes(flat: Flat) -> np.ndarray:
    """Return a number for each text; which one differs from run to run."""
    factor = np.uint64(secrets.randbits(64) | 1)
    hashes = np.empty(len(flat.lengths), np.uint64)
    for length, rows in flat.groups():
        padded = np.zeros((len(rows), -(-length // WORD) * WORD), np.uint8)
        padded[:, :length] = flat.get(length, rows)
        mixed = np.full(len(rows), length, np.uint64)
        for word in padded.view(np.uint64).T:
            mixed = (mixed ^ word) * factor
            mixed ^= mixed >> np.uint64(29)
        hashes[rows] = mixed * factor
    return hashes
