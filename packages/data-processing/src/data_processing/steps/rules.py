"""What expressions may say: how each kind of node is written in SQL."""

from __future__ import annotations

import difflib
import math
import re
from functools import partial
from typing import TYPE_CHECKING, Any

from pyarrow import types
from sqlglot import expressions as ast

from data_processing.cleaning.patterns import unicode_pattern
from data_processing.steps.casts import MAX_DIGITS, OF_KINDS, target_of
from data_processing.steps.grammar import Part
from data_processing.steps.kinds import DATED, DAYS, NUMBERS, Kind, common_kind, kind_of
from util_services.errors import ConfigurationError, quoted_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from data_processing.steps.grammar import Grammar, Rule

NUMBER = re.compile(r"(\d+)(?:\.(\d*))?([eE][+-]?\d+)?")
LENGTHS = ("year", "month", "week", "day", "hour", "minute", "second")  # of time
WHOLE_DAYS = ("year", "quarter", "month", "week", "day")
UNITS = (*WHOLE_DAYS, "hour", "minute", "second")
FIELDS = (*UNITS, "isodow", "doy")


def _joined(parts: Sequence[Part], sql: str, kind: Kind, *, extra: int = 0) -> Part:
    return Part(sql, kind, 1 + extra + sum(one.work for one in parts))


# --- values --------------------------------------------------------------------------------------


def _column(grammar: Grammar, node: Any) -> Part:
    name, names = node.name, grammar.schema.names
    if node.table or name not in names:
        shown = node.sql() if node.table else name
        same = [one for one in names if one.casefold() == shown.casefold()]
        near = same or difflib.get_close_matches(shown, names, n=1)
        hint = f" Did you mean {quoted_name(near[0])}?" if near else ""
        raise ConfigurationError(
            f"The expression {quoted_name(grammar.text)} names the column {quoted_name(shown)}, "
            f"which the dataset does not have.{hint} Write texts in ' and odd names in \"."
        )
    grammar.options(node, "this")
    if name not in grammar.columns:
        grammar.columns.append(name)
    kind = grammar.schema.field(name).type
    is_small = types.is_integer(kind) and kind.bit_width < 64
    return Part(f"c{grammar.columns.index(name)}", kind_of(kind), is_small=is_small)


def _literal(grammar: Grammar, node: Any) -> Part:
    text = str(node.this)
    if node.is_string:
        quoted = text.replace("'", "''")
        return Part(f"'{quoted}'", "text", literal=text)
    found = NUMBER.fullmatch(text)
    if found is None or len(text) > MAX_DIGITS + 10 or not math.isfinite(float(text)):
        raise grammar.refused("holds a number that cannot be read", "write it as 12 or 1.5")
    whole, fraction, exponent = found.groups()
    if exponent is None and len(whole) + len(fraction or "") > MAX_DIGITS:
        raise grammar.refused(
            f"holds a number of more than {MAX_DIGITS} digits", "write it as in 1.5e40"
        )
    kind: Kind = "float" if exponent else "integer" if fraction is None else "decimal"
    return Part(
        f"{whole}{f'.{fraction or 0}' if fraction is not None else ''}{exponent or ''}", kind
    )


def _boolean(_: Grammar, node: Any) -> Part:
    return Part("true" if node.this else "false", "boolean")


def _null(_: Grammar, __: Any) -> Part:
    return Part("NULL", "missing")


def _paren(grammar: Grammar, node: Any) -> Part:
    return grammar.part(grammar.options(node, "this")[0])


def _interval(grammar: Grammar, node: Any) -> Part:
    number, unit = grammar.options(node, "this", "unit")
    amount = str(getattr(number, "name", ""))
    if re.fullmatch(r"\d{1,6}", amount) is None or unit is None:
        raise grammar.refused(
            "holds a length of time that cannot be read", "write it as INTERVAL 3 DAY"
        )
    return Part(f"INTERVAL {amount} {grammar.word(unit, LENGTHS)}", "interval")


# --- logic and comparisons -----------------------------------------------------------------------


def _chain(operator: str, kind: Kind, grammar: Grammar, node: Any) -> Part:
    """Write a chain such as a AND b AND c, which may be long."""
    nodes, left = [], node
    while isinstance(left, type(node)):
        grammar.options(left, "this", "expression", *(["safe"] if kind == "text" else []))
        nodes.append(left.expression)
        left = left.this
    parts = grammar.parts([left, *reversed(nodes)], kind)
    return _joined(parts, f"({f' {operator} '.join(one.sql for one in parts)})", kind)


def _not(grammar: Grammar, node: Any) -> Part:
    (part,) = grammar.parts(grammar.options(node, "this"), "boolean")
    return _joined([part], f"(NOT {part.sql})", "boolean")


def _is(grammar: Grammar, node: Any) -> Part:
    value, what = grammar.options(node, "this", "expression")
    if isinstance(what, ast.Null):
        part = grammar.part(value)
    elif isinstance(what, ast.Boolean):
        (part,) = grammar.parts([value], "boolean")
    else:
        raise grammar.unknown(node)
    return _joined([part], f"({part.sql} IS {grammar.part(what).sql})", "boolean")


def _compared(operator: str, grammar: Grammar, node: Any) -> Part:
    parts, _ = grammar.alike(grammar.options(node, "this", "expression"))
    left, right = parts
    return _joined(parts, f"({left.sql} {operator} {right.sql})", "boolean")


def _in(grammar: Grammar, node: Any) -> Part:
    value, others = grammar.options(node, "this", "expressions")
    parts, _ = grammar.alike([value, *others])
    listed = ", ".join(one.sql for one in parts[1:])
    return _joined(parts, f"({parts[0].sql} IN ({listed}))", "boolean")


def _between(grammar: Grammar, node: Any) -> Part:
    parts, _ = grammar.alike(grammar.options(node, "this", "low", "high"))
    value, low, high = (one.sql for one in parts)
    sql = f"({value} >= {low} AND {value} <= {high})"
    return _joined(parts, sql, "boolean", extra=parts[0].work)


def _like(function: str, grammar: Grammar, node: Any) -> Part:
    *texts, is_negated = grammar.options(node, "this", "expression", "negate")
    parts = grammar.parts(texts, "text")
    text, pattern = (f"{function}({one.sql})" for one in parts)
    return _joined(parts, f"({text} {'NOT ' if is_negated else ''}LIKE {pattern})", "boolean")


def _case(grammar: Grammar, node: Any) -> Part:
    operand, branches, default = grammar.options(node, "this", "ifs", "default")
    whens, thens = [], []
    for branch in branches:
        when, then = grammar.options(branch, "this", "true")
        whens.append(when)
        thens.append(then)
    if operand is None:
        conditions = grammar.parts(whens, "boolean")
    else:
        (value, *others), _ = grammar.alike([operand, *whens])
        conditions = [
            _joined([value, one], f"({value.sql} = {one.sql})", "boolean") for one in others
        ]
    results, kind = grammar.alike([*thens, *([] if default is None else [default])])
    cases = " ".join(
        f"WHEN {condition.sql} THEN {result.sql}"
        for condition, result in zip(conditions, results, strict=False)
    )
    otherwise = "" if default is None else f" ELSE {results[-1].sql}"
    sql = f"(CASE {cases}{otherwise} END)"
    return _one_of(grammar, results, _joined([*conditions, *results], sql, kind))


def _if(grammar: Grammar, node: Any) -> Part:
    condition, *results = grammar.options(node, "this", "true", "false")
    (when,) = grammar.parts([condition], "boolean")
    given, kind = grammar.alike([one for one in results if one is not None])
    otherwise = f" ELSE {given[1].sql}" if len(given) > 1 else ""
    sql = f"(CASE WHEN {when.sql} THEN {given[0].sql}{otherwise} END)"
    return _one_of(grammar, given, _joined([when, *given], sql, kind))


def _first_of(name: str, known: Sequence[str], grammar: Grammar, node: Any) -> Part:
    first, others, *_ = grammar.options(node, "this", "expressions", *known)
    parts, kind = grammar.alike([first, *(others or [])])
    sql = f"{name}({', '.join(one.sql for one in parts)})"
    return _one_of(grammar, parts, _joined(parts, sql, kind))


def _one_of(grammar: Grammar, results: Sequence[Part], part: Part) -> Part:
    """Return a part whose value is one of some results, if none of them would be rounded."""
    if part.kind == "decimal":
        grammar.require_decimal(part.sql, results)
    return part


def _nullif(grammar: Grammar, node: Any) -> Part:
    parts, _ = grammar.alike(grammar.options(node, "this", "expression"))
    value, other = parts
    sql = f"(CASE WHEN {value.sql} = {other.sql} THEN NULL ELSE {value.sql} END)"
    return _joined(parts, sql, value.kind, extra=value.work)


# --- arithmetic ----------------------------------------------------------------------------------


def _arithmetic(operator: str, grammar: Grammar, node: Any) -> Part:
    nodes = grammar.options(node, "this", "expression", "typed", "safe")[:2]
    return _calculated(grammar, operator, *grammar.parts(nodes, *NUMBERS))


def _calculated(grammar: Grammar, operator: str, left: Part, right: Part) -> Part:
    """Write arithmetic with two numbers."""
    kind = "float" if operator == "/" else common_kind((left.kind, right.kind)) or "float"
    sql = f"({_wide(left)} {operator} {_wide(right)})"
    if operator == "//" and kind == "float":
        sql = f"trunc({_wide(left)} / {_wide(right)})"  # DuckDB would leave the fraction
    elif operator == "//" and kind == "decimal":
        raise grammar.refused(
            "takes the whole part of a division of decimals, which is not exact",
            "cast them to integer or double first",
        )
    elif kind == "decimal":
        grammar.require_decimal(sql, [])
    return _joined([left, right], sql, kind)


def _sum(operator: str, grammar: Grammar, node: Any) -> Part:
    """Write a sum or a difference, of numbers or of dates."""
    nodes = grammar.options(node, "this", "expression")
    left, right = parts = grammar.parts(nodes, *NUMBERS, *DATED, "interval")
    if not {left.kind, right.kind} & {*DATED, "interval"}:
        return _calculated(grammar, operator, left, right)
    sql = f"({left.sql} {operator} {right.sql})"
    if operator == "-" and left.kind == right.kind and left.kind in DATED:
        return _joined(parts, sql, "integer" if left.kind == "date" else "interval")
    day, other = (right, left) if operator == "+" and right.kind in DATED else (left, right)
    if day.kind == "date" and other.kind == "integer":
        sql = f"({day.sql} {operator} CAST({other.sql} AS INTEGER))"
        return _joined(parts, sql, "date")
    if day.kind not in DATED or other.kind != "interval":
        raise grammar.mixed(other.kind, "interval" if day.kind in DATED else "date")
    if day.kind == "date" and other.sql.rpartition(" ")[2] in WHOLE_DAYS:
        return _joined(parts, f"CAST({sql} AS DATE)", "date")
    return _joined(parts, sql, "moment" if day.kind in DAYS else day.kind)


def _negative(grammar: Grammar, node: Any) -> Part:
    (part,) = grammar.parts(grammar.options(node, "this"), *NUMBERS)
    return _joined([part], f"(- {_wide(part)})", part.kind)


def _wide(part: Part) -> str:
    """Return the SQL of a number, such that sums of small whole numbers are not bound to be so."""
    return f"CAST({part.sql} AS BIGINT)" if part.is_small else part.sql


# --- functions -----------------------------------------------------------------------------------


def _function(
    name: str, keys: Sequence[str], takes: Sequence[Kind], gives: Kind, grammar: Grammar, node: Any
) -> Part:
    """Write a function whose arguments are all of one family of kinds."""
    nodes = [one for one in grammar.options(node, *keys) if one is not None]
    parts = grammar.parts(nodes, *takes)
    return _joined(parts, f"{name}({', '.join(one.sql for one in parts)})", gives)


def _rounded(name: str, grammar: Grammar, node: Any) -> Part:
    value, decimals = grammar.options(node, "this", "decimals")
    (part,) = grammar.parts([value], *NUMBERS)
    if decimals is None:
        # of whole numbers DuckDB would make floats
        is_whole = part.kind == "integer"
        return _joined([part], part.sql if is_whole else f"{name}({part.sql})", part.kind)
    if name != "round" or re.fullmatch(r"\d{1,2}", decimals.name) is None:
        raise grammar.refused("rounds to places that are no number", "write it as round(x, 2)")
    return _joined([part], f"round({part.sql}, {decimals.name})", part.kind)


def _absolute(grammar: Grammar, node: Any) -> Part:
    (part,) = grammar.parts(grammar.options(node, "this"), *NUMBERS)
    return _joined([part], f"abs({_wide(part)})", part.kind)


def _concat(grammar: Grammar, node: Any) -> Part:
    nodes, _, _ = grammar.options(node, "expressions", "safe", "coalesce")
    parts = grammar.parts(nodes, "text")
    return _joined(parts, f"concat({', '.join(one.sql for one in parts)})", "text")


def _section(name: str, keys: Sequence[str], grammar: Grammar, node: Any) -> Part:
    text, *places = (one for one in grammar.options(node, *keys) if one is not None)
    (part,) = grammar.parts([text], "text")
    numbers = grammar.parts(places, "integer")
    given = ", ".join([part.sql, *(f"CAST({one.sql} AS BIGINT)" for one in numbers)])
    return _joined([part, *numbers], f"{name}({given})", "text")


def _matches(grammar: Grammar, node: Any) -> Part:
    text, pattern, flag = grammar.options(node, "this", "expression", "flag")
    (part,) = grammar.parts([text], "text")
    found = unicode_pattern(grammar.constant(pattern, "a pattern"))
    if flag is not None and grammar.constant(flag, "an option of a pattern") != "i":
        raise grammar.refused("uses an option of patterns other than 'i'", "leave it out")
    options = "" if flag is None else ", 'i'"
    quoted = found.replace("'", "''")
    return _joined([part], f"regexp_matches({part.sql}, '{quoted}'{options})", "boolean")


def _field(name: str | None, grammar: Grammar, node: Any) -> Part:
    """Write what a date is made of, such as its year."""
    if name is None:
        unit, value = grammar.options(node, "this", "expression")
        name = grammar.word(unit, FIELDS)
    else:
        (value,) = grammar.options(node, "this")
    kinds: tuple[Kind, ...] = DATED if name in (*WHOLE_DAYS, "isodow", "doy") else (*DATED, "time")
    (part,) = grammar.parts([value], *kinds)
    return _joined([part], f"date_part('{name}', {part.sql})", "integer")


def _date_diff(grammar: Grammar, node: Any) -> Part:
    *days, unit, _ = grammar.options(node, "expression", "this", "unit", "date_part_boundary")
    (start, end), kind = grammar.alike(days)
    if kind not in (*DATED, "missing"):
        raise grammar.mixed(kind, "date")
    found = grammar.word(unit, UNITS)
    return _joined([start, end], f"date_diff('{found}', {start.sql}, {end.sql})", "integer")


def _date_trunc(grammar: Grammar, node: Any) -> Part:
    value, unit = grammar.options(node, "this", "unit")
    (part,) = grammar.parts([value], *DATED)
    found = grammar.word(unit, UNITS)
    sql = f"date_trunc('{found}', {part.sql})"
    if part.kind == "date":
        sql = f"CAST({sql} AS DATE)"
    return _joined([part], sql, part.kind)


def _cast(name: str, grammar: Grammar, node: Any) -> Part:
    value, wanted, _ = grammar.options(node, "this", "to", "safe")
    target, part = target_of(wanted), grammar.part(value)
    if target is None:
        raise grammar.refused(
            "casts to a type that expressions do not know",
            "known are text, integer, decimal(10, 2), double, boolean, date, timestamp and "
            "timestamptz",
        )
    if part.kind in ("other", "interval"):
        raise grammar.mixed(part.kind, "text")
    sql = part.sql
    if name == "CAST" and part.literal is not None and target.kind in OF_KINDS:
        grammar.check_date(part.literal, target)
    if part.kind == "text":
        sql = target.of_text(sql)
    elif part.kind == "float" and target.kind == "integer":
        sql = f"round({sql})"  # as decimals are; a plain cast rounds halves to even
    return _joined([part], f"{name}({sql} AS {target.sql})", target.kind)


def _try(grammar: Grammar, node: Any) -> Part:
    (part,) = (grammar.part(one) for one in grammar.options(node, "this"))
    return _joined([part], f"TRY({part.sql})", part.kind)


TEXTS: Mapping[Any, tuple[str, Sequence[str], Kind]] = {  # functions of texts alone
    ast.Length: ("length", ("this",), "integer"),
    ast.Lower: ("text_lower", ("this",), "text"),
    ast.Upper: ("text_upper", ("this",), "text"),
    ast.Trim: ("text_trim", ("this",), "text"),
    ast.StartsWith: ("starts_with", ("this", "expression"), "boolean"),
    ast.EndsWith: ("ends_with", ("this", "expression"), "boolean"),
    ast.Contains: ("contains", ("this", "expression"), "boolean"),
}
REALS: Mapping[Any, tuple[str, Sequence[str]]] = {  # functions of numbers that give a float
    ast.Sqrt: ("sqrt", ("this",)),
    ast.Ln: ("ln", ("this",)),
    ast.Exp: ("exp", ("this",)),
    ast.Pow: ("power", ("this", "expression")),
}
SECTIONS: Mapping[Any, tuple[str, Sequence[str]]] = {
    ast.Substring: ("substring", ("this", "start", "length")),
    ast.Left: ("left", ("this", "expression")),
    ast.Right: ("right", ("this", "expression")),
}
COMPARISONS: Mapping[Any, str] = {
    ast.EQ: "=",
    ast.NEQ: "<>",
    ast.GT: ">",
    ast.GTE: ">=",
    ast.LT: "<",
    ast.LTE: "<=",
    ast.NullSafeEQ: "IS NOT DISTINCT FROM",
    ast.NullSafeNEQ: "IS DISTINCT FROM",
}
RULES: Mapping[Any, Rule] = {
    ast.Column: _column,
    ast.Literal: _literal,
    ast.Boolean: _boolean,
    ast.Null: _null,
    ast.Paren: _paren,
    ast.Interval: _interval,
    ast.And: partial(_chain, "AND", "boolean"),
    ast.Or: partial(_chain, "OR", "boolean"),
    ast.DPipe: partial(_chain, "||", "text"),
    ast.Not: _not,
    ast.Is: _is,
    ast.In: _in,
    ast.Between: _between,
    ast.Like: partial(_like, ""),
    ast.ILike: partial(_like, "text_fold"),
    ast.Case: _case,
    ast.If: _if,
    ast.Coalesce: partial(_first_of, "coalesce", ()),
    ast.Greatest: partial(_first_of, "greatest", ("ignore_nulls",)),
    ast.Least: partial(_first_of, "least", ("ignore_nulls",)),
    ast.Nullif: _nullif,
    ast.Add: partial(_sum, "+"),
    ast.Sub: partial(_sum, "-"),
    ast.Mul: partial(_arithmetic, "*"),
    ast.Div: partial(_arithmetic, "/"),
    ast.IntDiv: partial(_arithmetic, "//"),
    ast.Mod: partial(_arithmetic, "%"),
    ast.Neg: _negative,
    ast.Abs: _absolute,
    ast.Round: partial(_rounded, "round"),
    ast.Floor: partial(_rounded, "floor"),
    ast.Ceil: partial(_rounded, "ceil"),
    ast.Concat: _concat,
    ast.RegexpLike: _matches,
    ast.Year: partial(_field, "year"),
    ast.Month: partial(_field, "month"),
    ast.Day: partial(_field, "day"),
    ast.Extract: partial(_field, None),
    ast.DateDiff: _date_diff,
    ast.TimestampTrunc: _date_trunc,
    ast.DateTrunc: _date_trunc,
    ast.Cast: partial(_cast, "CAST"),
    ast.TryCast: partial(_cast, "TRY_CAST"),
    ast.Try: _try,
    **{node: partial(_compared, sql) for node, sql in COMPARISONS.items()},
    **{
        node: partial(_function, sql, keys, ("text",), gives)
        for node, (sql, keys, gives) in TEXTS.items()
    },
    **{
        node: partial(_function, sql, keys, NUMBERS, "float") for node, (sql, keys) in REALS.items()
    },
    **{node: partial(_section, sql, keys) for node, (sql, keys) in SECTIONS.items()},
}
