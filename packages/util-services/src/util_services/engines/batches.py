"""The loop that runs a pandas function over Arrow batches under a fixed schema."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from util_services.encryption.paths import for_library
from util_services.engines.batch_threads import in_order
from util_services.engines.failures import BatchContractError
from util_services.errors import CancelledError, quoted, quoted_name

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Generator, Iterable, Iterator, Sequence

    from util_services.encryption.paths import AnyPath
    from util_services.engines.protocol import BatchFunction

Made = TypeVar("Made")

WHO = "A function on batches"
HELD_BYTES = 32 * 10**6  # of a pass whose rows need no file
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
    beside: Sequence[str] = (),
    threads: int = 1,
) -> pa.Table | None:
    """Keep what ``function`` makes of each batch, as `keep` does; columns ``beside`` it go by.

    Raises:
        BatchContractError: if a batch comes back with other columns, types or rows.
        CancelledError: once ``stop`` is set.
    """

    def work(batch: pa.RecordBatch) -> pa.RecordBatch:
        return apply_to_batch(batch, function, schema, beside)

    with closing(_read_ahead(reader)) as batches:
        given = (batch for batch in batches if len(batch) or not beside)
        return keep(work, given, with_beside(schema, reader.schema, beside), file, stop, threads)


def keep(
    work: Callable[[pa.RecordBatch], pa.RecordBatch],
    batches: Iterable[pa.RecordBatch],
    schema: pa.Schema,
    file: AnyPath,
    stop: threading.Event,
    threads: int = 1,
) -> pa.Table | None:
    """Keep what some work makes of batches in a file, in their order.

    Where they may lie on disk as they are in memory, they do, and come back as a table that is
    mapped from there: it takes no memory of its own, and the file has no name any more and goes
    with it. If they are small there is no file at all. Else the file is a Parquet file, and nothing
    comes back.

    Args:
        work: what is done to each batch.
        batches: the batches.
        schema: the columns that come back.
        file: where these are kept.
        stop: ends it.
        threads: how many batches are worked on at the same time.

    Raises:
        CancelledError: once ``stop`` is set.
    """
    is_mapped = isinstance(file, Path) and is_plain(schema)
    with closing(_worked_on(work, batches, stop, threads)) as made:
        if is_mapped:
            return _held(made, schema, file)
        with for_library(file, "wb") as target, _as_parquet(target, schema) as writer:
            for batch in made:
                writer.write_batch(batch)
    return None


def _held(made: Iterator[pa.RecordBatch], schema: pa.Schema, file: AnyPath) -> pa.Table:
    """Return batches as a table: in memory if they are small, else mapped from a file."""
    few, size = list[pa.RecordBatch](), 0
    for batch in made:
        few.append(batch)
        size += batch.get_total_buffer_size()
        if size > HELD_BYTES:
            break
    else:
        return pa.Table.from_batches(few, schema)
    with for_library(file, "wb") as target, _as_in_memory(target, schema) as writer:
        while few:
            writer.write_batch(few.pop(0))
        for batch in made:
            writer.write_batch(batch)
    with pa.memory_map(str(file)) as mapped:
        Path(str(file)).unlink()
        return pa.ipc.open_file(mapped).read_all()


def tell_reader(
    reader: pa.RecordBatchReader,
    function: Callable[[pd.DataFrame], str],
    stop: threading.Event,
    threads: int = 1,
) -> list[str]:
    """Return what ``function`` tells of each batch, as `tell` does."""
    with closing(_read_ahead(reader)) as batches:
        return tell(lambda batch: function(as_frame(batch)), batches, stop, threads)


def tell(
    work: Callable[[pa.RecordBatch], str],
    batches: Iterable[pa.RecordBatch],
    stop: threading.Event,
    threads: int = 1,
) -> list[str]:
    """Return what some work tells of batches, in their order.

    Raises:
        CancelledError: once ``stop`` is set.
    """
    with closing(_worked_on(work, batches, stop, threads)) as told:
        return list(told)


def _worked_on(
    work: Callable[[pa.RecordBatch], Made],
    batches: Iterable[pa.RecordBatch],
    stop: threading.Event,
    threads: int,
) -> Generator[Made]:
    made = in_order(work, batches, threads) if threads > 1 else (work(one) for one in batches)
    with closing(made):
        for one in made:
            if stop.is_set():
                raise CancelledError("The run was cancelled while the engine was at work.")
            yield one


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


def is_plain(schema: pa.Schema) -> bool:
    """Whether DuckDB scans values of these types as it scans those of a Parquet file."""
    return all(any(test(kind) for test in PLAIN) for kind in schema.types)


def with_beside(schema: pa.Schema, given: pa.Schema, beside: Sequence[str]) -> pa.Schema:
    """Return the columns that come back from a function, and behind them those that go by."""
    return pa.schema([*schema, *(given.field(name) for name in beside)])


def apply_to_batch(
    batch: pa.RecordBatch, function: BatchFunction, schema: pa.Schema, beside: Sequence[str] = ()
) -> pa.RecordBatch:
    """Return what ``function`` makes of one batch, checked against ``schema``.

    The function sees Arrow dtypes, which keep integers with missing values, decimals and dates as
    they are. It does not see the columns ``beside``, which come back behind its own.

    Raises:
        BatchContractError: if the result has other columns or types, or not as many rows as there
            are beside it.
    """
    seen = batch.drop_columns(list(beside)) if beside else batch
    result = function(as_frame(seen))
    columns = _declared_columns(result, schema, WHO)
    if beside:
        refuse_other_rows(len(result), len(batch))
    columns += [batch.column(name) for name in beside]
    return pa.RecordBatch.from_arrays(columns, schema=with_beside(schema, batch.schema, beside))


def as_frame(batch: pa.RecordBatch) -> pd.DataFrame:
    """Return a batch as functions see it."""
    frame: pd.DataFrame = batch.to_pandas(types_mapper=pd.ArrowDtype)
    return frame


def refuse_other_rows(found: int, given: int) -> None:
    """Refuse a result of more or fewer rows than stand beside it."""
    if found != given:
        raise BatchContractError(
            f"{WHO} returned {found} rows for {given} with columns beside them; return one for "
            "each."
        )


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
