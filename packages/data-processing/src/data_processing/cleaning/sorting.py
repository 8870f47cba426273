"""Put rows into the order of some columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from data_processing.cleaning.folding import is_text
from data_processing.cleaning.tables import schema_of
from data_processing.steps.kinds import kind_of
from util_services.engines.stages import NUMBER, Tabled
from util_services.errors import ConfigurationError, quoted, quoted_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from util_services.engines.stages import Rows

End = Literal["first", "last"]


def sort(rows: Rows, by: Sequence[str], descending: Sequence[str], missing: End) -> Tabled:
    """Return all rows in another order; rows that are equal in it keep the one that they had.

    Args:
        rows: the rows.
        by: the columns that decide, the first before the second.
        descending: those whose greatest value comes first.
        missing: the end at which rows without a value stand, whichever way a column is ordered.

    Raises:
        ConfigurationError: if a column has no order.
    """
    others = [name for name in descending if name not in by]
    if others:
        raise ConfigurationError(
            f"'descending' names {quoted(others)}, which 'by' does not; name columns of 'by'."
        )
    schema = schema_of(rows)
    kinds = {name: schema.field(name).type for name in by}
    for name, kind in kinds.items():
        if kind_of(kind) == "other":
            raise ConfigurationError(
                f"The column {quoted_name(name)} holds {kind}, which has no order; sort by others."
            )
    ordered = rows.frame.sort(
        *(rows.places[name] for name in by),
        NUMBER,
        descending=[*(name in descending for name in by), False],
        nulls_last=missing == "last",
    )
    data = {place: place for place in rows.places.values()}
    return Tabled(
        frame=rows.engine.number_rows(rows.engine.select(ordered, data), NUMBER),
        dropped=0,
        warnings=tuple(
            f"{quoted_name(name)} holds text and is ordered as text: '10' comes before '9'."
            for name, kind in kinds.items()
            if is_text(kind)
        ),
    )
