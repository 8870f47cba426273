"""Hierarchies over dates: the periods of the calendar."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dataframe_anonymisation.errors import HierarchyError
from dataframe_anonymisation.hierarchies.hierarchy import RuleHierarchy
from dataframe_anonymisation.hierarchies.taxonomy import Label, Range, Taxonomy

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

PERIODS: dict[str, Callable[[dt.date], str]] = {
    "day": lambda date: date.isoformat(),
    "month": lambda date: f"{date.year:04}-{date.month:02}",
    "quarter": lambda date: f"{date.year:04}-Q{(date.month + 2) // 3}",
    "year": lambda date: f"{date.year:04}",
    "decade": lambda date: f"{date.year // 10 * 10:04}-{date.year // 10 * 10 + 9:04}",
}
SECONDS_A_DAY = 86_400


def _days(year: int, month: int, months: int) -> tuple[int, int]:
    """Return the first day of a period of months, and the first day after it."""
    end = (year * 12 + month - 1 + months) // 12, (month - 1 + months) % 12 + 1
    after = dt.date(*end, 1).toordinal() if end[0] <= dt.MAXYEAR else dt.date.max.toordinal() + 1
    return dt.date(max(year, 1), month, 1).toordinal() - 1, after - 1


FIRST: dict[str, Callable[[dt.date], tuple[int, int]]] = {
    "day": lambda date: (date.toordinal() - 1, date.toordinal()),
    "month": lambda date: _days(date.year, date.month, 1),
    "quarter": lambda date: _days(date.year, (date.month - 1) // 3 * 3 + 1, 3),
    "year": lambda date: _days(date.year, 1, 12),
    "decade": lambda date: _days(date.year // 10 * 10, 1, 120),
}


@dataclass(frozen=True, slots=True)
class DateHierarchy(RuleHierarchy):
    """Periods of ISO 8601 dates and times, from short ones to long ones."""

    levels: tuple[str, ...]

    def __post_init__(self) -> None:
        """Refuse periods that do not nest.

        Raises:
            HierarchyError: naming what is accepted.
        """
        places = [[*PERIODS].index(level) if level in PERIODS else -1 for level in self.levels]
        if not places or -1 in places or places != sorted(set(places)):
            raise HierarchyError(
                f"'levels' of dates must be some of {', '.join(PERIODS)}, in this order."
            )

    def depth(self) -> int:
        """Return the number of periods."""
        return len(self.levels)

    def labels(self, value: str) -> list[str] | None:
        """Return the periods that a date lies in."""
        moment = _moment(value)
        return None if moment is None else [PERIODS[level](moment.date()) for level in self.levels]

    def over(self, column: str, values: Sequence[Label], *, is_numeric: bool = False) -> Taxonomy:
        """Return the taxonomy over dates in the order of time."""
        del is_numeric
        moments = {value: None if value is None else _moment(value) for value in values}
        is_known = all(value is None or moment is not None for value, moment in moments.items())
        numbers = {
            value: float("inf") if moment is None else _seconds(moment) / SECONDS_A_DAY
            for value, moment in moments.items()
        }
        rows = self.rows(values)
        if self.levels[0] == "day" and all(
            v is None or len(v) == len("2000-01-01") for v in values
        ):
            rows = [[row[0], *row[2:]] for row in rows]  # the values are days themselves
        if not is_known:
            return Taxonomy(column, rows)
        return Taxonomy(column, rows, numbers=numbers, ranges=self._ranges(moments))

    def _ranges(self, moments: Mapping[Label, dt.datetime | None]) -> dict[Label, Range]:
        """Return the days that each label covers, whether the data have them all or not."""
        known = [moment for moment in moments.values() if moment is not None]
        is_day = all(moment.time() == dt.time() for moment in known)
        ranges: dict[Label, Range] = {}
        for level in self.levels:
            for moment in known:
                label = PERIODS[level](moment.date())
                if label not in ranges:
                    first, after = FIRST[level](moment.date())
                    ranges[label] = Range(first, after - is_day)
        return ranges


def _moment(value: str) -> dt.datetime | None:
    try:
        moment = dt.datetime.fromisoformat(value.strip())
    except ValueError:
        return None
    return moment.replace(tzinfo=None)


def _seconds(moment: dt.datetime) -> float:
    return (moment - dt.datetime(1, 1, 1)).total_seconds()  # noqa: DTZ001 - both have no zone
