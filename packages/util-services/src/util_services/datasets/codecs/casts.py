"""Casts of batches to the types of a format: exact, or refused by column and row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from util_services.errors import DatasetError, quoted

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa


def with_types(kind: pa.DataType, change: Callable[[pa.DataType], pa.DataType]) -> pa.DataType:
    """Return a type in which the innermost types are changed."""
    import pyarrow as pa
    import pyarrow.types as kinds

    if kinds.is_dictionary(kind):
        return with_types(kind.value_type, change)
    if kinds.is_struct(kind):
        return pa.struct([(inner.name, with_types(inner.type, change)) for inner in kind])
    if kinds.is_map(kind):
        return pa.map_(with_types(kind.key_type, change), with_types(kind.item_type, change))
    if kinds.is_nested(kind) and not kinds.is_union(kind):
        return pa.list_(with_types(kind.value_type, change))
    return change(kind)


def cast_exactly(
    array: pa.Array, kind: pa.DataType, *, name: str, rows_before: int, called: str
) -> pa.Array:
    """Return an array as another type that holds each of its values.

    Args:
        array: the values.
        kind: the type to cast to.
        name: what their column is called.
        rows_before: how many rows stand before them in the dataset.
        called: what the format is called.

    Raises:
        DatasetError: naming the column and the first row whose value the type does not hold.
    """
    import pyarrow as pa

    if array.type == kind:
        return array
    try:
        return array.cast(kind)
    except pa.ArrowNotImplementedError:
        raise cannot_hold(name, array.type, called) from None
    except pa.ArrowInvalid:
        row = next(number for number in range(len(array)) if not _casts(array, number, kind))
        raise DatasetError(
            f"Row {rows_before + row + 1} of the column {quoted([name])} is beyond what {called} "
            "holds exactly: too large, too early, too late or too fine; cast the column to text, "
            "or write another format."
        ) from None


def cannot_hold(name: str, kind: pa.DataType, called: str) -> DatasetError:
    """Return the error for a column whose type a format does not have."""
    return DatasetError(
        f"The column {quoted([name])} has the type {kind}, which {called} cannot hold; cast it to "
        "text, or write another format."
    )


def _casts(array: pa.Array, number: int, kind: pa.DataType) -> bool:
    import pyarrow as pa

    try:
        array.slice(number, 1).cast(kind)
    except pa.ArrowInvalid:
        return False
    return True
