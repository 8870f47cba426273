"""New columns in the place of others, and the Arrow arrays that they are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Mapping


def placed(
    frame: pd.DataFrame, column: str, made: Mapping[str, pd.Series], *, keeps: bool
) -> pd.DataFrame:
    """Return rows with new columns in the place of another, or behind it."""
    columns: dict[str, Any] = {}
    for name in frame.columns:
        columns |= {name: frame[name]} if keeps or name != column else {}
        columns |= made if name == column else {}
    return pd.DataFrame(columns)


def placed_schema(
    given: pa.Schema, column: str, made: Mapping[str, pa.DataType], *, keeps: bool
) -> pa.Schema:
    """Return the columns that `placed` makes."""
    fields = []
    for one in given:
        fields += [one] if keeps or one.name != column else []
        fields += [pa.field(*pair) for pair in made.items()] if one.name == column else []
    return pa.schema(fields)


def element(lists: pa.Array, place: int) -> pa.Array:
    """Return what stands at a place of each list; where it ends before, a missing value."""
    sizes = sizes_of(lists, 0)
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]]) if len(sizes) else sizes
    is_there = sizes > place
    indices = pa.array(np.where(is_there, starts + place, 0), mask=~is_there)
    return pc.list_flatten(lists).take(indices)


def sizes_of(lists: pa.Array, of_missing: int) -> Any:
    """Return how many elements each list has, and a number for the missing ones."""
    return np.asarray(pc.fill_null(pc.list_value_length(lists), of_missing)).astype(np.int64)


def whole(series: pd.Series) -> pa.Array:
    """Return the values of a column in one piece."""
    found = series.array.__arrow_array__().combine_chunks()
    return pa.array([], found.type) if isinstance(found, pa.ChunkedArray) else found


def column_of(values: pa.Array) -> pd.Series:
    """Return a column with these values."""
    return pd.Series(pd.arrays.ArrowExtensionArray(pa.chunked_array([values])))
