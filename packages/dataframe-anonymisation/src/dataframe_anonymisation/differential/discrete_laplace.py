"""Integers from the discrete Laplace distribution, exactly (Canonne, Kamath and Steinke 2020).

All arithmetic is on integers and fractions, so that nothing depends on how floating-point numbers
round (Mironov 2012). Algorithms 1 and 2 of "The Discrete Gaussian for Differential Privacy".
"""

from __future__ import annotations

import secrets
from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    Below = Callable[[int], int]  # a uniform integer from 0, below a bound


def discrete_laplace(scale: Fraction, below: Below = secrets.randbelow) -> int:
    """Return an integer y with a probability in proportion to exp(-|y| / scale).

    Args:
        scale: above 0.
        below: the source of randomness; by default that of the operating system.
    """
    s, t = scale.denominator, scale.numerator
    while True:
        rest = below(t)
        if not bernoulli_exp(Fraction(rest, t), below):
            continue
        whole = 0
        while bernoulli_exp(Fraction(1), below):
            whole += 1
        size = (rest + t * whole) // s
        is_negative = below(2) == 1
        if not (is_negative and size == 0):
            return -size if is_negative else size


def bernoulli_exp(gamma: Fraction, below: Below) -> bool:
    """Return True with the probability exp(-gamma), for gamma from 0 to 1."""
    trial = 1
    while below(gamma.denominator * trial) < gamma.numerator:
        trial += 1
    return trial % 2 == 1
