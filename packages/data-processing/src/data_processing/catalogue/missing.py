"""Steps on missing values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from data_processing.rules.missing import FillRule  # noqa: TC001
from data_processing.steps.parameters import ColumnName, Columns, described
from data_processing.steps.step import step

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa


@step(plan=True)
def fill_missing_values(
    schema: pa.Schema,
    *,
    columns: Annotated[
        dict[ColumnName, FillRule], described("What is filled, and how.", min_length=1)
    ],
    missing_tokens: Annotated[
        dict[ColumnName, list[str]],
        described("Texts that stand for a missing value, such as 'N/A', by their columns."),
    ] = {},  # noqa: B006
) -> Sequence[Any]:
    """Put something in the place of missing values, or drop their rows.

    Statistics are exact and the same for every engine: a mean is the exact sum divided once, a
    median that of Hyndman and Fan (1996), type 7, a mode the smallest of the most frequent values.
    Missing and infinite values have no part in them. All rules see the rows as they come to the
    step: a column that another rule groups or orders by is filled in a step of its own.
    """
    from data_processing.cleaning.missing import fill

    return fill(schema, columns, missing_tokens)


@step(plan=True)
def drop_missing(
    schema: pa.Schema,
    *,
    rows_above: Annotated[
        float | None,
        described(
            "Rows go that lack more than this share of the columns; 0 lets no missing value pass.",
            ge=0,
            lt=1,
        ),
    ] = None,
    columns: Annotated[
        Columns, described("Columns that count for rows; all that are left if none are named.")
    ] = [],  # noqa: B006 - a default of a model, which copies it
    columns_above: Annotated[
        float | None,
        described("Of 'candidates', those go that lack more than this share of rows.", ge=0, lt=1),
    ] = None,
    candidates: Annotated[
        Columns, described("Columns that may go; later steps cannot name them.")
    ] = [],  # noqa: B006
) -> Sequence[Any]:
    """Drop rows and columns of which too much is missing.

    Columns go first. Which of the candidates go depends on the data, so no later step may rely on
    one; the report names those that went and those that stayed. In a dataset without rows all go.
    """
    from data_processing.cleaning.completeness import drop

    return drop(schema, rows_above, columns, columns_above, candidates)
