"""Steps that make texts into numbers, booleans, dates and times."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from data_processing.rules.casts import CastRule, DateRule  # noqa: TC001
from data_processing.steps.parameters import ColumnName, described
from data_processing.steps.step import step

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa


@step(plan=True)
def cast_types(
    schema: pa.Schema,
    *,
    columns: Annotated[
        dict[ColumnName, CastRule],
        described("What becomes of which column.", min_length=1),
    ],
) -> Sequence[Any]:
    """Cast columns to a type, exactly or not at all.

    How numbers are written is declared, never guessed; no whole number or decimal is ever a float
    on its way. Whitespace around a value is passed over. Whole numbers of more than 64 bits are
    decimals of scale 0. Dates in other forms than ISO 8601 are for the step parse_dates.
    """
    from data_processing.cleaning.casting import cast

    return cast(schema, columns)


@step(plan=True)
def parse_dates(
    schema: pa.Schema,
    *,
    columns: Annotated[
        dict[ColumnName, DateRule],
        described("How the dates of which column are written.", min_length=1),
    ],
) -> Sequence[Any]:
    """Read dates and times by declared formats.

    Formats are tried in their order. A text that two of them read as different dates is an error,
    which names its row, unless 'ambiguous' says otherwise. Years run from 1 to 9999 and times are
    exact to the microsecond. Offsets are brought to UTC. Numbers of days are read as Excel means
    them, with the days before March 1900, to the millisecond.
    """
    from data_processing.cleaning.dates import parse

    return parse(schema, columns)
