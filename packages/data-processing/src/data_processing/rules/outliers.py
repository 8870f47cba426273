"""Which values are outliers, and what becomes of them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import model_validator

from data_processing.rules.meaning import refuse_meaningless
from data_processing.steps.parameters import Columns, Rule, described

MEANT_FOR = {
    "factor": ("iqr", "z_score", "mad"),
    "by": ("iqr", "z_score", "mad", "percentile"),
    "lower": ("percentile", "bounds"),
    "upper": ("percentile", "bounds"),
}


class OutlierRule(Rule):
    """Which values of a column are outliers, and what becomes of them."""

    method: Annotated[
        Literal["iqr", "z_score", "mad", "percentile", "bounds"],
        described(
            "What an outlier is: further than 'factor' interquartile ranges below the first or "
            "above the third quartile; further than 'factor' standard deviations from the mean; a "
            "modified z-score above 'factor' (Iglewicz and Hoaglin 1993); below or above the "
            "quantiles 'lower' and 'upper'; or below or above the values 'lower' and 'upper'."
        ),
    ] = "iqr"
    action: Annotated[
        Literal["cap", "drop", "flag", "null"],
        described(
            "What becomes of an outlier: the nearest value inside the bounds; nothing, and its row "
            "is dropped; it stays and a new column tells of it; or a missing value."
        ),
    ] = "flag"
    factor: Annotated[
        float | None,
        described(
            "How far is too far; by default 1.5 for iqr, 3 for z_score, 3.5 for mad.",
            ge=0,
            allow_inf_nan=False,
        ),
    ] = None
    lower: Annotated[
        float | None,
        described("The lower bound: a share from 0 to 1, or a value.", allow_inf_nan=False),
    ] = None
    upper: Annotated[
        float | None,
        described("The upper bound: a share from 0 to 1, or a value.", allow_inf_nan=False),
    ] = None
    by: Annotated[
        Columns,
        described(
            "Columns that make groups, each with bounds of its own; a missing value makes a group "
            "too.",
            default_factory=list,
        ),
    ]
    flag: Annotated[
        str | None,
        described("Name of the new column of 'flag'; by default the column's with '_outlier'."),
    ] = None

    @model_validator(mode="after")
    def _consistent(self) -> OutlierRule:
        refuse_meaningless(self, "method", MEANT_FOR)
        refuse_meaningless(self, "action", {"flag": ("flag",)})
        if self.method in MEANT_FOR["lower"]:
            lower, upper = self.lower, self.upper
            if lower is None and upper is None:
                raise ValueError(f"{self.method} needs 'lower', 'upper' or both")
            if lower is not None and upper is not None and lower > upper:
                raise ValueError("'lower' must not be above 'upper'")
            if self.method == "percentile" and not all(
                share is None or 0 <= share <= 1 for share in (lower, upper)
            ):
                raise ValueError("the bounds of percentile are shares from 0 to 1")
        return self
