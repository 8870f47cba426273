"""Exact order statistics of any number of values in two passes and little memory.

The first pass takes of each batch a sample that is evenly spread over its sorted values. All
samples together bound where in the order of all values each of them stands, so that they name two
values between which the wanted one lies. The second pass counts the values below these two and
keeps those between, which are a small share: the wanted one is among them (after Munro and
Paterson, Selection and sorting with limited storage, 1980). The result is exact, whatever the
batches are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

Numbers = np.ndarray[Any, Any]
Number = int | float
Summary = dict[str, list[Any]]  # what JSON has of a batch: lists, one behind the other


@dataclass(frozen=True, slots=True)
class Interval:
    """Two values between which wanted ones lie, themselves included."""

    low: Number
    high: Number


def sampled(values: Numbers, codes: Numbers, groups: int) -> Summary:
    """Return samples of the values of each group, and how far each reaches in the group's order.

    A sample of ``n`` values has about the root of ``2 n``; then about as many are kept of each
    batch in the second pass, which makes both together fewest.
    """
    ordered, _ = _ordered(values, codes, groups)
    sizes = np.bincount(codes, minlength=groups)
    starts = np.cumsum(sizes) - sizes
    wanted = np.minimum(sizes, np.ceil(np.sqrt(2 * sizes)).astype(np.int64))
    of = np.repeat(np.arange(groups), wanted)
    place = np.arange(len(of)) - np.repeat(np.cumsum(wanted) - wanted, wanted) + 1
    ranks = place * sizes[of] // np.maximum(wanted[of], 1)
    firsts = np.flatnonzero(sizes > 0)
    of, ranks = np.concatenate([of, firsts]), np.concatenate([ranks, np.ones(len(firsts), int)])
    both = np.unique(of * (len(values) + 1) + ranks)  # in order, and each once
    of, ranks = both // (len(values) + 1), both % (len(values) + 1)
    return {
        "sizes": np.bincount(of, minlength=groups).tolist(),
        "ranks": ranks.tolist(),
        "values": ordered[starts[of] + ranks - 1].tolist(),
    }


@dataclass(slots=True)
class Sample:
    """The samples of all batches of a group.

    Attributes:
        steps: how many values of its batch lie above the sample before, up to this one.
        values: the samples.
        slack: how many values more, at most, lie below a value than samples tell.
    """

    steps: list[int] = field(default_factory=list)
    values: list[Number] = field(default_factory=list)
    slack: int = 0

    def add(self, ranks: Sequence[int], values: Sequence[Number]) -> None:
        """Add the sample of a batch, with its ranks in the order of the batch."""
        steps = [after - before for before, after in pairwise([0, *ranks])]
        self.steps += steps
        self.values += values
        self.slack += max(steps, default=1) - 1

    def ordered(self) -> Ordered:
        """Return the samples in their order."""
        values = array_of(self.values)
        order = np.argsort(values, kind="stable")
        return Ordered(values[order], np.cumsum(np.array(self.steps, np.int64)[order]), self.slack)


@dataclass(frozen=True, slots=True)
class Ordered:
    """Values in order, with the number of values up to each: all there are, or but a sample."""

    values: Numbers
    up_to: Numbers
    slack: int = 0

    def at(self, rank: int) -> Number:
        """Return the value at a rank, from 0, where all there are are known."""
        place = np.searchsorted(self.up_to, rank, side="right")
        return _plain(self.values[place])

    def around(self, first: int, last: int) -> Interval:
        """Return what the values from one rank to another lie between."""
        # at most so many values are below the first sample that has more of them up to itself
        below = np.searchsorted(self.up_to, first - self.slack, side="right")
        above = np.searchsorted(self.up_to, last, side="right")
        return Interval(_plain(self.values[below]), _plain(self.values[above]))


def kept(values: Numbers, codes: Numbers, intervals: Sequence[Interval | None]) -> Summary:
    """Return how many values of each group lie below an interval, and each within with its number.

    Args:
        values: the values.
        codes: the group of each.
        intervals: of each group; None where nothing is wanted.
    """
    groups = len(intervals)
    wanted = np.array([one is not None for one in intervals], bool)
    if not wanted.all():
        chosen = wanted[codes]
        values, codes = values[chosen], codes[chosen]
    known = [one or Interval(0, 0) for one in intervals]
    lows, highs = (array_of([getattr(one, end) for one in known]) for end in ("low", "high"))
    is_low = values < (lows[0] if groups == 1 else lows[codes])
    below = np.bincount(codes[is_low], minlength=groups)
    inside = ~is_low & (values <= (highs[0] if groups == 1 else highs[codes]))
    values, codes = _ordered(values[inside], codes[inside], groups)
    if len(values):
        is_new = np.concatenate([[True], (values[1:] != values[:-1]) | (codes[1:] != codes[:-1])])
        starts = np.flatnonzero(is_new)
        counts = np.diff(np.concatenate([starts, [len(values)]]))
    else:
        starts = counts = np.zeros(0, np.int64)
    return {
        "below": below.tolist(),
        "sizes": np.bincount(codes[starts], minlength=groups).tolist(),
        "values": values[starts].tolist(),
        "counts": counts.tolist(),
    }


@dataclass(slots=True)
class Kept:
    """What all batches have of a group's interval."""

    below: int = 0
    values: list[Number] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)

    def add(self, below: int, values: Sequence[Number], counts: Sequence[int]) -> None:
        """Add what a batch has of it."""
        self.below += below
        self.values += values
        self.counts += counts

    def ordered(self) -> Ordered:
        """Return the values in their order, ranks counted from the least of all values."""
        values = array_of(self.values)
        order = np.argsort(values, kind="stable")
        up_to = np.cumsum(np.array(self.counts, np.int64)[order]) + self.below
        return Ordered(values[order], up_to)


def quantile(share: Fraction, count: int, at: Callable[[int], Number]) -> Fraction:
    """Return a quantile of some values (Hyndman and Fan 1996, type 7: linear interpolation).

    Args:
        share: how much of the values lies below, from 0 to 1.
        count: how many values there are, at least 1.
        at: returns the value at a rank, from 0.
    """
    first, last = ranks(share, count)
    low = Fraction(at(first))
    if first == last:
        return low
    return low + ((count - 1) * share - first) * (Fraction(at(last)) - low)


def ranks(share: Fraction, count: int) -> tuple[int, int]:
    """Return the ranks, from 0, of the values that a quantile lies between."""
    height = (count - 1) * share
    return math.floor(height), math.ceil(height)


def array_of(numbers: Iterable[Number]) -> Numbers:
    """Return plain numbers as an array: floats, integers of 64 bits, or Python's own."""
    found = list(numbers)
    if any(isinstance(number, float) for number in found):
        return np.array(found, np.float64)
    try:
        return np.array(found, np.int64)
    except OverflowError:
        return np.array(found, object)


def _ordered(values: Numbers, codes: Numbers, groups: int) -> tuple[Numbers, Numbers]:
    """Return values and their groups in the order of groups, and by size inside a group."""
    if groups <= 1:
        return np.sort(values), codes
    order = np.argsort(values)
    short = codes.astype(np.int16) if groups <= np.iinfo(np.int16).max else codes
    order = order[np.argsort(short[order], kind="stable")]
    return values[order], codes[order]


def _plain(number: Any) -> Number:
    plain: Number = number.item() if isinstance(number, np.generic) else number
    return plain
