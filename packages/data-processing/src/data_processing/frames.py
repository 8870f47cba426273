"""A pandas frame as an Arrow table in which equal values, and only these, are equal."""

from __future__ import annotations

import datetime as dt
from collections.abc import Container, Hashable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pandas.api import types

from data_processing.cleaning.folding import is_text
from util_services.datasets.schema import Schema, UnknownColumnsError
from util_services.errors import ConfigurationError, DatasetError, quoted, quoted_name

MOMENTS = {"datetime", "datetime64", "timedelta", "timedelta64"}  # in the words of pandas
NAN_KINDS = (float, np.floating)
DECIMAL_DIGITS = 38  # beyond these no engine computes exactly


class MixedError(DatasetError):
    """Raised when a column of a frame holds values that are not of one kind."""

    def __init__(self, column: str) -> None:
        super().__init__(column)
        self.column = column

    def __str__(self) -> str:
        """Return the sentence."""
        return (
            f"The column {quoted_name(self.column)} holds values of several kinds, or of a kind "
            "that Arrow does not know; cast it to one type."
        )


class UncomparableError(DatasetError):
    """Raised when a column holds values whose equality is not clear."""

    def __init__(self, column: str) -> None:
        super().__init__(column)
        self.column = column

    def __str__(self) -> str:
        """Return the sentence."""
        return (
            f"The column {quoted_name(self.column)} holds values of several kinds, or of a kind "
            "that cannot be compared exactly; cast it to one type."
        )


def column_aliases(frame: pd.DataFrame) -> dict[Hashable, str]:
    """Return a name for each column that engines can tell from all others.

    Raises:
        ConfigurationError: if it is no frame.
        DatasetError: if the frame has no columns, or several of one label.
    """
    if not isinstance(frame, pd.DataFrame):
        raise ConfigurationError(
            f"'frame' must be a pandas DataFrame, not {type(frame).__name__}; convert it first."
        )
    aliases: dict[Hashable, str] = {label: f"column_{n}" for n, label in enumerate(frame.columns)}
    if not aliases:
        raise DatasetError("The frame has no columns, so its rows cannot be compared.")
    if len(aliases) < len(frame.columns):
        repeated = frame.columns[frame.columns.duplicated()].unique()
        raise DatasetError(
            f"The frame has several columns of one label: {quoted([str(n) for n in repeated])}; "
            "rename them."
        )
    return aliases


def aliases_of(
    option: str, labels: Sequence[Hashable], aliases: Mapping[Hashable, str]
) -> list[str]:
    """Return the aliases of the columns that an option names.

    Raises:
        ConfigurationError: if it is no list of labels of the frame.
    """
    if isinstance(labels, str | bytes) or not isinstance(labels, Iterable):
        example = quoted_name(labels) if isinstance(labels, str) else "'NAME'"
        raise ConfigurationError(f"'{option}' must be a list of columns, such as [{example}].")
    unknown = [str(label) for label in labels if label not in aliases]
    if unknown:
        raise UnknownColumnsError(option, unknown, [str(label) for label in aliases])
    return [aliases[label] for label in labels]


def to_arrow(
    frame: pd.DataFrame, aliases: Mapping[Hashable, str], wanted: Container[str], number: str
) -> pa.Table:
    """Return wanted columns of a frame under their aliases, and the numbers of the rows from 0.

    Raises:
        UncomparableError: for the first column whose values cannot be compared.
    """
    arrays: dict[str, Any] = {number: pa.array(np.arange(len(frame)))}
    for position, (label, alias) in enumerate(aliases.items()):
        if alias in wanted:
            try:
                arrays[alias] = _comparable(_to_array(frame.iloc[:, position]))
            except (pa.ArrowException, TypeError, ValueError, OverflowError):
                raise UncomparableError(str(label)) from None
    return pa.table(arrays)


def rows_of(frame: pd.DataFrame, number: str | None = None) -> tuple[pa.Table, str]:
    """Return the rows of a frame as they are, numbered from 0, and the name of their numbers.

    Args:
        frame: the rows.
        number: the name of their numbers; by default one that no column has.

    Raises:
        ConfigurationError: if it is no frame, or a label is no text.
        DatasetError: if labels are not unique, or a column holds values of several kinds.
    """
    column_aliases(frame)
    labels: Iterable[object] = frame.columns
    odd = [str(label) for label in labels if not isinstance(label, str)]
    if odd:
        raise ConfigurationError(
            f"The labels of columns must be texts: {quoted(odd)}; rename them."
        )
    arrays: dict[str, Any] = {}
    for name in frame.columns:
        try:
            arrays[str(name)] = pa.Array.from_pandas(frame[name])
        except (pa.ArrowException, TypeError, ValueError, OverflowError):
            raise MixedError(str(name)) from None
    if number is None:
        number = Schema.of(pa.table(arrays).schema).free_name("row_number")
    return pa.table(arrays | {number: pa.array(np.arange(len(frame)))}), number


def from_arrow(result: pa.Table, given: pa.Table, frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table as a frame; columns of an unchanged type have their dtype of before."""
    cleaned: pd.DataFrame = result.to_pandas(types_mapper=pd.ArrowDtype)
    for name in cleaned.columns:
        if name in frame.columns and _same(given.schema.field(name).type, result[name].type):
            try:
                cleaned[name] = cleaned[name].astype(_dtype(cleaned[name], frame[name].dtype))
            except (TypeError, ValueError):  # such as a missing value among whole numbers
                continue
    return cleaned


def _same(before: pa.DataType, after: pa.DataType) -> bool:
    if pa.types.is_dictionary(before) and not pa.types.is_dictionary(after):
        return _same(before.value_type, after)
    return before == after or (is_text(before) and is_text(after))


def _dtype(column: pd.Series, before: Any) -> Any:
    """Return the dtype of before; new values are further categories, which have no order."""
    if not isinstance(before, pd.CategoricalDtype):
        return before
    new = pd.Index(column.dropna().unique().tolist()).difference(before.categories)
    if before.ordered and len(new):
        raise ValueError("nobody knows where new values stand in the order")
    return pd.CategoricalDtype(before.categories.append(new), ordered=before.ordered)


def _to_array(series: Any) -> Any:
    if isinstance(series.dtype, pd.SparseDtype):
        series = series.sparse.to_dense()
    if isinstance(series.dtype, pd.CategoricalDtype) and series.cat.ordered:
        series = series.cat.codes.astype("Int64").where(series.notna())
    if types.is_object_dtype(series.dtype):
        series = series.where(series.notna(), None)
        _refuse_mixed(series)
        if types.infer_dtype(series, skipna=True) in MOMENTS:
            series = series.infer_objects()  # Arrow would leave out nanoseconds
    array = pa.Array.from_pandas(series)
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array


def _comparable(array: Any) -> Any:
    """Return an array of a type that every engine compares exactly, in the same order."""
    kind = array.type
    if isinstance(array, pa.ExtensionArray):
        return _comparable(array.storage)
    if pa.types.is_dictionary(kind):
        return _comparable(array.dictionary_decode())
    if pa.types.is_timestamp(kind) or pa.types.is_duration(kind):
        return array.cast(pa.int64())
    if pa.types.is_float16(kind):
        return array.cast(pa.float32())
    if pa.types.is_decimal256(kind):
        return array.cast(pa.decimal128(DECIMAL_DIGITS, kind.scale))
    return array


def _refuse_mixed(values: Iterable[Any]) -> None:
    """Refuse values of several kinds in one place, be it the column or a part of its structs.

    Arrow refuses most mixtures by itself. It takes some at the price of rows that become equal: a
    date beside a moment, a moment with a zone beside one without, bytes beside text, and sets,
    whose order is not their own.
    """
    found = set(_kinds(values, ()))
    if len({place for place, _ in found}) < len(found):
        raise TypeError("several kinds of values")


def _kinds(values: Iterable[Any], place: tuple[Any, ...]) -> Iterator[tuple[Any, str]]:
    """Yield place and kind of each value that is not missing, inside containers too."""
    for value in values:
        match value:
            case str():
                yield place, "text"
            case Mapping():
                for key, part in value.items():
                    yield from _kinds([part], (*place, key))
            case list() | tuple() | np.ndarray():
                yield from _kinds(value, (*place, None))
            case _ if _is_missing(value):
                continue
            case bool() | np.bool_():
                yield place, "boolean"
            case int() | float() | Decimal() | np.number():
                yield place, "number"
            case dt.datetime():
                yield place, "moment" if value.tzinfo is None else "moment in a zone"
            case set():
                raise TypeError("a set has no order")
            case _:
                yield place, type(value).__name__


def _is_missing(value: Any) -> bool:
    if value is None or value is pd.NA or value is pd.NaT:
        return True
    return isinstance(value, NAN_KINDS) and bool(np.isnan(value))
