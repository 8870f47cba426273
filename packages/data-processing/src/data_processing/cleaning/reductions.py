"""What is told of a group of rows, such as the sum of a column.

A reduction asks an engine for a few measures of each group, and makes its result of them. Sums are
exact and results are rounded once, so that neither the order of rows nor the number of threads has
a part in them. Missing values have no part in a result either; of none there is no result.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import narwhals as nw
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types

from data_processing.cleaning.exact import nearest
from data_processing.cleaning.exact_sums import Grid, deviation
from data_processing.steps.kinds import NUMBERS, kind_of
from util_services.engines.stages import NUMBER
from util_services.errors import ConfigurationError, DatasetError, quoted_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from data_processing.cleaning.function_names import GroupFunction

Groups = dict[str, pa.Array]  # measures by their names, with an entry for each group

SUM_BITS, SQUARE_BITS = 52, 26  # of limbs, such that products of these fit 64 bits
ROWS = "rows"
GREATEST = sys.float_info.max
OF_NUMBERS = {"sum", "mean", "median", "std"}
OF_ORDERED = {"min", "max"}
PICKING = {"first", "last", "any", "only"}


@dataclass(frozen=True, slots=True)
class Span:
    """What must be known of all floats of a column before they can be added up.

    Attributes:
        least: the least absolute value of them that is not 0.
        greatest: the greatest that is finite.
        infinite: how many are infinite or no numbers.
    """

    least: float | None = None
    greatest: float | None = None
    infinite: int = 0


@dataclass(frozen=True, slots=True)
class Values:
    """A column whose values are reduced.

    Attributes:
        column: what the user calls it.
        place: what it is called in the frame.
        type: what it holds.
        span: what is known of its floats.
    """

    column: str
    place: str
    type: pa.DataType
    span: Span = Span()

    @property
    def is_float(self) -> bool:
        """Whether values are floats."""
        return bool(types.is_floating(self.type))

    @property
    def floats(self) -> str:
        """What the column of finite floats is called."""
        return f"{self.place}_float"

    def limbs(self, bits: int) -> list[str]:
        """Return what the limbs of these are called."""
        return [f"{self.place}_limb_{bits}_{number}" for number in range(self.grid(bits).limbs)]

    def infinities(self) -> dict[str, nw.Expr]:
        """Return measures of how many of these are infinite."""
        column = nw.col(self.place)
        return {
            f"{self.place}_{name}": (column == bound).cast(nw.Int64).sum()
            for name, bound in (("above", math.inf), ("below", -math.inf))
        }

    def grid(self, bits: int) -> Grid:
        """Return the grid for limbs of so many bits."""
        return Grid.of(self.span.least, self.span.greatest, bits)


@dataclass(frozen=True, slots=True)
class Reduction:
    """A function of the values of a group; without values, the number of its rows."""

    function: GroupFunction
    values: Values | None = None

    def check(self) -> None:
        """Refuse a column that the function has no meaning for.

        Raises:
            ConfigurationError: naming the column.
        """
        if self.values is None:
            if self.function != "count":
                raise ConfigurationError(f"'{self.function}' needs a column; name it under 'of'.")
            return
        kind = kind_of(self.values.type)
        if kind == "missing":
            return
        is_fit = True
        if self.function in OF_NUMBERS:
            is_fit = kind in NUMBERS
        elif self.function in OF_ORDERED:
            is_fit = kind != "other"
        elif self.function == "count_distinct":
            is_fit = not holds_maps(self.values.type)
        if not is_fit:
            raise ConfigurationError(
                f"The column {quoted_name(self.values.column)} holds {self.values.type}, of which "
                f"there is no '{self.function}'; cast it in a step before, or choose another."
            )

    @property
    def bits(self) -> int | None:
        """The bits of the limbs that values must be cut into; None if they need not."""
        if self.values is None or self.function not in {"sum", "mean", "std"}:
            return None
        if self.function == "std":
            return SQUARE_BITS
        return SUM_BITS if self.values.is_float else None

    @property
    def type(self) -> pa.DataType:
        """The type of the result."""
        if self.values is None or self.function in {"count", "count_distinct", "count_missing"}:
            return pa.int64()
        kind = self.values.type
        if self.function in {"mean", "median", "std"}:
            return pa.float64()
        if self.function != "sum":
            return kind
        if types.is_decimal(kind):
            return pa.decimal128(38, kind.scale)
        return pa.int64() if types.is_integer(kind) else pa.float64()

    def measures(self) -> dict[str, nw.Expr]:
        """Return what the engine is asked for, by names that say what it is."""
        if self.values is None:
            return {ROWS: nw.len()}
        place, column = self.values.place, nw.col(self.values.place)
        found: dict[str, nw.Expr] = {f"{place}_count": column.count()}
        match self.function:
            case "count_missing":
                found[ROWS] = nw.len()
            case "count_distinct":
                found |= {ROWS: nw.len(), f"{place}_distinct": column.n_unique()}
            case "min":
                found[f"{place}_min"] = self._plain_zeros(column).min()
            case "max":
                found[f"{place}_max"] = self._plain_zeros(column).max()
            case "median":
                found |= self._median()
            case "sum" | "mean" | "std":
                found |= self._sums()
            case "first":
                found[self.pick] = nw.col(NUMBER).min()
            case "last":
                found[self.pick] = nw.col(NUMBER).max()
            case "any" | "only":
                present = nw.when(~column.is_null()).then(nw.col(NUMBER))
                found[self.pick] = present.min()
        return found

    @property
    def pick(self) -> str:
        """The measure that numbers the row whose value is the result."""
        if self.function in {"first", "last"} or self.values is None:
            return f"pick_{self.function}"
        return f"pick_{self.values.place}"

    @property
    def picked(self) -> str:
        """What the value of that row is called."""
        return f"{self.pick}_{self.values.place if self.values else ROWS}"

    def result(self, groups: Groups) -> pa.Array:
        """Return the result for each group.

        Raises:
            DatasetError: if a sum does not fit.
        """
        if self.values is None:
            return groups[ROWS].cast(pa.int64())
        place = self.values.place
        counts = groups[f"{place}_count"].cast(pa.int64())
        match self.function:
            case "count":
                return counts
            case "count_missing":
                return pc.subtract(groups[ROWS].cast(pa.int64()), counts)
            case "count_distinct":
                # what the engine counts has a missing value among them
                has_missing = pc.less(counts, groups[ROWS]).cast(pa.int64())
                distinct = pc.fill_null(groups[f"{place}_distinct"].cast(pa.int64()), 0)
                return pc.subtract(distinct, has_missing)
            case "median" if self.values.is_float:
                return pa.array(self._of_medians(groups, counts.to_pylist()), pa.float64())
            case "min" | "max" | "median":
                return groups[f"{place}_{self.function}"].cast(self.type)
            case "sum" | "mean" | "std":
                return self._of_sums(groups, counts)
            case _:
                return groups[self.picked].cast(self.type)

    def _plain_zeros(self, column: nw.Expr) -> nw.Expr:
        """Return values in which no zero is negative, which is equal to the other."""
        if self.values is None or not self.values.is_float:
            return column
        same = nw.Float32 if types.is_float32(self.values.type) else nw.Float64
        return (column + 0.0).cast(same)

    def _median(self) -> dict[str, nw.Expr]:
        """Return the median, in which infinities are the greatest numbers: engines add those."""
        values = self.values
        if values is None:
            raise AssertionError("medians are of values")
        column = nw.col(values.place).cast(nw.Float64)
        if not values.is_float:
            return {f"{values.place}_median": column.median()}
        least = nw.when(column == -math.inf).then(-GREATEST).otherwise(column)
        within = nw.when(column == math.inf).then(GREATEST).otherwise(least)
        finite = nw.when(column.is_finite()).then(column)
        return {
            f"{values.place}_median": within.median(),
            f"{values.place}_finite": finite.count(),
            **values.infinities(),
        }

    def _of_medians(self, groups: Groups, counts: Sequence[int]) -> list[float | None]:
        """Return medians in which infinities are what they were."""
        place = self.values.place if self.values else ""
        names = ("median", "below", "finite", "above")
        columns = (groups[f"{place}_{name}"].to_pylist() for name in names)
        return [_median(count, *one) for count, *one in zip(counts, *columns, strict=True)]

    def _sums(self) -> dict[str, nw.Expr]:
        """Return the exact sums that a sum, a mean or a deviation is made of."""
        values = self.values
        if values is None:
            raise AssertionError("sums are of values")
        if self.bits is None:
            scale = values.type.scale if types.is_decimal(values.type) else 0
            return {f"{values.place}_sum": nw.col(values.place).cast(nw.Decimal(38, scale)).sum()}
        limbs, whole = values.limbs(self.bits), nw.Decimal(38, 0)
        found = {f"{limb}_sum": nw.col(limb).cast(whole).sum() for limb in limbs}
        if self.function == "std":
            found |= {
                f"{limbs[one]}_{other}": (nw.col(limbs[one]) * nw.col(limbs[other]))
                .cast(whole)
                .sum()
                for one, other in values.grid(SQUARE_BITS).pairs
            }
        if values.span.infinite:
            found |= values.infinities()
            found[f"{values.place}_finite"] = nw.col(values.floats).count()
        return found

    def _of_sums(self, groups: Groups, counts: pa.Array) -> pa.Array:
        values = self.values
        if values is None:
            raise AssertionError("sums are of values")
        if self.bits is not None:
            return pa.array(self._of_limbs(values, groups, counts.to_pylist()), pa.float64())
        sums = groups[f"{values.place}_sum"]
        if self.function == "sum":
            try:
                return pc.if_else(pc.equal(counts, 0), None, sums.cast(self.type))
            except pa.ArrowInvalid:
                raise DatasetError(
                    f"A sum of the column {quoted_name(values.column)} has more than 64 bits; cast "
                    "it to a decimal in a step before."
                ) from None
        scale = 10**values.type.scale if types.is_decimal(values.type) else 1
        pairs = zip(sums.to_pylist(), counts.to_pylist(), strict=True)
        means = [nearest(Fraction(int(one * scale), n * scale)) if n else None for one, n in pairs]
        return pa.array(means, pa.float64())

    def _of_limbs(self, values: Values, groups: Groups, counts: list[int]) -> list[float | None]:
        grid, limbs = values.grid(self.bits or SUM_BITS), values.limbs(self.bits or SUM_BITS)
        each = [groups[f"{limb}_sum"].to_pylist() for limb in limbs]
        totals = [grid.total([int(one) for one in sums]) for sums in zip(*each, strict=True)]
        infinite = self._infinite(values, groups, counts)
        found: list[float | None]
        if self.function == "std":
            products = [groups[f"{limbs[one]}_{other}"].to_pylist() for one, other in grid.pairs]
            squares = [
                grid.squares([int(one) for one in sums]) for sums in zip(*products, strict=True)
            ]
            found = [
                deviation(n, total, square)
                for n, total, square in zip(counts, totals, squares, strict=True)
            ]
        else:
            by = counts if self.function == "mean" else [1] * len(counts)
            found = [
                nearest(total / divisor) if n else None
                for n, total, divisor in zip(counts, totals, by, strict=True)
            ]
        return [
            one if here is None else (None if here == "none" or self.function == "std" else here)
            for one, here in zip(found, infinite, strict=True)
        ]

    def _infinite(self, values: Values, groups: Groups, counts: list[int]) -> list[Any]:
        """Return for each group what infinities make of its sum: None where there are none."""
        if not values.span.infinite:
            return [None] * len(counts)
        columns = [groups[f"{values.place}_{n}"].to_pylist() for n in ("above", "below", "finite")]
        found: list[Any] = []
        for n, above, below, finite in zip(counts, *columns, strict=True):
            if n == finite:
                found.append(None)
            elif n == finite + above:
                found.append(float("inf"))
            elif n == finite + below:
                found.append(float("-inf"))
            else:
                found.append("none")
        return found


def holds_maps(kind: pa.DataType) -> bool:
    """Whether a type is a map or holds one, which not every engine can compare."""
    parts = (kind.field(number).type for number in range(kind.num_fields))
    return bool(types.is_map(kind)) or any(map(holds_maps, parts))


def _median(
    count: int, median: float | None, below: int | None, finite: int | None, above: int | None
) -> float | None:
    """Return a median from one in which infinities are finite, and the numbers of values."""
    if not count:
        return None
    least, last = below or 0, (below or 0) + (finite or 0) + (above or 0)
    is_low = (count - 1) // 2 < least
    is_high = last - (above or 0) <= count // 2 < last
    if is_low and is_high:
        return math.nan
    if is_low or is_high:
        return -math.inf if is_low else math.inf
    return median
