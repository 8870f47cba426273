"""Work on each distinct value once, where that pays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from field_pseudonymisation.errors import CellsError

if TYPE_CHECKING:
    from collections.abc import Callable

SAMPLE = 16_384
FEW = 0.3  # of the rows: so many distinct values are worth finding


def per_distinct(values: pa.Array, function: Callable[[pa.Array], pa.Array]) -> pa.Array:
    """Return ``function(values)``, computed once for each distinct value if there are few.

    The function must work on each value by itself. Positions in errors are those of ``values``.
    """
    if not _has_few_distinct(values):
        return function(values)
    encoded = values.dictionary_encode()
    try:
        found = function(encoded.dictionary)
    except CellsError as error:
        indices = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
        rows = np.flatnonzero(np.isin(indices, error.positions))
        raise type(error)(error.column, error.reason, rows, error.cure) from None
    return found.take(encoded.indices)


def by_length(values: pa.Array, function: Callable[[pa.Array], pa.Array]) -> pa.Array:
    """Return ``function(values)`` of texts or bytes, computed in the order of their lengths.

    Those of one length then lie side by side, where they are worked on without being gathered.
    The function must work on each value by itself. Positions in errors are those of ``values``.
    """
    lengths = pc.fill_null(pc.binary_length(values), 0).to_numpy(zero_copy_only=False)
    if not len(lengths) or lengths.min() == lengths.max():
        return function(values)
    sortable = lengths.astype(np.uint16) if lengths.max() < 1 << 16 else lengths
    order = np.argsort(sortable, kind="stable")
    try:
        found = function(values.take(pa.array(order)))
    except CellsError as error:
        rows = np.sort(order[list(error.positions)])
        raise type(error)(error.column, error.reason, rows, error.cure) from None
    back = np.empty(len(order), np.int64)
    back[order] = np.arange(len(order))
    return found.take(pa.array(back))


def _has_few_distinct(values: pa.Array) -> bool:
    """Estimate from how often values meet in a sample, which they do even at 5 % distinct."""
    if len(values) < 64:
        return False
    step = max(1, len(values) // SAMPLE)
    sample = values.take(pa.array(np.arange(0, len(values), step)[:SAMPLE])) if step > 1 else values
    present = len(sample) - sample.null_count
    repeats = present - pc.count_distinct(sample).as_py()
    if not repeats:
        return False
    if step == 1:
        return bool(present - repeats < FEW * len(values))
    return bool(present * present / (2 * repeats) < FEW * len(values))
