"""Expressions over the columns of a row, in a small part of SQL.

They are parsed by sqlglot, admitted node by node, and computed by DuckDB on the Arrow columns of a
batch, whichever engine the batch comes from: so their meaning is one and the same everywhere.
Nothing in them can name a file, a function outside the list or anything but the columns given.
Logic is SQL's: a comparison with a missing value is missing, and a missing condition does not hold.
"""

from __future__ import annotations

import difflib
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import duckdb
import pandas as pd
import pyarrow as pa
import sqlglot
from sqlglot import expressions as ast

from util_services.errors import ConfigurationError, DatasetError, quoted, quoted_name

if TYPE_CHECKING:
    from collections.abc import Iterable

VALUES = (ast.Column, ast.Identifier, ast.Literal, ast.Boolean, ast.Null, ast.Interval, ast.Var)
LOGIC = (ast.And, ast.Or, ast.Not, ast.Paren, ast.Is, ast.In, ast.Between, ast.Case, ast.If)
COMPARISONS = (ast.EQ, ast.NEQ, ast.GT, ast.GTE, ast.LT, ast.LTE, ast.Like, ast.ILike)
COMPARISONS_OF_MISSING = (ast.NullSafeEQ, ast.NullSafeNEQ)
ARITHMETIC = (ast.Add, ast.Sub, ast.Mul, ast.Div, ast.IntDiv, ast.Mod, ast.Neg)
FUNCTIONS = (
    ast.Abs, ast.Round, ast.Floor, ast.Ceil, ast.Greatest, ast.Least, ast.Coalesce, ast.Nullif,
    ast.Sqrt, ast.Ln, ast.Exp, ast.Pow, ast.Length, ast.Concat, ast.DPipe, ast.Substring,
    ast.StartsWith, ast.EndsWith, ast.Contains, ast.RegexpLike, ast.Year, ast.Month, ast.Day,
    ast.Extract, ast.DateDiff, ast.Cast, ast.TryCast, ast.DataType, ast.DataTypeParam,
)  # fmt: skip
ADMITTED = (
    *VALUES, *LOGIC, *COMPARISONS, *COMPARISONS_OF_MISSING, *ARITHMETIC, *FUNCTIONS,
)  # fmt: skip
MAX_LENGTH = 10_000

_here = threading.local()


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression that was admitted.

    Attributes:
        text: as it was written.
        sql: as DuckDB computes it.
        columns: the columns that it reads.
    """

    text: str
    sql: str
    columns: tuple[str, ...]

    def __call__(self, frame: pd.DataFrame) -> pd.Series:
        """Return the value of the expression for each row.

        Raises:
            DatasetError: if a value cannot be computed with, such as a text in arithmetic.
        """
        names = list(self.columns) or [str(name) for name in frame.columns[:1]]
        table = pa.table({name: frame[name].array.__arrow_array__() for name in names})
        return pd.Series(pd.arrays.ArrowExtensionArray(self._computed(table)), index=frame.index)

    def type_in(self, schema: pa.Schema) -> pa.DataType:
        """Return the type of the expression's values for columns of these types.

        Raises:
            ConfigurationError: if the expression cannot be computed with them.
        """
        try:
            return self._computed(schema.empty_table()).type
        except DatasetError:
            kinds = [f"{quoted_name(name)} is {schema.field(name).type}" for name in self.columns]
            raise ConfigurationError(
                f"The expression {quoted_name(self.text)} does not go with the types of its "
                f"columns: {', '.join(kinds) or 'it has none'}; cast them first, as in "
                "try_cast(price AS double)."
            ) from None

    def _computed(self, table: pa.Table) -> pa.ChunkedArray:
        try:
            rows = _connection().from_arrow(table).project(f"{self.sql} AS value")
            return rows.to_arrow_table()["value"]
        except duckdb.Error:  # whose text quotes the cell
            raise DatasetError(
                f"The expression {quoted_name(self.text)} cannot be computed for a value of "
                f"{quoted(self.columns)}; use try_cast, which gives a missing value instead."
            ) from None


def parse(text: str, names: Iterable[str]) -> Expression:
    """Return an expression over these columns.

    Raises:
        ConfigurationError: if it is no expression, names another column, or uses what is not
            admitted.
    """
    names = list(names)
    if not text.strip() or len(text) > MAX_LENGTH:
        raise ConfigurationError('An expression must be a text such as "age >= 18".')
    try:
        tree = sqlglot.parse_one(text, dialect="duckdb")
    except sqlglot.errors.SqlglotError as error:
        places = [found.get("col") for found in getattr(error, "errors", [])]
        column = f" at character {places[0]}" if places and places[0] else ""
        raise ConfigurationError(
            f"The expression {quoted_name(text)} cannot be read{column}; write it as in "
            "\"age >= 18 AND city = 'Rome'\"."
        ) from None
    read: list[str] = []
    for node in tree.walk():
        if not isinstance(node, ADMITTED) or node.args.get("query") or _is_aggregate(node):
            what = node.name if isinstance(node, ast.Anonymous) else type(node).__name__.lower()
            raise ConfigurationError(
                f"The expression {quoted_name(text)} uses '{what}', which expressions do not know; "
                "see 'Expressions' in the documentation."
            )
        if isinstance(node, ast.Column):
            read.append(_column(node, names, text))
    return Expression(text, tree.sql(dialect="duckdb", identify=True), tuple(dict.fromkeys(read)))


def condition(text: str, schema: pa.Schema) -> Expression:
    """Return an expression that is true, false or missing for each row.

    Raises:
        ConfigurationError: if it is none.
    """
    found = parse(text, schema.names)
    if not pa.types.is_boolean(found.type_in(schema)):
        raise ConfigurationError(
            f'The expression {quoted_name(text)} is no condition; write one such as "age >= 18".'
        )
    return found


def _column(node: Any, names: list[str], text: str) -> str:
    if node.table or node.name not in names:
        near = difflib.get_close_matches(node.name, names, n=1)
        hint = f" Did you mean {quoted_name(near[0])}?" if near else ""
        raise ConfigurationError(
            f"The expression {quoted_name(text)} names the column {quoted_name(node.sql())}, which "
            f"the dataset does not have.{hint} Quote texts with ' and names with \"."
        )
    return str(node.name)


def _is_aggregate(node: Any) -> bool:
    return isinstance(node, ast.AggFunc | ast.Window | ast.Subquery | ast.Select)


def _connection() -> duckdb.DuckDBPyConnection:
    """Return a connection of this thread without access to files."""
    connection: duckdb.DuckDBPyConnection | None = getattr(_here, "connection", None)
    if connection is None:
        connection = duckdb.connect(config={"threads": 1})
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET enable_external_access = false")
        _here.connection = connection
    return connection
