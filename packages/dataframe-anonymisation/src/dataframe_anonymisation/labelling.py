"""From classes back to rows: the label of each cell of a quasi-identifier."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from dataframe_anonymisation.hierarchies import ANY
from dataframe_anonymisation.table.keys import fold

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dataframe_anonymisation.search.solution import Solution
    from dataframe_anonymisation.table import Contingency

MOST_KEYS = 1 << 62


class Labels:
    """The label of each class for each quasi-identifier, ranked in the order of texts.

    Suppressed rows have the class -1, whose labels are all ``*``.
    """

    def __init__(self, table: Contingency, solution: Solution) -> None:
        self.texts: list[list[str | None]] = []
        self.ranks: list[np.ndarray] = []
        for taxonomy, levels, nodes in zip(
            table.taxonomies, solution.levels, solution.nodes, strict=True
        ):
            places, numbers = np.unique(taxonomy.starts[levels] + nodes, return_inverse=True)
            every = [label for level in taxonomy.labels for label in level]
            found = [every[place] for place in places]
            known = sorted({ANY, *(text for text in found if text is not None)})
            texts: list[str | None] = [*known, None]
            place_of = {text: n for n, text in enumerate(texts)}
            rank = np.array([place_of[text] for text in found], np.int32)
            self.texts.append(texts)
            of_class = rank[numbers] if len(numbers) else np.zeros(0, np.int32)
            self.ranks.append(np.append(of_class, np.int32(place_of[ANY])))

    def column(self, number: int, classes: np.ndarray) -> Any:
        """Return the labels of a quasi-identifier for rows of these classes, as an Arrow array."""
        codes = self.ranks[number][classes]
        texts = self.texts[number]
        is_missing = codes == len(texts) - 1
        indices = pa.array(codes, mask=is_missing)
        return pa.DictionaryArray.from_arrays(indices, pa.array(texts[:-1], pa.string()))


class TupleIndex:
    """Finds the tuples of rows that come in batches.

    Columns are folded to one key in stages, each of which fits 63 bits.
    """

    def __init__(self, table: Contingency) -> None:
        self.sizes = [len(taxonomy.leaves) for taxonomy in table.taxonomies]
        self.stages: list[tuple[slice, np.ndarray]] = []
        first, carried = 0, None
        while first < len(self.sizes):
            last, bound = first, 1 if carried is None else len(table) + 1
            while last < len(self.sizes) and bound * max(self.sizes[last], 1) < MOST_KEYS:
                bound *= max(self.sizes[last], 1)
                last += 1
            keys = self._keys(table.codes[first:last], self.sizes[first:last], carried, len(table))
            known = np.unique(keys)
            self.stages.append((slice(first, last), known))
            carried = np.searchsorted(known, keys)
            first = last
        places = np.arange(len(table)) if carried is None else carried
        self.tuples = np.empty(len(table), np.int64)
        self.tuples[places] = np.arange(len(table))
        self.length = len(table)

    def find(self, codes: Sequence[np.ndarray]) -> np.ndarray:
        """Return the tuple of each row of leaf codes; every one is known."""
        carried = None
        for part, known in self.stages:
            keys = self._keys(codes[part], self.sizes[part], carried, self.length)
            carried = np.searchsorted(known, keys)
        return self.tuples[carried] if carried is not None else np.zeros(0, np.int64)

    @staticmethod
    def _keys(
        codes: Sequence[np.ndarray], sizes: Sequence[int], carried: np.ndarray | None, length: int
    ) -> np.ndarray:
        columns = [*codes] if carried is None else [carried, *codes]
        bounds = [*sizes] if carried is None else [length + 1, *sizes]
        return fold(columns, bounds)[0]
