"""How columns are scaled, encoded and binned."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import model_validator

from data_processing.rules.meaning import refuse_meaningless
from data_processing.steps.parameters import Columns, Rule, described, each_once


class ScaleRule(Rule):
    """How a column is scaled."""

    method: Annotated[
        Literal["standard", "min_max", "robust"],
        described(
            "What is taken off each value, and what the rest is divided by: the mean and the "
            "standard deviation; the least value and the range; or the median and the "
            "interquartile range."
        ),
    ] = "standard"
    by: Annotated[
        Columns,
        described(
            "Columns that make groups, each with a scale of its own; a missing value makes a group "
            "too.",
            default_factory=list,
        ),
    ]


class EncodeRule(Rule):
    """How the categories of a column become numbers."""

    method: Annotated[
        Literal["one_hot", "ordinal", "count"],
        described(
            "A column of 0 and 1 for each category; the place of the category, from 0; or the "
            "number of rows that have the value."
        ),
    ]
    categories: Annotated[
        list[str],
        described(
            "The categories, in their order; they become names of columns, which are public. "
            "Whole numbers are given in digits, booleans as 'true' and 'false'.",
            default_factory=list,
        ),
    ]
    limit: Annotated[
        int | None,
        described(
            "Without 'categories': how many columns one_hot makes, for the most frequent values. "
            "They are numbered from 1, so that no value becomes a name.",
            ge=1,
            le=1000,
        ),
    ] = None
    unknown: Annotated[
        Literal["missing", "error"],
        described(
            "What becomes of a value that is no category: 0 in all columns of one_hot and a "
            "missing value in ordinal, both counted, or an error."
        ),
    ] = "missing"
    into: Annotated[
        str | None,
        described(
            "Name of a new column, or what names of one_hot begin with; by default ordinal and "
            "count replace the column, and names begin with the column's."
        ),
    ] = None

    @model_validator(mode="after")
    def _consistent(self) -> EncodeRule:
        refuse_meaningless(
            self,
            "method",
            {
                "categories": ("one_hot", "ordinal"),
                "limit": ("one_hot",),
                "unknown": ("one_hot", "ordinal"),
            },
        )
        each_once(self.categories)
        if self.method == "one_hot" and bool(self.categories) == (self.limit is not None):
            raise ValueError("one_hot needs either 'categories' or 'limit'")
        return self


class BinRule(Rule):
    """How the numbers of a column become intervals."""

    method: Annotated[
        Literal["width", "quantile", "edges"],
        described(
            "Intervals of one width; intervals between quantiles, which hold about as many rows "
            "each; or intervals between edges that are given."
        ),
    ]
    width: Annotated[
        float | None, described("The width of an interval.", gt=0, allow_inf_nan=False)
    ] = None
    origin: Annotated[
        float, described("Where an interval of one width begins.", allow_inf_nan=False)
    ] = 0.0
    bins: Annotated[
        int | None, described("How many intervals there are between quantiles.", ge=2, le=1000)
    ] = None
    edges: Annotated[
        list[float], described("Where intervals begin and end, ascending.", default_factory=list)
    ]
    closed: Annotated[
        Literal["left", "right"],
        described("Which end belongs to an interval: [20, 30) or (20, 30]."),
    ] = "left"
    into: Annotated[
        str | None, described("Name of a new column; by default the labels replace the numbers.")
    ] = None

    @model_validator(mode="after")
    def _consistent(self) -> BinRule:
        refuse_meaningless(
            self,
            "method",
            {"width": ("width",), "origin": ("width",), "bins": ("quantile",), "edges": ("edges",)},
        )
        if self.method == "width" and self.width is None:
            raise ValueError("give the 'width' of an interval")
        if self.method == "quantile" and self.bins is None:
            raise ValueError("give the number of 'bins'")
        if self.method == "edges" and not self.edges:
            raise ValueError("give the 'edges' of intervals")
        if any(after <= before for before, after in zip(self.edges, self.edges[1:], strict=False)):
            raise ValueError("'edges' must be ascending, each once")
        return self
