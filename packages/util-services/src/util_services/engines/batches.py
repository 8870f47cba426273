"""The loop that runs a pandas function over Arrow batches under a fixed schema."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from util_services.encryption.paths import for_library
from util_services.engines.failures import BatchContractError
from util_services.errors import CancelledError, quoted, quoted_name

if TYPE_CHECKING:
    import threading
    from collections.abc import Generator

    from util_services.encryption.paths import AnyPath
    from util_services.engines.protocol import BatchFunction


PLAIN = (
    pa.types.is_boolean,
    pa.types.is_integer,
    pa.types.is_float32,
    pa.types.is_float64,
    pa.types.is_decimal128,
    pa.types.is_string,
    pa.types.is_large_string,
    pa.types.is_binary,
    pa.types.is_date32,
    pa.types.is_timestamp,
)


def map_reader(
    reader: pa.RecordBatchReader,
    function: BatchFunction,
    schema: pa.Schema,
    file: AnyPath,
    stop: threading.Event,
) -> pa.Table | None:
    """Keep what ``function`` makes of each batch in a file, in order.

    Where that may lie on disk as it is in memory, it does, and comes back as a table that is mapped
    from there: it takes no memory of its own, and the file has no name any more and goes with it.
    Else the file is a Parquet file, and nothing comes back.

    Raises:
        BatchContractError: if a batch comes back with other columns, types or rows.
        CancelledError: once ``stop`` is set.
    """
    is_mapped = isinstance(file, Path) and all(_is_plain(field.type) for field in schema)
    writing = _as_in_memory if is_mapped else _as_parquet
    with (
        for_library(file, "wb") as target,
        writing(target, schema) as writer,
        closing(_read_ahead(reader)) as batches,
    ):
        for batch in batches:
            if stop.is_set():
                raise CancelledError("The run was cancelled while the engine was at work.")
            writer.write_batch(apply_to_batch(batch, function, schema))
    if not is_mapped:
        return None
    with pa.memory_map(str(file)) as mapped:
        Path(str(file)).unlink()
        return pa.ipc.open_file(mapped).read_all()


def _read_ahead(reader: pa.RecordBatchReader) -> Generator[pa.RecordBatch]:
    """Yield batches, each of which is made while the one before is worked on; close the reader."""
    with closing(reader), ThreadPoolExecutor(1, "data-services-read-ahead") as thread:
        coming = thread.submit(next, reader, None)
        while (batch := coming.result()) is not None:
            coming = thread.submit(next, reader, None)
            yield batch


def _as_in_memory(target: Any, schema: pa.Schema) -> pa.ipc.RecordBatchFileWriter:
    return pa.ipc.new_file(target, schema)


def _as_parquet(target: Any, schema: pa.Schema) -> pq.ParquetWriter:
    # what is read once and soon is not worth looking for repeated values in it
    return pq.ParquetWriter(
        target, schema, compression="lz4", use_dictionary=False, write_statistics=False
    )


def _is_plain(kind: pa.DataType) -> bool:
    """Whether DuckDB scans values of a type as it scans those of a Parquet file."""
    return any(test(kind) for test in PLAIN)


def apply_to_batch(
    batch: pa.RecordBatch, function: BatchFunction, schema: pa.Schema
) -> pa.RecordBatch:
    """Return what ``function`` makes of one batch, checked against ``schema``.

    The function sees Arrow dtypes, which keep integers with missing values, decimals and dates as
    they are.

    Raises:
        BatchContractError: if the result has other columns or types.
    """
    result = function(batch.to_pandas(types_mapper=pd.ArrowDtype))
    columns = _declared_columns(result, schema, "A function on batches")
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def as_declared(result: pd.DataFrame, schema: pa.Schema, step: str) -> pd.DataFrame:
    """Return what a step made of a batch in the Arrow dtypes that it declares.

    Raises:
        BatchContractError: if the result has other columns or types.
    """
    dtypes = [pd.ArrowDtype(field.type) for field in schema]
    if list(result.columns) == schema.names and list(result.dtypes) == dtypes:
        return result
    columns = _declared_columns(result, schema, f"The step '{step}'")
    arrays = [pd.arrays.ArrowExtensionArray(pa.chunked_array([column])) for column in columns]
    return pd.DataFrame(dict(zip(schema.names, arrays, strict=True)))


def _declared_columns(result: pd.DataFrame, schema: pa.Schema, who: str) -> list[pa.Array]:
    if list(result.columns) != schema.names:
        raise BatchContractError(
            f"{who} returned the columns {quoted([str(c) for c in result])} instead of "
            f"{quoted(schema.names)}; correct the function or its declaration."
        )
    return [_column(result[field.name], field, who) for field in schema]


def _column(series: pd.Series, field: pa.Field, who: str) -> pa.Array:
    try:
        array = pa.Array.from_pandas(series)
    except (pa.ArrowException, TypeError, ValueError):
        raise BatchContractError(
            f"{who} returned {quoted([field.name])} with values of several kinds instead of "
            f"{field.type}; correct the function or its declaration."
        ) from None
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    if array.type == field.type:
        return array
    if pa.types.is_null(array.type) or _same_kind(array.type, field.type):
        return array.cast(field.type)
    raise BatchContractError(
        f"{who} returned {quoted_name(field.name)} as {array.type} instead of {field.type}; "
        "correct the function or its declaration."
    )


def _same_kind(given: pa.DataType, wanted: pa.DataType) -> bool:
    """Whether two types hold the same values and differ only in layout."""
    text = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    return any(test(given) for test in text) and any(test(wanted) for test in text)
