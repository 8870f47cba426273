"""Counts of a published table, taken from its text by means that searches do not use."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from dataframe_anonymisation.verify.texts import comparable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

SUPPRESSED = "*"


@dataclass(frozen=True, slots=True)
class Counted:
    """How often each combination of published texts occurs.

    Attributes:
        columns: the names, quasi-identifiers first.
        combinations: distinct rows of texts, None for missing.
        counts: how often each occurs.
        is_hidden: whether it is of rows in which every hidden column is missing.
    """

    columns: tuple[str, ...]
    combinations: list[tuple[str | None, ...]]
    counts: np.ndarray
    is_hidden: np.ndarray


def count(
    frames: Iterable[pd.DataFrame],
    columns: Sequence[str],
    kinds: Mapping[str, str],
    hidden: Sequence[str] | None = None,
) -> Counted:
    """Count the combinations of some columns over frames of rows.

    Rows in which every one of the ``hidden`` columns is missing are counted apart from others; no
    value of these columns is kept.
    """
    shown: Counter[tuple[str | None, ...]] = Counter()
    blank: Counter[tuple[str | None, ...]] = Counter()
    for frame in frames:
        is_hidden = np.zeros(len(frame), bool)
        if hidden is not None:
            is_hidden = frame[list(hidden)].isna().all(axis=1).to_numpy(bool)
        for total, rows in ((shown, frame[~is_hidden]), (blank, frame[is_hidden])):
            if len(rows):
                total.update(_combinations(rows, columns, kinds))
    return Counted(
        tuple(columns),
        [*shown, *blank],
        np.array([*shown.values(), *blank.values()], np.int64),
        np.arange(len(shown) + len(blank)) >= len(shown),
    )


def _combinations(
    frame: pd.DataFrame, columns: Sequence[str], kinds: Mapping[str, str]
) -> dict[tuple[str | None, ...], int]:
    """Return how often each combination occurs in one frame."""
    key = np.zeros(len(frame), np.int64)
    texts: list[list[str | None]] = []
    cells: list[np.ndarray] = []
    for name in columns:
        codes, found = pd.factorize(frame[name], use_na_sentinel=True)
        texts.append([*(comparable(value, kinds.get(name)) for value in found), None])
        cells.append(np.where(codes < 0, len(found), codes))
        key, _ = pd.factorize(key * (len(found) + 1) + cells[-1])
    sizes = np.bincount(key)
    first = np.full(len(sizes), -1, np.int64)
    first[key[::-1]] = np.arange(len(key) - 1, -1, -1)
    rows = zip(
        *(
            [names[code] for code in column[first]]
            for names, column in zip(texts, cells, strict=True)
        ),
        strict=True,
    )
    merged: dict[tuple[str | None, ...], int] = {}
    for row, size in zip(rows, sizes.tolist(), strict=True):
        merged[row] = merged.get(row, 0) + size
    return merged
