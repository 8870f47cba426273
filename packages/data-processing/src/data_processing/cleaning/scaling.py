"""Bring the numbers of columns to one scale."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pyarrow as pa

from data_processing.cleaning import exact
from data_processing.cleaning.arrays import array_of, with_arrays
from data_processing.cleaning.group_states import groupings, state_of, told_of
from data_processing.cleaning.groups import Grouping, Places
from data_processing.cleaning.numbers import Measure, measure_of
from data_processing.cleaning.schemas import Changed, check_apart
from data_processing.cleaning.summary import HALF, Ask, Summary, summaries
from util_services.engines.stage_batches import Map
from util_services.engines.stage_fits import Fit, Fitted, Group, Groups
from util_services.errors import quoted_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from data_processing.rules.features import ScaleRule
    from util_services.engines.stages import Step

STEP = "scale"
CENTRE, SPREAD = "centre", "half_spread"  # a whole one may be beyond all doubles
SHARES = {
    "standard": (),
    "min_max": (Fraction(0), Fraction(1)),
    "robust": (Fraction(1, 4), HALF, Fraction(3, 4)),
}


@dataclass(frozen=True, slots=True)
class Scale:
    """How a column is scaled.

    Attributes:
        column: the column.
        method: by which statistics.
        measure: how its values are numbers.
        grouping: what makes groups with a scale of their own.
    """

    column: str
    method: Literal["standard", "min_max", "robust"]
    measure: Measure
    grouping: Grouping

    def asks(self) -> list[Ask]:
        """Return what must be known of all rows and of groups."""
        moments: Literal[0, 2] = 2 if self.method == "standard" else 0
        return [
            Ask(self.column, self.measure, grouping, moments, SHARES[self.method])
            for grouping in groupings(self.grouping)
        ]

    def told(self, summary: Summary) -> dict[str, Any]:
        """Return what the state holds of a group: floats, None if it has no numbers."""
        if not summary.count:
            return {CENTRE: None, SPREAD: None}
        unit = self.measure.unit
        if self.method == "standard":
            spread = exact.root(summary.variance * (unit / 2) ** 2)
            return {CENTRE: exact.nearest(summary.mean * unit), SPREAD: spread}
        quantiles = [summary.quantiles[share] * unit for share in SHARES[self.method]]
        centre = quantiles[0 if self.method == "min_max" else 1]
        spread = exact.nearest((quantiles[-1] - quantiles[0]) / 2)
        return {CENTRE: exact.nearest(centre), SPREAD: spread}


def scaled(schema: pa.Schema, rules: Mapping[str, ScaleRule]) -> list[Step]:
    """Return the part that scales some columns.

    Raises:
        ConfigurationError: if a column holds no numbers, or makes groups for another one.
    """
    check_apart(STEP, {name: rule.by for name, rule in rules.items()})
    scales = [
        Scale(
            name,
            rule.method,
            measure_of(schema.field(name).type, name, "scaling", moments=False),
            Grouping.of(schema, rule.by),
        )
        for name, rule in rules.items()
    ]
    asks = [ask for one in scales for ask in one.asks()]
    told = [one.told for one in scales for _ in one.asks()]
    reads = {name for one in scales for name in (one.column, *one.grouping.by)}
    return [
        Fit(
            STEP,
            frozenset(reads),
            summaries(asks, partial(state_of, asks, told=told)),
            partial(_fitted, scales),
            frozenset(rules),
        )
    ]


@dataclass(frozen=True, slots=True)
class Scaling:
    """Centres and halves of spreads, by the places of groups, and behind them of all rows."""

    column: str
    measure: Measure
    centres: np.ndarray[Any, Any]
    spreads: np.ndarray[Any, Any]
    places: Places

    def __call__(self, frame: pd.DataFrame) -> pa.Array:
        """Return the column on its scale."""
        array = array_of(frame[self.column])
        missing = array.is_null().to_numpy(zero_copy_only=False)
        place = self.places.find(frame)[~missing]
        rest = self._floats(array.drop_null()) / 2 - self.centres[place] / 2
        values = np.zeros(len(array))
        with np.errstate(over="ignore"):
            values[~missing] = rest / self.spreads[place]
        return pa.array(values, pa.float64(), mask=missing)

    def _floats(self, array: pa.Array) -> np.ndarray[Any, Any]:
        numbers = self.measure.numbers(array).astype(np.float64)
        return np.asarray(numbers / float(1 / self.measure.unit))


@dataclass(frozen=True, slots=True)
class Scaled:
    """Scales some columns."""

    scalings: tuple[Scaling, ...]

    def __call__(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the rows with these columns scaled."""
        return with_arrays(frame, {one.column: one(frame) for one in self.scalings})


def _fitted(scales: Sequence[Scale], state: Groups) -> Fitted:
    scalings, warnings = [], list[str]()
    for one in scales:
        name = quoted_name(one.column)
        whole, groups = told_of(state, one.column, one.grouping)
        known: list[Group] = [*groups.values(), whole or {CENTRE: None, SPREAD: None}]
        centres = np.array([group[CENTRE] or 0.0 for group in known])
        spreads = np.array([group[SPREAD] or 1.0 for group in known])  # none, or no spread
        scalings.append(
            Scaling(one.column, one.measure, centres, spreads, one.grouping.places(list(groups)))
        )
        flat = sum(group[SPREAD] == 0 for group in groups.values() or known)
        where = f" in {flat} of {len(groups)} groups" if groups else ""
        if flat:
            warnings.append(f"The column {name} has no spread{where}, so that values became 0.")
        if whole is None or whole[CENTRE] is None:
            warnings.append(f"The column {name} has no values to scale.")
    types = dict.fromkeys((one.column for one in scales), pa.float64())
    reads = frozenset(name for one in scalings for name in one.places.by)
    work = Map(STEP, Scaled(tuple(scalings)), frozenset(types), Changed(types), reads=reads)
    return Fitted((work,), warnings=tuple(warnings))
