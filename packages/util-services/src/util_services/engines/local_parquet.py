"""How the local engine writes Parquet files that keep the fields of their source.

DuckDB's writer is parallel, but knows its own types only: large strings and dictionaries are texts
to it, milliseconds come out as microseconds, and a column is REQUIRED where the optimiser knows
that nothing is missing. What it needs to be told is told: the stored form of moments by a cast, the
Arrow schema by the metadata where pyarrow, too, keeps it, and nullability by hiding bounds.

The few kinds that it cannot write (halves, bytes of a fixed size, times and zoned moments in
milliseconds, required parts of nested values) go through pyarrow's writer, on one thread. Which
ones these are is found out by writing no rows at all, and what was written is compared with what
was wanted.
"""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from util_services.datasets.schema import Schema
from util_services.encryption.paths import for_library
from util_services.engines.failures import EngineError
from util_services.engines.local_formats import sql_name, sql_text
from util_services.errors import CancelledError, quoted_name

if TYPE_CHECKING:
    import threading

    from util_services.encryption.paths import AnyPath

ARROW_SCHEMA = "ARROW:schema"  # where pyarrow keeps the types that Parquet does not know
ROW_GROUP_ROWS = 122_880
ANY_ROW = "any_row"
UNFIT = re.compile(r"data-services: a value does not fit column (\d+)\.")
# Level 3, zstd's default, takes a sixth longer for 1 % fewer bytes. What is staged is laid out
# so too, for lz4 is hardly faster and takes 1.7 times the disk.
CODEC, LEVEL = "zstd", 1
COPY_OPTIONS = ", ".join(
    [
        "FORMAT parquet",
        f"COMPRESSION {CODEC}",
        f"COMPRESSION_LEVEL {LEVEL}",
        f"ROW_GROUP_SIZE {ROW_GROUP_ROWS}",
    ]
)


class UnfitError(EngineError):
    """Raised when a value does not fit the type that its column had so far."""


def write_parquet(
    connection: duckdb.DuckDBPyConnection,
    query: str,
    file: AnyPath,
    fields: pa.Schema,
    stop: threading.Event,
) -> int:
    """Write the rows of a query in their order with these fields; return their number.

    A required column in which something is missing becomes nullable.

    Raises:
        UnfitError: if a value does not fit the type of its column.
        CancelledError: once ``stop`` is set.
    """
    can_copy = _can_copy(connection, query, file.parent / f"{file.name}.probe", fields)
    if can_copy:
        rows = _copy(connection, query, file, fields)
        written = _schema_of(file)
        if written.equals(fields):
            return rows
    fields = _nullable_where_missing(connection, query, fields)
    if can_copy and written.equals(fields):
        return rows
    return _write_through_arrow(connection, query, file, fields, stop)


def _can_copy(
    connection: duckdb.DuckDBPyConnection,
    query: str,
    probe: AnyPath,
    fields: pa.Schema,
) -> bool:
    """Whether DuckDB writes columns of these types; tried with one of each, without rows."""
    if any(pa.types.is_nested(field.type) and not field.nullable for field in fields):
        return False
    one_of_each = pa.schema({str(field.type): field for field in fields}.values())
    _copy(connection, f"FROM ({query}) LIMIT 0", probe, one_of_each)
    written = _schema_of(probe)
    probe.unlink()
    return bool(written.types == one_of_each.types)


def _copy(
    connection: duckdb.DuckDBPyConnection,
    query: str,
    file: AnyPath,
    fields: pa.Schema,
) -> int:
    """Write a query with DuckDB's own writer, as near to the fields as it comes."""
    values = [_value(field, number) for number, field in enumerate(fields)]
    if all(field.nullable for field in fields):
        connection.execute("SET disabled_optimizers = 'statistics_propagation'")
    else:
        any_row = Schema.of(fields).free_name(ANY_ROW)
        pairs = zip(fields, values, strict=True)
        values = [_hidden(field, value, any_row) for field, value in pairs]
        query = f"SELECT *, random() < 2 AS {sql_name(any_row)} FROM ({query})"
    names = map(sql_name, fields.names)
    columns = ", ".join(f"{value} AS {name}" for value, name in zip(values, names, strict=True))
    metadata = f"KV_METADATA {{{sql_text(ARROW_SCHEMA)}: {sql_text(_in_metadata(fields))}}}"
    options = f"{COPY_OPTIONS}, {metadata}"
    copy = f"COPY (SELECT {columns} FROM ({query})) TO {sql_text(str(file))} ({options})"
    try:
        found = connection.execute(copy).fetchone()
    except duckdb.Error as error:
        unfit = UNFIT.search(str(error))
        if unfit is None:
            raise
        raise UnfitError(_unfit(fields.field(int(unfit[1])).name)) from None
    finally:
        connection.execute("RESET disabled_optimizers")
    return int(found[0]) if found else 0


def _value(field: pa.Field, number: int) -> str:
    """Return the SQL of a value as DuckDB is to store it."""
    name = sql_name(field.name)
    if field.type != pa.timestamp("ms"):
        return name
    stored = f"{name}::TIMESTAMP_MS"
    unfit = f"error('data-services: a value does not fit column {number}.')"
    return f"CASE WHEN {stored} = {name} OR {name} IS NULL THEN {stored} ELSE {unfit} END"


def _hidden(field: pa.Field, value: str, any_row: str) -> str:
    """Return SQL that hides of a value that it is never missing, if its column is nullable.

    DuckDB writes such columns as REQUIRED. It cannot look through a condition, even one that
    always holds; for many columns that costs more than to do without the optimiser's knowledge.
    """
    if not field.nullable or pa.types.is_nested(field.type):
        return value
    return f"CASE WHEN {sql_name(any_row)} THEN {value} END"


def _nullable_where_missing(
    connection: duckdb.DuckDBPyConnection, query: str, fields: pa.Schema
) -> pa.Schema:
    """Return the fields with those required columns nullable that have a missing value."""
    required = [field.name for field in fields if not field.nullable]
    if not required:
        return fields
    missing = ", ".join(f"bool_or({sql_name(name)} IS NULL)" for name in required)
    found = connection.execute(f"SELECT {missing} FROM ({query})").fetchone() or ()
    for name, any_missing in zip(required, found, strict=True):
        if any_missing:
            number = fields.get_field_index(name)
            fields = fields.set(number, fields.field(number).with_nullable(True))
    return fields


def _write_through_arrow(
    connection: duckdb.DuckDBPyConnection,
    query: str,
    file: AnyPath,
    fields: pa.Schema,
    stop: threading.Event,
) -> int:
    """Write a query with pyarrow's writer, which knows all types of Arrow."""
    stored = pa.schema([_stored_field(field) for field in fields])
    connection.execute("SET arrow_lossless_conversion = true")
    connection.execute("SET arrow_large_buffer_size = true")
    rows = 0
    options = {"compression": CODEC, "compression_level": LEVEL, "store_schema": False}
    with (
        for_library(file, "wb") as opened,
        pq.ParquetWriter(opened, stored, **options) as writer,
    ):
        writer.add_key_value_metadata({ARROW_SCHEMA: _in_metadata(fields)})
        for batch in connection.sql(query).to_arrow_reader(ROW_GROUP_ROWS):
            if stop.is_set():
                raise CancelledError("The run was cancelled while the engine was at work.")
            columns = [_column_as(batch.column(n), field) for n, field in enumerate(stored)]
            writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=stored))
            rows += len(batch)
    return rows


def _schema_of(file: AnyPath) -> pa.Schema:
    with for_library(file, "rb") as opened:
        return pq.read_schema(opened)


def _in_metadata(fields: pa.Schema) -> str:
    """Return a schema as pyarrow keeps it in a file's metadata."""
    return base64.b64encode(fields.serialize().to_pybytes()).decode()


def _stored_field(field: pa.Field) -> pa.Field:
    return field.with_type(_stored(field.type))


def _stored(kind: pa.DataType) -> pa.DataType:
    """Return the type as which Parquet stores another; what is lost stands in the metadata."""
    if pa.types.is_dictionary(kind):
        return _stored(kind.value_type)
    if pa.types.is_string(kind) or pa.types.is_string_view(kind):
        return pa.large_string()  # so that no batch can overflow
    if pa.types.is_binary(kind) or pa.types.is_binary_view(kind):
        return pa.large_binary()
    if pa.types.is_decimal32(kind) or pa.types.is_decimal64(kind):
        return pa.decimal128(kind.precision, kind.scale)
    if pa.types.is_struct(kind):
        return pa.struct([_stored_field(kind.field(n)) for n in range(kind.num_fields)])
    if pa.types.is_map(kind):
        return pa.map_(_stored_field(kind.key_field), _stored_field(kind.item_field))
    if _is_list(kind):
        return pa.large_list(_stored_field(kind.value_field))
    return kind


def _column_as(array: pa.Array, field: pa.Field) -> pa.Array:
    """Return the values of a column in their stored type.

    Raises:
        UnfitError: if one does not fit.
    """
    try:
        return _as(array, field.type)
    except pa.ArrowException:
        raise UnfitError(_unfit(field.name)) from None


def _as(array: pa.Array, kind: pa.DataType) -> pa.Array:
    """Cast an array, nested ones part by part: what is required is so where its parent exists."""
    if array.type == kind:
        return array
    if isinstance(array, pa.ExtensionArray):
        array = array.storage
    if isinstance(kind, pa.BaseExtensionType):
        return pa.ExtensionArray.from_storage(kind, _as(array, kind.storage_type))
    if pa.types.is_struct(kind):
        parts = [_part(array, n, kind.field(n)) for n in range(kind.num_fields)]
        return pa.StructArray.from_arrays(parts, fields=list(kind), mask=array.is_null())
    if pa.types.is_map(kind):
        keys, items = _as(array.keys, kind.key_type), _as(array.items, kind.item_type)
        return pa.MapArray.from_arrays(array.offsets, keys, items, kind, mask=array.is_null())
    if _is_list(kind):
        offsets = array.offsets.cast(pa.int64())
        values = _as(array.values, kind.value_type)
        return pa.LargeListArray.from_arrays(offsets, values, kind, mask=array.is_null())
    return array.cast(kind)


def _part(array: pa.StructArray, number: int, field: pa.Field) -> pa.Array:
    """Return a part of structs; a required one is missing only where its struct is.

    pyarrow's writer wants to see nothing missing there either, so that is covered up.
    """
    part = _as(array.field(number), field.type)
    if field.nullable or not part.null_count:
        return part
    if pc.any(pc.and_(part.is_null(), array.is_valid())).as_py():
        raise pa.ArrowInvalid
    own = part.buffers()[1 : part.type.num_buffers]
    if pa.types.is_struct(part.type):
        children = [part.field(n) for n in range(part.type.num_fields)]
    else:
        children = [part.values] if _is_list(part.type) else []
    return pa.Array.from_buffers(part.type, len(part), [None, *own], children=children)


def _is_list(kind: pa.DataType) -> bool:
    tests = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
    return any(test(kind) for test in tests)


def _unfit(name: str) -> str:
    return (
        f"The column {quoted_name(name)} holds values that do not fit the type it has in the "
        "source; cast it to another type in a step of its own."
    )
