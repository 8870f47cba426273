"""Make numbers of categories."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import narwhals as nw
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types as kinds

from data_processing.cleaning.arrays import array_of, with_arrays
from data_processing.cleaning.folding import is_text
from data_processing.cleaning.schemas import Changed, check_new
from util_services.engines.failures import RefusedCellsError
from util_services.engines.stage_batches import Map
from util_services.engines.stage_fits import PART, Fit, Fitted, Groups, Query, Several
from util_services.errors import ConfigurationError, DatasetError, quoted_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from data_processing.rules.features import EncodeRule
    from util_services.engines.stages import Step

STEP = "encode"
MOST_CATEGORIES = 100_000  # that a state holds of a column
VALUE, SIZE = "value", "size"
CODE, INDICATOR = pa.int64(), pa.int8()  # of a category, and of whether a row has it

Frame = nw.LazyFrame[Any]


def encoded(schema: pa.Schema, rules: Mapping[str, EncodeRule]) -> list[Step]:
    """Return the parts that encode some columns.

    Raises:
        ConfigurationError: if a column holds no categories, or a new column cannot be called so.
    """
    for name in rules:
        check_categories(schema, name)
    new = [made for name, rule in rules.items() for made in made_by(name, rule) if made != name]
    check_new(schema, "columns", *new)
    declared = {name: rule for name, rule in rules.items() if rule.categories}
    found = {name: rule for name, rule in rules.items() if not rule.categories}
    parts: list[Step] = []
    if found:
        queries = {name: _query(name, rule) for name, rule in found.items()}
        written = frozenset(made for name, rule in found.items() for made in made_by(name, rule))
        reads = frozenset(found)
        then = partial(_fitted, found)
        parts.append(Fit(STEP, reads, Several(queries), then, written | reads))
    if declared:
        parts.append(_work([Codes.of(n, rule, rule.categories) for n, rule in declared.items()]))
    return parts


def check_categories(schema: pa.Schema, name: str) -> None:
    """Check that a column holds categories.

    Raises:
        ConfigurationError: if it does not.
    """
    kind = schema.field(name).type
    if not (is_text(kind) or kinds.is_integer(kind) or kinds.is_boolean(kind)):
        raise ConfigurationError(
            f"The column {quoted_name(name)} holds {kind}, and categories are texts, whole numbers "
            "or booleans; cast it first."
        )


def made_by(column: str, rule: EncodeRule) -> list[str]:
    """Return the names of the columns that a rule makes."""
    if rule.method != "one_hot":
        return [rule.into or column]
    words = rule.categories or [str(n + 1) for n in range(rule.limit or 0)]
    return [f"{rule.into or column}_{word}" for word in words]


@dataclass(frozen=True, slots=True)
class Codes:
    """The codes of a column's categories, which are held as texts.

    Attributes:
        column: the column.
        rule: the user's.
        categories: the categories.
        codes: their codes, and behind them that of what is no category.
    """

    column: str
    rule: EncodeRule
    categories: pa.Array
    codes: pa.Array

    @classmethod
    def of(
        cls, column: str, rule: EncodeRule, values: Sequence[Any], sizes: Sequence[int] = ()
    ) -> Codes:
        """Return the codes of some values; with a count of rows, that is the code."""
        words = [str(value).lower() if isinstance(value, bool) else str(value) for value in values]
        codes = [*sizes, 0] if rule.method == "count" else [*range(len(words)), None]
        return cls(column, rule, pa.array(words, pa.string()), pa.array(codes, CODE))

    @property
    def made(self) -> list[str]:
        """The names of the columns that it makes."""
        return made_by(self.column, self.rule)

    def __call__(self, frame: pd.DataFrame) -> tuple[dict[str, pa.Array], int]:
        """Return the columns that it makes, and how many values are no category.

        Raises:
            RefusedCellsError: if there are some, and they are to be an error.
        """
        array = array_of(frame[self.column]).cast(pa.string())
        found = pc.index_in(array, value_set=self.categories)
        unknown = pc.and_(found.is_null(), array.is_valid())
        count = unknown.true_count
        if count and self.rule.unknown == "error":
            raise RefusedCellsError(
                f"The column {quoted_name(self.column)} holds what is none of its categories",
                "declare it, or set 'unknown' to missing",
                unknown.to_numpy(zero_copy_only=False).nonzero()[0],
            )
        if self.rule.method == "one_hot":
            return self._indicators(found), count
        place = pc.if_else(unknown, len(self.categories), found)
        return {self.made[0]: self.codes.take(place)}, count

    def _indicators(self, found: pa.Array) -> dict[str, pa.Array]:
        """Return a column of 0 and 1 for each category, also for those that were not found."""
        return {
            name: pc.fill_null(pc.equal(found, number), fill_value=False).cast(INDICATOR)
            for number, name in enumerate(self.made)
        }


@dataclass(frozen=True, slots=True)
class Encoded:
    """Encodes some columns."""

    codes: tuple[Codes, ...]

    def __call__(self, frame: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, int]]:
        """Return the rows with the codes, and how many values are no category."""
        arrays, counts = dict[str, pa.Array](), dict[str, int]()
        for one in self.codes:
            made, counts[f"{one.column}: unknown"] = one(frame)
            arrays |= made
        gone = [one.column for one in self.codes if one.rule.method == "one_hot"]
        return with_arrays(frame, arrays).drop(columns=gone), counts


def _work(codes: Sequence[Codes]) -> Map:
    types = {
        name: INDICATOR if one.rule.method == "one_hot" else CODE
        for one in codes
        for name in one.made
    }
    gone = frozenset(one.column for one in codes if one.rule.method == "one_hot")
    reads = frozenset(one.column for one in codes)
    work = Encoded(tuple(codes))
    return Map(STEP, work, frozenset(types) | gone, Changed(types, gone), reads=reads)


def _query(column: str, rule: EncodeRule) -> Query:
    return Query(partial(_counted, column=column, limit=rule.limit))


def _counted(frame: Frame, places: Mapping[str, str], *, column: str, limit: int | None) -> Frame:
    """Return the values of a column with the numbers of their rows: the most frequent, or all."""
    value = nw.col(places[column])
    rows = frame.select(value.alias(VALUE)).filter(~nw.col(VALUE).is_null())
    counted = rows.group_by(VALUE).agg(nw.len().alias(SIZE))
    if limit is None:
        return counted.sort(VALUE).head(MOST_CATEGORIES + 1)
    return counted.sort(SIZE, VALUE, descending=[True, False]).head(limit)


def _fitted(rules: Mapping[str, EncodeRule], state: Groups) -> Fitted:
    codes, facts = [], {}
    for name, rule in rules.items():
        mine = [(group[VALUE], group[SIZE]) for group in state if group[PART] == name]
        if len(mine) > MOST_CATEGORIES:
            raise DatasetError(
                f"The column {quoted_name(name)} has more than {MOST_CATEGORIES} categories; "
                "declare those that count, or leave it out."
            )
        mine.sort(key=lambda one: (-one[1], one[0]) if rule.method == "one_hot" else one[0])
        codes.append(Codes.of(name, rule, [v for v, _ in mine], [size for _, size in mine]))
        facts[name] = {"categories": len(mine)}
    return Fitted((_work(codes),), facts=facts)
