"""ORC files through Arrow's own reader and writer.

Unsigned integers become the next signed type, 64-bit ones a decimal, for ORC has none. Times of a
day are refused. Date-times are held within the years 1677 to 2262, where the reader is exact; they
come back in microseconds, or in nanoseconds where one of a column needs them. A time zone comes
back as UTC: ORC keeps the instant and not the zone.
"""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from util_services.datasets.codecs.casts import cannot_hold, cast_exactly, with_types
from util_services.datasets.codecs.protocol import BATCH_ROWS, DEFAULT_OPTIONS, CodecOptions
from util_services.datasets.signatures import HEAD_BYTES, check_signature
from util_services.encryption.paths import for_library
from util_services.errors import DatasetError, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    import pyarrow as pa

    from util_services.encryption.paths import AnyPath

CALLED = "ORC"
STRIPE_BYTES = 16 << 20
UNSIGNED_DIGITS = 20


def read(file: AnyPath, options: CodecOptions = DEFAULT_OPTIONS) -> pa.RecordBatchReader:  # noqa: ARG001
    """Return the rows of an ORC file, stripe by stripe.

    Raises:
        DatasetError: if the file is damaged, or a date-time is beyond what can be read exactly.
    """
    import pyarrow as pa
    from pyarrow import orc

    with file.open("rb") as content:
        check_signature(content.read(HEAD_BYTES), "orc")
    with _refusing_damage():
        source = orc.ORCFile(file if isinstance(file, Path) else file.open("rb"))
        schema = pa.schema([(f.name, _read_type(source, f)) for f in source.schema])
    return pa.RecordBatchReader.from_batches(schema, _batches(source, schema))


def write(
    rows: pa.RecordBatchReader,
    file: AnyPath,
    options: CodecOptions = DEFAULT_OPTIONS,  # noqa: ARG001
) -> int:
    """Write rows to an ORC file, and return their number.

    Raises:
        DatasetError: naming the column, and the row from 1, that ORC cannot hold exactly.
    """
    import pyarrow as pa
    from pyarrow import orc

    schema = pa.schema([(f.name, _written_type(f.name, f.type)) for f in rows.schema])
    limits = [with_types(f.type, _in_nanoseconds) for f in schema]
    count = 0
    with (
        for_library(file, "wb") as opened,
        orc.ORCWriter(opened, compression="zstd", stripe_size=STRIPE_BYTES) as target,
    ):
        target.write(schema.empty_table())
        for batch in rows:
            for start in range(0, batch.num_rows, BATCH_ROWS):
                part = batch.slice(start, BATCH_ROWS)
                arrays = []
                for array, field, limit in zip(part.columns, schema, limits, strict=True):
                    where: dict[str, Any] = {"name": field.name, "rows_before": count}
                    written = cast_exactly(array, field.type, called=CALLED, **where)
                    cast_exactly(written, limit, called=CALLED, **where)
                    arrays.append(written)
                table = pa.Table.from_arrays(arrays, schema=schema)
                _refuse_changed(table, limits)
                target.write(table)
                count += part.num_rows
    return count


def _refuse_changed(table: pa.Table, kinds: Sequence[pa.DataType]) -> None:
    """Refuse nested values that the library would change: it loses values behind missing structs.

    Such a struct inside a struct comes out with other values (Arrow 26), so that what is nested is
    written and read once more, in memory.

    Raises:
        DatasetError: naming the column.
    """
    import pyarrow as pa
    from pyarrow import orc

    for number, name in enumerate(table.column_names):
        if not table.field(number).type.num_fields:
            continue
        column = table.select([number])
        sink = pa.BufferOutputStream()
        orc.write_table(column, sink)
        found = orc.ORCFile(pa.BufferReader(sink.getvalue())).read()
        # as texts, in which NaN is NaN and -0.0 is not 0.0
        if _shown(found.column(0), kinds[number]) != _shown(column.column(0), kinds[number]):
            raise DatasetError(
                f"The column {quoted([name])} holds structs inside structs with missing ones among "
                "them, which the ORC library would change; write another format, such as parquet."
            )


def _shown(column: pa.ChunkedArray, kind: pa.DataType) -> str:
    return repr(column.cast(kind).to_pylist())


def _batches(source: Any, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    rows = 0
    for number in range(source.nstripes):
        with _refusing_damage():
            stripe = source.read_stripe(number)
        arrays = [
            cast_exactly(array, field.type, name=field.name, rows_before=rows, called=CALLED)
            for array, field in zip(stripe.columns, schema, strict=True)
        ]
        batch = pa.RecordBatch.from_arrays(arrays, schema=schema)
        for start in range(0, batch.num_rows, BATCH_ROWS):
            yield batch.slice(start, BATCH_ROWS)
        rows += batch.num_rows


def _read_type(source: Any, field: pa.Field) -> pa.DataType:
    """Return the type of a column, in microseconds where all its moments are whole ones."""
    import pyarrow as pa
    import pyarrow.types as kinds

    if kinds.is_union(field.type):
        raise DatasetError(
            f"The column {quoted([field.name])} holds values of several types, which no column "
            "can; write it in one type."
        )
    kind = with_types(field.type, _in_microseconds)
    if kind == field.type:
        return kind
    place = source.schema.get_field_index(field.name)
    for number in range(source.nstripes):
        column = source.read_stripe(number, columns=[place]).column(0)
        try:
            column.cast(kind)
        except pa.ArrowInvalid:
            return field.type
    return kind


def _written_type(name: str, kind: pa.DataType) -> pa.DataType:
    import pyarrow as pa
    import pyarrow.types as kinds

    replaced = {
        pa.uint8(): pa.int16(),
        pa.uint16(): pa.int32(),
        pa.uint32(): pa.int64(),
        pa.uint64(): pa.decimal128(UNSIGNED_DIGITS, 0),
        pa.float16(): pa.float32(),
        pa.date64(): pa.date32(),
        pa.string_view(): pa.string(),
        pa.binary_view(): pa.binary(),
        pa.null(): pa.string(),
    }

    def change(inner: pa.DataType) -> pa.DataType:
        if (
            kinds.is_time(inner)
            or kinds.is_duration(inner)
            or kinds.is_interval(inner)
            or kinds.is_decimal256(inner)
            or kinds.is_union(inner)
        ):
            raise cannot_hold(name, inner, CALLED)
        return replaced.get(inner, inner)

    return with_types(kind, change)


def _in_nanoseconds(kind: pa.DataType) -> pa.DataType:
    import pyarrow as pa

    return pa.timestamp("ns", kind.tz) if pa.types.is_timestamp(kind) else kind


def _in_microseconds(kind: pa.DataType) -> pa.DataType:
    import pyarrow as pa

    return pa.timestamp("us", kind.tz) if pa.types.is_timestamp(kind) else kind


@contextmanager
def _refusing_damage() -> Iterator[None]:
    """Turn what the library raises into one sentence without values."""
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, OSError) as error:
        if "out of range" in str(error):
            raise DatasetError(
                "The ORC file holds a date-time before 1677 or after 2262, which cannot be read "
                "exactly; write it as text or as Parquet."
            ) from None
        raise DatasetError("The ORC file is damaged or incomplete; write it anew.") from None
