"""What a report says of counts with differential privacy; nothing that was counted exactly."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fractions import Fraction

    from dataframe_anonymisation.differential.counts import PrivateCounts

LIMITS = (
    "Every further table of these people adds to the privacy budget: the ε of all of them add up.",
    "The number of rows is public, and so are the groups that were asked for.",
    "What is true of many people can be learnt whether somebody is among them or not.",
    "Nothing here is a legal verdict on whether the data are anonymous.",
)


def facts_of(asked: PrivateCounts) -> dict[str, Any]:
    """Return the guarantee, and the error that its noise makes."""
    measures = {"count": _noise(asked.scale(), 1)}
    for name, declared in asked.sums.items():
        measures[f"sum of {name}"] = _noise(asked.scale(name), declared.step)
    return {
        "guarantee": "ε-differential privacy",
        "techniques": ["noise addition"],
        "neighbours": "tables of as many rows in which one person's rows differ",
        "mechanism": "discrete Laplace noise (Canonne, Kamath and Steinke 2020)",
        "epsilon": asked.epsilon,
        "delta": 0.0,
        "epsilon_of_each_measure": float(asked.share),
        "person": "each row" if asked.entity is None else "by the entity column",
        "max_groups_of_a_person": asked.max_groups,
        "groups": math.prod(map(len, asked.groups.values())),
        "noise": measures,
        "negative_counts": "published as 0" if asked.non_negative else "published as they are",
    }


def _noise(scale: Fraction, step: float) -> dict[str, float]:
    """Return the mean size of the noise, and what 95 % of it stay within, in units of the column.

    With q = exp(-1 / scale), |y| is above n with the probability 2 q^(n+1) / (1 + q).
    """
    q = math.exp(-1 / scale)
    mean = 2 * q / (1 - q * q) if q < 1 else float(scale)
    within = max(0, math.ceil(math.log(0.05 * (1 + q) / 2) / math.log(q) - 1)) if q > 0 else 0
    return {
        "scale": float(scale) * step,
        "mean_error": round(mean * step, 4),
        "error_of_95_percent": within * step,
    }
