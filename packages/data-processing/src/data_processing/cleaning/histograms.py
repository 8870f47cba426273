"""Histograms whose borders are round numbers, none of them a value's own."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from fractions import Fraction

from data_processing.cleaning.exact import nearest

BINS = 10  # about as many between the outer quantiles
STEPS = (1, 2, 5, 10)
LEAST = Fraction(1, 10**300)  # of a step, so that borders are doubles that differ


@dataclass(frozen=True, slots=True)
class Borders:
    """Where bins begin and end: a round step, and how many of them.

    Attributes:
        first: the lower end of the first bin, in steps.
        bins: how many there are.
        step: the width of each.
    """

    first: int
    bins: int
    step: Fraction

    @classmethod
    def between(cls, low: float, high: float) -> Borders:
        """Return round borders that hold two numbers."""
        span = Fraction(high) - Fraction(low) or abs(Fraction(low)) or Fraction(1)
        wanted = max(span / BINS, LEAST)
        power = Fraction(10) ** math.floor(math.log10(wanted))
        step = next(power * one for one in STEPS if power * one >= wanted)
        first = math.floor(Fraction(low) / step)
        last = math.floor(Fraction(high) / step)
        return cls(first, last - first + 1, step)

    @property
    def values(self) -> list[float]:
        """The borders, one more than there are bins."""
        return [nearest((self.first + n) * self.step) for n in range(self.bins + 1)]

    def labels(self) -> list[str]:
        """Return what the bins are called, with one below and one above them."""
        texts = [f"{one:.6g}" for one in self.values]
        inside = [f"{low} to {high}" for low, high in itertools.pairwise(texts)]
        return [f"below {texts[0]}", *inside, f"from {texts[-1]}"]


def rounded(value: float, digits: int = 2) -> float:
    """Return a number with so many significant digits."""
    return float(f"{value:.{digits - 1}e}")
