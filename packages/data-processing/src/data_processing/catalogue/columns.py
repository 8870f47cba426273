"""Steps that choose rows and columns, and compute columns from others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from data_processing.steps.parameters import ColumnName, Columns, described
from data_processing.steps.step import step

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa


@step(plan=True)
def filter_rows(
    schema: pa.Schema,
    *,
    keep: Annotated[
        str | None, described('A condition, such as "age >= 18"; the rows for which it holds stay.')
    ] = None,
    drop: Annotated[
        str | None, described("A condition; the rows for which it holds go, all others stay.")
    ] = None,
    others: Annotated[
        Literal["drop", "quarantine"],
        described("What becomes of the rows that do not stay: they are dropped, or set aside."),
    ] = "drop",
) -> Sequence[Any]:
    """Keep the rows for which a condition holds, or drop those for which one does.

    A condition that is missing, as a comparison with a missing value is, does not hold: 'keep'
    leaves out such a row, 'drop' keeps it. One of the two is given. See the page on expressions for
    what a condition may say.
    """
    from data_processing.cleaning.filtering import filtered

    return [filtered("filter_rows", schema, keep, drop, others)]


@step(plan=True)
def select_columns(
    schema: pa.Schema,
    *,
    columns: Annotated[Columns, described("Columns that stay, in this order.", min_length=1)],
) -> Sequence[Any]:
    """Keep some columns, in the order in which they are named."""
    from data_processing.cleaning.columns import arranged

    return [arranged("select_columns", schema, {name: name for name in columns})]


@step(plan=True)
def drop_columns(
    schema: pa.Schema,
    *,
    columns: Annotated[Columns, described("Columns that are left out.", min_length=1)],
) -> Sequence[Any]:
    """Leave out some columns; at least one must be left."""
    from data_processing.cleaning.columns import dropped

    return [dropped("drop_columns", schema, columns)]


@step(plan=True)
def rename_columns(
    schema: pa.Schema,
    *,
    columns: Annotated[
        dict[ColumnName, str], described("New names by the old ones; they go before the rule.")
    ] = {},  # noqa: B006 - a default of a model, which copies it
    rule: Annotated[
        Literal["keep", "snake_case", "lower", "upper"],
        described(
            "What becomes of all other names; 'snake_case' makes patient_id of 'Patient ID' and "
            "'patientId'."
        ),
    ] = "keep",
) -> Sequence[Any]:
    """Give columns other names: by a map, by a rule, or both.

    Names that would be empty, equal, or equal but for case are refused before a row is read.
    Columns may exchange their names.
    """
    from data_processing.cleaning.columns import renamed

    return [renamed("rename_columns", schema, columns, rule)]


@step(plan=True)
def reorder_columns(
    schema: pa.Schema,
    *,
    columns: Annotated[
        Columns, described("Columns that stand together, in this order.", min_length=1)
    ],
    place: Annotated[
        Literal["first", "last"], described("Whether they stand before or behind all others.")
    ] = "first",
) -> Sequence[Any]:
    """Put some columns in front of all others, or behind them; the others keep their order."""
    from data_processing.cleaning.columns import reordered

    return [reordered("reorder_columns", schema, columns, last=place == "last")]


@step(plan=True)
def derive(
    schema: pa.Schema,
    *,
    columns: Annotated[
        dict[str, str],
        described(
            'Expressions by the names of the columns that they give, such as {bmi: "weight / '
            '(height * height)"}.',
            min_length=1,
        ),
    ],
) -> Sequence[Any]:
    """Compute columns from the others of a row by expressions.

    All expressions see the columns as they are before the step. A name that the dataset has is
    replaced in its place, any other stands behind all columns. With a missing value in arithmetic
    or in a comparison the result is missing. See the page on expressions.
    """
    from data_processing.cleaning.columns import derived

    return [derived("derive", schema, columns)]
