"""Between columns of a batch and Arrow arrays, which share their memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Mapping


def array_of(series: pd.Series) -> pa.Array:
    """Return a column of a batch as one array."""
    held = series.array.__arrow_array__()
    return held.combine_chunks() if isinstance(held, pa.ChunkedArray) else held


def with_arrays(frame: pd.DataFrame, arrays: Mapping[str, pa.Array]) -> pd.DataFrame:
    """Return a frame with some columns replaced, and those that it does not have behind them."""
    columns = {
        name: pd.arrays.ArrowExtensionArray(pa.chunked_array([array]))
        for name, array in arrays.items()
    }
    return frame.assign(**columns)
