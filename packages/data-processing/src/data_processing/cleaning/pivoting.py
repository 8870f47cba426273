"""Make columns of the values of one, and rows of columns."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any, Literal

import narwhals as nw
import pyarrow as pa

from data_processing.cleaning.aggregating import Wanted, aggregate
from data_processing.cleaning.common_types import common_type, told
from data_processing.cleaning.names import refuse_clashes
from data_processing.cleaning.reductions import Reduction, Values
from data_processing.cleaning.tables import count, schema_of
from data_processing.steps.kinds import WORDS, kind_of
from util_services.engines.stages import NUMBER, Rows, Tabled
from util_services.errors import ConfigurationError, DatasetError, quoted, quoted_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from data_processing.cleaning.function_names import GroupFunction

Undeclared = Literal["error", "count"]
Missing = Literal["keep", "drop"]

NAME, VALUE = "name", "value"
TRUTHS = {"true": True, "false": False}


def pivot(
    rows: Rows,
    by: Sequence[str],
    names_from: str,
    values_from: str,
    columns: Mapping[str, str],
    function: GroupFunction,
    undeclared: Undeclared,
) -> Tabled:
    """Return a row for each group, with a column for each declared value of a column.

    Args:
        rows: the rows.
        by: the columns whose values make groups, which come out first.
        names_from: the column whose values become columns.
        values_from: the column whose values stand in these.
        columns: the names of the new columns by these values, as texts.
        function: what becomes of several values of one cell.
        undeclared: what becomes of rows with another value, or none.

    Raises:
        ConfigurationError: if a value is none of the column's kind, or names clash.
        DatasetError: if there are undeclared values and they are an error.
    """
    refuse_clashes([*by, *columns.values()])
    schema = schema_of(rows)
    wanted = {
        name: _value(text, schema.field(names_from).type, names_from)
        for text, name in columns.items()
    }
    Reduction(function, Values(values_from, VALUE, schema.field(values_from).type)).check()
    keys = {f"key_{number}": rows.places[name] for number, name in enumerate(by)}
    chosen = {NAME: rows.places[names_from], VALUE: rows.places[values_from]}
    frame = rows.engine.select(rows.frame, {NUMBER: NUMBER} | keys | chosen)
    is_cell = [(nw.col(NAME) == value).fill_null(value=False) for value in wanted.values()]
    others = count(rows.engine, frame.filter(~reduce(or_, is_cell)))
    if others and undeclared == "error":
        raise DatasetError(
            f"The column {quoted_name(names_from)} holds values that 'columns' does not declare, "
            f"or none (rows: {others}); declare them, or set 'undeclared' to count."
        )
    cells = [nw.when(one).then(nw.col(VALUE)).alias(f"cell_{n}") for n, one in enumerate(is_cell)]
    places = dict(zip(by, keys, strict=True))
    places |= {name: f"cell_{number}" for number, name in enumerate(wanted)}
    made = Rows(rows.engine, frame.with_columns(*cells), places)
    kinds = {name: schema.field(name).type for name in by}
    kinds |= dict.fromkeys(wanted, schema.field(values_from).type)
    functions = {name: Wanted(function, name) for name in wanted}
    result = aggregate(made, by, functions, pa.schema(list(kinds.items())))
    return replace(result, facts={"rows_of_undeclared_values": others})


def unpivot(
    rows: Rows, columns: Sequence[str], names_to: str, values_to: str, missing: Missing
) -> Tabled:
    """Return a row for each of some columns of each row.

    Args:
        rows: the rows.
        columns: the columns that become rows, in this order; all others are repeated.
        names_to: the new column of their names.
        values_to: the new column of their values.
        missing: whether there is a row for a missing value.

    Raises:
        ConfigurationError: if the columns are of several kinds, or names clash.
    """
    schema = schema_of(rows)
    left = [name for name in schema.names if name not in columns]
    refuse_clashes([*left, names_to, values_to])
    given = [schema.field(name).type for name in columns]
    kind = common_type(given)
    if kind is None:
        raise ConfigurationError(
            f"The columns {quoted(columns)} are of several types ({told(given)}), and their values "
            "come out in one; cast them in a step before."
        )
    places = {name: rows.places[name] for name in columns}
    frame = rows.engine.select(rows.frame, {place: place for place in rows.places.values()})
    changed = [places[n] for n, one in zip(columns, given, strict=True) if one != kind]
    if changed:
        largest = frame.collect_schema()[places[columns[given.index(kind)]]]
        frame = frame.with_columns(nw.col(place).cast(largest) for place in changed)
    made = rows.engine.unpivot(frame, places, NAME, VALUE)
    facts = {}
    if missing == "drop":
        facts["missing_values"] = count(rows.engine, made.filter(nw.col(VALUE).is_null()))
        made = made.filter(~nw.col(VALUE).is_null())
    found = {name: rows.places[name] for name in left} | {names_to: NAME, values_to: VALUE}
    return Tabled(rows.engine.number_rows(made, NUMBER), None, found, facts=facts)


def _value(text: str, kind: pa.DataType, column: str) -> Any:
    """Return the value of a column that a text stands for.

    Raises:
        ConfigurationError: if it is none.
    """
    found = kind_of(kind)
    try:
        match found:
            case "text":
                return text
            case "integer":
                return int(text)
            case "boolean":
                return TRUTHS[text]
            case "date":
                return dt.date.fromisoformat(text)
    except (ValueError, KeyError):
        raise ConfigurationError(
            f"'columns' names {quoted_name(text)}, which is not {WORDS[found]} as "
            f"{quoted_name(column)} holds it; correct it."
        ) from None
    raise ConfigurationError(
        f"The column {quoted_name(column)} holds {kind}, which cannot become columns; make it text "
        "in a step before."
    )
