"""Hierarchies over numbers: intervals, rounding, bottom and top coding."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal, localcontext
from functools import cached_property
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

import numpy as np

from dataframe_anonymisation.errors import HierarchyError
from dataframe_anonymisation.hierarchies.hierarchy import RuleHierarchy, numbers_of
from dataframe_anonymisation.hierarchies.taxonomy import Label, Range, Taxonomy
from dataframe_anonymisation.values import canonical_number

if TYPE_CHECKING:
    from collections.abc import Sequence

HALF = Decimal("0.5")
EXACT = Context(prec=1000)  # more digits than any number has, with an exponent of hundreds


@dataclass(frozen=True)
class IntervalHierarchy(RuleHierarchy):
    """Intervals of growing widths; a value always lies in its label (AN-36).

    Bounds are computed as decimals, so that no value slips over one of them.
    """

    widths: tuple[float, ...]
    origin: float = 0
    closed: str = "left"
    bottom: float | None = None
    top: float | None = None
    outside: str = "class"

    def __post_init__(self) -> None:
        """Refuse widths that make no nested intervals.

        Raises:
            HierarchyError: naming the rule.
        """
        if not self.widths:
            raise HierarchyError("Intervals need 'widths', such as [5, 10, 20]; name them.")
        bounds = {"bottom": self.bottom, "top": self.top}
        for name, numbers in [("widths", self.widths), ("origin", [self.origin])] + [
            (name, [bound]) for name, bound in bounds.items() if bound is not None
        ]:
            if not all(map(_is_number, numbers)):
                raise HierarchyError(f"'{name}' of intervals must be finite numbers; correct it.")
        if self.bottom is not None and self.top is not None and self.bottom > self.top:
            raise HierarchyError("'bottom' of intervals must not be above 'top'; swap them.")
        if self.closed not in {"left", "right"}:
            raise HierarchyError("'closed' of intervals must be 'left' or 'right'.")
        if self.outside not in {"class", "error"}:
            raise HierarchyError("'outside' of intervals must be 'class' or 'error'.")
        if self._steps[0] <= 0 or any(b <= a or _rest(b, a) for a, b in self._pairs()):
            raise HierarchyError(
                "'widths' of intervals must be above 0, and each a multiple of the one before."
            )
        for name, bound in bounds.items():
            if bound is not None and _rest(
                EXACT.subtract(_exact(bound), _exact(self.origin)), self._steps[-1]
            ):
                raise HierarchyError(
                    f"'{name}' of intervals must be a bound of the widest interval: 'origin' and "
                    "a multiple of the last width; move one of the two."
                )

    @cached_property
    def _steps(self) -> tuple[Decimal, ...]:
        return tuple(map(_exact, self.widths))

    def _pairs(self) -> list[tuple[Decimal, Decimal]]:
        return list(zip(self._steps, self._steps[1:], strict=False))

    def depth(self) -> int:
        """Return the number of widths."""
        return len(self.widths)

    def labels(self, value: str) -> list[str] | None:
        """Return the intervals that a number lies in."""
        plain = canonical_number(value)
        if plain is None:
            return None
        number = Decimal(plain)
        beyond = self._beyond(number)
        if beyond is not None:
            return None if self.outside == "error" else [beyond] * self.depth()
        return [self._label(*self._bounds(number, width)) for width in self._steps]

    def over(self, column: str, values: Sequence[Label], *, is_numeric: bool = False) -> Taxonomy:
        """Return the taxonomy over numbers, in their order."""
        del is_numeric
        ranges: dict[Label, Range] = {}
        is_whole = all(v is None or "." not in v for v in values)
        for value in values:
            labels = None if value is None else self.labels(value)
            if value is None or labels is None:
                continue
            for label, width in zip(labels, self._steps, strict=True):
                if label not in ranges:
                    number = Decimal(canonical_number(value) or 0)
                    ranges[label] = self._range(number, width, is_whole=is_whole)
        return Taxonomy(column, self.rows(values), numbers=numbers_of(values), ranges=ranges)

    def _beyond(self, number: Decimal) -> str | None:
        is_left = self.closed == "left"
        if self.bottom is not None:
            bound = _exact(self.bottom)
            if number < bound or (number == bound and not is_left):
                return f"< {_plain(bound)}" if is_left else f"<= {_plain(bound)}"
        if self.top is not None:
            bound = _exact(self.top)
            if number > bound or (number == bound and is_left):
                return f">= {_plain(bound)}" if is_left else f"> {_plain(bound)}"
        return None

    def _bounds(self, number: Decimal, width: Decimal) -> tuple[Decimal, Decimal]:
        with localcontext(EXACT):
            origin = _exact(self.origin)
            steps = (number - origin) / width
            if self.closed == "left":
                lower = origin + steps.to_integral_value(ROUND_FLOOR) * width
                return lower, lower + width
            upper = origin + steps.to_integral_value(ROUND_CEILING) * width
            return upper - width, upper

    def _label(self, lower: Decimal, upper: Decimal) -> str:
        if self.closed == "left":
            return f"[{_plain(lower)}, {_plain(upper)})"
        return f"({_plain(lower)}, {_plain(upper)}]"

    def _range(self, number: Decimal, width: Decimal, *, is_whole: bool) -> Range:
        """Return what a label covers; among whole numbers ``[20, 30)`` means 20 to 29."""
        if self._beyond(number) is not None:
            if self.bottom is not None and number <= _exact(self.bottom):
                return Range(float("-inf"), self._last(_exact(self.bottom), is_whole=is_whole))
            return Range(float(self.top or 0), float("inf"))
        lower, upper = self._bounds(number, width)
        if not is_whole:
            return Range(float(lower), float(upper))
        return Range(self._last(lower, is_whole=True) + 1, self._last(upper, is_whole=True))

    def _last(self, bound: Decimal, *, is_whole: bool) -> float:
        """Return the last number before a bound, or the bound where it is no whole one."""
        if not is_whole:
            return float(bound)
        if self.closed == "left":
            return float(bound.to_integral_value(ROUND_CEILING)) - 1
        return float(bound.to_integral_value(ROUND_FLOOR))


class RoundingHierarchy(IntervalHierarchy):
    """Rounding to a base, halves up, and the result to the next base: nested by construction.

    A label is the interval of the values that round to the same number, for a value must lie in its
    label.
    """

    def _bounds(self, number: Decimal, width: Decimal) -> tuple[Decimal, Decimal]:
        steps = self._steps[: self._steps.index(width) + 1]
        rounded = number
        with localcontext(EXACT):
            for step in steps:
                rounded = _multiple(rounded / step + HALF, ROUND_FLOOR, step)
            return self._lower(rounded, steps), self._lower(rounded + width, steps)

    def _lower(self, rounded: Decimal, steps: tuple[Decimal, ...]) -> Decimal:
        """Return the smallest number that becomes ``rounded`` by these steps."""
        for coarse, fine in zip(steps[:0:-1], steps[-2::-1], strict=True):
            rounded = _multiple((rounded - coarse * HALF) / fine, ROUND_CEILING, fine)
        return rounded - steps[0] * HALF


def rounding(bases: Sequence[float]) -> IntervalHierarchy:
    """Return rounding to growing bases, each a multiple of the one before."""
    return RoundingHierarchy(tuple(bases))


def _multiple(steps: Decimal, rule: str, step: Decimal) -> Decimal:
    return steps.to_integral_value(rule) * step


def _is_number(number: Any) -> bool:
    is_real = isinstance(number, Real | Decimal) and not isinstance(number, bool | np.bool_)
    return is_real and math.isfinite(number)


def _exact(number: Any) -> Decimal:
    """Return a number as it is written, whatever type it is of."""
    if isinstance(number, Decimal):
        return number
    return Decimal(int(number) if isinstance(number, Integral) else repr(float(number)))


def _rest(number: Decimal, step: Decimal) -> Decimal:
    return EXACT.remainder(number, step)


def _plain(number: Decimal) -> str:
    return canonical_number(str(number)) or str(number)
