"""Frames of pandas and tables of Arrow as columns, and back; nothing of a caller's is changed."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa

from field_pseudonymisation.errors import CellsError, PolicyError
from util_services.errors import quoted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


WITHOUT_NULLS = frozenset(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64))
NOT_READ_BACK = ("period", "interval")


def columns_of(frame: Any) -> tuple[dict[str, pa.Array], dict[str, str]]:
    """Return the columns of a frame by name, and what pandas calls their types.

    Raises:
        PolicyError: if it is no frame, or names are not unique.
        CellsError: for a column of mixed kinds, or of values that Arrow cannot hold.
    """
    if isinstance(frame, pa.Table):
        refuse_repeated(frame.column_names)
        return {name: _whole(frame.column(name)) for name in frame.column_names}, {}
    if not isinstance(frame, pd.DataFrame):
        raise PolicyError("The data must be a pandas DataFrame or an Arrow table; convert them.")
    names = [_name(label) for label in frame.columns]
    refuse_repeated(names)
    columns, dtypes = {}, {}
    for position, name in enumerate(names):
        series = frame.iloc[:, position]
        columns[name] = array_of(series, name)
        dtypes[name] = str(series.dtype)
    return columns, dtypes


def refuse_strange(name: str, dtype: str | None) -> None:
    """Refuse a column whose type of pandas is lost on the way.

    Raises:
        PolicyError: naming it.
    """
    if dtype is not None and dtype.startswith(NOT_READ_BACK):
        raise PolicyError(
            f"The column {quoted([name])} is of the type '{dtype}', of which no values can be made "
            "anew; cast it to dates, numbers or texts."
        )


def _name(label: Any) -> str:
    return ".".join(map(str, label)) if isinstance(label, tuple) else str(label)


def refuse_repeated(names: Sequence[str]) -> None:
    """Refuse columns of one name.

    Raises:
        PolicyError: naming them.
    """
    repeated = sorted({name for name in names if list(names).count(name) > 1})
    if repeated:
        raise PolicyError(f"The data have several columns named {quoted(repeated)}; rename them.")


def array_of(series: pd.Series, name: str) -> pa.Array:
    """Return a column as an Arrow array; NaN, NaT, NA and None are missing."""
    if isinstance(series.dtype, pd.SparseDtype):
        series = pd.Series(np.asarray(series), index=series.index)
    if series.dtype == object:
        _refuse_mixed(series, name)
    try:
        array = pa.Array.from_pandas(series)
    except UnicodeEncodeError:
        reason = "texts with half a character (a lone surrogate)"
        raise CellsError(name, reason, _rows(series, _is_broken)) from None
    except OverflowError:
        raise CellsError(
            name, "integers beyond 64 bits", _rows(series, _is_huge), "make texts of them"
        ) from None
    except (pa.ArrowException, TypeError, ValueError):
        if any(_is_huge(value) for value in series):
            raise CellsError(
                name, "integers beyond 64 bits", _rows(series, _is_huge), "make texts of them"
            ) from None
        if any(_is_broken(value) for value in series):
            reason = "texts with half a character (a lone surrogate)"
            raise CellsError(name, reason, _rows(series, _is_broken)) from None
        raise CellsError(name, "values of several kinds, or of an unknown one", ()) from None
    return _whole(array)


def _whole(array: Any) -> pa.Array:
    whole = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
    return whole.cast(pa.string()) if pa.types.is_null(whole.type) else whole


def _refuse_mixed(series: pd.Series, name: str) -> None:
    """Refuse values of several kinds, which Arrow would make one of without a word."""
    first: Any = None
    for row, value in enumerate(series):
        if value is None or value is pd.NA or value is pd.NaT:
            continue
        if isinstance(value, float | np.floating) and np.isnan(value):
            continue
        kind = _kind(value)
        if getattr(value, "nanosecond", 0):
            raise CellsError(
                name, "nanoseconds, which objects would lose", [row], "cast to 'datetime64[ns]'"
            )
        if isinstance(value, set | frozenset):
            raise CellsError(name, "values of several kinds", [row], "a set is not one value")
        first = first or kind
        if kind != first:
            raise CellsError(name, "values of several kinds", [row], "cast them to one type")


def _kind(value: Any) -> str:
    for kinds, name in (
        ((bool, np.bool_), "boolean"),
        ((int, np.integer), "integer"),
        ((float, np.floating), "float"),
        (str, "text"),
        (Decimal, "decimal"),
    ):
        if isinstance(value, kinds):
            return name
    zone = getattr(value, "tzinfo", None)  # moments of several zones would become those of one
    return type(value).__name__ if zone is None else f"{type(value).__name__} of {zone}"


def _rows(series: pd.Series, test: Any) -> list[int]:
    return [row for row, value in enumerate(series) if test(value)]


def _is_broken(value: Any) -> bool:
    return isinstance(value, str) and any("\ud800" <= letter <= "\udfff" for letter in value)


def _is_huge(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > 63


def frame_like(
    frame: Any, columns: Mapping[str, pa.Array], changed: Mapping[str, str | None]
) -> Any:
    """Return a frame of the kind that was given, with its index and the labels of its columns.

    Args:
        frame: what was given.
        columns: the columns that come out, by name.
        changed: those of them that are not as they were, with the type that pandas is to give them.
    """
    if isinstance(frame, pa.Table):
        return pa.table(dict(columns))
    positions = [n for n, label in enumerate(frame.columns) if _name(label) in columns]
    made: dict[int, Any] = {}
    for position in positions:
        name = _name(frame.columns[position])
        if name not in changed:
            made[position] = frame.iloc[:, position].copy()
            continue
        dtype = changed[name]
        series = _series(columns[name], dtype, name)
        series.index = frame.index
        made[position] = series
    result = pd.DataFrame(made, index=frame.index)
    result.columns = frame.columns[positions]
    return result


def _series(array: pa.Array, dtype: str | None, name: str) -> Any:
    """Return an array as a column of a type of pandas.

    Raises:
        CellsError: if that type cannot hold its values.
    """
    try:
        return array.to_pandas() if dtype is None else _as_dtype(array, dtype)
    except (pa.ArrowException, ValueError, TypeError, OverflowError):
        raise CellsError(
            name, f"values that the type '{dtype}' of pandas cannot hold", (), "cast it first"
        ) from None


def _as_dtype(array: pa.Array, dtype: str) -> Any:
    """Return an array as a column of a type of pandas, without a way through floats."""
    if dtype.endswith("[pyarrow]"):
        return pd.Series(pd.arrays.ArrowExtensionArray(pa.chunked_array([array])))
    if dtype == "object":
        values = np.empty(len(array), object)
        values[:] = array.to_pylist()
        return pd.Series(values, dtype=object)
    if dtype == "category":
        return array.dictionary_encode().to_pandas()
    if array.null_count:
        dtype = _with_nulls(dtype)
    if pa.types.is_integer(array.type):
        exact: Any = pd.Series(pd.arrays.ArrowExtensionArray(pa.chunked_array([array])))
        return exact.astype(dtype)
    return array.to_pandas().astype(dtype)


def _with_nulls(dtype: str) -> str:
    """Return the type of pandas that has missing values, in place of one of numpy without them."""
    if dtype == "bool":
        return "boolean"
    return dtype.replace("int", "Int").replace("uI", "UI") if dtype in WITHOUT_NULLS else dtype
