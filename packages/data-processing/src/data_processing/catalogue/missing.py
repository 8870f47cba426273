"""Steps on missing values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import model_validator

from data_processing.catalogue.rules import refuse_meaningless
from data_processing.steps.parameters import ColumnName, Columns, Rule, described
from data_processing.steps.step import step

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

ORDERED = ("ffill", "bfill", "interpolate")
STATISTICS = ("mean", "median", "mode")
MEANT_FOR = {  # the strategies that an option has a meaning for
    "value": ("constant",),
    "by": (*STATISTICS, *ORDERED),
    "order_by": ORDERED,
    "rounding": ("mean", "median", "interpolate"),
    "spacing": ("interpolate",),
}


class FillRule(Rule):
    """What becomes of the missing values of a column."""

    strategy: Annotated[
        Literal["constant", "mean", "median", "mode", "ffill", "bfill", "interpolate", "drop_row"],
        described(
            "What stands for a missing value: a constant; the mean, the median or the most "
            "frequent value (of several the smallest) of the column; the last value before it or "
            "the first behind it in the order of 'order_by'; a value on the line between these "
            "two; or nothing, and its row is dropped."
        ),
    ]
    value: Annotated[
        Any, described("The constant, of the column's type; dates as '2024-02-29'.")
    ] = None
    by: Annotated[
        Columns,
        described(
            "Columns that make groups, each with a statistic or an order of its own; a missing "
            "value makes a group too. A group without a value gets the statistic of all rows.",
            default_factory=list,
        ),
    ]
    order_by: Annotated[
        Columns,
        described(
            "Columns whose ascending order is that of ffill, bfill and interpolate; rows without a "
            "value in them come last, and equal rows are in the order of the input.",
            default_factory=list,
        ),
    ]
    indicator: Annotated[
        str | None,
        described("Name of a new column that tells where a value was missing."),
    ] = None
    rounding: Annotated[
        Literal["float", "round", "error"],
        described(
            "What becomes of whole numbers whose mean, median or value between two is none: the "
            "column becomes one of floats, the value is rounded (ties to even), or it is an error."
        ),
    ] = "float"
    spacing: Annotated[
        Literal["rows", "values"],
        described(
            "How far apart interpolate takes two rows to be: one row from the next, or the "
            "difference of their values in the one column of 'order_by'."
        ),
    ] = "rows"

    @model_validator(mode="after")
    def _consistent(self) -> FillRule:
        refuse_meaningless(self, "strategy", MEANT_FOR)
        if self.strategy == "constant" and self.value is None:
            raise ValueError("a constant needs a 'value'")
        if self.strategy in ORDERED and not self.order_by:
            raise ValueError(f"{self.strategy} needs 'order_by', since rows have no order in time")
        if self.spacing == "values" and len(self.order_by) != 1:
            raise ValueError("spacing by values needs one column in 'order_by'")
        return self


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
