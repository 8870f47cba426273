"""Several columns of codes as one column of keys, and groups of equal keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

LARGEST_KEY = 1 << 62
DENSE_CELLS = 1 << 22  # keys below this are counted in an array of their own size
DENSE_SHARE = 8  # or below this many times the number of keys


def fold(columns: Sequence[np.ndarray], sizes: Sequence[int]) -> tuple[np.ndarray, int]:
    """Return one key for each row of codes, and the number that all keys are below.

    Keys are ordered as rows are, by the first column first. Where they would not fit into 63 bits,
    what was folded so far is numbered anew (AN-43).
    """
    keys = np.zeros(len(columns[0]) if columns else 0, np.int64)
    bound = 1
    for column, size in zip(columns, sizes, strict=True):
        if bound * max(size, 1) > LARGEST_KEY:
            keys, _ = dense(keys, bound)
            bound = int(keys.max()) + 1 if len(keys) else 1
        keys *= size
        keys += column
        bound *= max(size, 1)
    return keys, bound


def dense(keys: np.ndarray, bound: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a number from 0 for each key, in the order of keys, and the first place of each."""
    if not len(keys):
        return keys.astype(np.int64), np.zeros(0, np.int64)
    if bound <= max(DENSE_CELLS, 0) and bound <= DENSE_SHARE * len(keys) + 1024:
        places = np.full(bound, -1, np.int64)
        places[keys[::-1]] = np.arange(len(keys) - 1, -1, -1)
        used = np.flatnonzero(places >= 0)
        numbers = np.empty(bound, np.int64)
        numbers[used] = np.arange(len(used))
        return numbers[keys], places[used]
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    starts = np.concatenate([[True], ordered[1:] != ordered[:-1]])
    numbers = np.empty(len(keys), np.int64)
    numbers[order] = np.cumsum(starts) - 1
    return numbers, order[starts]


def sums(keys: np.ndarray, bound: int, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the keys that occur, in order, and the sum of the weights of each; exact to 2**53."""
    if bound <= DENSE_CELLS and bound <= DENSE_SHARE * len(keys) + 1024:
        found = np.bincount(keys, weights=weights, minlength=bound)
        used = np.flatnonzero(found)
        return used, found[used].astype(np.int64)
    if not len(keys):
        return keys.astype(np.int64), np.zeros(0, np.int64)
    order = np.argsort(keys)
    ordered = keys[order]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    return ordered[starts], np.add.reduceat(weights[order].astype(np.int64), starts)
