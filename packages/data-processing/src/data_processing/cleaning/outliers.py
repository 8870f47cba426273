"""Find values far from all others by bounds, and cap, drop, flag or blank them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from data_processing.cleaning import exact
from data_processing.cleaning.bounds import Bounds, Handled, Inside, Limit, as_written, values
from data_processing.cleaning.group_states import groupings, state_of, told_of
from data_processing.cleaning.groups import Grouping, Key
from data_processing.cleaning.numbers import Measure, measure_of
from data_processing.cleaning.schemas import Changed, check_apart, check_new
from data_processing.cleaning.summary import HALF, Ask, Summary, summaries
from util_services.engines.stage_batches import Filter, Map
from util_services.engines.stage_fits import Fit, Fitted, Groups
from util_services.errors import quoted_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from data_processing.rules.outliers import OutlierRule
    from util_services.engines.stages import Step

STEP = "handle_outliers"
FACTORS = {"iqr": 1.5, "z_score": 3.0, "mad": 3.5}
MODIFIED_Z = Fraction("0.6745")  # Iglewicz and Hoaglin 1993: makes the score of a normal value z
QUARTILES = (Fraction(1, 4), Fraction(3, 4))
LOWER, UPPER, STATE = "lower", "upper", "state"
NO_GROUPS: Mapping[Key, Mapping[str, Any]] = MappingProxyType({})
FOUND, NO_VALUES, NO_SPREAD = "found", "no values", "no spread"  # of bounds


@dataclass(frozen=True, slots=True)
class Criterion:
    """What an outlier of a column is.

    Attributes:
        column: the column.
        rule: the user's.
        measure: how its values are numbers.
        grouping: what makes groups with bounds of their own.
    """

    column: str
    rule: OutlierRule
    measure: Measure
    grouping: Grouping

    @property
    def flag(self) -> str:
        """The name of a column that tells of outliers."""
        return self.rule.flag or f"{self.column}_outlier"

    @property
    def factor(self) -> Fraction:
        """How far is too far, as it was written."""
        factor = self.rule.factor
        return as_written(FACTORS[self.rule.method] if factor is None else factor)

    @property
    def shares(self) -> tuple[Fraction, ...]:
        """The quantiles that are the bounds, or that these depend on."""
        if self.rule.method == "iqr":
            return QUARTILES
        if self.rule.method == "percentile":
            given = (self.rule.lower, self.rule.upper)
            return tuple(as_written(share) for share in given if share is not None)
        return ()

    def asks(self) -> list[Ask]:
        """Return what must be known: of all rows, and of groups if there are any."""
        return [
            Ask(
                self.column,
                self.measure,
                grouping,
                moments=2 if self.rule.method == "z_score" else 0,
                shares=self.shares,
                deviation=self.rule.method == "mad",
            )
            for grouping in groupings(self.grouping)
        ]

    def limits(self, summary: Summary) -> tuple[Limit, Limit, bool]:
        """Return the exact bounds of a group, in units, and whether its values are spread at all.

        The group must have values.
        """
        match self.rule.method:
            case "iqr":
                first, third = (summary.quantiles[share] for share in QUARTILES)
                reach = self.factor * (third - first)
                return first - reach, third + reach, first != third
            case "z_score":
                spread = exact.root(summary.variance)
                if math.isinf(spread):
                    return None, None, True
                reach = self.factor * Fraction(spread)
                return summary.mean - reach, summary.mean + reach, spread != 0
            case "mad":
                centre = summary.quantiles[HALF]
                reach = self.factor * summary.deviation / MODIFIED_Z
                return centre - reach, centre + reach, summary.deviation != 0
        lower, upper = (
            None if share is None else summary.quantiles[as_written(share)]
            for share in (self.rule.lower, self.rule.upper)
        )
        return lower, upper, lower is None or lower != upper

    def told(self, summary: Summary) -> dict[str, Any]:
        """Return what the state holds of a group: its bounds, as values of the column."""
        if not summary.count:
            return {LOWER: None, UPPER: None, STATE: NO_VALUES}
        lower, upper, is_spread = self.limits(summary)
        if not is_spread:
            return {LOWER: None, UPPER: None, STATE: NO_SPREAD}
        lowest, highest = values(lower, upper, self.measure)
        return {LOWER: lowest, UPPER: highest, STATE: FOUND}

    def bounds(
        self, whole: Mapping[str, Any], groups: Mapping[Key, Mapping[str, Any]] = NO_GROUPS
    ) -> Bounds:
        """Return the bounds that a state tells, of all rows and of groups."""
        lower, upper = (
            pa.array([*(one[end] for one in groups.values()), whole[end]], self.measure.type)
            for end in (LOWER, UPPER)
        )
        places = self.grouping.places(list(groups))
        return Bounds(self.column, self.rule.action, self.flag, lower, upper, places)


def handle(schema: pa.Schema, rules: Mapping[str, OutlierRule]) -> list[Step]:
    """Return the parts that handle the outliers of some columns by rules.

    Raises:
        ConfigurationError: if a column holds no numbers, or a rule looks at a column that another
            one changes.
    """
    check_apart(STEP, {name: rule.by for name, rule in rules.items()})
    criteria = [
        Criterion(
            name,
            rule,
            measure_of(schema.field(name).type, name, "the search for outliers", moments=False),
            Grouping.of(schema, rule.by),
        )
        for name, rule in rules.items()
    ]
    check_new(schema, "flag", *(one.flag for one in criteria if one.rule.action == "flag"))
    fixed = [one for one in criteria if one.rule.method == "bounds"]
    fitted = [one for one in criteria if one.rule.method != "bounds"]
    return [*([_fit(fitted)] if fitted else []), *_work([_fixed(one) for one in fixed])]


def _work(bounds: Sequence[Bounds]) -> list[Filter | Map]:
    """Return the row-wise work; rows are dropped first, by what they hold before."""
    dropping = tuple(one for one in bounds if one.action == "drop")
    changing = tuple(one for one in bounds if one.action != "drop")
    work: list[Filter | Map] = [Filter(STEP, Inside(dropping))] if dropping else []
    if changing:
        flags = {one.flag: pa.bool_() for one in changing if one.action == "flag"}
        written = frozenset(one.written for one in changing)
        reads = frozenset(name for one in changing for name in (one.column, *one.places.by))
        work.append(Map(STEP, Handled(changing), written, Changed(flags), reads=reads))
    return work


def _fixed(criterion: Criterion) -> Bounds:
    lower, upper = (
        None if one is None else as_written(one) / criterion.measure.unit
        for one in (criterion.rule.lower, criterion.rule.upper)
    )
    lowest, highest = values(lower, upper, criterion.measure)
    return criterion.bounds({LOWER: lowest, UPPER: highest})


def _fit(criteria: Sequence[Criterion]) -> Fit:
    asks = [ask for one in criteria for ask in one.asks()]
    told = [one.told for one in criteria for _ in one.asks()]
    reads = {name for one in criteria for name in (one.column, *one.grouping.by)}
    written = {one.flag if one.rule.action == "flag" else one.column for one in criteria}
    drops = any(one.rule.action == "drop" for one in criteria)
    return Fit(
        STEP,
        frozenset(reads),
        summaries(asks, partial(state_of, asks, told=told)),
        partial(_fitted, criteria),
        None if drops else frozenset(written),
    )


def _fitted(criteria: Sequence[Criterion], groups: Groups) -> Fitted:
    bounds, warnings = [], list[str]()
    for criterion in criteria:
        whole, told = told_of(groups, criterion.column, criterion.grouping)
        whole = whole or {LOWER: None, UPPER: None, STATE: NO_VALUES}
        bounds.append(criterion.bounds(whole, told))
        warnings += _warnings(criterion, list(told.values()) or [whole])
    return Fitted(tuple(_work(bounds)), warnings=tuple(warnings))


def _warnings(criterion: Criterion, groups: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what a user should know of groups without bounds."""
    name, found = quoted_name(criterion.column), []
    for state, what in (
        (NO_VALUES, ("has no values", "nothing is an outlier")),
        (NO_SPREAD, ("has no spread", "no finite value is an outlier")),
    ):
        count = sum(group[STATE] == state for group in groups)
        where = f" in {count} of {len(groups)} groups" if criterion.grouping.by else ""
        if count:
            there = " there" if where else ""
            found.append(f"The column {name} {what[0]}{where}, so that {what[1]}{there}.")
    return found
