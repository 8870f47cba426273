"""The step on values far from all others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from data_processing.rules.outliers import OutlierRule  # noqa: TC001
from data_processing.steps.parameters import ColumnName, described
from data_processing.steps.step import step

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa


@step(plan=True)
def handle_outliers(
    schema: pa.Schema,
    *,
    columns: Annotated[
        dict[ColumnName, OutlierRule],
        described("Columns of numbers, and what is done about their outliers.", min_length=1),
    ],
) -> Sequence[Any]:
    """Cap, drop, flag or blank values that lie far from all others.

    Bounds are worked out exactly and are the same for every engine. Quantiles are those of Hyndman
    and Fan (1996), type 7; the deviation has one degree of freedom less than there are values; the
    modified z-score of a value is 0.6745 times its distance from the median over the median of
    these distances. Missing values have no part in them and are never outliers; an infinity has no
    part in them and always is one. Where all values are equal, or so many that the range is 0,
    nothing else is an outlier, and the report warns of it.
    """
    from data_processing.cleaning.outliers import handle

    return handle(schema, columns)
