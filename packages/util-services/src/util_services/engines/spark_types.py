"""How Spark holds the types of datasets: as they are, or in a carrier of equal order and equality.

The types of the local engine are the measure: what it keeps, every engine keeps. Spark has no
unsigned integers, no times and no nanoseconds, so their values travel in wider or plain integers
and come back as they were. A column's own type goes with it as metadata of the column, which
Spark hands on wherever the values stay the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
from pyarrow import types as kinds

from util_services.engines.failures import UnsupportedByEngineError
from util_services.errors import quoted_name

if TYPE_CHECKING:
    from pyspark.sql.types import DataType, StructType

UNSIGNED = {
    pa.uint8(): pa.int16(),
    pa.uint16(): pa.int32(),
    pa.uint32(): pa.int64(),
    pa.uint64(): pa.decimal128(20, 0),
}
SAME = (
    kinds.is_signed_integer,
    kinds.is_float32,
    kinds.is_float64,
    kinds.is_boolean,
    kinds.is_date32,
    kinds.is_decimal128,
    kinds.is_string,
    kinds.is_binary,
)


def carried(field: pa.Field) -> pa.Field:
    """Return a column of the local engine's in the Arrow type in which Spark holds it.

    Raises:
        UnsupportedByEngineError: naming the column, if Spark has no way to hold it.
    """
    return pa.field(field.name, _carrier(field.type, field.name))


def _carrier(kind: pa.DataType, name: str) -> pa.DataType:
    if any(test(kind) for test in SAME):
        return kind
    if kind in UNSIGNED:
        return UNSIGNED[kind]
    if kinds.is_timestamp(kind):
        return pa.int64() if kind.unit == "ns" else pa.timestamp("us", kind.tz)
    if kinds.is_time(kind):
        return pa.int64()
    if kinds.is_null(kind):
        return pa.int32()
    if kinds.is_list(kind):
        return pa.list_(_carrier(kind.value_type, name))
    if kinds.is_map(kind):
        return pa.map_(_carrier(kind.key_type, name), _carrier(kind.item_type, name))
    if kinds.is_struct(kind):
        return pa.struct([(part.name, _carrier(part.type, name)) for part in kind])
    raise UnsupportedByEngineError(
        f"The engine 'spark' cannot hold the column {quoted_name(name)}, which is of the type "
        f"{kind}; set DATA_SERVICES_ENGINE=local, or cast it in the source."
    )


def arrow_type(kind: DataType) -> pa.DataType:
    """Return the Arrow type in which Spark hands out one of its own."""
    from pyspark.sql.pandas.types import to_arrow_type

    return to_arrow_type(kind, timezone="UTC")


def spark_schema(held: pa.Schema) -> StructType:
    """Return Spark's schema for columns in their carriers."""
    from pyspark.sql.pandas.types import from_arrow_schema

    return from_arrow_schema(held, prefer_timestamp_ntz=True)


def holds_maps(kind: pa.DataType) -> bool:
    """Whether a type is a map, or holds one."""
    parts = (kind.field(number).type for number in range(kind.num_fields))
    return bool(kinds.is_map(kind)) or any(map(holds_maps, parts))


def cast_batch(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """Return a batch under the names and types of a schema, column by column; values stay."""
    columns = [
        _cast(column, field.type) for column, field in zip(batch.columns, schema, strict=True)
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _cast(column: pa.Array, kind: pa.DataType) -> pa.Array:
    if column.type == kind:
        return column if not kinds.is_nested(kind) else column.cast(kind)  # names of list items
    if kinds.is_null(kind):
        return pa.nulls(len(column))
    return column.cast(kind)
