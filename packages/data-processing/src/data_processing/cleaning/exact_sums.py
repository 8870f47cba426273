"""Exact sums of floats by an engine, whichever order and however many threads it adds them in.

A float is a whole number of units, if the unit is small enough for all of them: two to the power of
some exponent. Cut into limbs of a few bits it becomes whole numbers that engines add up exactly,
and what is rounded is the last result alone. Every operation on the way is exact in IEEE 754
arithmetic: a product with a power of two, and what is left of a number whose highest bits are taken
off.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import narwhals as nw

from data_processing.cleaning.exact import fraction, root, variance

if TYPE_CHECKING:
    from collections.abc import Sequence
    from fractions import Fraction

    from data_processing.cleaning.tables import Frame

MANTISSA_BITS, LEAST_EXPONENT = 53, -1074  # of IEEE 754 binary64
FACTOR_EXPONENT = 1000  # a power of two that is a double, as is the one below 1
WHOLE = nw.Decimal(38, 0)


@dataclass(frozen=True, slots=True)
class Grid:
    """The units in which floats are whole numbers, and the limbs that these are cut into.

    Attributes:
        exponent: the unit is two to the power of it.
        bits: of a limb; at most 52.
        limbs: how many there are.
    """

    exponent: int
    bits: int
    limbs: int

    @classmethod
    def of(cls, least: float | None, greatest: float | None, bits: int) -> Grid:
        """Return the grid of floats between two absolute values that are not 0, or of none."""
        if least is None or greatest is None:
            return cls(0, bits, 1)
        low = max(math.frexp(least)[1] - MANTISSA_BITS, LEAST_EXPONENT)
        high = math.frexp(greatest)[1]
        return cls(low, bits, max(1, -((low - high) // bits)))

    def cut(self, frame: Frame, column: str, names: Sequence[str]) -> Frame:
        """Return a frame with the limbs of a column, the lowest first, as whole numbers."""
        rest, sign = f"{names[0]}_rest", f"{names[0]}_sign"
        is_negative = nw.col(column) < 0
        frame = frame.with_columns(
            nw.col(column).abs().alias(rest),
            nw.when(is_negative).then(nw.lit(-1)).otherwise(nw.lit(1)).alias(sign),
        )
        for number in range(self.limbs - 1, 0, -1):
            exponent = self.exponent + self.bits * number
            limb = _scaled(nw.col(rest), -exponent).floor()
            frame = frame.with_columns(limb.alias(names[number]))
            taken = _scaled(nw.col(names[number]), exponent)
            frame = frame.with_columns((nw.col(rest) - taken).alias(rest))
        frame = frame.with_columns(_scaled(nw.col(rest), -self.exponent).alias(names[0]))
        signed = (nw.col(name).cast(nw.Int64) * nw.col(sign) for name in names)
        return frame.with_columns(one.alias(name) for one, name in zip(signed, names, strict=True))

    def total(self, sums: Sequence[int]) -> Fraction:
        """Return the sum of floats, from the sums of their limbs."""
        units = sum(one << (self.bits * number) for number, one in enumerate(sums))
        return fraction((units, self.exponent))

    def squares(self, sums: Sequence[int]) -> Fraction:
        """Return the sum of squares, from the sums of the products of `pairs`."""
        units = sum(
            (1 if one == other else 2) * found << (self.bits * (one + other))
            for (one, other), found in zip(self.pairs, sums, strict=True)
        )
        return fraction((units, 2 * self.exponent))

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """The pairs of limbs whose products make up a square.

        Limbs farther apart than a mantissa is long are never both of one float other than 0.
        """
        reach = (self.bits + MANTISSA_BITS - 2) // self.bits
        return [
            (one, other)
            for one in range(self.limbs)
            for other in range(one, min(one + reach + 1, self.limbs))
        ]


def deviation(count: int, total: Fraction, squares: Fraction) -> float | None:
    """Return the double nearest to the standard deviation of a sample; None of fewer than two.

    Args:
        count: how many values there are.
        total: their sum.
        squares: the sum of their squares.
    """
    return root(variance(count, total, squares)) if count > 1 else None


def _scaled(value: nw.Expr, exponent: int) -> nw.Expr:
    """Return a value times a power of two, by factors that are doubles themselves."""
    while abs(exponent) > FACTOR_EXPONENT:
        step = FACTOR_EXPONENT if exponent > 0 else -FACTOR_EXPONENT
        value, exponent = value * 2.0**step, exponent - step
    return value * 2.0**exponent
