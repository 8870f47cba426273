"""Make one row of each group of rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import narwhals as nw
import pandas as pd
import pyarrow as pa
from pyarrow import types

from data_processing.cleaning.names import refuse_clashes
from data_processing.cleaning.placing import column_of, whole
from data_processing.cleaning.reductions import (
    PICKING,
    Reduction,
    Span,
    Values,
    holds_maps,
)
from data_processing.cleaning.tables import Frame, schema_of
from util_services.engines.stages import NUMBER, Tabled
from util_services.errors import ConfigurationError, DatasetError, quoted_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from data_processing.cleaning.function_names import GroupFunction
    from util_services.engines.protocol import Engine
    from util_services.engines.stages import Rows


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a column of the result holds: a function of a column, or the number of rows."""

    function: GroupFunction
    of: str | None = None


def aggregate(
    rows: Rows,
    by: Sequence[str],
    columns: Mapping[str, Wanted],
    schema: pa.Schema | None = None,
) -> Tabled:
    """Return a row for each group, in the order in which groups first appear.

    Args:
        rows: the rows.
        by: the columns whose values make groups; a missing value makes one of its own. Without any
            all rows are one group, also if there are none.
        columns: what is told of each group, by the names of the columns.
        schema: names and types of the columns; by default those of the rows.

    Raises:
        ConfigurationError: if a column has no meaning for its function, or names clash.
        DatasetError: if a sum of whole numbers does not fit 64 bits.
    """
    refuse_clashes([*by, *columns])
    schema = schema_of(rows) if schema is None else schema
    for name in by:
        if holds_maps(schema.field(name).type):
            raise ConfigurationError(
                f"The column {quoted_name(name)} holds maps, which make no groups; leave it out."
            )
    keys = {f"key_{number}": name for number, name in enumerate(by)}
    used = list(dict.fromkeys(one.of for one in columns.values() if one.of is not None))
    values = {
        name: Values(name, f"value_{number}", schema.field(name).type)
        for number, name in enumerate(used)
    }
    reductions = {
        name: Reduction(one.function, None if one.of is None else values[one.of])
        for name, one in columns.items()
    }
    for one in reductions.values():
        one.check()
    chosen = {key: rows.places[name] for key, name in keys.items()}
    chosen |= {one.place: rows.places[one.column] for one in values.values()}
    frame = rows.engine.select(rows.frame, {NUMBER: NUMBER} | chosen)
    frame = _with_plain_zeros(frame, [k for k, n in keys.items() if _is_float(schema, n)])
    frame, reductions = _cut(rows.engine, frame, reductions)
    groups = _grouped(rows.engine, frame, list(keys), reductions)
    work = Finish(
        tuple((key, schema.field(name).type) for key, name in keys.items()),
        tuple(reductions.values()),
    )
    done = rows.engine.map_batches(groups.sort(NUMBER), work, work.schema)
    return Tabled(done, None, work.places([*keys.values(), *reductions]))


@dataclass(frozen=True, slots=True)
class Finish:
    """Makes the results of the measures of groups."""

    keys: tuple[tuple[str, pa.DataType], ...]
    reductions: tuple[Reduction, ...]

    @property
    def schema(self) -> pa.Schema:
        """The columns that come out."""
        results = [(f"result_{n}", one.type) for n, one in enumerate(self.reductions)]
        return pa.schema([*self.keys, *results, (NUMBER, pa.int64())])

    def places(self, names: Sequence[str]) -> dict[str, str]:
        """Return where the columns of some names are."""
        return dict(zip(names, self.schema.names[:-1], strict=True))

    def __call__(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the keys and the results of some groups."""
        groups: dict[str, Any] = {str(name): whole(frame[name]) for name in frame.columns}
        columns = {key: groups[key] for key, _ in self.keys}
        columns |= {f"result_{n}": one.result(groups) for n, one in enumerate(self.reductions)}
        columns[NUMBER] = groups[NUMBER]
        return pd.DataFrame({name: column_of(values) for name, values in columns.items()})


def _is_float(schema: pa.Schema, name: str) -> bool:
    return bool(types.is_floating(schema.field(name).type))


def _with_plain_zeros(frame: Frame, names: Sequence[str]) -> Frame:
    """Return rows in which no zero of some columns is negative, so that one stands for all."""
    kinds = frame.collect_schema()
    plain = [(nw.col(name) + 0.0).cast(kinds[name]).alias(name) for name in names]
    return frame.with_columns(*plain) if plain else frame


def _cut(
    engine: Engine, frame: Frame, reductions: Mapping[str, Reduction]
) -> tuple[Frame, dict[str, Reduction]]:
    """Return the rows with the limbs of floats, and reductions that know of them."""
    needed = {
        (one.values, one.bits) for one in reductions.values() if one.values is not None and one.bits
    }
    floats = {values for values, _ in needed}
    if not floats:
        return frame, dict(reductions)
    spans = _spans(engine, frame, list(floats))
    known = {values: replace(values, span=spans[values.place]) for values in floats}
    for values in known.values():
        column = nw.col(values.place).cast(nw.Float64)
        finite = nw.when(column.is_finite()).then(column)
        frame = frame.with_columns(finite.alias(values.floats))
    for values, bits in sorted(needed, key=lambda one: (one[0].place, one[1])):
        spanned = known[values]
        frame = spanned.grid(bits).cut(frame, spanned.floats, spanned.limbs(bits))
    return frame, {
        name: one if one.values is None else replace(one, values=known.get(one.values, one.values))
        for name, one in reductions.items()
    }


def _spans(engine: Engine, frame: Frame, floats: Sequence[Values]) -> dict[str, Span]:
    """Return what is known of the floats of columns, by their places."""
    asked: list[nw.Expr] = []
    for values in floats:
        column = nw.col(values.place).cast(nw.Float64)
        size = column.abs()
        is_finite = column.is_finite()
        asked += [
            nw.when(is_finite & (size > 0)).then(size).min().alias(f"{values.place}_least"),
            nw.when(is_finite).then(size).max().alias(f"{values.place}_greatest"),
            (~is_finite).cast(nw.Int64).sum().alias(f"{values.place}_infinite"),
        ]
    (row,) = engine.rows(frame.select(*asked))
    return {
        values.place: Span(
            row[f"{values.place}_least"],
            row[f"{values.place}_greatest"],
            row[f"{values.place}_infinite"] or 0,
        )
        for values in floats
    }


def _grouped(
    engine: Engine, frame: Frame, keys: Sequence[str], reductions: Mapping[str, Reduction]
) -> Frame:
    """Return the measures of each group, and the values of the rows that were picked."""
    measures = {NUMBER: nw.col(NUMBER).min()}
    for one in reductions.values():
        measures |= one.measures()
    asked = [expression.alias(name) for name, expression in measures.items() if name != NUMBER]
    first = nw.col(NUMBER).min().alias("first_number")
    found = frame.group_by(*keys).agg(first, *asked) if keys else frame.select(first, *asked)
    number = nw.col("first_number").fill_null(0).alias(NUMBER)
    groups = found.with_columns(number).drop("first_number")
    picking = [one for one in reductions.values() if one.function in PICKING]
    if not picking:
        return groups
    groups = engine.materialise(groups)
    _refuse_several(engine, groups, [one for one in picking if one.function == "only"])
    for pick in dict.fromkeys(one.pick for one in picking):
        picked = {
            one.picked: one.values.place for one in picking if one.pick == pick and one.values
        }
        rows = engine.select(frame, {pick: NUMBER} | picked)
        groups = groups.join(rows, on=pick, how="left")
    return groups


def _refuse_several(engine: Engine, groups: Frame, reductions: Sequence[Reduction]) -> None:
    """Refuse groups of several values where one alone is wanted.

    Raises:
        DatasetError: telling how often there are several.
    """
    places = [one.values.place for one in reductions if one.values is not None]
    if not places:
        return
    several = [(nw.col(f"{one}_count") > 1).cast(nw.Int64).sum().alias(one) for one in places]
    (row,) = engine.rows(groups.select(*several))
    found = sum(number or 0 for number in row.values())
    if found:
        raise DatasetError(
            f"Several values would stand in one cell (cells: {found}), and 'function' is 'only'; "
            "choose another function, such as sum, or remove the duplicates."
        )
