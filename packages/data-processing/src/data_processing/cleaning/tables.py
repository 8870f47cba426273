"""What steps on whole tables have in common: the columns of rows, and small counts of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals as nw
import pyarrow as pa

if TYPE_CHECKING:
    from util_services.engines.protocol import Engine
    from util_services.engines.stages import Rows

Frame = nw.LazyFrame[Any]

SIZE = "size"


def schema_of(rows: Rows) -> pa.Schema:
    """Return the columns of rows under their own names."""
    schema = rows.engine.arrow_schema(rows.frame)
    return pa.schema([schema.field(place).with_name(name) for name, place in rows.places.items()])


def count(engine: Engine, frame: Frame) -> int:
    """Return how many rows a frame has."""
    return int(engine.rows(frame.select(nw.len().alias(SIZE)))[0][SIZE])
