"""Rows in groups by the values of some columns; a missing value makes a group of its own."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types as kinds

from data_processing.cleaning.arrays import array_of
from data_processing.cleaning.folding import is_text
from data_processing.cleaning.numbers import TICKS_OF_A_SECOND
from util_services.errors import ConfigurationError, quoted_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

Codes = np.ndarray[Any, Any]
Key = tuple[Any, ...]  # the values that make a group

KEY_KINDS = (
    is_text,
    kinds.is_boolean,
    kinds.is_integer,
    kinds.is_float32,
    kinds.is_float64,
    kinds.is_decimal128,
    kinds.is_date32,
)


def is_key(kind: pa.DataType) -> bool:
    """Whether values of a type can be told apart by every engine and written down as they are."""
    is_moment = kinds.is_timestamp(kind) and kind.unit in TICKS_OF_A_SECOND
    return is_moment or any(test(kind) for test in KEY_KINDS)


@dataclass(frozen=True, slots=True)
class Grouping:
    """The columns whose values make groups; without any, all rows are one group."""

    by: tuple[str, ...] = ()
    types: tuple[pa.DataType, ...] = ()

    @classmethod
    def of(cls, schema: pa.Schema, by: Sequence[str]) -> Grouping:
        """Return the grouping by some columns of a dataset.

        Raises:
            ConfigurationError: if one of them is of a type that makes no groups.
        """
        for name in by:
            if not is_key(schema.field(name).type):
                raise ConfigurationError(
                    f"The column {quoted_name(name)} holds {schema.field(name).type}, which makes "
                    "no groups; take it out of 'by', or cast it first."
                )
        return cls(tuple(by), tuple(schema.field(name).type for name in by))

    def encoded(self, batch: pd.DataFrame) -> tuple[Codes, list[Key]]:
        """Return the group of each row, counted from 0, and the keys of groups as JSON has them."""
        codes = np.zeros(len(batch), np.int64)
        keys: list[Key] = [()] if len(batch) else []
        for name in self.by:
            encoded = comparable(array_of(batch[name])).dictionary_encode(null_encoding="encode")
            words = [_told(value) for value in encoded.dictionary.to_pylist()]
            indices = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
            if len(keys) <= 1:
                codes, keys = indices, [(*key, word) for key in keys for word in words]
                continue
            both, codes = np.unique(codes * len(words) + indices, return_inverse=True)
            keys = [(*keys[n // len(words)], words[n % len(words)]) for n in both.tolist()]
        return codes, keys

    def key(self, told: Sequence[Any]) -> Key:
        """Return a key from what JSON has of it."""
        return tuple(_meant(value, kind) for value, kind in zip(told, self.types, strict=True))

    def places(self, keys: Sequence[Key]) -> Places:
        """Return what finds rows of a batch among some keys, each of them once."""
        ranks, levels = np.zeros(len(keys), np.int64), []
        for n, (name, kind) in enumerate(zip(self.by, self.types, strict=True)):
            values = comparable(pa.array([key[n] for key in keys], kind))
            words = values.unique()
            index = pc.index_in(values, value_set=words).to_numpy(zero_copy_only=False)
            known, ranks = np.unique(ranks * len(words) + index, return_inverse=True)
            levels.append(Level(name, words, known))
        return Places(tuple(levels), np.argsort(ranks, kind="stable"))


@dataclass(frozen=True, slots=True)
class Level:
    """What tells groups apart by one column, once those before it have.

    Attributes:
        column: the column.
        words: its distinct values.
        known: in ascending order, the numbers of groups before times the number of words, and the
            number of a word.
    """

    column: str
    words: pa.Array
    known: Codes


@dataclass(frozen=True, slots=True)
class Places:
    """Finds the group of each row among groups that are known.

    Attributes:
        levels: what tells them apart, column by column.
        order: the place of each group among the keys, in the order of the last level.
    """

    levels: tuple[Level, ...] = ()
    order: Codes = field(default_factory=lambda: np.zeros(0, np.int64))

    @property
    def by(self) -> list[str]:
        """The columns that make groups."""
        return [level.column for level in self.levels]

    def find(self, batch: pd.DataFrame) -> Codes:
        """Return the place of each row's group among the keys; behind them if it is not there."""
        nowhere = len(self.order)
        if not self.levels or not nowhere:
            return np.full(len(batch), nowhere)
        ranks, is_known = np.zeros(len(batch), np.int64), np.ones(len(batch), bool)
        for level in self.levels:
            found = pc.index_in(comparable(array_of(batch[level.column])), value_set=level.words)
            is_known &= found.is_valid().to_numpy(zero_copy_only=False)
            index = pc.fill_null(found, 0).to_numpy(zero_copy_only=False)
            wanted = ranks * len(level.words) + index
            ranks = np.minimum(np.searchsorted(level.known, wanted), len(level.known) - 1)
            is_known &= level.known[ranks] == wanted
        return np.where(is_known, self.order[ranks], nowhere)


def comparable(array: pa.Array) -> pa.Array:
    """Return an array in which equal values are the same: -0.0 is 0.0, and NaN is missing."""
    if not kinds.is_floating(array.type):
        return array
    zero = pa.scalar(0, array.type)
    return pc.if_else(pc.is_nan(array), pa.scalar(None, array.type), pc.add(array, zero))


def _told(value: Any) -> Any:
    match value:
        case Decimal():
            return str(value)
        case dt.date():
            return value.isoformat()
    return value


def _meant(value: Any, kind: pa.DataType) -> Any:
    if value is None:
        return None
    if kinds.is_decimal(kind):
        return Decimal(value)
    if kinds.is_date(kind):
        return dt.date.fromisoformat(value)
    if kinds.is_timestamp(kind):
        return dt.datetime.fromisoformat(value)
    return value
