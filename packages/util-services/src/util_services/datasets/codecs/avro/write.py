"""From Arrow batches to Avro records, dates and times as the numbers that Avro stores."""

from __future__ import annotations

import hashlib
import json
import re
from itertools import count
from typing import TYPE_CHECKING, Any

from util_services.datasets.codecs.avro.read import fastavro_module
from util_services.datasets.codecs.casts import cannot_hold, cast_exactly, with_types
from util_services.datasets.codecs.protocol import BATCH_ROWS, DEFAULT_OPTIONS, CodecOptions
from util_services.errors import DatasetError, quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pyarrow as pa

    from util_services.encryption.paths import AnyPath

    Convert = Callable[[Any], Any]

CALLED = "Avro"
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
ROOT = "row"
SYNC_BYTES = 16
BLOCK_BYTES = 64_000


def write_avro(
    rows: pa.RecordBatchReader,
    file: AnyPath,
    options: CodecOptions = DEFAULT_OPTIONS,  # noqa: ARG001
) -> int:
    """Write rows to an Avro file, and return their number.

    Raises:
        DatasetError: naming the column, and the row from 1, that Avro cannot hold exactly.
        ConfigurationError: if fastavro is not installed.
    """
    fastavro = fastavro_module()
    schema = _Names().record(rows.schema, ROOT, "")
    records = _Records(rows)
    mark = hashlib.sha256(json.dumps(schema).encode()).digest()[:SYNC_BYTES]
    with file.open("wb") as target:
        fastavro.writer(
            target,
            fastavro.parse_schema(schema),
            records,
            codec="deflate",
            sync_interval=BLOCK_BYTES,
            sync_marker=mark,
        )
    return records.count


class _Records:
    """The rows as fastavro wants them, counted on the way."""

    def __init__(self, rows: pa.RecordBatchReader) -> None:
        self.count = 0
        self._rows = rows
        self._stored = [
            with_types(with_types(field.type, _exact_type(field.name)), _stored_type)
            for field in rows.schema
        ]

    def __iter__(self) -> Iterator[dict[str, Any]]:
        names = self._rows.schema.names
        exact = [with_types(f.type, _exact_type(f.name)) for f in self._rows.schema]
        converts = [_converter(kind) for kind in self._stored]
        for batch in self._rows:
            for start in range(0, batch.num_rows, BATCH_ROWS):
                part = batch.slice(start, BATCH_ROWS)
                columns = []
                for number, array in enumerate(part.columns):
                    where: dict[str, Any] = {"name": names[number], "rows_before": self.count}
                    values = cast_exactly(array, exact[number], called=CALLED, **where)
                    values = cast_exactly(values, self._stored[number], called=CALLED, **where)
                    columns.append(self._converted(values, converts[number], names[number]))
                for row in zip(*columns, strict=True):
                    yield dict(zip(names, row, strict=True))
                self.count += part.num_rows

    def _converted(self, values: pa.Array, convert: Convert | None, name: str) -> list[Any]:
        plain: list[Any] = values.to_pylist()
        if convert is None:
            return plain
        try:
            return [None if value is None else convert(value) for value in plain]
        except _RepeatedKeyError:
            raise DatasetError(
                f"The column {quoted([name])} has a map with two equal keys or a missing one, "
                "which Avro cannot hold; cast it to text."
            ) from None


class _RepeatedKeyError(Exception):
    """Raised for a map that names a key twice."""


class _Names:
    """Gives each record and fixed type of a schema a name of its own."""

    def __init__(self) -> None:
        self._numbers = count(1)

    def record(self, fields: Any, name: str, column: str) -> dict[str, Any]:
        found = []
        for field in fields:
            if not NAME.fullmatch(field.name):
                inside = f" inside the column {quoted([column])}" if column else ""
                raise DatasetError(
                    f"The column name {quoted([field.name])}{inside} cannot be a name in Avro; "
                    "rename it to letters A to Z, digits and underscores, or write another format."
                )
            kind = self.type(field.type, column or field.name)
            union = "null" if kind == "null" else ["null", kind]
            found.append({"name": field.name, "type": union, "default": None})
        return {"type": "record", "name": name, "fields": found}

    def type(self, given: pa.DataType, column: str) -> Any:
        import pyarrow.types as kinds

        kind = with_types(given, _exact_type(column))
        if kinds.is_struct(kind):
            return self.record(kind, f"record_{next(self._numbers)}", column)
        if kinds.is_map(kind):
            values = self.type(kind.item_type, column)
            if not kinds.is_string(kind.key_type):
                raise cannot_hold(column, given, CALLED)
            return {"type": "map", "values": ["null", values] if values != "null" else values}
        if kinds.is_list(kind):
            items = self.type(kind.value_type, column)
            return {"type": "array", "items": ["null", items] if items != "null" else items}
        if kinds.is_fixed_size_binary(kind) and not kinds.is_decimal(kind):
            name = f"fixed_{next(self._numbers)}"
            return {"type": "fixed", "name": name, "size": kind.byte_width}
        if kinds.is_decimal(kind):
            return {
                "type": "bytes",
                "logicalType": "decimal",
                "precision": kind.precision,
                "scale": kind.scale,
            }
        if kinds.is_date(kind):
            return {"type": "int", "logicalType": "date"}
        if kinds.is_time(kind):
            is_short = kind.unit == "ms"
            unit = "millis" if is_short else "micros"
            return {"type": "int" if is_short else "long", "logicalType": f"time-{unit}"}
        if kinds.is_timestamp(kind):
            local = "local-" if kind.tz is None else ""
            unit = {"ms": "millis", "us": "micros", "ns": "nanos"}[kind.unit]
            return {"type": "long", "logicalType": f"{local}timestamp-{unit}"}
        return {
            "bool": "boolean",
            "int32": "int",
            "int64": "long",
            "float": "float",
            "double": "double",
            "binary": "bytes",
            "string": "string",
            "null": "null",
        }[str(kind)]


def _exact_type(column: str) -> Callable[[pa.DataType], pa.DataType]:
    """Return what gives for a type the one of Avro's that holds all its values."""
    import pyarrow as pa
    import pyarrow.types as kinds

    replaced = {
        pa.int8(): pa.int32(),
        pa.int16(): pa.int32(),
        pa.uint8(): pa.int32(),
        pa.uint16(): pa.int32(),
        pa.uint32(): pa.int64(),
        pa.uint64(): pa.int64(),
        pa.float16(): pa.float32(),
        pa.date64(): pa.date32(),
        pa.large_string(): pa.string(),
        pa.string_view(): pa.string(),
        pa.large_binary(): pa.binary(),
        pa.binary_view(): pa.binary(),
        pa.time32("s"): pa.time32("ms"),
        pa.time64("ns"): pa.time64("us"),
    }

    def change(kind: pa.DataType) -> pa.DataType:
        if (
            kinds.is_decimal256(kind)
            or kinds.is_duration(kind)
            or kinds.is_interval(kind)
            or kinds.is_union(kind)
            or (kinds.is_decimal(kind) and kind.scale < 0)
        ):
            raise cannot_hold(column, kind, CALLED)
        if kinds.is_timestamp(kind) and kind.unit == "s":
            return pa.timestamp("ms", kind.tz)
        if kinds.is_decimal(kind):
            return pa.decimal128(kind.precision, kind.scale)
        return replaced.get(kind, kind)

    return change


def _stored_type(kind: pa.DataType) -> pa.DataType:
    """Return the type of the numbers that Avro stores for dates and times."""
    import pyarrow as pa
    import pyarrow.types as kinds

    if kinds.is_date32(kind) or kinds.is_time32(kind):
        return pa.int32()
    if kinds.is_timestamp(kind) or kinds.is_time64(kind):
        return pa.int64()
    return kind


def _converter(kind: pa.DataType) -> Convert | None:
    """Return what makes fastavro's values of Arrow's, None where they are the same."""
    import pyarrow.types as kinds

    if kinds.is_map(kind):
        return _mapping(_converter(kind.item_type))
    if kinds.is_list(kind):
        inner = _converter(kind.value_type)
        if inner is None:
            return None
        return lambda values: [None if value is None else inner(value) for value in values]
    if kinds.is_struct(kind):
        converts = {f.name: c for f in kind if (c := _converter(f.type)) is not None}
        if not converts:
            return None
        return lambda record: (
            record
            | {
                name: convert(record[name])
                for name, convert in converts.items()
                if record[name] is not None
            }
        )
    return None


def _mapping(convert: Convert | None) -> Convert:
    def mapping(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = {
            key: value if value is None or convert is None else convert(value)
            for key, value in pairs
        }
        if len(found) < len(pairs):
            raise _RepeatedKeyError
        return found

    return mapping
