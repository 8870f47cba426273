"""From classes back to rows: what is published of them, the same for a frame and for a dataset."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from dataframe_anonymisation.hierarchies import ANY
from dataframe_anonymisation.search.solution import SUPPRESSED
from dataframe_anonymisation.table.keys import LARGEST_KEY, fold

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dataframe_anonymisation.policy import AnonymisationPolicy
    from dataframe_anonymisation.search.solution import Solution
    from dataframe_anonymisation.solving import Solved
    from dataframe_anonymisation.table import Contingency


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

    def categories(self, number: int, classes: np.ndarray) -> pd.Categorical:
        """Return the labels of a quasi-identifier as categories, only those that occur."""
        codes = self.ranks[number][classes]
        texts = self.texts[number]
        used = np.flatnonzero(np.bincount(codes, minlength=len(texts))[:-1])
        places = np.full(len(texts), -1, np.int32)
        places[used] = np.arange(len(used))
        return pd.Categorical.from_codes(places[codes], pd.Index([texts[place] for place in used]))


class Labelling:
    """Makes of rows and their classes what is published.

    Nothing of a row that is not published, nor of a hidden cell, is in the memory of the result:
    not as a level of a category, not below the mark of a missing value.

    Args:
        policy: the role of every column.
        solved: the classes and their labels.
        published: the columns that are published, in their order.
        as_categories: whether texts come as pandas categories, or else as Arrow texts.
    """

    def __init__(
        self,
        policy: AnonymisationPolicy,
        solved: Solved,
        published: Sequence[str],
        *,
        as_categories: bool,
    ) -> None:
        self.policy, self.published, self.as_categories = policy, tuple(published), as_categories
        self.labels = Labels(solved.prepared.table, solved.solution)
        self.places = {name: n for n, name in enumerate(policy.quasi_identifiers)}

    def __call__(self, rows: pd.DataFrame, classes: np.ndarray) -> pd.DataFrame:
        """Return the published columns of the rows that are published, in the order of rows."""
        is_suppressed = classes == SUPPRESSED
        kept = np.arange(len(rows))
        if self.policy.suppressed == "drop":
            kept = np.flatnonzero(~is_suppressed)
        hidden = is_suppressed[kept]
        columns: dict[str, Any] = {}
        for name in self.published:
            if name in self.places:
                columns[name] = self._label(self.places[name], classes[kept])
            elif name in self.policy.identifiers:
                columns[name] = self._stars(len(kept))
            elif self.policy.hides_sensitive and name in self.policy.sensitive_attributes:
                columns[name] = cells_of(rows[name], np.where(hidden, -1, kept))
            else:
                columns[name] = cells_of(rows[name], kept)
        return pd.DataFrame(columns, index=pd.RangeIndex(len(kept)), columns=list(self.published))

    def _label(self, number: int, classes: np.ndarray) -> Any:
        if self.as_categories:
            return self.labels.categories(number, classes)
        labels = self.labels.column(number, classes).cast(pa.string())
        return pd.arrays.ArrowExtensionArray(labels)

    def _stars(self, length: int) -> Any:
        if self.as_categories:
            return pd.Categorical.from_codes(np.zeros(length, np.int8), pd.Index([ANY]))
        return pd.arrays.ArrowExtensionArray(pa.array([ANY] * length, pa.string()))


def cells_of(column: pd.Series, places: np.ndarray) -> Any:
    """Return the cells of a column at places, and missing where the place is -1.

    Values and dtypes stay; integers and booleans of NumPy, which know no missing value, become the
    nullable dtype of their kind where one is needed. Categories and dictionaries keep the levels
    that occur.
    """
    array: Any = column.array
    if len(places) and places.min() < 0:
        if isinstance(column.dtype, np.dtype) and column.dtype.kind in "iub":
            array = pd.array(column.to_numpy())
        taken = array.take(places, allow_fill=True)
    else:
        taken = array.take(places)
    if isinstance(taken, pd.Categorical):
        return taken.remove_unused_categories()
    if isinstance(taken.dtype, pd.ArrowDtype) and _has_levels(taken.dtype.pyarrow_dtype):
        cells = pa.chunked_array(pa.array(taken))
        compact = [_compact(chunk) for chunk in cells.chunks]
        return pd.arrays.ArrowExtensionArray(pa.chunked_array(compact, cells.type))
    return taken


def _has_levels(kind: Any) -> bool:
    """Return whether cells of an Arrow type are of a dictionary, or hold some that are."""
    if isinstance(kind, pa.BaseExtensionType):
        return _has_levels(kind.storage_type)
    fields = (kind.field(n).type for n in range(kind.num_fields))
    return pa.types.is_dictionary(kind) or any(map(_has_levels, fields))


def _compact(array: Any) -> Any:
    """Return cells of an Arrow type with the levels of dictionaries that occur in them."""
    kind = array.type
    if not _has_levels(kind):
        return array
    if pa.types.is_dictionary(kind):
        used = pc.unique(array.indices.drop_null()).sort()
        places = pc.index_in(array.indices, used).cast(kind.index_type)
        levels = _compact(array.dictionary.take(used))
        return pa.DictionaryArray.from_arrays(places, levels, ordered=kind.ordered)
    if pa.types.is_struct(kind):
        parts = [_compact(part) for part in array.flatten()]
        return pa.StructArray.from_arrays(parts, fields=list(kind), mask=array.is_null())
    return pa.array(array.to_pylist(), kind)


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
            while last < len(self.sizes) and bound * max(self.sizes[last], 1) < LARGEST_KEY:
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
