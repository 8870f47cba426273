"""Counts and sums of declared groups with ε-differential privacy.

Groups are declared and not found, since which groups there are tells of rows, too. Two tables are
neighbours if they have as many rows, and one person's rows differ: the number of rows is public.
A person counts in at most so many groups, once in each, so that changing one changes all counts
together by at most twice as many (the sensitivity in the L1 norm). Noise of the discrete Laplace
distribution with the scale sensitivity / ε makes that ε-differentially private (Dwork et al. 2006;
Ghosh, Roughgarden and Sundararajan 2009 for integers).
"""

from __future__ import annotations

import itertools
import secrets
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from dataframe_anonymisation.differential.discrete_laplace import discrete_laplace
from dataframe_anonymisation.errors import PolicyError
from dataframe_anonymisation.models.base import between, whole
from util_services.errors import quoted, quoted_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

MOST_GROUPS = 1_000_000
COUNT = "count"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum:
    """A sum of numbers that are moved into a range and rounded to multiples of a step.

    Args:
        lower: what smaller sums of a person count as.
        upper: what larger ones count as; a person without a number has the sum 0.
        step: noise and sums are multiples of it.
    """

    lower: float
    upper: float
    step: float = 1

    def __post_init__(self) -> None:
        """Refuse a range or a step that is none.

        Raises:
            PolicyError: naming it.
        """
        between("lower", self.lower, -1e15, 1e15)
        between("upper", self.upper, self.lower, 1e15)
        between("step", self.step, 0, 1e15, above_low=True)

    @property
    def largest(self) -> int:
        """How many steps one number is at most, of either sign."""
        return max(abs(self.steps(self.lower)), abs(self.steps(self.upper)), 1)

    def steps(self, number: float) -> int:
        """Return a number in whole steps, half ones to the even."""
        return round(Fraction(repr(float(number))) / Fraction(repr(float(self.step))))

    def of(self, numbers: np.ndarray) -> np.ndarray:
        """Return numbers in whole steps."""
        moved, places = np.unique(np.clip(numbers, self.lower, self.upper), return_inverse=True)
        return np.array([self.steps(number) for number in moved.tolist()], np.int64)[places]


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateCounts:
    """Which groups are counted, what is summed in them, and how much that may tell of a person.

    Args:
        groups: the values of each column that make groups, all their combinations.
        epsilon: the privacy budget of all counts and sums together; smaller tells less.
        sums: what is summed, by column.
        entity: a column that says whose rows these are; without one each row is a person's.
        max_groups: in how many groups a person counts at most; chosen at random where there are
            more.
        non_negative: whether counts below 0 are published as 0, which makes small ones too large.

    Raises:
        PolicyError: if it contradicts itself.
    """

    groups: Mapping[str, Sequence[str]]
    epsilon: float
    sums: Mapping[str, Sum] = field(default_factory=dict)
    entity: str | None = None
    max_groups: int = 1
    non_negative: bool = False

    def __post_init__(self) -> None:
        """Refuse what contradicts itself."""
        between("epsilon", self.epsilon, 0, 1e6, above_low=True)
        whole("max_groups", self.max_groups, 1)
        if not self.groups or not all(self.groups.values()):
            raise PolicyError("'groups' must name columns, and the values of each to be counted.")
        wrong = [
            isinstance(values, str) or not all(isinstance(value, str) for value in values)
            for values in self.groups.values()
        ]
        if any(wrong):
            raise PolicyError("'groups' must list the values of each column as texts, as ['1'].")
        double = [name for name, values in self.groups.items() if len(set(values)) < len(values)]
        if double:
            raise PolicyError(f"'groups' names a value of {quoted(double)} twice; name each once.")
        size = int(np.prod([float(len(values)) for values in self.groups.values()]))
        if size > MOST_GROUPS:
            raise PolicyError(
                f"'groups' makes {size} groups, more than {MOST_GROUPS}; name fewer values."
            )
        if self.entity is None and self.max_groups > 1:
            raise PolicyError("'max_groups' is about persons with several rows; name 'entity'.")
        named = [*self.groups, *self.sums, *([self.entity] if self.entity is not None else [])]
        clash = {name for name in named if named.count(name) > 1}
        if clash or COUNT in self.groups:
            raise PolicyError(
                f"{quoted_name(min(clash, default=COUNT))} has several meanings; name it once, and "
                f"call no group {COUNT!r}."
            )

    @property
    def columns(self) -> list[str]:
        """The columns that are needed."""
        return [*self.groups, *self.sums, *([self.entity] if self.entity is not None else [])]

    @property
    def share(self) -> Fraction:
        """The part of ε of the counts, and of each sum (sequential composition)."""
        return Fraction(repr(float(self.epsilon))) / (1 + len(self.sums))

    def scale(self, name: str | None = None) -> Fraction:
        """Return the scale of the noise of the counts, or of a sum in its steps."""
        largest = 1 if name is None else self.sums[name].largest
        return 2 * self.max_groups * largest / self.share


def counted_privately(
    asked: PrivateCounts,
    groups: np.ndarray,
    persons: np.ndarray | None,
    numbers: Mapping[str, np.ndarray],
    below: Callable[[int], int] = secrets.randbelow,
) -> pd.DataFrame:
    """Return a row for each declared group with its noisy count and sums.

    Args:
        asked: what is counted.
        groups: the declared group of each row in the order of `combinations`, -1 if it is in none.
        persons: the number of the person of each row; None if each row is one's.
        numbers: the numbers of each column that is summed.
        below: the source of randomness; anything but the default is for tests.
    """
    rows = np.flatnonzero(groups >= 0)
    owners = rows if persons is None else persons[rows]
    pairs, place = np.unique(
        np.stack([owners.astype(np.int64), groups[rows].astype(np.int64)]),
        axis=1,
        return_inverse=True,
    )
    kept = _few_of_each(pairs[0], asked.max_groups, below)
    combinations = list(itertools.product(*asked.groups.values()))
    found: dict[str, Any] = {
        name: pd.array([row[n] for row in combinations], dtype="str")
        for n, name in enumerate(asked.groups)
    }
    exact = np.bincount(pairs[1][kept], minlength=len(combinations))
    counts = _noisy(exact.tolist(), asked.scale(), below)
    found[COUNT] = np.maximum(counts, 0) if asked.non_negative else counts
    for name, of_rows in numbers.items():
        declared = asked.sums[name]
        known = np.nan_to_num(of_rows[rows], posinf=declared.upper, neginf=declared.lower)
        sums = np.bincount(place.ravel(), known, minlength=pairs.shape[1])
        steps = declared.of(sums)[kept]
        exact = np.bincount(pairs[1][kept], steps, minlength=len(combinations)).astype(np.int64)
        noisy = _noisy(exact.tolist(), asked.scale(name), below)
        found[f"sum of {name}"] = noisy * declared.step
    return pd.DataFrame(found)


def _few_of_each(persons: np.ndarray, most: int, below: Callable[[int], int]) -> np.ndarray:
    """Return places of which no person has more than so many, chosen at random."""
    random = np.random.default_rng(below(1 << 128))
    order = random.permutation(len(persons))
    order = order[np.argsort(persons[order], kind="stable")]
    ordered = persons[order]
    starts = np.searchsorted(ordered, ordered)
    return np.sort(order[np.arange(len(order)) - starts < most])


def _noisy(exact: Sequence[int], scale: Fraction, below: Callable[[int], int]) -> np.ndarray:
    return np.array([value + discrete_laplace(scale, below) for value in exact], np.int64)
