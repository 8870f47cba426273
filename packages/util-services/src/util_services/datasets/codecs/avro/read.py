"""From Avro records to Arrow batches.

fastavro turns logical types into Python objects, which end at year 9999 and respell UUIDs. The
blocks of a file are therefore decoded by its schema without them, and Arrow is given the numbers.
"""

from __future__ import annotations

from contextlib import contextmanager
from decimal import Context, Decimal
from itertools import islice
from typing import TYPE_CHECKING, Any

from util_services.datasets.codecs.protocol import (
    BATCH_ROWS,
    DEFAULT_OPTIONS,
    CodecOptions,
    missing_extra,
)
from util_services.datasets.signatures import HEAD_BYTES, check_signature
from util_services.errors import DatasetError, quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

    import pyarrow as pa

    from util_services.encryption.paths import AnyPath

    Convert = Callable[[Any], Any]

MAX_DIGITS = 38
HOLDS_TYPES = {"type", "items", "values", "fields"}
EXACT = Context(prec=100)
DAMAGED = "The Avro file is damaged or incomplete; write it anew."


def fastavro_module() -> ModuleType:
    """Return the library, or refuse with the sentence that says how to install it."""
    try:
        import fastavro
    except ImportError:
        raise missing_extra("avro", "Avro files") from None
    module: ModuleType = fastavro
    return module


def read_avro(file: AnyPath, options: CodecOptions = DEFAULT_OPTIONS) -> pa.RecordBatchReader:  # noqa: ARG001
    """Return the rows of an Avro file.

    Raises:
        DatasetError: if the file is damaged, or a field has no exact counterpart.
        ConfigurationError: if fastavro is not installed.
    """
    import pyarrow as pa

    fastavro = fastavro_module()
    with file.open("rb") as content:
        check_signature(content.read(HEAD_BYTES), "avro")
        content.seek(0)
        with _refusing_damage():
            root = fastavro.block_reader(content).writer_schema
    if not isinstance(root, dict) or root.get("type") != "record":
        raise DatasetError("The Avro file holds values that are no records; write records.")
    kinds = _Kinds()
    fields = [(field["name"], kinds.of(field["type"], field["name"])) for field in root["fields"]]
    schema = pa.schema([(name, kind) for name, (kind, _) in fields])
    converts = [convert for _, (_, convert) in fields]
    return pa.RecordBatchReader.from_batches(schema, _batches(file, root, schema, converts))


def _batches(
    file: AnyPath, root: dict[str, Any], schema: pa.Schema, converts: list[Convert | None]
) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    with file.open("rb") as content, _refusing_damage():
        records = _records(content, without_logical_types(root))
        rows = 0
        while batch := list(islice(records, BATCH_ROWS)):
            arrays = []
            for field, convert in zip(schema, converts, strict=True):
                values = [record[field.name] for record in batch]
                if convert is not None:
                    values = [None if value is None else convert(value) for value in values]
                try:
                    arrays.append(pa.array(values, field.type))
                except pa.ArrowException:
                    raise DatasetError(
                        f"The column {quoted([field.name])} holds a value beyond {field.type} in "
                        f"the rows {rows + 1} to {rows + len(batch)}; repair the file."
                    ) from None
            rows += len(batch)
            yield pa.RecordBatch.from_arrays(arrays, schema=schema)


def _records(content: Any, schema: Any) -> Iterator[dict[str, Any]]:
    fastavro = fastavro_module()
    parsed = fastavro.parse_schema(schema)
    for block in fastavro.block_reader(content):
        for _ in range(block.num_records):
            yield fastavro.schemaless_reader(block.bytes_, parsed)


def without_logical_types(schema: Any) -> Any:
    """Return a schema in which dates and decimals are the numbers and bytes that hold them."""
    if isinstance(schema, list):
        return [without_logical_types(inner) for inner in schema]
    if isinstance(schema, dict):
        return {
            key: without_logical_types(value) if key in HOLDS_TYPES else value
            for key, value in schema.items()
            if key not in {"logicalType", "default"} and not key.startswith("__")
        }
    return schema


class _Kinds:
    """Arrow types of the types of one Avro schema."""

    def __init__(self) -> None:
        self._named: dict[str, tuple[pa.DataType, Convert | None] | None] = {}

    def of(self, schema: Any, column: str) -> tuple[pa.DataType, Convert | None]:
        """Return the Arrow type of a type, and what makes Arrow's values of Avro's if needed."""
        if isinstance(schema, list):
            inner = [kind for kind in schema if kind != "null"]
            if len(inner) > 1:
                raise DatasetError(
                    f"The column {quoted([column])} holds values of several types, which no column "
                    "can; write it in one type."
                )
            return self.of(inner[0] if inner else "null", column)
        if isinstance(schema, str):
            if schema in self._named:
                known = self._named[schema]
                if known is None:
                    raise DatasetError(
                        f"The column {quoted([column])} holds records that hold records of the "
                        "same type without end, which no column can; write it as text."
                    )
                return known
            schema = {"type": schema}
        if isinstance(schema["type"], dict | list):
            return self.of(schema["type"], column)
        name = schema.get("name")
        if name is not None:
            self._named[name] = None
        found = self._logical(schema, column) or self._plain(schema, column)
        if name is not None:
            self._named[name] = found
        return found

    def _logical(self, schema: dict[str, Any], column: str) -> tuple[Any, Convert | None] | None:
        import pyarrow as pa

        logical, stored = str(schema.get("logicalType")), schema["type"]
        if logical == "duration" and stored == "fixed":
            raise DatasetError(
                f"The column {quoted([column])} is a duration, which engines take for a bare "
                "number; write it as whole numbers of a unit."
            )
        if logical == "decimal" and stored in {"bytes", "fixed"}:
            digits, scale = schema.get("precision", 0), schema.get("scale", 0)
            if not 0 < digits <= MAX_DIGITS or not 0 <= scale <= digits:
                raise DatasetError(
                    f"The column {quoted([column])} is a decimal of more than {MAX_DIGITS} digits, "
                    "which no engine holds exactly; write it as text."
                )
            return pa.decimal128(digits, scale), lambda value: _decimal(value, scale)
        times = {
            ("date", "int"): pa.date32(),
            ("time-millis", "int"): pa.time32("ms"),
            ("time-micros", "long"): pa.time64("us"),
            ("timestamp-millis", "long"): pa.timestamp("ms", "UTC"),
            ("timestamp-micros", "long"): pa.timestamp("us", "UTC"),
            ("timestamp-nanos", "long"): pa.timestamp("ns", "UTC"),
            ("local-timestamp-millis", "long"): pa.timestamp("ms"),
            ("local-timestamp-micros", "long"): pa.timestamp("us"),
            ("local-timestamp-nanos", "long"): pa.timestamp("ns"),
        }
        return (times[logical, stored], None) if (logical, stored) in times else None

    def _plain(self, schema: dict[str, Any], column: str) -> tuple[pa.DataType, Convert | None]:
        import pyarrow as pa

        match schema["type"]:
            case "array":
                kind, convert = self.of(schema["items"], column)
                return pa.list_(kind), _each(convert)
            case "map":
                kind, convert = self.of(schema["values"], column)
                return pa.map_(pa.string(), kind), _each_value(convert)
            case "record" | "error":
                inner = {f["name"]: self.of(f["type"], column) for f in schema["fields"]}
                kinds = pa.struct([(name, kind) for name, (kind, _) in inner.items()])
                changes = {n: convert for n, (_, convert) in inner.items() if convert is not None}
                return kinds, _each_field(changes) if changes else None
            case "fixed":
                return pa.binary(schema["size"]), None
        plain = {
            "null": pa.null(),
            "boolean": pa.bool_(),
            "int": pa.int32(),
            "long": pa.int64(),
            "float": pa.float32(),
            "double": pa.float64(),
            "bytes": pa.binary(),
            "string": pa.string(),
            "enum": pa.string(),
        }
        return plain[schema["type"]], None


def _decimal(value: bytes, scale: int) -> Decimal:
    return Decimal(int.from_bytes(value, "big", signed=True)).scaleb(-scale, EXACT)


def _each(convert: Convert | None) -> Convert | None:
    if convert is None:
        return None
    return lambda values: [None if value is None else convert(value) for value in values]


def _each_value(convert: Convert | None) -> Convert:
    if convert is None:
        return lambda mapping: list(mapping.items())
    return lambda mapping: [
        (key, None if value is None else convert(value)) for key, value in mapping.items()
    ]


def _each_field(converts: dict[str, Convert]) -> Convert:
    return lambda record: (
        record
        | {
            name: convert(record[name])
            for name, convert in converts.items()
            if record[name] is not None
        }
    )


@contextmanager
def _refusing_damage() -> Iterator[None]:
    """Turn what the library raises into one sentence without values."""
    try:
        yield
    except DatasetError:
        raise
    except ValueError as error:
        if "codec" in str(error):
            raise DatasetError(
                "The Avro file is compressed by a codec whose library is not installed; write it "
                "with 'deflate', or install the library."
            ) from None
        raise DatasetError(DAMAGED) from None
    except (EOFError, ArithmeticError, IndexError, KeyError, TypeError, OSError):
        raise DatasetError(DAMAGED) from None
    except Exception as error:
        if type(error).__module__.split(".")[0] in {"fastavro", "zlib"}:
            raise DatasetError(DAMAGED) from None
        raise
