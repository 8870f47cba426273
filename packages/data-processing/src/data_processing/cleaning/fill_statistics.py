"""Fill missing values from statistics of their column, of all rows or of groups."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from data_processing.cleaning.arrays import array_of, with_arrays
from data_processing.cleaning.exact import nearest
from data_processing.cleaning.group_states import groupings, key_of, state_of, told_of
from data_processing.cleaning.groups import Grouping, Key, Places, is_key
from data_processing.cleaning.modes import VALUE, mode_query
from data_processing.cleaning.numbers import Measure, measure_of
from data_processing.cleaning.schemas import Changed
from data_processing.cleaning.summary import HALF, Ask, Summary, summaries
from util_services.engines.stage_batches import Map
from util_services.engines.stage_fits import PART, Fit, Fitted, Group, Groups, Reduce, Several
from util_services.errors import ConfigurationError, DatasetError, quoted_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from fractions import Fraction

    import pandas as pd

NUMBERS = "numbers"  # the part of a state with means and medians

Rounding = Literal["float", "round", "error"]


@dataclass(frozen=True, slots=True)
class Statistic:
    """A statistic that fills a column.

    Attributes:
        column: the column.
        strategy: which one: mean, median or mode.
        grouping: what makes groups with a statistic of their own.
        given: the type of the column before.
        rounding: what becomes of whole numbers whose statistic is none.
    """

    column: str
    strategy: str
    grouping: Grouping
    given: pa.DataType
    rounding: Rounding = "float"

    @property
    def measure(self) -> Measure:
        """How the column's values are numbers.

        Raises:
            ConfigurationError: if they are none.
        """
        return measure_of(self.given, self.column, f"the {self.strategy}")

    @property
    def is_queried(self) -> bool:
        """Whether the engine is asked for it, as for a mode; a column of no type has none."""
        return self.strategy == "mode" and not pa.types.is_null(self.given)

    @property
    def kind(self) -> pa.DataType:
        """The type of the column afterwards."""
        if self.strategy == "mode":
            return self.given
        return filled_type(self.measure, self.rounding)

    def check(self) -> None:
        """Check that the column has such a statistic.

        Raises:
            ConfigurationError: if its values are of another kind.
        """
        if not self.is_queried:
            self.measure  # noqa: B018 - refuses what is no number
        elif not is_key(self.given):
            raise ConfigurationError(
                f"The column {quoted_name(self.column)} holds {self.given}, of which no most "
                "frequent value is taken; cast it first, or choose another strategy."
            )

    def asks(self) -> list[Ask]:
        """Return what must be known of all rows and of groups; nothing for a mode."""
        if self.is_queried:
            return []
        wanted: dict[str, Any] = {"moments": 1} if self.strategy == "mean" else {"shares": (HALF,)}
        return [Ask(self.column, self.measure, one, **wanted) for one in groupings(self.grouping)]

    def queries(self) -> dict[str, Reduce]:
        """Return the queries for a mode, by the names of their parts."""
        if not self.is_queried:
            return {}
        return {
            self.part(grouping): mode_query(self.column, self.given, grouping.by)
            for grouping in groupings(self.grouping)
        }

    def part(self, grouping: Grouping) -> str:
        """Return the name of the part of a state that tells the modes of these groups."""
        return f"{'groups' if grouping.by else 'all rows'} of {self.column}"

    def told(self, summary: Summary) -> dict[str, Any]:
        """Return what the state holds of a group: the value, None if it has no numbers.

        Raises:
            DatasetError: if the value is no whole number and must be one.
        """
        if not summary.count:
            return {VALUE: None}
        number = summary.mean if self.strategy == "mean" else summary.quantiles[HALF]
        return {VALUE: filling(number, self.measure, self.rounding, self.column, self.strategy)}

    def values(self, state: Groups) -> tuple[Any, dict[Key, Any]]:
        """Return the value of all rows, and those of groups, from a state."""
        if not self.is_queried:
            whole, groups = told_of(state, self.column, self.grouping)
        else:
            modes = {
                grouping: {
                    key_of(group, grouping): group
                    for group in state
                    if group[PART] == self.part(grouping)
                }
                for grouping in groupings(self.grouping)
            }
            whole = modes[Grouping()].get(())
            groups = modes[self.grouping] if self.grouping.by else {}
        values = {key: _plain(group) for key, group in groups.items()}
        return None if whole is None else _plain(whole), values


def _plain(group: Group) -> Any:
    value = group[VALUE]
    return value + 0.0 if isinstance(value, float) else value  # 0.0 for -0.0


def filled_type(measure: Measure, rounding: Rounding) -> pa.DataType:
    """Return the type of a column once numbers have been put into it."""
    return pa.float64() if measure.is_whole and rounding == "float" else measure.type


def filling(
    number: Fraction, measure: Measure, rounding: Rounding, column: str, strategy: str
) -> Any:
    """Return the value that a number of units gives a column.

    Raises:
        DatasetError: if it is no whole number and must be one.
    """
    if measure.is_whole and rounding == "float":
        return nearest(number)
    if measure.is_whole and rounding == "error" and number.denominator != 1:
        raise DatasetError(
            f"The column {quoted_name(column)} holds whole numbers, and its {strategy} is none; "
            "set 'rounding' to float or round."
        )
    return measure.value(number)


def widened(array: pa.Array, kind: pa.DataType, column: str) -> pa.Array:
    """Return whole numbers as floats, if they are to be.

    Raises:
        DatasetError: if one of them is not exact as a float.
    """
    if array.type == kind:
        return array
    try:
        return array.cast(kind)
    except pa.ArrowInvalid:
        raise DatasetError(
            f"The column {quoted_name(column)} holds whole numbers beyond 2^53, which floats do "
            "not hold exactly; set 'rounding' to round or error."
        ) from None


def fit(step: str, statistics: Sequence[Statistic]) -> Fit:
    """Return the fit that fills some columns from their statistics."""
    for statistic in statistics:
        statistic.check()
    asks = [ask for one in statistics for ask in one.asks()]
    told = [one.told for one in statistics for _ in one.asks()]
    parts: dict[str, Reduce] = {}
    if asks:
        parts[NUMBERS] = summaries(asks, partial(state_of, asks, told=told))
    for statistic in statistics:
        parts |= statistic.queries()
    columns = [statistic.column for statistic in statistics]
    reads = {name for one in statistics for name in (one.column, *one.grouping.by)}
    return Fit(
        step,
        frozenset(reads),
        Several(parts),
        partial(_fitted, step, tuple(statistics)),
        frozenset(columns),
    )


def _fitted(step: str, statistics: Sequence[Statistic], state: Groups) -> Fitted:
    fillings, facts, warnings = [], {}, []
    for statistic in statistics:
        fallback, values = statistic.values(state)
        name = quoted_name(statistic.column)
        if fallback is None:
            warnings.append(f"The column {name} has no value, so that nothing could be filled.")
        empty = sum(value is None for value in values.values())
        if statistic.grouping.by:
            facts[statistic.column] = {"groups": len(values), "groups_without_value": empty}
        if empty and fallback is not None:
            warnings.append(
                f"{empty} of {len(values)} groups have no value of {name}; the {statistic.strategy}"
                " of all rows was used for them."
            )
        fillings.append(Filling.of(statistic, values, fallback))
    types = {statistic.column: statistic.kind for statistic in statistics}
    reads = frozenset(name for one in statistics for name in one.grouping.by)
    work = Map(step, Filled(tuple(fillings)), frozenset(types), Changed(types), reads=reads)
    return Fitted((work,), facts=facts, warnings=tuple(warnings))


@dataclass(frozen=True, slots=True)
class Filling:
    """Values for a column: by the places of groups, and behind them that of all rows.

    Attributes:
        column: the column.
        values: the values.
        places: finds a row's group.
        borrowed: of each value, whether it is that of all rows and used for a group.
    """

    column: str
    values: pa.Array
    places: Places = field(default_factory=Places)
    borrowed: tuple[bool, ...] = (False,)

    @classmethod
    def of(cls, statistic: Statistic, values: Mapping[Key, Any], fallback: Any) -> Filling:
        """Return the values that a statistic gives."""
        own = list(values.values())
        chosen = [fallback if value is None else value for value in own]
        return cls(
            statistic.column,
            pa.array([*chosen, fallback], statistic.kind),
            statistic.grouping.places(list(values)),
            (*(value is None for value in own), bool(statistic.grouping.by)),
        )

    def at(self, rows: pd.DataFrame) -> tuple[pa.Array, int]:
        """Return a value for each row, and how many of them are borrowed from all rows."""
        index = self.places.find(rows)
        taken = self.values.take(pa.array(index))
        borrowed = np.asarray(self.borrowed)[index]
        return taken, int(np.sum(borrowed & taken.is_valid().to_numpy(zero_copy_only=False)))


@dataclass(frozen=True, slots=True)
class Filled:
    """Puts values in the place of missing ones."""

    fillings: tuple[Filling, ...]

    def __call__(self, frame: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, int]]:
        """Return the rows with their columns filled, and how many cells were."""
        arrays: dict[str, pa.Array] = {}
        counts: dict[str, int] = {}
        for one in self.fillings:
            given = array_of(frame[one.column])
            array = widened(given, one.values.type, one.column)
            if array.null_count and one.values.null_count < len(one.values):
                missing = array.is_null()
                rows = frame[one.places.by].take(np.flatnonzero(missing))
                values, borrowed = one.at(rows)
                array = pc.replace_with_mask(array, missing, values)
                counts[f"{one.column}: filled"] = len(values) - values.null_count
                counts[f"{one.column}: filled from all rows"] = borrowed
            if array is not given:
                arrays[one.column] = array
        return with_arrays(frame, arrays), counts
