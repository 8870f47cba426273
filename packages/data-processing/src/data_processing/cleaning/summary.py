"""Exact statistics of columns, of all rows and of groups, as one fold for all of them.

Sums, means and deviations are those of `exact`, quantiles those of `selection`: they depend neither
on the order of rows nor on batches, threads or the engine. Missing and infinite values and NaN have
no part in them.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from data_processing.cleaning import exact, selection
from data_processing.cleaning.arrays import array_of
from data_processing.cleaning.groups import Grouping, Key
from util_services.engines.stage_fits import Fold, Groups

if TYPE_CHECKING:
    import pandas as pd

    from data_processing.cleaning.numbers import Measure

Numbers = np.ndarray[Any, Any]
Told = tuple[Any, ...]  # the key of a group as JSON has it
Quantiles = dict[Fraction, Fraction]  # by their shares

HALF = Fraction(1, 2)
GREATEST = np.finfo(np.float64).max
DOUBLED = 1 << 61  # twice a smaller number, and the difference of two such, are of 64 bits


@dataclass(frozen=True, slots=True)
class Ask:
    """What is asked of a column.

    Attributes:
        column: its name.
        measure: how its values are numbers.
        grouping: what makes groups.
        moments: 1 for the sum, 2 for that of squares too.
        shares: of which quantiles are wanted.
        deviation: whether the median of absolute deviations from the median is wanted.
    """

    column: str
    measure: Measure
    grouping: Grouping = field(default_factory=Grouping)
    moments: Literal[0, 1, 2] = 0
    shares: tuple[Fraction, ...] = ()
    deviation: bool = False

    def numbers(self, batch: pd.DataFrame, codes: Numbers) -> tuple[Numbers, Numbers]:
        """Return the numbers of a batch, in units, and the codes of their rows."""
        array = array_of(batch[self.column])
        if array.null_count:
            present = array.is_valid().to_numpy(zero_copy_only=False)
            array, codes = array.drop_null(), codes[present]
        values = self.measure.numbers(array)
        if values.dtype.kind == "f":
            finite = np.isfinite(values)
            if not finite.all():
                values, codes = values[finite], codes[finite]
        return values, codes


@dataclass(slots=True)
class Summary:
    """What is known of the numbers of a group, in units of their measure.

    Attributes:
        count: how many there are.
        total: their sum.
        squared: the sum of their squares.
        quantiles: by their shares.
        deviation: the median of absolute deviations from the median.
    """

    count: int = 0
    total: Fraction = Fraction(0)
    squared: Fraction = Fraction(0)
    quantiles: Quantiles = field(default_factory=dict)
    deviation: Fraction = Fraction(0)

    @property
    def mean(self) -> Fraction:
        """The mean; there must be numbers."""
        return self.total / self.count

    @property
    def variance(self) -> Fraction:
        """The variance, with one degree of freedom less than there are numbers; 0 of a single."""
        if self.count < 2:
            return Fraction(0)
        return exact.variance(self.count, self.total, self.squared)


Finish = Callable[[Sequence[Mapping[Key, Summary]]], Groups]
Passes = Generator["_Tasks", Sequence[Any], Any]  # yields a pass and is sent what batches told


def summaries(asks: Sequence[Ask], finish: Finish) -> Fold:
    """Return the fold that works out what is asked, and makes a state of it.

    It takes one pass for sums, two for quantiles, and four for deviations from the median.

    Args:
        asks: what is asked.
        finish: gets the summaries by groups for each ask, and returns the state. Groups are those
            of all rows, and may be of no numbers; without a grouping there is the one of the key
            ``()``, or none where there are no rows.
    """

    def begun() -> tuple[Passes, _Tasks]:
        passes = _summarised(asks, finish)
        return passes, next(passes)

    return Fold(begun()[1], lambda told: _continued(begun()[0], told))


def _continued(passes: Passes, told: Sequence[Any]) -> Groups | Fold:
    """Return what passes end with, or the next of them."""
    try:
        tasks = passes.send(told)
    except StopIteration as end:
        found: Groups = end.value
        return found
    return Fold(tasks, partial(_continued, passes))


def _summarised(asks: Sequence[Ask], finish: Finish) -> Passes:
    described = yield from _described(
        [_Describe(ask, is_sampled=bool(ask.shares) or ask.deviation) for ask in asks]
    )
    shares = [(*ask.shares, HALF) if ask.deviation else ask.shares for ask in asks]
    quantiles = yield from _selected(
        [_Search(*one) for one in zip(asks, described, shares, strict=True)]
    )
    deviations = yield from _deviations(asks, quantiles)
    found = []
    for number, ask in enumerate(asks):
        found.append(
            {
                ask.grouping.key(told): Summary(
                    one.count,
                    exact.fraction(one.total),
                    exact.fraction(one.squared),
                    quantiles[number].get(told, {}),
                    deviations.get(number, {}).get(told, Fraction(0)),
                )
                for told, one in described[number].items()
            }
        )
    return finish(found)


def _deviations(asks: Sequence[Ask], quantiles: Sequence[Mapping[Told, Quantiles]]) -> Passes:
    """Return the median deviations of groups, by the numbers of the asks that want them."""
    wanted = [number for number, ask in enumerate(asks) if ask.deviation]
    if not wanted:
        return {}
    tasks = [
        _Describe(
            asks[number],
            _Centres.of(asks[number].measure, {k: q[HALF] for k, q in quantiles[number].items()}),
            is_sampled=True,
        )
        for number in wanted
    ]
    described = yield from _described(tasks)
    found = yield from _selected(
        [
            _Search(task.ask, groups, (HALF,), task.centres)
            for task, groups in zip(tasks, described, strict=True)
        ]
    )
    return {
        number: {
            told: medians[HALF] / _Centres.scale(asks[number].measure)
            for told, medians in groups.items()
        }
        for number, groups in zip(wanted, found, strict=True)
    }


def _described(tasks: Sequence[_Describe]) -> Passes:
    """Return the groups of each task, by their keys."""
    told = yield _Tasks(tuple(tasks))
    found: list[dict[Told, _Group]] = [{} for _ in tasks]
    for batch in told:
        for groups, task, summary in zip(found, tasks, batch, strict=True):
            task.add(groups, summary)
    return found


def _selected(searches: Sequence[_Search]) -> Passes:
    """Return the quantiles that are looked for, by the keys of groups that have numbers.

    Samples that hold all values need no further pass.
    """
    tasks = {n: _Keep.of(search) for n, search in enumerate(searches)}
    pending = {n: task for n, task in tasks.items() if task.intervals}
    found = [search.known() for search in searches]
    if pending:
        told = yield _Tasks(tuple(pending.values()))
        for position, (n, task) in enumerate(pending.items()):
            found[n] |= searches[n].told(task, [batch[position] for batch in told])
    return found


@dataclass(slots=True)
class _Group:
    """What batches have told of a group's numbers."""

    count: int = 0
    total: exact.Dyadic = exact.ZERO
    squared: exact.Dyadic = exact.ZERO
    sample: selection.Sample = field(default_factory=selection.Sample)


@dataclass(frozen=True, slots=True)
class _Centres:
    """The medians that deviations are taken from.

    Whole numbers are doubled, since a median may lie in the middle of two, so that differences are
    exact. Those of floats are doubles; one beyond all doubles counts as the greatest.
    """

    by_key: Mapping[Told, selection.Number]

    @classmethod
    def of(cls, measure: Measure, medians: Mapping[Told, Fraction]) -> _Centres:
        if measure.is_float:
            return cls({told: exact.nearest(one) for told, one in medians.items()})
        return cls({told: int(2 * one) for told, one in medians.items()})

    @staticmethod
    def scale(measure: Measure) -> Fraction:
        """Return what 1 of a deviation is in these numbers."""
        return Fraction(1) if measure.is_float else Fraction(2)

    def deviations(self, values: Numbers, codes: Numbers, keys: Sequence[Told]) -> Numbers:
        centres = selection.array_of(self.by_key.get(key, 0) for key in keys)
        if values.dtype.kind == "f":
            with np.errstate(over="ignore"):
                differences = np.abs(values - centres.astype(np.float64)[codes])
            return np.minimum(differences, GREATEST)
        is_wide = any(
            len(part) and (part.max() >= bound or part.min() <= -bound)
            for part, bound in ((values, DOUBLED), (centres, 2 * DOUBLED))
        )
        if is_wide:
            values, centres = values.astype(object), centres.astype(object)
        return np.asarray(np.abs(2 * values - centres[codes]))


@dataclass(frozen=True, slots=True)
class _Describe:
    """The first look at a column: counts, sums and samples of its groups."""

    ask: Ask
    centres: _Centres | None = None
    is_sampled: bool = False

    def __call__(self, batch: pd.DataFrame, codes: Numbers, keys: Sequence[Told]) -> dict[str, Any]:
        values, of = self.ask.numbers(batch, codes)
        if self.centres is not None:
            values = self.centres.deviations(values, of, keys)
        groups = len(keys)
        told: dict[str, Any] = {
            "keys": keys,
            "counts": np.bincount(of, minlength=groups).tolist(),
        }
        if self.ask.moments:
            told["sums"] = exact.sums(values, of, groups)
        if self.ask.moments == 2:
            told["squares"] = exact.squares(values, of, groups)
        if self.is_sampled:
            told["sample"] = selection.sampled(values, of, groups)
        return told

    def add(self, groups: dict[Told, _Group], told: Mapping[str, Any]) -> None:
        """Add what a batch has told."""
        found = [groups.setdefault(tuple(key), _Group()) for key in told["keys"]]
        for group, count in zip(found, told["counts"], strict=True):
            group.count += count
        for group, total in zip(found, told.get("sums", ()), strict=False):
            group.total = exact.added(group.total, total)
        for group, total in zip(found, told.get("squares", ()), strict=False):
            group.squared = exact.added(group.squared, total)
        if self.is_sampled:
            for group, ranks, values in _parts(found, told["sample"], "ranks", "values"):
                group.sample.add(ranks, values)


@dataclass(frozen=True, slots=True)
class _Search:
    """Quantiles that are looked for, of a column's numbers or of their deviations."""

    ask: Ask
    groups: Mapping[Told, _Group]
    shares: tuple[Fraction, ...]
    centres: _Centres | None = None

    def known(self) -> dict[Told, Quantiles]:
        """Return the quantiles of groups whose samples hold all values."""
        return {
            told: self._quantiles(group, [group.sample.ordered()] * len(self.shares))
            for told, group in self.groups.items()
            if group.count and not group.sample.slack
        }

    def intervals(self) -> dict[Told, list[selection.Interval]]:
        """Return where the quantiles of the other groups lie."""
        found = {}
        for told, group in self.groups.items():
            if self.shares and group.sample.slack:
                ordered = group.sample.ordered()
                ranks = [selection.ranks(share, group.count) for share in self.shares]
                found[told] = [ordered.around(first, last) for first, last in ranks]
        return found

    def told(self, task: _Keep, batches: Sequence[Any]) -> dict[Told, Quantiles]:
        """Return the quantiles that batches have told."""
        found = {told: [selection.Kept() for _ in self.shares] for told in task.intervals}
        for batch in batches:
            groups = [found.get(tuple(key)) for key in batch["keys"]]
            for place, part in enumerate(batch["kept"]):
                for (kept, values, counts), below in zip(
                    _parts(groups, part, "values", "counts"), part["below"], strict=True
                ):
                    if kept is not None:
                        kept[place].add(below, values, counts)
        return {
            told: self._quantiles(self.groups[told], [one.ordered() for one in kept])
            for told, kept in found.items()
        }

    def _quantiles(self, group: _Group, ordered: Sequence[selection.Ordered]) -> Quantiles:
        return {
            share: selection.quantile(share, group.count, values.at)
            for share, values in zip(self.shares, ordered, strict=True)
        }


@dataclass(frozen=True, slots=True)
class _Keep:
    """The second look at a column: what lies in the intervals of its groups."""

    ask: Ask
    centres: _Centres | None
    intervals: Mapping[Told, Sequence[selection.Interval]]

    @classmethod
    def of(cls, search: _Search) -> _Keep:
        return cls(search.ask, search.centres, search.intervals())

    def __call__(self, batch: pd.DataFrame, codes: Numbers, keys: Sequence[Told]) -> dict[str, Any]:
        values, of = self.ask.numbers(batch, codes)
        if self.centres is not None:
            values = self.centres.deviations(values, of, keys)
        wanted = [self.intervals.get(key) for key in keys]
        places = len(next(iter(self.intervals.values())))
        return {
            "keys": keys,
            "kept": [
                selection.kept(values, of, [None if one is None else one[place] for one in wanted])
                for place in range(places)
            ],
        }


@dataclass(frozen=True, slots=True)
class _Tasks:
    """A pass: what all tasks tell of a batch."""

    tasks: tuple[_Describe | _Keep, ...]

    def __call__(self, batch: pd.DataFrame) -> list[dict[str, Any]]:
        """Return what the tasks tell; each grouping is worked out once."""
        groupings = dict.fromkeys(task.ask.grouping for task in self.tasks)
        encoded = {grouping: grouping.encoded(batch) for grouping in groupings}
        return [task(batch, *encoded[task.ask.grouping]) for task in self.tasks]


def _parts(
    groups: Sequence[Any], told: Mapping[str, Any], one: str, other: str
) -> Iterator[tuple[Any, list[Any], list[Any]]]:
    """Yield each group with its part of two lists."""
    start = 0
    for group, size in zip(groups, told["sizes"], strict=True):
        stop = start + size
        yield group, told[one][start:stop], told[other][start:stop]
        start = stop
