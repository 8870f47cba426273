"""Work on the texts of a column: on each distinct one once, or on all ASCII ones at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from data_processing.cleaning.folding import is_text
from util_services.errors import ConfigurationError, quoted_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    OnText = Callable[[str], Any]
    OnArray = Callable[[pa.Array], pa.Array]


def texts_of(series: pd.Series) -> pa.Array:
    """Return the texts of a column.

    Raises:
        ConfigurationError: if it holds something else.
    """
    held = series.array.__arrow_array__()
    if not is_text(held.type):
        raise ConfigurationError(
            f"The column {quoted_name(str(series.name))} holds {held.type}, not texts; leave it "
            "out, or cast it to text first."
        )
    return whole(held)


def map_distinct(
    series: pd.Series,
    function: OnText,
    kind: pa.DataType | None = None,
    *,
    on_ascii: OnArray | None = None,
) -> pd.Series:
    """Return what a function makes of each text of a column; missing values stay missing.

    Args:
        series: a column of texts.
        function: is called once for each distinct text.
        kind: the type of what comes back; by default that of the column.
        on_ascii: does the same as ``function`` to an array of texts of ASCII alone, and leaves
            others in some valid form; for what Arrow does right in ASCII only.

    Raises:
        ConfigurationError: if the column holds no texts.
    """
    texts = texts_of(series)
    if on_ascii is None:
        return column(each_distinct(texts, function, kind or texts.type), series)
    beyond_ascii = pc.fill_null(pc.invert(pc.string_is_ascii(texts)), fill_value=False)
    done = on_ascii(texts)
    if pc.any(beyond_ascii, min_count=0).as_py():
        rest = each_distinct(texts.filter(beyond_ascii), function, done.type)
        done = pc.replace_with_mask(done, beyond_ascii, rest)
    return column(done, series)


def each_distinct(texts: pa.Array, function: OnText, kind: pa.DataType) -> pa.Array:
    """Return what a function makes of texts, calling it once for each distinct one."""
    encoded = texts.dictionary_encode()
    mapped = pa.array([function(text) for text in encoded.dictionary.to_pylist()], kind)
    return whole(pc.take(mapped, encoded.indices))


def column(values: pa.Array, like: pd.Series) -> pd.Series:
    """Return values as a column with the index and the name of another."""
    array = pd.arrays.ArrowExtensionArray(pa.chunked_array([values]))
    return pd.Series(array, index=like.index, name=like.name)


def with_columns(frame: pd.DataFrame, columns: Mapping[str, pd.Series]) -> pd.DataFrame:
    """Return a frame with some columns replaced, whatever their names; ``assign`` refuses some."""
    changed = frame.copy(deep=False)
    for name, values in columns.items():
        changed[name] = values
    return changed


def whole(array: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Return an array in one piece."""
    if not isinstance(array, pa.ChunkedArray):
        return array
    return pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], array.type)
