"""Steps on rows that repeat one another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator

from data_processing.steps.parameters import Columns, described, each_once
from data_processing.steps.step import step

if TYPE_CHECKING:
    from util_services.engines.stages import Rows, Tabled

Differences = Annotated[list[Literal["case", "whitespace", "accents"]], AfterValidator(each_once)]


@step(table=True)
def remove_duplicates(
    rows: Rows,
    *,
    subset: Annotated[
        Columns, described("Columns that make two rows equal; all columns if none are named.")
    ] = [],  # noqa: B006 - a default of a model, which copies it
    keep: Annotated[
        Literal["first", "last", "none", "any"],
        described(
            "Which row of a group stays: the first or last in the order of 'order_by', else of the "
            "input; none of them; or any, left to the engine."
        ),
    ] = "first",
    order_by: Annotated[
        Columns,
        described(
            "Columns whose ascending order decides which row is first; rows without a value in "
            "them come behind all others, whichever is kept."
        ),
    ] = [],  # noqa: B006
    ignore: Annotated[
        Differences,
        described("Differences between texts that do not count; the published text is unchanged."),
    ] = [],  # noqa: B006
) -> Tabled:
    """Remove rows that repeat another row.

    Rows are equal when the columns named in 'subset', or all columns, are equal; 'ignore' leaves
    out differences in case, whitespace and accents. The row that 'keep' and 'order_by' choose stays
    as it is, and the rows that stay keep their order. The report counts groups and rows.
    """
    from data_processing.cleaning import duplicates

    return duplicates.remove_duplicates(rows, subset, keep, order_by, ignore)
