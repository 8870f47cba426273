"""One kind of missing value: SQL that makes NaN missing, inside lists and structs too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from util_services.engines.local_formats import sql_name, sql_text

if TYPE_CHECKING:
    from duckdb.sqltypes import DuckDBPyType

FLOATS = {"float", "double"}


def without_nan(value: str, kind: DuckDBPyType, depth: int = 0) -> str:
    """Return the SQL of a value in which NaN is missing; the value itself if it holds no float."""
    if kind.id in FLOATS:
        return f"CASE WHEN isnan({_without_bounds(value)}) THEN NULL ELSE {value} END"
    if not _holds_floats(kind):
        return value
    item = f"item_{depth}"
    children: dict[str, Any] = dict(kind.children)
    match kind.id:
        case "list" | "array":
            changed = without_nan(item, children["child"], depth + 1)
            return f"list_transform({value}, lambda {item}: {changed})::{kind}"
        case "map":
            changed = without_nan(f"{item}.value", children["value"], depth + 1)
            entry = f"{{'key': {item}.key, 'value': {changed}}}"
            entries = f"list_transform(map_entries({value}), lambda {item}: {entry})"
            return f"map_from_entries({entries})::{kind}"
        case _:
            fields = ", ".join(
                f"{sql_text(name)}: {without_nan(f'{value}.{sql_name(name)}', child, depth)}"
                for name, child in children.items()
            )
            return f"CASE WHEN {value} IS NULL THEN NULL ELSE {{{fields}}} END"


def with_nan(value: str, kind: DuckDBPyType) -> str:
    """Return the SQL of a value whose NaN are values, such that a filter for NaN finds them."""
    if kind.id not in FLOATS:
        return value
    return f"CASE WHEN isnan({_without_bounds(value)}) THEN 'nan'::{kind} ELSE {value} END"


def _without_bounds(value: str) -> str:
    """Hide where a value comes from.

    The least and greatest value that a Parquet file states of a column leave NaN out, and DuckDB
    2.0 concludes from them that ``isnan`` and ``= 'NaN'`` are false, unless a list stands between.
    """
    return f"list_value({value})[1]"


def _holds_floats(kind: DuckDBPyType) -> bool:
    """Whether a float stands where it can be replaced; the keys of a map are left alone."""
    if kind.id in FLOATS:
        return True
    if kind.id not in {"list", "array", "map", "struct"}:
        return False
    children: dict[str, Any] = dict(kind.children)
    inside = (
        children.values() if kind.id == "struct" else [children.get("child", children.get("value"))]
    )
    return any(map(_holds_floats, inside))
