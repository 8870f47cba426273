"""Metrics of snapshots side by side, and which snapshot is the best by one of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from util_services.errors import quoted
from workspace_core.errors import ConfigurationError
from workspace_core.sharing.history import ASIDE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from workspace_core.workspace import SnapshotMetadata

SEPARATOR = "."  # between the names of metrics within metrics
# The last word of a metric tells whether less of it is better; scikit-learn negates some (neg_).
LESS_IS_BETTER = re.compile(
    r"(?!.*\bneg_)(.*[._-])?(loss|errors?|mse|rmse|mae|mape|msle|rmsle|brier|perplexity)", re.I
)


@dataclass(frozen=True, slots=True)
class Entry:
    """A snapshot with metrics; `values` has those within metrics under names such as ``a.b``."""

    number: int
    hashval: str
    tags: tuple[str, ...]
    timestamp: str
    message: str
    values: Mapping[str, Any]

    @property
    def label(self) -> str:
        """What the snapshot is called in drawings: its first tag, else its number."""
        return self.tags[0] if self.tags else f"{self.number:03d}"

    def number_of(self, name: str) -> float | None:
        """Return a metric that is a number, None for one that is none or is not there."""
        value = self.values.get(name)
        return value if isinstance(value, int | float) and not isinstance(value, bool) else None

    def to_dict(self) -> dict[str, Any]:
        """Return the snapshot as plain data."""
        return {
            "snapshot_number": self.number,
            "hash": self.hashval,
            "tags": list(self.tags),
            "timestamp": self.timestamp,
            "message": self.message,
            "metrics": dict(self.values),
        }


@dataclass(frozen=True, slots=True)
class Best:
    """The snapshot that is the best by a metric, the first of equals."""

    entry: Entry
    name: str
    value: float
    is_lowest: bool
    compared: int  # how many snapshots have the metric

    def to_dict(self) -> dict[str, Any]:
        """Return the snapshot as plain data."""
        return {
            "metric": self.name,
            "value": self.value,
            "is_lowest": self.is_lowest,
            "compared": self.compared,
            "snapshot": self.entry.to_dict(),
        }


@dataclass(frozen=True, slots=True)
class Comparison:
    """Snapshots with metrics, the oldest first.

    Args:
        entries: the snapshots.
        names: the metrics that are shown, as columns.
        lower: those of all metrics of which less is better, as told; others go by their names.
        higher: those of which more is better, as told.
        baseline: the snapshot that the others are compared with.
    """

    entries: tuple[Entry, ...]
    names: tuple[str, ...] = ()
    lower: frozenset[str] = field(default=frozenset())
    higher: frozenset[str] = field(default=frozenset())
    baseline: Entry | None = None

    def reversed(self) -> Comparison:
        """Return the same with the newest snapshot first."""
        return replace(self, entries=self.entries[::-1])

    def is_lower_better(self, name: str) -> bool:
        """Return whether less of a metric is better: as told, else by its name."""
        if name in self.lower or name in self.higher:
            return name in self.lower
        return LESS_IS_BETTER.fullmatch(name) is not None

    def numbers(self, name: str) -> list[tuple[int, float]]:
        """Return the places of entries and their numbers, of those that have the metric."""
        found = ((place, one.number_of(name)) for place, one in enumerate(self.entries))
        return [(place, value) for place, value in found if value is not None]

    def best(self, name: str, *, lowest: bool | None = None) -> Best:
        """Return the snapshot that is the best by a metric.

        Args:
            name: the metric.
            lowest: whether less is better; by default as told, else by its name.

        Raises:
            ConfigurationError: if no snapshot has such a metric as a number.
        """
        numbers = self.numbers(name)
        if not numbers:
            known = numeric_names(self.entries)
            has = f"there are {quoted(known)}" if known else "no snapshot has metrics"
            raise ConfigurationError(f"No snapshot has the metric '{name[:80]}'; {has}.")
        is_lowest = self.is_lower_better(name) if lowest is None else lowest
        chosen = (min if is_lowest else max)(value for _, value in numbers)
        equals = [self.entries[place] for place, value in numbers if value == chosen]
        first = min(equals, key=lambda one: one.number)
        return Best(first, name, chosen, is_lowest, len(numbers))

    def goodness(self, name: str, place: int) -> float | None:
        """Return how good a number is among all of its metric, from 0 to 1; None if it is none."""
        numbers = dict(self.numbers(name))
        if place not in numbers:
            return None
        low, high = min(numbers.values()), max(numbers.values())
        if low == high:
            return 0.5
        share = (numbers[place] - low) / (high - low)
        return 1 - share if self.is_lower_better(name) else share

    def against_baseline(self, name: str, place: int) -> float | None:
        """Return by how much a number is better than that of the baseline; worse is below zero."""
        value = self.entries[place].number_of(name)
        base = None if self.baseline is None else self.baseline.number_of(name)
        if value is None or base is None:
            return None
        return base - value if self.is_lower_better(name) else value - base


def entries_of(snapshots: Iterable[SnapshotMetadata], *, every: bool = False) -> tuple[Entry, ...]:
    """Return the snapshots that have metrics, in their order; rescue snapshots are left out.

    Args:
        snapshots: the snapshots.
        every: also those without metrics.
    """
    return tuple(
        Entry(
            one.snapshot_number,
            one.hashval,
            one.tags,
            one.timestamp,
            one.message,
            dict(_flat(one.metrics or {})),
        )
        for one in snapshots
        if (every or one.metrics) and not one.more.get(ASIDE)
    )


def numeric_names(entries: Iterable[Entry]) -> list[str]:
    """Return the metrics that some snapshot has as a number, in the order of their appearance."""
    found: dict[str, None] = {}
    for one in entries:
        found |= {name: None for name in one.values if one.number_of(name) is not None}
    return list(found)


def main_names(entries: Iterable[Entry]) -> list[str]:
    """Return the metrics that say most: those that are not within others, else all numbers."""
    names = numeric_names(entries)
    return [name for name in names if SEPARATOR not in name] or names


def chosen_names(entries: Sequence[Entry], asked: Sequence[str]) -> tuple[str, ...]:
    """Return the metrics that are asked for, with all within them; the main ones if none are.

    Raises:
        ConfigurationError: if no snapshot has one of them.
    """
    known: dict[str, None] = {}
    for one in entries:
        known |= dict.fromkeys(one.values)
    if not asked:
        return tuple(main_names(entries))
    found: dict[str, None] = {}
    for name in asked:
        within = [one for one in known if one == name or one.startswith(f"{name}{SEPARATOR}")]
        if not within:
            has = f"there are {quoted(list(known))}" if known else "no snapshot has metrics"
            raise ConfigurationError(f"No snapshot has the metric '{name[:80]}'; {has}.")
        found |= dict.fromkeys(within)
    return tuple(found)


def shown_value(value: Any) -> str:
    """Return a metric for people: of numbers four digits, or all of a whole one."""
    if isinstance(value, float):
        return f"{value:.4g}"
    if value is None:
        return ""
    text = str(value)
    return text if len(text) <= MOST_LETTERS else f"{text[: MOST_LETTERS - 1]}…"


MOST_LETTERS = 30


def _flat(metrics: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in metrics.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{before}{name}{SEPARATOR}")
        else:
            yield f"{before}{name}", value
