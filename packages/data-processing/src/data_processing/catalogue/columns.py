"""Steps that choose rows and columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from data_processing.steps.parameters import Columns, described
from data_processing.steps.step import step

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    import pyarrow as pa


@step(plan=True)
def filter_rows(
    schema: pa.Schema,
    *,
    keep: Annotated[str, described('A condition, such as "age >= 18"; other rows are dropped.')],
) -> Sequence[Any]:
    """Keep the rows for which a condition holds; where it is missing it does not hold."""
    from data_processing.steps.expressions import condition
    from util_services.engines.stage_batches import Filter

    return [Filter("filter_rows", condition(keep, schema))]


@step
def select_columns(
    frame: pd.DataFrame,
    *,
    columns: Annotated[Columns, described("Columns that stay, in this order.", min_length=1)],
) -> pd.DataFrame:
    """Keep some columns, in the order in which they are named."""
    return frame[columns]
