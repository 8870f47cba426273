"""Repair columns that depend on others: where rows of one key disagree, the majority is right."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import narwhals as nw
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types

from data_processing.cleaning.distinct import column, whole, with_columns
from data_processing.cleaning.folding import is_text
from util_services.engines.stage_batches import Map
from util_services.engines.stage_fits import Fit, Fitted, Query
from util_services.errors import ConfigurationError, DatasetError, quoted, quoted_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from util_services.engines.stage_fits import Groups

    Frame = nw.LazyFrame[Any]

MAX_GROUPS = 250_000  # whose rows disagree; they are held in memory
LIMIT = "What most rows of a key say was taken for right; a majority may be wrong."
VALUE, ROWS, OF, TIED, MOST, KINDS = "value", "rows", "of", "tied", "most", "kinds"


@dataclass(frozen=True, slots=True)
class Majority:
    """Which value is right for a key.

    Attributes:
        keys: the columns that decide.
        min_share: of the rows of a key that have a value, more than this share must have the same.
        fill_missing: whether rows without a value get it too.
    """

    keys: tuple[str, ...]
    min_share: float = 0.5
    fill_missing: bool = False

    def fit(self, column: str, schema: pa.Schema, *, counts_keyless: bool) -> Fit:
        """Return the part that repairs one column.

        Raises:
            ConfigurationError: if a column is of a kind whose values are not compared exactly.
        """
        for name in (*self.keys, column):
            if not _is_exact(schema.field(name).type):
                raise ConfigurationError(
                    f"The column {quoted_name(name)} holds {schema.field(name).type}; majority "
                    "compares texts, whole numbers, decimals, booleans, dates, and timestamps "
                    "without a zone or nanoseconds: cast it first, or leave it out."
                )

        def then(groups: Groups) -> Fitted:
            return self._then(groups, column, schema, counts_keyless=counts_keyless)

        query = Query(lambda frame, places: self._disagreements(frame, places, column))
        return Fit("majority", frozenset({*self.keys, column}), query, then, frozenset({column}))

    def _disagreements(self, frame: Frame, places: Mapping[str, str], column: str) -> Frame:
        """Return the keys whose rows do not agree, each with its most frequent value."""
        keys, value = [places[name] for name in self.keys], places[column]
        names = [key_name(number) for number, _ in enumerate(keys)]
        keyed = frame.filter(*(~nw.col(key).is_null() for key in keys)).select(
            *(nw.col(key).alias(name) for key, name in zip(keys, names, strict=True)),
            nw.col(value).alias(VALUE),
        )
        counted = keyed.group_by(*names, VALUE).agg(nw.len().alias(ROWS))
        missing, rows = nw.col(VALUE).is_null(), nw.col(ROWS)
        if not self.fill_missing:
            counted = counted.filter(~missing)
        supported = counted.with_columns(nw.when(missing).then(0).otherwise(rows).alias(ROWS))
        compared = supported.with_columns(
            rows.max().over(*names).alias(MOST),
            rows.sum().over(*names).alias(OF),
            nw.len().over(*names).alias(KINDS),
        )
        first = compared.filter(nw.col(KINDS) > 1, rows == nw.col(MOST), rows > 0)
        found = first.group_by(*names).agg(
            nw.col(VALUE).min(), rows.max(), nw.col(OF).max(), nw.len().alias(TIED)
        )
        return found.sort(*names).head(MAX_GROUPS + 1)

    def _then(
        self, groups: Groups, column: str, schema: pa.Schema, *, counts_keyless: bool
    ) -> Fitted:
        if len(groups) > MAX_GROUPS:
            raise DatasetError(
                f"More than {MAX_GROUPS} keys of {quoted(self.keys)} have rows that disagree on "
                f"{quoted_name(column)}, which hardly depends on them; name other keys, or bring "
                "the column into one form first."
            )
        least = Fraction(str(self.min_share))
        won = [row for row in groups if row[TIED] == 1 and Fraction(row[ROWS], row[OF]) > least]
        told = {"keys_that_disagree": len(groups), "undecided": len(groups) - len(won)}
        keys = tuple(
            pa.array([row[key_name(number)] for row in won], schema.field(name).type)
            for number, name in enumerate(self.keys)
        )
        values = pa.array([row[VALUE] for row in won], schema.field(column).type)
        repair = Repair(
            self.keys, column, keys, values, fill_missing=self.fill_missing, counts=counts_keyless
        )
        return Fitted(
            (Map("majority", repair, frozenset({column}), reads=frozenset(self.keys)),),
            facts={"columns": {column: told}},
            limits=(LIMIT,),
        )


@dataclass(frozen=True, slots=True)
class Repair:
    """Give rows the value that is right for their key.

    Attributes:
        keys: the columns that decide.
        column: the column that is repaired.
        known: the keys for which a value is right, column by column.
        values: these values.
        fill_missing: whether rows without a value get it too.
        counts: whether rows with a part of their key missing are counted.
    """

    keys: tuple[str, ...]
    column: str
    known: tuple[pa.Array, ...]
    values: pa.Array
    fill_missing: bool
    counts: bool

    def __call__(self, frame: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, int]]:
        """Return the rows repaired."""
        given = [whole(frame[name].array.__arrow_array__()) for name in self.keys]
        held = whole(frame[self.column].array.__arrow_array__())
        right = pc.take(self.values, places_of(given, self.known))
        is_repaired = right.is_valid()
        if not self.fill_missing:
            is_repaired = pc.and_(is_repaired, held.is_valid())
        repaired = column(pc.if_else(is_repaired, right, held), frame[self.column])
        return with_columns(frame, {self.column: repaired}), self._counted(given)

    def _counted(self, given: Sequence[pa.Array]) -> dict[str, int]:
        if not self.counts:
            return {}
        keyless = given[0].is_null()
        for part in given[1:]:
            keyless = pc.or_(keyless, part.is_null())
        return {"rows_without_key": pc.sum(keyless, min_count=0).as_py()}


def places_of(given: Sequence[pa.Array], known: Sequence[pa.Array]) -> pa.Array:
    """Return for each row the place of its key among known ones; missing if it is none of them.

    Args:
        given: the keys of the rows, column by column.
        known: the known keys, each once and none with a part missing, column by column.
    """
    places, kinds = _codes(given[0], known[0])
    for part, known_part in zip(given[1:], known[1:], strict=True):
        codes, known_codes = _codes(part, known_part)
        step = pa.scalar(len(known_part), pa.int64())
        both = pc.add(pc.multiply(places, step), codes)
        places, kinds = _codes(both, pc.add(pc.multiply(kinds, step), known_codes))
    return pc.take(pc.index_in(pa.array(range(len(kinds)), pa.int64()), value_set=kinds), places)


def _codes(given: pa.Array, known: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Return numbers for the values of a column, the same for equal ones, and for the known."""
    values = known.unique()
    return (
        pc.index_in(given, value_set=values).cast(pa.int64()),
        pc.index_in(known, value_set=values).cast(pa.int64()),
    )


def key_name(number: int) -> str:
    """Return what a key column is called in the state."""
    return f"key_{number}"


def _is_exact(kind: pa.DataType) -> bool:
    """Return whether values of a type are compared exactly, and alike everywhere."""
    if types.is_timestamp(kind):
        return kind.tz is None and kind.unit != "ns"
    exact = (types.is_integer, types.is_decimal, types.is_boolean, types.is_date)
    return is_text(kind) or any(test(kind) for test in exact)
