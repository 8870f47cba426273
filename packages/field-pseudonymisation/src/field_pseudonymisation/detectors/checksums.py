"""Check digits, as their standards define them; all take digits or letters without separators."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)


def luhn(digits: str) -> bool:
    """Return whether the last digit fits by the Luhn algorithm (ISO/IEC 7812-1, annex B)."""
    total = sum(map(int, digits[-1::-2]))
    return (total + sum(DOUBLED[int(digit)] for digit in digits[-2::-2])) % 10 == 0


def mod_97(text: str) -> bool:
    """Return whether letters and digits leave 1 by ISO/IEC 7064, MOD 97-10."""
    return int("".join(str(int(one, 36)) for one in text)) % 97 == 1


def mod_11_10(digits: str) -> bool:
    """Return whether the last digit fits by ISO/IEC 7064, MOD 11,10."""
    rest = 10
    for digit in digits[:-1]:
        rest = (rest + int(digit)) % 10 or 10
        rest = rest * 2 % 11
    return (rest + int(digits[-1])) % 10 == 1


def weighted(digits: Iterable[str], weights: Sequence[int]) -> int:
    """Return the sum of digits, each times its weight."""
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=True))
