"""Steps that look at a dataset: rules that it must keep, and what is in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from data_processing.rules.checks import DataRule  # noqa: TC001
from data_processing.steps.parameters import Columns, described
from data_processing.steps.step import step

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from util_services.engines.stages import Rows, Tabled


@step(plan=True)
def validate_data(
    schema: pa.Schema,
    *,
    rules: Annotated[list[DataRule], described("The rules, in their order.", min_length=1)],
) -> Sequence[Any]:
    """Check rules that rows, or the dataset as a whole, must keep.

    A broken rule stops the run, is a warning of the report, or sets aside the rows that break it.
    A missing value breaks 'not_null' alone: put that rule beside another where a value must be
    there. All rules are checked on the rows as they come, whatever others set aside; a row that
    breaks several is set aside once, for the first. The report tells how many rows break each rule,
    and a quality score: the mean over all rules of the share of rows that keep them.
    """
    from data_processing.cleaning.validating import validate

    return validate(schema, rules)


@step(table=True)
def profile_data(
    rows: Rows,
    *,
    columns: Annotated[Columns, described("The columns to look at; all if none are named.")] = [],  # noqa: B006
    min_count: Annotated[
        int,
        described(
            "A count of fewer rows is not told, nor is a quantile beyond which fewer rows lie.",
            ge=1,
        ),
    ] = 10,
) -> Tabled:
    """Tell what is in the columns of a dataset, in counts, and leave its rows as they are.

    Told are types, and those that texts are written as; missing and distinct values; quantiles and
    a histogram of numbers; tokens that stand for missing values; columns that may be keys; and
    columns that together may single people out, with the share of rows that they do. No value of a
    cell is told: quantiles are rounded to two digits, and small counts are left out.
    """
    from data_processing.cleaning.profiling import profile

    return profile(rows, columns, min_count)
