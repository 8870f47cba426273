"""The Arrow fields that columns keep on their way from one Parquet file to another.

Engines compute in types of their own: text is text to them, whether its source calls it a string,
a large string or a dictionary. What a user gets back has the types and the nullability of what was
given, wherever an operation left a column of its type.

Key-value metadata of a source (the description of an index by pandas, attributes, notes) is left
out: no step looks at what stands in it, and it may quote data. An index comes out as the column
that it is. Only the names of Arrow's extension types stay, as parts of the type.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from util_services.encryption.paths import for_library

if TYPE_CHECKING:
    from collections.abc import Iterable

    from util_services.encryption.paths import AnyPath

EXTENSION_PREFIX = b"ARROW:extension:"
INT96 = "INT96"


def parquet_fields(file: AnyPath) -> pa.Schema:
    """Return the fields of a Parquet file, without metadata.

    Moments of the outdated kind INT96 count as microseconds, not as nanoseconds, which cannot hold
    all of them.
    """
    with for_library(file, "rb") as opened, pq.ParquetFile(opened) as content:
        fields = content.schema_arrow
        leaves = [content.schema.column(n) for n in range(len(content.schema.names))]
    outdated = {leaf.path for leaf in leaves if leaf.physical_type == INT96}
    return pa.schema(
        [
            _plain(
                field.with_type(pa.timestamp("us", field.type.tz))
                if field.name in outdated
                else field
            )
            for field in fields
        ]
    )


def common_fields(files: Iterable[AnyPath]) -> pa.Schema:
    """Return the fields of Parquet files of one schema: nullable where they are in any of them."""
    first, *others = map(parquet_fields, files)
    for other in others:
        pairs = zip(first, other, strict=True)
        first = pa.schema([mine if mine.nullable else its for mine, its in pairs])
    return first


def kept_fields(
    found: pa.Schema, scanned: pa.Schema, source: pa.Schema, *, keep_nan: bool
) -> pa.Schema:
    """Return the fields with which a result is written.

    A column that has the name and the type of a scanned one keeps the field of its source; any
    other is what the engine made of it. Where NaN counts as missing, floats are nullable.

    Args:
        found: the result's columns, in types of the engine.
        scanned: the source's columns, in types of the engine.
        source: the source's columns as they are stored.
        keep_nan: whether NaN stays in the data.
    """
    engine_types = dict(zip(scanned.names, scanned.types, strict=True))
    stored = dict(zip(source.names, source, strict=True))
    kept = []
    for field in found:
        if field.name in stored and engine_types.get(field.name) == field.type:
            origin = stored[field.name]
            kept.append(origin if keep_nan else _with_nullable_floats(origin))
        else:
            kept.append(field.with_nullable(True))
    return pa.schema(kept)


def nullable(fields: pa.Schema) -> pa.Schema:
    """Return the same columns, of which any may be missing."""
    return pa.schema([field.with_nullable(True) for field in fields])


def _plain(field: pa.Field) -> pa.Field:
    """Return a field without metadata, except what makes it an extension type."""
    metadata = field.metadata or {}
    return field.with_metadata(
        {key: value for key, value in metadata.items() if key.startswith(EXTENSION_PREFIX)} or None
    )


def _with_nullable_floats(field: pa.Field) -> pa.Field:
    """Return a field in which floats are nullable, inside structs and lists too."""
    kind = field.type
    if pa.types.is_floating(kind):
        return field.with_nullable(True)
    if pa.types.is_struct(kind):
        parts = [_with_nullable_floats(kind.field(n)) for n in range(kind.num_fields)]
        return field.with_type(pa.struct(parts))
    if pa.types.is_map(kind):
        item = _with_nullable_floats(kind.item_field)
        return field.with_type(pa.map_(kind.key_field, item, kind.keys_sorted))
    for test, make in (
        (pa.types.is_list, pa.list_),
        (pa.types.is_large_list, pa.large_list),
        (pa.types.is_fixed_size_list, lambda value: pa.list_(value, kind.list_size)),
    ):
        if test(kind):
            return field.with_type(make(_with_nullable_floats(kind.value_field)))
    return field
