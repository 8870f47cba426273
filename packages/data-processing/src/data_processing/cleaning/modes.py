"""The most frequent value of a column, of all rows or of each group."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import narwhals as nw
from pyarrow import types as kinds

from util_services.engines.stage_fits import Query

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

Frame = nw.LazyFrame[Any]
VALUE, SIZE, MOST, ALL = "value", "size", "most", "all"


def mode_query(column: str, kind: pa.DataType, by: Sequence[str] = ()) -> Query:
    """Return the query for the most frequent value; of several, the smallest.

    Texts are ordered by their code points. Missing and infinite values and NaN are no values; a
    group without any has a missing one. The key of a group is in ``by_0``, ``by_1`` …
    """
    return Query(partial(_modes, column=column, by=tuple(by), is_float=kinds.is_floating(kind)))


def _modes(
    frame: Frame, places: Mapping[str, str], *, column: str, by: Sequence[str], is_float: bool
) -> Frame:
    value = nw.col(places[column])
    if is_float:
        value = nw.when(value.is_finite()).then(value)
    keys = [f"by_{n}" for n, _ in enumerate(by)] or [ALL]
    named = [nw.col(places[name]).alias(key) for name, key in zip(by, keys, strict=False)]
    rows = frame.select(value.alias(VALUE), *(named or [nw.lit(1).alias(ALL)]))
    counted = rows.group_by(*keys, VALUE).agg(nw.len().alias(SIZE))
    sized = counted.with_columns(
        nw.when(nw.col(VALUE).is_null()).then(0).otherwise(nw.col(SIZE)).alias(SIZE)
    )
    ranked = sized.with_columns(nw.col(SIZE).max().over(*keys).alias(MOST))
    found = ranked.filter(nw.col(SIZE) == nw.col(MOST)).group_by(*keys)
    return found.agg(nw.col(VALUE).min().alias(VALUE)).sort(*keys, nulls_last=True)
