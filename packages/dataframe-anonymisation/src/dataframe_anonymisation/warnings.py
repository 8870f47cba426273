"""What a reader of an anonymised table should act on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from util_services.errors import quoted, quoted_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dataframe_anonymisation.policy import AnonymisationPolicy
    from dataframe_anonymisation.solving import Solved

UNIQUE_SHARE = 0.9  # from which an insensitive column is nearly an identifier


def build_warnings(
    policy: AnonymisationPolicy,
    solved: Solved,
    strangers: list[str],
    distinct: Mapping[str, int],
) -> tuple[str, ...]:
    """Return what a reader should act on.

    Args:
        policy: what was asked for.
        solved: what came of it.
        strangers: columns without a role.
        distinct: how many values columns have that are published as they are.
    """
    rows = solved.prepared.table.rows
    warnings = [
        f"{taxonomy.misplaced} values of {quoted_name(taxonomy.column)} do not lie in the numbers "
        "that a label of their hierarchy says; correct the hierarchy."
        for taxonomy in solved.prepared.table.taxonomies
        if taxonomy.misplaced
    ]
    warnings += [
        f"{quoted_name(name)} is published as it is and has {count} values in {rows} rows: it is "
        "nearly an identifier."
        for name, count in distinct.items()
        if is_nearly_unique(count, rows)
    ]
    if policy.keep_entity:
        warnings.append(
            f"{quoted_name(str(policy.entity))} is published as it is and tells which rows are of "
            "one person; it may hold nothing but pseudonyms."
        )
    if strangers and policy.unclassified != "error":
        done = "dropped" if policy.unclassified == "drop" else "published as they are"
        warnings.append(f"Columns without a role were {done}: {quoted(strangers)}.")
    if policy.order == "preserve":
        warnings.append("The rows keep the order of the input, which can tell whose they are.")
    if solved.rows_suppressed and solved.rows_suppressed == rows:
        warnings.append("Every row is suppressed; the table holds nothing.")
    blank = _blank(solved)
    if blank:
        warnings.append(
            f"All rows have '*' in {quoted(blank)}, which tells nothing any more; ask less of the "
            "models, let more rows be suppressed, or give a hierarchy with more levels."
        )
    return tuple(warnings)


def published_as_they_are(policy: AnonymisationPolicy, strangers: Sequence[str]) -> list[str]:
    """Return the columns that no model protects and that are published as they are."""
    kept = strangers if policy.unclassified == "keep" else ()
    return [*policy.insensitive_attributes, *kept]


def is_nearly_unique(distinct: int, rows: int) -> bool:
    """Return whether a column of so many values is nearly an identifier (AN-08)."""
    return rows > 1 and distinct >= UNIQUE_SHARE * rows


def _blank(solved: Solved) -> list[str]:
    """Return the columns that are suppressed in all rows, though they hold several values."""
    table, levels = solved.prepared.table, solved.solution.levels
    return [
        taxonomy.column
        for taxonomy, level in zip(table.taxonomies, levels, strict=True)
        if len(level) and (level == taxonomy.height).all() and taxonomy.present.sum() > 1
    ]
