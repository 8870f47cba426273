"""Put something in the place of missing values: what a rule says, column by column."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from data_processing.cleaning import fill_order, fill_statistics
from data_processing.cleaning.arrays import array_of, with_arrays
from data_processing.cleaning.constants import constant
from data_processing.cleaning.fill_statistics import Filled, Filling, Statistic
from data_processing.cleaning.folding import is_text
from data_processing.cleaning.groups import Grouping
from data_processing.cleaning.schemas import Changed, check_apart, check_new
from util_services.engines.stage_batches import NOTHING_ELSE, Filter, Map
from util_services.errors import ConfigurationError, quoted_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from data_processing.rules.missing import FillRule
    from util_services.engines.stages import Step

STEP = "fill_missing_values"


def fill(
    schema: pa.Schema, rules: Mapping[str, FillRule], tokens: Mapping[str, Sequence[str]]
) -> list[Step]:
    """Return the parts that fill the columns of a dataset by rules.

    Raises:
        ConfigurationError: if a column is of a type that a rule has no meaning for, or a rule looks
            at a column that another one fills.
    """
    check_apart(STEP, {name: (*rule.by, *rule.order_by) for name, rule in rules.items()})
    parts: list[Step] = []
    if tokens:
        for name in tokens:
            check_text(schema, name)
        words = {name: tuple(given) for name, given in tokens.items()}
        parts.append(Map(STEP, Emptied(words), frozenset(tokens), reads=NOTHING_ELSE))
    indicators = {rule.indicator: name for name, rule in rules.items() if rule.indicator}
    if indicators:
        new = [rule.indicator for rule in rules.values() if rule.indicator]
        check_new(schema, "indicator", *new)
        types = dict.fromkeys(indicators, pa.bool_())
        read = frozenset(indicators.values())
        parts.append(
            Map(STEP, Indicated(indicators), frozenset(indicators), Changed(types), reads=read)
        )
        schema = Changed(types)(schema)

    def by(*strategies: str) -> dict[str, FillRule]:
        return {name: rule for name, rule in rules.items() if rule.strategy in strategies}

    ordered = fill_order.neighbours(schema, by("ffill", "bfill", "interpolate"))
    if ordered:
        parts += fill_order.parts(STEP, ordered)
    statistics = [
        Statistic(
            name,
            rule.strategy,
            Grouping.of(schema, rule.by),
            schema.field(name).type,
            rule.rounding,
        )
        for name, rule in by("mean", "median", "mode").items()
    ]
    if statistics:
        parts.append(fill_statistics.fit(STEP, statistics))
    constants = [
        Filling(name, pa.array([constant(rule.value, schema.field(name).type, name)]))
        for name, rule in by("constant").items()
    ]
    if constants:
        filled = frozenset(by("constant"))
        parts.append(Map(STEP, Filled(tuple(constants)), filled, reads=NOTHING_ELSE))
    if by("drop_row"):
        parts.append(Filter(STEP, Present(tuple(by("drop_row")))))
    return parts


def check_text(schema: pa.Schema, name: str) -> None:
    """Check that a column holds texts.

    Raises:
        ConfigurationError: if it does not.
    """
    kind = schema.field(name).type
    if not is_text(kind):
        raise ConfigurationError(
            f"The column {quoted_name(name)} holds {kind}, not texts; leave it out."
        )


@dataclass(frozen=True, slots=True)
class Emptied:
    """Makes some texts missing values."""

    tokens: Mapping[str, tuple[str, ...]]

    def __call__(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the rows without these texts."""
        arrays = {}
        for name, words in self.tokens.items():
            array = array_of(frame[name])
            is_token = pc.is_in(array, value_set=pa.array(words, array.type))
            arrays[name] = pc.if_else(is_token, pa.scalar(None, array.type), array)
        return with_arrays(frame, arrays)


@dataclass(frozen=True, slots=True)
class Indicated:
    """Tells in new columns where others have no value."""

    columns: Mapping[str, str]

    def __call__(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the rows with these columns."""
        return with_arrays(
            frame, {new: array_of(frame[name]).is_null() for new, name in self.columns.items()}
        )


@dataclass(frozen=True, slots=True)
class Present:
    """Chooses the rows that have a value in each of some columns."""

    columns: tuple[str, ...]

    def __call__(self, frame: pd.DataFrame) -> pd.Series:
        """Return whether each row has them."""
        has_all = np.ones(len(frame), bool)
        for name in self.columns:
            has_all &= array_of(frame[name]).is_valid().to_numpy(zero_copy_only=False)
        return pd.Series(has_all)
