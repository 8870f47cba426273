"""Work on each distinct value of a column once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from data_processing.cleaning.folding import is_text
from util_services.errors import ConfigurationError, quoted_name

if TYPE_CHECKING:
    from collections.abc import Callable


def map_distinct(
    series: pd.Series, function: Callable[[Any], Any], kind: pa.DataType | None = None
) -> pd.Series:
    """Return what a function makes of each text of a column; missing values stay missing.

    Args:
        series: a column of texts.
        function: is called once for each distinct text.
        kind: the type of what comes back; by default that of the column.

    Raises:
        ConfigurationError: if the column holds no texts.
    """
    held = series.array.__arrow_array__()
    if not is_text(held.type):
        raise ConfigurationError(
            f"The column {quoted_name(str(series.name))} holds {held.type}, not texts; leave it "
            "out."
        )
    encoded = pc.dictionary_encode(held).combine_chunks()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.chunk(0) if encoded.num_chunks else pa.array([], encoded.type)
    values = [function(text) for text in encoded.dictionary.to_pylist()]
    mapped = pa.array(values, kind or held.type)
    result = pa.chunked_array([pc.take(mapped, encoded.indices)], mapped.type)
    return pd.Series(pd.arrays.ArrowExtensionArray(result), index=series.index, name=series.name)
