"""Which partitions there are: one a day, week or month, or one for each prefix that arrives."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from typing import Any, Literal

import dagster as dg
from dagster._core.definitions.partitions.utils.base import INVALID_PARTITION_SUBSTRINGS

from util_services.errors import ConfigurationError, quoted_name
from util_services.storage.patterns import ANY, HIDDEN

Kind = Literal["daily", "weekly", "monthly", "prefix"]
KINDS: tuple[Kind, ...] = ("daily", "weekly", "monthly", "prefix")
KEY_FORMS = {"daily": "%Y-%m-%d", "weekly": "%Y-%m-%d", "monthly": "%Y-%m"}
MONDAY = 1  # counted from Sunday, as Dagster does


@dataclass(frozen=True, slots=True)
class Scheme:
    """A scheme of partitions.

    Args:
        kind: by what datasets arrive. Weeks begin on Monday.
        start: the first day; None by prefix.
        timezone: in which days begin.
    """

    kind: Kind
    start: date | None = None
    timezone: str = "UTC"

    @property
    def has_dates(self) -> bool:
        """Whether each partition has a date."""
        return self.kind != "prefix"

    def definition(self, name: str) -> dg.PartitionsDefinition[str]:
        """Return Dagster's definition; those of prefixes are kept in the instance, by the name.

        The period that is under way is a partition too: what arrives of it is to be worked on.
        """
        return _definition(self, name)

    def date_of(self, key: str) -> date:
        """Return the first day of a partition.

        Raises:
            ValueError: if the key is none of a date.
        """
        return datetime.strptime(key, KEY_FORMS[self.kind]).replace(tzinfo=UTC).date()

    def key_of(self, day: date) -> str:
        """Return the key of the partition that begins on a day."""
        return day.strftime(KEY_FORMS[self.kind])

    def has(self, key: str) -> bool:
        """Return whether there is such a partition, or by prefix, whether there may be."""
        if self.has_dates:
            return self.definition("").has_partition_key(key)
        return _may_be_named(key)

    def require(self, key: str) -> None:
        """Refuse a key that would lead to another place than that of a partition.

        Raises:
            ConfigurationError: with the rule.
        """
        if self.has_dates:
            try:
                is_right = self.key_of(self.date_of(key)) == key
            except ValueError:
                is_right = False
            if not is_right:
                form = "YYYY-MM" if self.kind == "monthly" else "YYYY-MM-DD"
                raise ConfigurationError(
                    f"{quoted_name(key)} is no partition of a {self.kind} job; write it as {form}."
                )
        elif not _may_be_named(key):
            raise ConfigurationError(
                f"{quoted_name(key)} is no partition by prefix; it must be one part of a path, "
                "without '/' and '*', that begins with neither '.' nor '_'."
            )


@cache
def _definition(scheme: Scheme, name: str) -> dg.PartitionsDefinition[str]:
    if scheme.start is None:
        return dg.DynamicPartitionsDefinition(name=name)
    start = datetime.combine(scheme.start, datetime.min.time())
    shared: dict[str, Any] = {
        "start_date": start,
        "timezone": scheme.timezone,
        "end_offset": 1,
        "fmt": KEY_FORMS[scheme.kind],
    }
    match scheme.kind:
        case "weekly":
            return dg.WeeklyPartitionsDefinition(**shared, day_offset=MONDAY)
        case "monthly":
            return dg.MonthlyPartitionsDefinition(**shared)
        case _:
            return dg.DailyPartitionsDefinition(**shared)


def _may_be_named(key: str) -> bool:
    strange = ("/", "\\", ANY, "{", "}", *INVALID_PARTITION_SUBSTRINGS)
    return bool(key) and not key.startswith(HIDDEN) and not any(one in key for one in strange)
