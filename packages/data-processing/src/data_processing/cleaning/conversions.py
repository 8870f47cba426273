"""Columns that become another type: what is done about values that cannot, for every such step."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from data_processing.cleaning.arrays import array_of, with_arrays
from data_processing.cleaning.schemas import Changed
from util_services.engines.failures import RefusedCellsError
from util_services.engines.stage_batches import NOTHING_ELSE, Filter, Map
from util_services.errors import quoted_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

OnError = Literal["error", "null", "flag", "quarantine"]


@dataclass(frozen=True, slots=True)
class Converted:
    """What became of a column of a batch.

    Attributes:
        array: the values of the new type; missing where there is none.
        further: further columns by their names.
        ambiguous: where a value could be read in two ways; None if nothing can.
    """

    array: pa.Array
    further: Mapping[str, pa.Array] = field(default_factory=dict)
    ambiguous: pa.Array | None = None


@dataclass(frozen=True, slots=True)
class Conversion:
    """A column that becomes another type.

    Attributes:
        column: the column.
        kind: the type.
        convert: makes it of an array.
        wish: what a value must be, such as "date".
        on_error: what becomes of a value that is none.
        flag: the new column that tells of these values, where that is asked for.
        further: the types of further columns that it makes, by their names.
    """

    column: str
    kind: pa.DataType
    convert: Callable[[pa.Array], Converted]
    wish: str
    on_error: OnError
    flag: str | None = None
    further: Mapping[str, pa.DataType] = field(default_factory=dict)

    def __call__(self, frame: pd.DataFrame) -> tuple[Converted, pa.Array]:
        """Return what becomes of the column, and where a value could not be converted.

        Raises:
            RefusedCellsError: if a value can be read in two ways, or cannot be converted and that
                is to be an error.
        """
        given = array_of(frame[self.column])
        found = self.convert(given)
        if found.ambiguous is not None and found.ambiguous.true_count:
            raise RefusedCellsError(
                f"The column {quoted_name(self.column)} holds what two of its formats read as "
                f"different {self.wish}s",
                "take one of them out, or set 'ambiguous' to first",
                _places(found.ambiguous),
            )
        failed = pc.and_(given.is_valid(), found.array.is_null())
        if self.on_error == "error" and failed.true_count:
            raise RefusedCellsError(
                f"The column {quoted_name(self.column)} holds what is no {self.wish}",
                "correct it, or set 'on_error' to null, flag or quarantine",
                _places(failed),
            )
        return found, failed


@dataclass(frozen=True, slots=True)
class Converts:
    """Converts some columns."""

    conversions: tuple[Conversion, ...]

    def __call__(self, frame: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, int]]:
        """Return the rows with the columns converted, and how many values could not be."""
        arrays, counts = dict[str, pa.Array](), dict[str, int]()
        for one in self.conversions:
            found, failed = one(frame)
            arrays[one.column] = found.array
            if one.flag is not None:
                arrays[one.flag] = failed
            arrays |= found.further
            counts[f"{one.column}: no {one.wish}"] = failed.true_count
        return with_arrays(frame, arrays), counts


@dataclass(frozen=True, slots=True)
class Convertible:
    """Chooses the rows whose value can be converted."""

    conversion: Conversion

    def __call__(self, frame: pd.DataFrame) -> pd.Series:
        """Return whether each row stays."""
        _, failed = self.conversion(frame)
        return pd.Series(~failed.to_numpy(zero_copy_only=False))


def parts(step: str, conversions: Sequence[Conversion]) -> list[Filter | Map]:
    """Return the parts that convert some columns; rows are set aside as they were before."""
    found: list[Filter | Map] = [
        Filter(step, Convertible(one), f"the column {quoted_name(one.column)} holds no {one.wish}")
        for one in conversions
        if one.on_error == "quarantine"
    ]
    types: dict[str, pa.DataType] = {}
    for one in conversions:
        types[one.column] = one.kind
        if one.flag is not None:
            types[one.flag] = pa.bool_()
        types |= one.further
    work = Converts(tuple(conversions))
    return [*found, Map(step, work, frozenset(types), Changed(types), reads=NOTHING_ELSE)]


def by_distinct(array: pa.Array, convert: Callable[[pa.Array], Converted]) -> Converted:
    """Convert each distinct value of an array once."""
    encoded = array.dictionary_encode()
    found = convert(encoded.dictionary)
    return Converted(
        found.array.take(encoded.indices),
        {name: further.take(encoded.indices) for name, further in found.further.items()},
        None if found.ambiguous is None else found.ambiguous.take(encoded.indices),
    )


def _places(mask: pa.Array) -> list[int]:
    places: list[int] = np.flatnonzero(mask.to_numpy(zero_copy_only=False)).tolist()
    return places
