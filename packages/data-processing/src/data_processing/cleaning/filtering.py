"""The choice of rows by a condition."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from data_processing.steps.expressions import condition
from util_services.engines.stage_batches import Filter
from util_services.errors import ConfigurationError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from data_processing.steps.expressions import Expression

Others = Literal["drop", "quarantine"]


@dataclass(frozen=True, slots=True)
class Unless:
    """The choice of the rows for which a condition does not hold, be it false or missing."""

    condition: Expression

    def __call__(self, frame: pd.DataFrame) -> pd.Series:
        """Return which rows stay."""
        return ~self.condition(frame).fillna(value=False)


def filtered(
    step: str, schema: pa.Schema, keep: str | None, drop: str | None, others: Others
) -> Filter:
    """Return the step that keeps the rows for which a condition holds, or does not.

    Raises:
        ConfigurationError: unless one condition is given, and can be computed.
    """
    if (keep is None) == (drop is None):
        raise ConfigurationError("Give either 'keep' or 'drop'.")
    found = condition(keep or drop or "", schema)
    reason = "the row is one that the condition leaves out" if others == "quarantine" else None
    return Filter(step, found if drop is None else Unless(found), reason)
