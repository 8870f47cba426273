"""What stands for missing values."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import model_validator

from data_processing.rules.meaning import refuse_meaningless
from data_processing.steps.parameters import Columns, Rule, described

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
