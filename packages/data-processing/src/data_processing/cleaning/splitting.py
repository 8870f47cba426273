"""Split the texts of a column into several columns, and join columns into one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from data_processing.cleaning.as_texts import as_texts, refuse_formless
from data_processing.cleaning.folding import is_text
from data_processing.cleaning.names import refuse_clashes
from data_processing.cleaning.patterns import matches_between_characters, unicode_pattern
from data_processing.cleaning.placing import (
    column_of,
    element,
    placed,
    placed_schema,
    sizes_of,
    whole,
)
from util_services.engines.stage_batches import Filter, Map
from util_services.errors import ConfigurationError, DatasetError, quoted_name

if TYPE_CHECKING:
    from collections.abc import Sequence

TooMany = Literal["error", "rest", "drop", "quarantine"]
TooFew = Literal["error", "null", "quarantine"]
Missing = Literal["skip", "null", "empty"]
TOO_MANY, TOO_FEW = "texts_with_too_many_parts", "texts_with_too_few_parts"


@dataclass(frozen=True, slots=True)
class Cut:
    """Where texts are cut: at a delimiter, at what a pattern matches, or at places.

    Attributes:
        delimiter: the text between two parts.
        pattern: an expression of RE2 that matches what is between two parts.
        positions: after how many characters (code points) each cut is.
    """

    delimiter: str | None = None
    pattern: str | None = None
    positions: tuple[int, ...] = ()

    @classmethod
    def of(cls, delimiter: str | None, pattern: str | None, positions: Sequence[int]) -> Cut:
        """Return the cut that options describe.

        Raises:
            ConfigurationError: unless they describe one.
        """
        given = [delimiter is not None, pattern is not None, bool(positions)]
        if given.count(True) != 1:
            raise ConfigurationError("Give one of 'delimiter', 'pattern' and 'positions'.")
        if delimiter == "":
            raise ConfigurationError("'delimiter' must have at least one character.")
        if list(positions) != sorted({place for place in positions if place > 0}):
            raise ConfigurationError("'positions' must ascend from 1, each but once.")
        if pattern is not None:
            pattern = unicode_pattern(pattern)
            if matches_between_characters(pattern):
                raise ConfigurationError(
                    "'pattern' may match no characters at all, so texts would fall into pieces; "
                    "let it match at least one."
                )
        return cls(delimiter, pattern, tuple(positions))

    def parts(self, texts: pa.Array, at_most: int | None = None) -> pa.Array:
        """Return the lists of parts; with ``at_most``, the last of so many is all that is left."""
        splits = None if at_most is None else at_most - 1
        if splits == 0:
            return pc.split_pattern(texts, "\0", max_splits=0)
        if self.delimiter is not None:
            return pc.split_pattern(texts, self.delimiter, max_splits=splits)
        if self.pattern is not None:
            return pc.split_pattern_regex(texts, self.pattern, max_splits=splits)
        return self._between_positions(texts)

    def _between_positions(self, texts: pa.Array) -> pa.Array:
        """Return the parts between positions; behind the end of a text there is none."""
        starts = (0, *self.positions)
        sizes = np.asarray(pc.fill_null(pc.utf8_length(texts), 0))
        counts = np.maximum(1, sum((sizes > place).astype(np.int64) for place in starts))
        stops = (*self.positions, None)
        columns = [
            pc.utf8_slice_codeunits(texts, start, stop)
            for start, stop in zip(starts, stops, strict=True)
        ]
        place = np.arange(len(starts))
        behind = place[None, :] < counts[:, None]  # row by row: the parts that are there
        rows, which = np.nonzero(behind)
        table = pa.concat_arrays(columns)
        values = table.take(which * len(texts) + rows)
        offsets = np.concatenate([[0], np.cumsum(counts)])
        return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), values, mask=texts.is_null())


@dataclass(frozen=True, slots=True)
class Split:
    """The split of a column into others.

    Attributes:
        step: the step's name.
        column: the column of texts.
        into: the columns that come out.
        cut: where texts are cut.
        too_many: what becomes of texts of more parts than there are columns.
        too_few: what becomes of texts of fewer.
        keeps: whether the column stays, in front of the others.
    """

    step: str
    column: str
    into: tuple[str, ...]
    cut: Cut
    too_many: TooMany
    too_few: TooFew
    keeps: bool

    def __call__(self, frame: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, int]]:
        """Return the rows with the parts in columns, and how many texts had too many or too few.

        Raises:
            DatasetError: if there are such, and they are errors.
        """
        texts = whole(frame[self.column])
        lists = self.cut.parts(texts, len(self.into) if self.too_many == "rest" else None)
        counts = {TOO_MANY: self._above(lists), TOO_FEW: self._below(lists)}
        numbers = {name: int(mask.sum()) for name, mask in counts.items()}
        self._refuse(numbers)
        made = {
            name: column_of(element(lists, place).cast(texts.type))
            for place, name in enumerate(self.into)
        }
        whole_frame = placed(frame, self.column, made, keeps=self.keeps)
        return whole_frame, {name: count for name, count in numbers.items() if count}

    def schema(self, given: pa.Schema) -> pa.Schema:
        """Return the columns that come out."""
        kind = given.field(self.column).type
        made = dict.fromkeys(self.into, kind)
        return placed_schema(given, self.column, made, keeps=self.keeps)

    def has_enough(self, frame: pd.DataFrame) -> pd.Series:
        """Return which texts have no fewer parts than there are columns."""
        return pd.Series(~self._below(self.cut.parts(whole(frame[self.column]))))

    def has_no_more(self, frame: pd.DataFrame) -> pd.Series:
        """Return which texts have no more parts than there are columns."""
        return pd.Series(~self._above(self.cut.parts(whole(frame[self.column]))))

    def _above(self, lists: pa.Array) -> Any:
        return sizes_of(lists, len(self.into)) > len(self.into)

    def _below(self, lists: pa.Array) -> Any:
        return sizes_of(lists, len(self.into)) < len(self.into)

    def _refuse(self, numbers: dict[str, int]) -> None:
        for name, policy, option, words, others in (
            (TOO_MANY, self.too_many, "too_many", "more", "rest, drop or quarantine"),
            (TOO_FEW, self.too_few, "too_few", "fewer", "null or quarantine"),
        ):
            if policy == "error" and numbers[name]:
                raise DatasetError(
                    f"The column {quoted_name(self.column)} holds texts of {words} parts than the "
                    f"{len(self.into)} columns of 'into'; set '{option}' to {others}."
                )


def split(
    step: str,
    schema: pa.Schema,
    column: str,
    into: Sequence[str],
    cut: Cut,
    *,
    too_many: TooMany,
    too_few: TooFew,
    keeps: bool,
) -> list[Map | Filter]:
    """Return the parts of the step that splits a column.

    Raises:
        ConfigurationError: if the column holds no texts, or columns clash.
    """
    kind = schema.field(column).type
    if not is_text(kind):
        raise ConfigurationError(
            f"The column {quoted_name(column)} holds {kind}, not texts; cast it first."
        )
    if cut.positions and len(cut.positions) + 1 != len(into):
        raise ConfigurationError(
            f"{len(cut.positions)} positions cut a text into {len(cut.positions) + 1} parts, and "
            f"'into' names {len(into)} columns; name as many."
        )
    work = Split(step, column, tuple(into), cut, too_many, too_few, keeps)
    refuse_clashes(work.schema(schema).names)
    chosen = [
        Filter(step, function, f"the text has {words} parts than the step makes columns")
        for policy, function, words in (
            (too_many, work.has_no_more, "more"),
            (too_few, work.has_enough, "fewer"),
        )
        if policy == "quarantine"
    ]
    written = set(into) | (set() if keeps else {column})
    return [*chosen, Map(step, work, frozenset(written), work.schema)]


@dataclass(frozen=True, slots=True)
class Merge:
    """The join of several columns into one text.

    Attributes:
        columns: the columns, in the order in which they are joined.
        into: what the text is called; it stands in the place of the first of them.
        separator: what stands between two.
        missing: whether a missing value is left out, makes the text missing, or is an empty text.
        keeps: whether the columns stay.
    """

    columns: tuple[str, ...]
    into: str
    separator: str
    missing: Missing
    keeps: bool

    def __call__(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the rows with the joined column."""
        texts = [as_texts(whole(frame[name])) for name in self.columns]
        if self.missing == "empty":
            texts = [pc.fill_null(one, "") for one in texts]
        joined = reduce(self._joined, texts)
        return self._placed({str(name): frame[name] for name in frame.columns}, column_of(joined))

    def _joined(self, left: pa.Array, right: pa.Array) -> pa.Array:
        # Arrow's own way to skip missing values leaves out whole rows of them
        both = pc.binary_join_element_wise(left, right, self.separator)
        return pc.coalesce(both, left, right) if self.missing == "skip" else both

    def schema(self, given: pa.Schema) -> pa.Schema:
        """Return the columns that come out."""
        fields = {field.name: field.type for field in given}
        return pa.schema(list(self._ordered(fields, pa.string()).items()))

    def _placed(self, columns: dict[str, Any], joined: pd.Series) -> pd.DataFrame:
        return pd.DataFrame(self._ordered(columns, joined))

    def _ordered(self, columns: dict[str, Any], joined: Any) -> dict[str, Any]:
        """Return columns by their names, with the joined one in its place."""
        found: dict[str, Any] = {}
        first = next(name for name in columns if name in self.columns)
        for name, value in columns.items():
            if name == first:
                found[self.into] = joined
            if self.keeps or name not in self.columns:
                found[name] = value
        return found


def merge(
    step: str,
    schema: pa.Schema,
    columns: Sequence[str],
    into: str,
    separator: str,
    missing: Missing,
    *,
    keeps: bool,
) -> Map:
    """Return the step that joins columns into one.

    Raises:
        ConfigurationError: if values of a column have no one form as text, or columns clash.
    """
    refuse_formless(schema, columns)
    left = [name for name in schema.names if keeps or name not in columns]
    refuse_clashes([*left, into])
    work = Merge(tuple(columns), into, separator, missing, keeps)
    written = {into} | (set() if keeps else set(columns))
    return Map(step, work, frozenset(written), work.schema, reads=frozenset(columns))
