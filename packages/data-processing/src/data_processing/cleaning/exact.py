"""Exactly rounded sums: equal for any order of rows, batch size, number of threads and engine.

The doubles of a batch are split into parts, of which each is a whole number of one power of two, so
that plain sums of these parts round nothing (Rump, Ogita and Oishi, Accurate floating-point
summation part I: faithful rounding, 2008, algorithm 3.2). A square is a double and its error, which
is a double as well (Veltkamp's splitting and Dekker's product, 1971). What is left of a batch are a
few Python integers. Nothing is rounded before the end: a mean is the double nearest to the quotient
of the exact sum, and a deviation the one nearest to the root of the exact variance.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Numbers = np.ndarray[Any, Any]  # float64 without infinities and NaN, int64, or Python's integers
Codes = np.ndarray[Any, Any]  # the group of each number, from 0
Dyadic = tuple[int, int]  # (m, e) stands for m * 2**e
Part = tuple[Numbers, int]  # of sums by groups: whole numbers, and the exponent of their unit

ZERO: Dyadic = (0, 0)
EXACT_BITS = 53  # whole numbers up to 2**53 are exact in a double
ROOT_BITS = 64  # of a root before it is rounded to 53
CHUNK_BITS, GROUPED_BITS = 15, 17  # of the number of rows at a time: caches hold them, or groups
SPLITTER = 2.0**27 + 1  # Veltkamp's, for two halves of 26 bits
FAR, SHIFT = 2.0**400, 600  # beyond FAR, or below its inverse, squares are taken of shifted numbers
LARGE, LARGE_SHIFT = 2.0**900, 200  # beyond LARGE, sums are taken of shifted numbers


def sums(values: Numbers, codes: Codes, groups: int) -> list[Dyadic]:
    """Return the exact sum of the values of each group."""
    match values.dtype.kind:
        case "f":
            return _added_up(_sums(values, codes, groups), groups)
        case "i":
            halves = ((values >> 32, 32), (values & 0xFFFFFFFF, 0))
            return _added_up(_whole_sums(halves, codes, groups), groups)
    return _integer_sums(values, codes, groups)


def squares(values: Numbers, codes: Codes, groups: int) -> list[Dyadic]:
    """Return the exact sum of the squares of the values of each group."""
    if values.dtype.kind == "f" or _fits_double(values):
        return _added_up(_squares(values.astype(np.float64), codes, groups), groups)
    return _integer_sums(values.astype(object) ** 2, codes, groups)


def added(one: Dyadic, other: Dyadic) -> Dyadic:
    """Return the sum of two exact numbers."""
    (m, e), (n, f) = one, other
    return (m + (n << (f - e)), e) if e <= f else ((m << (e - f)) + n, f)


def fraction(number: Dyadic) -> Fraction:
    """Return an exact number as a fraction."""
    mantissa, exponent = number
    return Fraction(mantissa << exponent) if exponent >= 0 else Fraction(mantissa, 1 << -exponent)


def variance(count: int, total: Fraction, squared: Fraction) -> Fraction:
    """Return the variance of a sample, with ``count - 1`` degrees of freedom.

    Args:
        count: how many values there are, at least 2.
        total: their sum.
        squared: the sum of their squares.
    """
    return (count * squared - total * total) / (count * (count - 1))


def nearest(number: Fraction) -> float:
    """Return the double nearest to a fraction, ties to even; an infinity beyond all doubles."""
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf


def root(number: Fraction) -> float:
    """Return the double nearest to the root of a fraction that is not negative."""
    if number == 0:
        return 0.0
    above, below = number.numerator, number.denominator
    shift = max(0, ROOT_BITS - (above.bit_length() - below.bit_length()) // 2)
    scaled, rest = divmod(above << (2 * shift), below)
    whole = math.isqrt(scaled)
    if rest or whole * whole != scaled:
        whole |= 1  # rounded to odd, so that the next rounding is the only one that counts
    return nearest(Fraction(whole, 1 << shift))


def _sums(values: Numbers, codes: Codes, groups: int, shift: int = 0) -> Iterator[Part]:
    """Yield parts of the sums of doubles, in units multiplied by a power of two."""
    if len(values) and max(values.max(), -values.min()) >= LARGE:
        is_large = np.abs(values) >= LARGE
        large = np.ldexp(values[is_large], -LARGE_SHIFT)
        yield from _sums(large, codes[is_large], groups, shift + LARGE_SHIFT)
        values, codes = values[~is_large], codes[~is_large]
    bits = CHUNK_BITS if groups == 1 else GROUPED_BITS
    for start in range(0, len(values), 1 << bits):
        part = slice(start, start + (1 << bits))
        yield from _split_sums(values[part], codes[part], groups, bits + 1, shift)


def _split_sums(
    values: Numbers, codes: Codes, groups: int, bits: int, shift: int
) -> Iterator[Part]:
    """Yield parts of the sums of fewer than ``2**bits - 1`` doubles."""
    rest = values
    while (largest := max(rest.max(), -rest.min())) > 0:
        power = int(np.frexp(largest)[1]) + bits
        sigma = np.ldexp(1.0, power)
        high = (rest + sigma) - sigma  # a whole number of units of 2**(power - 53)
        rest = rest - high
        total = _group_sums(high, codes, groups)
        unit = power - EXACT_BITS
        yield np.ldexp(total, -unit).astype(np.int64), unit + shift


def _squares(values: Numbers, codes: Codes, groups: int) -> Iterator[Part]:
    """Yield parts of the sums of squares of doubles, each a product and its error."""
    sizes = np.abs(values)
    is_large, is_small = sizes > FAR, (sizes < 1 / FAR) & (values != 0)
    is_far = is_large | is_small
    if not is_far.any():
        yield from _products(values, codes, groups, 0)
        return
    for chosen, shift in ((~is_far, 0), (is_large, -SHIFT), (is_small, SHIFT)):
        numbers = np.ldexp(values[chosen], shift)
        yield from _products(numbers, codes[chosen], groups, -2 * shift)


def _products(values: Numbers, codes: Codes, groups: int, shift: int) -> Iterator[Part]:
    """Yield parts of the sums of squares whose errors are doubles."""
    rows = 1 << (CHUNK_BITS if groups == 1 else GROUPED_BITS)
    for start in range(0, len(values), rows):
        numbers, of = values[start : start + rows], codes[start : start + rows]
        products = numbers * numbers
        scaled = SPLITTER * numbers
        high = scaled - (scaled - numbers)
        low = numbers - high
        errors = ((high * high - products) + 2 * high * low) + low * low
        for part in (products, errors):
            yield from _sums(part, of, groups, shift)


def _whole_sums(halves: Iterable[tuple[Numbers, int]], codes: Codes, groups: int) -> Iterator[Part]:
    """Yield parts of the sums of whole numbers of up to 33 bits."""
    rows = 1 << GROUPED_BITS  # so few that no sum is beyond 53 bits
    for values, unit in halves:
        for start in range(0, len(values), rows):
            part = values[start : start + rows].astype(np.float64)
            total = _group_sums(part, codes[start : start + rows], groups)
            yield total.astype(np.int64), unit


def _group_sums(values: Numbers, codes: Codes, groups: int) -> Numbers:
    if groups == 1:
        return np.array([values.sum()])
    return np.bincount(codes, weights=values, minlength=groups)


def _added_up(parts: Iterable[Part], groups: int) -> list[Dyadic]:
    """Return sums by groups from their parts."""
    known = list(parts)
    least = min((unit for _, unit in known), default=0)
    totals = [0] * groups
    for numbers, unit in known:
        present = np.flatnonzero(numbers)
        shift = unit - least
        for group, number in zip(present.tolist(), numbers[present].tolist(), strict=True):
            totals[group] += number << shift
    return [_reduced(total, least) for total in totals]


def _integer_sums(values: Numbers, codes: Codes, groups: int) -> list[Dyadic]:
    totals = [0] * groups
    for group, value in zip(codes.tolist(), values.tolist(), strict=True):
        totals[group] += value
    return [_reduced(total, 0) for total in totals]


def _reduced(total: int, unit: int) -> Dyadic:
    """Return an exact number as the smallest whole number that there is."""
    if total == 0:
        return ZERO
    zeros = (total & -total).bit_length() - 1
    return total >> zeros, unit + zeros


def _fits_double(values: Numbers) -> bool:
    bound = 1 << EXACT_BITS
    return len(values) == 0 or bool(values.max() <= bound and values.min() >= -bound)
