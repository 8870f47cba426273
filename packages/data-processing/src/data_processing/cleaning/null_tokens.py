"""Make missing what stands for a missing value."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from data_processing.cleaning.distinct import column, each_distinct, whole, with_columns
from data_processing.cleaning.folding import Difference, fold, is_text
from util_services.errors import ConfigurationError, quoted_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pandas as pd


def nullify(
    frame: pd.DataFrame,
    columns: Iterable[str],
    tokens: Sequence[str],
    ignore: frozenset[Difference],
) -> pd.DataFrame:
    """Return a frame in which the cells of some columns that equal a token are missing."""
    return with_columns(frame, {name: _nullified(frame[name], tokens, ignore) for name in columns})


def _nullified(
    series: pd.Series, tokens: Sequence[str], ignore: frozenset[Difference]
) -> pd.Series:
    held = whole(series.array.__arrow_array__())
    compared = held
    if pa.types.is_floating(held.type):
        compared = pc.add(held, pa.scalar(0, held.type))  # -0.0 is 0.0
    if is_text(held.type):
        tokens = [fold(token, ignore) for token in tokens]
        if ignore:
            compared = each_distinct(held, lambda text: fold(text, ignore), held.type)
    wanted = _tokens(tokens, held.type, str(series.name))
    return column(
        pc.if_else(pc.is_in(compared, value_set=wanted), pa.scalar(None, held.type), held), series
    )


def _tokens(tokens: Sequence[str], kind: pa.DataType, name: str) -> pa.Array:
    """Return tokens as values of a column's type.

    Raises:
        ConfigurationError: if one is none.
    """
    try:
        return pa.array(tokens, pa.string()).cast(kind)
    except pa.ArrowException:  # whose text quotes the token
        raise ConfigurationError(
            f"The column {quoted_name(name)} holds {kind}, of which not every token is a value; "
            "name tokens such as '-1' for numbers, or leave the column out."
        ) from None
