"""Rules that each row keeps or breaks by itself, as conditions of the expression language."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from data_processing.steps.expressions import condition
from data_processing.steps.kinds import DATED, NUMBERS, kind_of
from util_services.errors import ConfigurationError, quoted_name

if TYPE_CHECKING:
    import pyarrow as pa

    from data_processing.rules.checks import DataRule
    from data_processing.steps.expressions import Expression

TYPES_OF_KINDS = {
    "text": ("text",),
    "integer": ("integer",),
    "number": NUMBERS,
    "boolean": ("boolean",),
    "date": ("date",),
    "timestamp": ("moment", "zoned"),
}
WRITTEN_AS = {  # the texts of a type; those of numbers and truth values as JSON has them
    "integer": r"regexp_matches({0}, '^[+-]?[0-9]+$')",
    "number": r"regexp_matches({0}, '^[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)([eE][+-]?[0-9]+)?$')",
    "boolean": "{0} IN ('true', 'false')",
    "date": "regexp_matches({0}, '^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}$') "
    "AND try_cast({0} AS date) IS NOT NULL",
    "timestamp": "regexp_matches({0}, '^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}[T ]') "
    "AND try_cast({0} AS timestamptz) IS NOT NULL",
}
NOTHING = "true"


def row_condition(rule: DataRule, column: str | None, schema: pa.Schema) -> Expression:
    """Return the condition that a row keeps; where it is missing, the row keeps it.

    Args:
        rule: the rule.
        column: the column, None for a condition on several.
        schema: the columns of the dataset.

    Raises:
        ConfigurationError: naming the column, if the rule does not go with its type.
    """
    if column is None:
        return condition(rule.expression or "", schema)
    name, kind = _named(column), kind_of(schema.field(column).type)
    match rule.rule:
        case "not_null":
            text = f"{name} IS NOT NULL"
        case "type":
            text = _of_type(rule.type or "text", name, kind)
        case "range":
            bounds = ((">=", rule.min), ("<=", rule.max))
            if kind == "text":
                _refuse_numbers(column, rule.min, rule.max)
            text = " AND ".join(
                f"{name} {sign} {_literal(bound, kind, column)}"
                for sign, bound in bounds
                if bound is not None
            )
        case "pattern":
            text = f"regexp_matches({name}, {_text(f'^(?:{rule.pattern})$')})"
        case _:
            values = ", ".join(_literal(value, kind, column) for value in rule.values)
            text = f"{name} IN ({values})"
    return condition(text, schema)


def written_as(wanted: str, column: str, schema: pa.Schema) -> Expression:
    """Return the condition that the texts of a column are written as values of a type."""
    return condition(WRITTEN_AS[wanted].format(_named(column)), schema)


def _of_type(wanted: str, name: str, kind: str) -> str:
    """Return the condition that values are of a type, or texts that are written as one."""
    if kind in TYPES_OF_KINDS[wanted] or kind == "missing":
        return f"{name} IS NULL OR {NOTHING}"
    if kind == "text":
        return f"{name} IS NULL OR ({WRITTEN_AS[wanted].format(name)})"
    return f"{name} IS NULL"


def _literal(value: Any, kind: str, column: str) -> str:
    """Return a constant as an expression writes it.

    Raises:
        ConfigurationError: if it is of another kind than the values of the column.
    """
    if isinstance(value, bool) and kind == "boolean":
        return str(value).lower()
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        if kind in NUMBERS:
            return repr(value)
        if kind == "text":
            return _text(str(value))
    if isinstance(value, dt.date) and kind in DATED:  # a datetime is one too
        return _text(value.isoformat(*([" "] if isinstance(value, dt.datetime) else [])))
    if isinstance(value, str) and kind in ("text", "time", *DATED):
        return _text(value)
    raise ConfigurationError(
        f"A value of a rule is of another kind than those of {quoted_name(column)}; correct it, or "
        "cast the column in a step before."
    )


def _refuse_numbers(column: str, *bounds: Any) -> None:
    """Refuse bounds that are numbers for a column of texts, of which '10' comes before '9'.

    Raises:
        ConfigurationError: if one of them is a number.
    """
    if any(isinstance(bound, int | float | Decimal) for bound in bounds):
        raise ConfigurationError(
            f"The column {quoted_name(column)} holds texts, and 'min' or 'max' is a number, beside "
            "which they would be compared letter by letter; use cast_types in a step before, or an "
            "expression such as try_cast(price AS double) <= 100."
        )


def _named(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
