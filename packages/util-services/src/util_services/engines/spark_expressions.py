"""Expressions on Spark's columns, for names and types of any kind.

``functions`` is ``pyspark.sql.functions``, or its twin for Spark Connect.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyspark.sql import Column
    from pyspark.sql.types import DataType


def column(functions: Any, name: str) -> Column:
    """Return the column of a name; without quotes, Spark takes dots and stars for operators."""
    escaped = name.replace("`", "``")
    found: Column = functions.col(f"`{escaped}`")
    return found


def without_nan(functions: Any, value: Column, kind: DataType) -> Column:
    """Return a value in which NaN is missing, inside lists, structs and the values of maps too."""
    from pyspark.sql import types

    changed: Column = value
    nothing = functions.lit(None)
    if not _holds_floats(kind):
        return value
    match kind:
        case types.FloatType() | types.DoubleType():
            changed = functions.when(functions.isnan(value), nothing).otherwise(value)
        case types.ArrayType(elementType=item_type):
            changed = functions.transform(
                value, lambda item: without_nan(functions, item, item_type)
            )
        case types.MapType(valueType=value_type):
            changed = functions.transform_values(
                value, lambda _, item: without_nan(functions, item, value_type)
            )
        case types.StructType(fields=fields):
            parts = (
                without_nan(functions, value.getField(part.name), part.dataType).alias(part.name)
                for part in fields
            )
            changed = functions.when(value.isNull(), nothing).otherwise(functions.struct(*parts))
    return changed


def _holds_floats(kind: DataType) -> bool:
    """Whether a float stands where it can be replaced; the keys of a map are left alone."""
    from pyspark.sql import types

    match kind:
        case types.FloatType() | types.DoubleType():
            return True
        case types.ArrayType():
            return _holds_floats(kind.elementType)
        case types.MapType():
            return _holds_floats(kind.valueType)
        case types.StructType():
            return any(_holds_floats(field.dataType) for field in kind.fields)
    return False
