"""Put the rows of several datasets behind one another, columns of one name below each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import narwhals as nw
import pyarrow as pa
from pyarrow import types

from data_processing.cleaning.as_texts import as_texts, refuse_formless
from data_processing.cleaning.common_types import common_type, told
from data_processing.cleaning.names import refuse_clashes
from data_processing.cleaning.placing import column_of, whole
from data_processing.cleaning.tables import Frame, count, schema_of
from data_processing.steps.kinds import kind_of
from util_services.engines.stages import NUMBER, Tabled
from util_services.errors import ConfigurationError, quoted, quoted_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from util_services.engines.stages import Rows

Missing = Literal["error", "fill"]


def concatenate(
    rows: Rows, names: Sequence[str], missing: Missing, as_text: Sequence[str]
) -> Tabled:
    """Return the rows of a dataset, and behind them those of others.

    Args:
        rows: the rows of the dataset, which knows the others.
        names: the others, in their order.
        missing: what becomes of a column that not all of them have.
        as_text: columns that become text, since they are of several types.

    Raises:
        ConfigurationError: if columns differ, in names or in types, in a way that is not declared.
    """
    given = [rows, *(rows.others[name] for name in names)]
    schemas = [schema_of(one) for one in given]
    columns = list(dict.fromkeys(name for schema in schemas for name in schema.names))
    refuse_clashes(columns)
    if missing == "error":
        _refuse_missing(schemas, names, columns)
    _refuse_unknown(as_text, columns)
    kinds = {name: _common(name, schemas, as_text) for name in columns}
    places = {name: f"column_{number}" for number, name in enumerate(columns)}
    first, frames, added = 0, list[Frame](), 0
    for one in given:
        frames.append(_aligned(one, kinds, places, first))
        (last,) = one.engine.rows(one.frame.select(nw.col(NUMBER).max()))
        first += 0 if last[NUMBER] is None else last[NUMBER] + 1
        added += 0 if one is rows else count(one.engine, one.frame)
    return Tabled(nw.concat(frames, how="vertical"), None, places, facts={"rows_added": added})


def _refuse_missing(
    schemas: Sequence[pa.Schema], names: Sequence[str], columns: Sequence[str]
) -> None:
    for schema, name in zip(schemas, [None, *names], strict=True):
        absent = [column for column in columns if column not in schema.names]
        if absent:
            who = "This dataset" if name is None else f"The dataset {quoted_name(name)}"
            raise ConfigurationError(
                f"{who} lacks columns that others have: {quoted(absent)}; set 'missing_columns' to "
                "fill, or leave them out in a step before."
            )


def _refuse_unknown(as_text: Sequence[str], columns: Sequence[str]) -> None:
    unknown = [name for name in as_text if name not in columns]
    if unknown:
        raise ConfigurationError(
            f"'as_text' names columns that no dataset has: {quoted(unknown)}; correct the names."
        )


def _common(name: str, schemas: Sequence[pa.Schema], as_text: Sequence[str]) -> pa.DataType:
    """Return the type that holds all values of a column.

    Raises:
        ConfigurationError: if there is none.
    """
    having = [schema for schema in schemas if name in schema.names]
    if name in as_text:
        for schema in having:
            refuse_formless(schema, [name])
        return pa.string()
    found = [schema.field(name).type for schema in having]
    common = common_type(found)
    if common is None:
        raise ConfigurationError(
            f"The column {quoted_name(name)} is of several types ({told(found)}); name it under "
            "'as_text', or cast it before."
        )
    return common


def _aligned(
    rows: Rows, kinds: dict[str, pa.DataType], places: dict[str, str], first: int
) -> Frame:
    """Return rows with all columns in their common types, numbered from a first one."""
    schema = schema_of(rows)
    changed = [name for name in schema.names if schema.field(name).type != kinds[name]]
    work = Aligned(
        tuple((places[name], kinds[name]) for name in kinds),
        frozenset(places[name] for name in schema.names),
    )
    frame = rows.engine.select(
        rows.frame, {places[name]: place for name, place in rows.places.items()} | {NUMBER: NUMBER}
    )
    if changed or len(schema.names) < len(kinds):
        held = pa.schema([*work.columns, (NUMBER, pa.int64())])
        frame = rows.engine.map_batches(frame, work, held)
    ordered = [nw.col(place) for place in places.values()]
    return frame.select(*ordered, (nw.col(NUMBER) + first).alias(NUMBER))


@dataclass(frozen=True, slots=True)
class Aligned:
    """Rows with columns of given types; those that they lack are missing."""

    columns: tuple[tuple[str, pa.DataType], ...]
    present: frozenset[str]

    def __call__(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the rows with these columns."""
        made = {}
        for place, kind in self.columns:
            if place not in self.present:
                made[place] = column_of(pa.nulls(len(frame), kind))
                continue
            values = whole(frame[place])
            if values.type != kind:
                is_new_text = types.is_string(kind) and kind_of(values.type) != "text"
                values = as_texts(values) if is_new_text else values.cast(kind)
            made[place] = column_of(values)
        found = frame[[NUMBER]].assign(**made)
        return found[[*made, NUMBER]]
