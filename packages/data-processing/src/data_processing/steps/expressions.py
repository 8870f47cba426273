"""Expressions over the columns of a row, in a small part of SQL.

They are computed by DuckDB on the Arrow columns of a batch, whichever engine the batch comes from,
so that their meaning is one and the same everywhere; `grammar` says what they may be made of.
Nothing in them can name a file, a setting, a function outside the list or anything but the columns
given. Logic is SQL's: a comparison with a missing value is missing, and a missing condition does
not hold.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from duckdb.func import FunctionNullHandling, PythonUDFType
from pyarrow import types

from data_processing.steps.grammar import Grammar
from data_processing.steps.rules import RULES
from util_services.errors import ConfigurationError, DatasetError, quoted, quoted_name

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ROW = "row"  # a column of no meaning, so that an expression without columns has rows too
SETTINGS = (
    "SET TimeZone = 'UTC'",
    "SET ieee_floating_point_ops = false",  # or a division by zero would be infinite
    # whose rewriting of nested comparisons takes time that doubles with each
    "PRAGMA disable_optimizer",
    "SET enable_external_access = false",
    "SET lock_configuration = true",
)
TEXT_FUNCTIONS: dict[str, Callable[[str], str]] = {  # Unicode's, which DuckDB's are not
    "text_lower": str.lower,
    "text_upper": str.upper,
    "text_fold": str.casefold,
    "text_trim": str.strip,
}

SMALL = (pa.int8(), pa.int16(), pa.int32())

_here = threading.local()


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression that was admitted.

    Attributes:
        text: as it was written.
        columns: the columns that it reads.
        sql: as DuckDB computes it; ``c0`` is the first of the columns.
        type: the type of its values.
    """

    text: str
    columns: tuple[str, ...]
    sql: str
    type: pa.DataType

    def __call__(self, frame: pd.DataFrame) -> pd.Series:
        """Return the value of the expression for each row.

        Raises:
            DatasetError: if a value cannot be computed with, such as a zero to divide by.
        """
        columns = [frame[name].array.__arrow_array__() for name in self.columns]
        try:
            values = _computed(self.sql, columns, len(frame))
        except duckdb.Error as error:  # whose text quotes the cell
            raise self._failure(error) from None
        if values.type != self.type:
            values = values.cast(self.type)
        return pd.Series(pd.arrays.ArrowExtensionArray(values), index=frame.index)

    def _failure(self, error: duckdb.Error) -> DatasetError:
        """Return what an error of DuckDB's means, in words that quote no cell."""
        if "Division by zero" in str(error):
            why, cure = "divides by zero", "use nullif(x, 0), or try(…)"
        elif isinstance(error, duckdb.OutOfRangeException):
            why, cure = "goes beyond the numbers that a type or a function knows", "use try(…)"
        elif isinstance(error, duckdb.ConversionException):
            why, cure = "casts a value that is not written as its type asks", "use try_cast"
        else:
            why, cure = "cannot be computed", "use try(…)"
        read = f" of {quoted(self.columns)}" if self.columns else ""
        return DatasetError(
            f"The expression {quoted_name(self.text)} {why} for a value{read}; {cure} for a "
            "missing value instead."
        )


def parse(text: str, schema: pa.Schema) -> Expression:
    """Return an expression over columns of these names and types.

    Raises:
        ConfigurationError: if it is no expression, names another column, uses what is not
            admitted, or does not go with the types of its columns.
    """

    def type_of(sql: str, columns: Sequence[str]) -> pa.DataType | None:
        nothing = [pa.array([], schema.field(name).type) for name in columns]
        with suppress(duckdb.Error):
            return _computed(sql, nothing, 0).type
        return None

    grammar = Grammar(text, schema, RULES, type_of)
    written = grammar.written()
    sql, columns = written.sql, tuple(grammar.columns)
    found = type_of(sql, columns)
    if found is None:
        kinds = [f"{quoted_name(name)} is {schema.field(name).type}" for name in columns]
        where = f", where {', '.join(kinds)}" if kinds else ""
        raise ConfigurationError(
            f"The expression {quoted_name(text)} cannot be computed{where}; cast what is of "
            "another type, as in try_cast(price AS double)."
        )
    if found in SMALL and not written.is_small:  # of numbers that stand in the expression
        sql, found = f"CAST({sql} AS BIGINT)", pa.int64()
    return Expression(text, columns, sql, found)


def condition(text: str, schema: pa.Schema) -> Expression:
    """Return an expression that is true, false or missing for each row.

    Raises:
        ConfigurationError: if it is none.
    """
    found = parse(text, schema)
    if not types.is_boolean(found.type):
        raise ConfigurationError(
            f'The expression {quoted_name(text)} is no condition; write one such as "age >= 18".'
        )
    return found


def _computed(sql: str, columns: Sequence[Any], rows: int) -> pa.ChunkedArray:
    """Return what a query makes of columns; a result that is not a number is missing."""
    names = [f"c{number}" for number in range(len(columns))]
    table = pa.table([*columns, pa.nulls(rows, pa.int8())], [*names, ROW])
    found = _connection().from_arrow(table).project(f"{sql} AS value").to_arrow_table()["value"]
    if not types.is_floating(found.type):
        return found
    return pc.if_else(pc.is_nan(found), pa.scalar(None, found.type), found)


def _connection() -> duckdb.DuckDBPyConnection:
    """Return a connection of this thread, which can reach nothing but what it is given."""
    connection: duckdb.DuckDBPyConnection | None = getattr(_here, "connection", None)
    if connection is None:
        connection = duckdb.connect(
            config={
                "threads": 1,
                "temp_directory": "",
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
            }
        )
        for name, function in TEXT_FUNCTIONS.items():
            connection.create_function(
                name,
                _of_texts(function),
                ["VARCHAR"],
                "VARCHAR",
                type=PythonUDFType.ARROW,
                null_handling=FunctionNullHandling.SPECIAL,
            )
        for setting in SETTINGS:
            connection.execute(setting)
        _here.connection = connection
    return connection


def _of_texts(function: Callable[[str], str]) -> Callable[[Any], pa.Array]:
    """Return a function of texts as one of columns, which works on each distinct text once."""

    def work(texts: Any) -> pa.Array:
        encoded = pc.dictionary_encode(pa.chunked_array(texts, pa.string())).combine_chunks()
        if isinstance(encoded, pa.ChunkedArray):
            encoded = encoded.chunk(0) if encoded.num_chunks else pa.array([], encoded.type)
        found = pa.array([function(text) for text in encoded.dictionary.to_pylist()], pa.string())
        return pc.take(found, encoded.indices)

    return work
