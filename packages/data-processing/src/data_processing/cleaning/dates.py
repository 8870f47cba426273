"""Read dates and times by declared formats, bring them to one zone, and keep their offsets."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
from pyarrow import types as kinds

from data_processing.cleaning.conversions import Conversion, Converted, by_distinct, parts
from data_processing.cleaning.date_texts import (
    DAY,
    EXCEL,
    FIRST,
    LAST,
    NO_OFFSET,
    SECOND,
    DateFormat,
    ExcelFormat,
    Format,
    Moments,
    Numbers,
)
from data_processing.cleaning.folding import is_text
from data_processing.cleaning.schemas import check_new
from util_services.errors import ConfigurationError, quoted_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from data_processing.rules.casts import DateRule
    from util_services.engines.stages import Step

STEP = "parse_dates"
NAIVE, AWARE = pa.timestamp("us"), pa.timestamp("us", "UTC")
TICK = dt.timedelta(microseconds=1)

Repeated = Literal["error", "earlier", "later"]


def parse(schema: pa.Schema, rules: Mapping[str, DateRule]) -> list[Step]:
    """Return the parts that read the dates of some columns.

    Raises:
        ConfigurationError: if a format, a zone or a column is none.
    """
    conversions = [_conversion(schema, name, rule) for name, rule in rules.items()]
    new = [name for one in conversions for name in (one.flag, *one.further) if name is not None]
    check_new(schema, "columns", *new)
    return list(parts(STEP, conversions))


def _conversion(schema: pa.Schema, name: str, rule: DateRule) -> Conversion:
    written = {
        text: DateFormat(text, rule.pivot_year, tuple(rule.months))
        for text in rule.formats
        if text != EXCEL
    }
    for one in written.values():
        one.check()
    has_time = any(one.has_time for one in written.values())
    excel = ExcelFormat(rule.excel_1904, has_time=has_time or rule.type != "auto")
    formats: tuple[Format, ...] = tuple(written.get(text, excel) for text in rule.formats)
    kind = schema.field(name).type
    is_number = kinds.is_integer(kind) or kinds.is_floating(kind)
    if not is_text(kind) and not (is_number and rule.formats == [EXCEL]):
        hint = "" if not is_number else ", which only the format 'excel' reads"
        raise ConfigurationError(
            f"The column {quoted_name(name)} holds {kind}{hint}, not texts; leave it out."
        )
    is_aware = rule.timezone is not None or any(one.has_offset for one in written.values())
    is_date = rule.type == "date" or (rule.type == "auto" and not has_time)
    if not is_aware and (rule.to_timezone or rule.offset):
        raise ConfigurationError(
            f"The dates of {quoted_name(name)} tell no offset from UTC; name their 'timezone'."
        )
    target = pa.date32() if is_date else NAIVE if rule.to_timezone or not is_aware else AWARE
    dates = Dates(
        formats,
        target,
        zone(rule.timezone),
        zone(rule.to_timezone),
        rule.repeated_hour,
        is_aware=is_aware,
        takes_first=rule.ambiguous == "first",
        offset=rule.offset,
    )
    return Conversion(
        name,
        target,
        dates,
        "date" if is_date else "timestamp",
        rule.on_error,
        flag_name(name, rule.on_error, rule.flag),
        {rule.offset: pa.string()} if rule.offset else {},
    )


def flag_name(column: str, on_error: str, flag: str | None) -> str | None:
    """Return the name of the column that tells what could not be converted, if there is one."""
    return (flag or f"{column}_invalid") if on_error == "flag" else None


def zone(name: str | None) -> dt.tzinfo | None:
    """Return a time zone by its name in the IANA database.

    Raises:
        ConfigurationError: if there is none.
    """
    if name is None or name == "UTC":
        return None if name is None else dt.UTC
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        raise ConfigurationError(
            f"{quoted_name(name)} is no time zone of the IANA database; name one such as "
            "Europe/Brussels."
        ) from None


@dataclass(frozen=True, slots=True)
class Dates:
    """Reads dates.

    Attributes:
        formats: the formats, in the order in which they are tried.
        kind: the type that comes out: dates, timestamps, or timestamps in UTC.
        zone: the zone of clocks whose texts tell none.
        to_zone: the zone whose clocks come out; None for UTC.
        repeated: what becomes of an hour that clocks show twice.
        is_aware: whether moments must be told from clocks.
        takes_first: whether the first format counts where several read different moments.
        offset: the name of a column for the offsets of texts, if they are kept.
    """

    formats: tuple[Format, ...]
    kind: pa.DataType
    zone: dt.tzinfo | None = None
    to_zone: dt.tzinfo | None = None
    repeated: Repeated = "error"
    is_aware: bool = False
    takes_first: bool = False
    offset: str | None = None

    def __call__(self, array: pa.Array) -> Converted:
        """Return the dates of texts, or of numbers."""
        return by_distinct(array, self._distinct)

    def of_clocks(self, array: pa.Array) -> Converted:
        """Return the moments at which clocks of the zone show some times."""
        return by_distinct(array, self._moments)

    def _moments(self, clocks: pa.Array) -> Converted:
        read = Moments.none(len(clocks))
        read.clocks[:] = clocks.cast(pa.int64()).to_numpy(zero_copy_only=False)
        read.found[:] = True
        return Converted(self._values(self._aware(read), read.found))

    def _distinct(self, words: pa.Array) -> Converted:
        texts = words if is_text(words.type) else pa.array([repr(n) for n in words.to_pylist()])
        read, ambiguous = self._read(texts.cast(pa.string()))
        if kinds.is_date(self.kind) and self.to_zone is None:
            clocks = read.clocks  # the day as it is written
        else:
            clocks = self._aware(read) if self.is_aware else self._naive(read)
        return Converted(
            self._values(clocks, read.found),
            {self.offset: _offsets(read)} if self.offset else {},
            None if self.takes_first else pa.array(ambiguous),
        )

    def _read(self, texts: pa.Array) -> tuple[Moments, Numbers]:
        """Return what the first format that fits makes of each text, and where others differ."""
        found, ambiguous = Moments.none(len(texts)), np.zeros(len(texts), bool)
        for one in self.formats:
            other = one.moments(texts)
            differs = (other.clocks != found.clocks) | (other.offsets != found.offsets)
            ambiguous |= found.found & other.found & differs
            new = other.found & ~found.found
            found.clocks[new], found.offsets[new] = other.clocks[new], other.offsets[new]
            found.found[new] = True
        return found, ambiguous

    @staticmethod
    def _naive(read: Moments) -> Numbers:
        """Return clocks; a text that tells an offset is none of theirs."""
        read.found[read.offsets != NO_OFFSET] = False
        return read.clocks

    def _aware(self, read: Moments) -> Numbers:
        """Return moments in UTC, or what clocks of a zone show then."""
        told = read.offsets != NO_OFFSET
        moments = read.clocks - np.where(told, read.offsets, 0) * SECOND
        for place in np.flatnonzero(read.found & ~told).tolist():
            moment = _moment(int(read.clocks[place]), self.zone, self.repeated)
            read.found[place] = moment is not None
            moments[place] = moment or 0
        read.found[:] &= (moments >= FIRST) & (moments <= LAST)
        if self.to_zone is not None:
            for place in np.flatnonzero(read.found).tolist():
                moments[place] = _clock(int(moments[place]), self.to_zone)
            read.found[:] &= (moments >= FIRST) & (moments <= LAST)
        return np.asarray(moments)

    def _values(self, clocks: Numbers, found: Numbers) -> pa.Array:
        if kinds.is_date(self.kind):
            return pa.array((clocks // DAY).astype(np.int32), mask=~found).cast(self.kind)
        return pa.array(clocks, pa.int64(), mask=~found).cast(self.kind)


def _moment(clock: int, zone: dt.tzinfo | None, repeated: Repeated) -> int | None:
    """Return the moment at which clocks of a zone show a time, None if there is not just one."""
    if zone is None:
        return None
    shown = _datetime(clock)
    first, second = (shown.replace(tzinfo=zone, fold=fold).utcoffset() for fold in (0, 1))
    if first is None or second is None:
        return None
    if first == second:
        return clock - first // TICK
    moment = clock - first // TICK
    if not FIRST <= moment <= LAST or _clock(moment, zone) != clock:
        return None  # clocks were put forward past this time
    if repeated == "error":
        return None
    return moment if repeated == "earlier" else clock - second // TICK


def _clock(moment: int, zone: dt.tzinfo) -> int:
    """Return what clocks of a zone show at a moment."""
    try:
        offset = _datetime(moment).replace(tzinfo=dt.UTC).astimezone(zone).utcoffset()
    except OverflowError:
        return LAST + 1
    return moment + (offset or dt.timedelta(0)) // TICK


def _datetime(clock: int) -> dt.datetime:
    return dt.datetime(1970, 1, 1) + dt.timedelta(microseconds=clock)  # noqa: DTZ001


def _offsets(read: Moments) -> pa.Array:
    """Return offsets as texts such as ``+02:00``."""
    told = read.found & (read.offsets != NO_OFFSET)
    distinct, places = np.unique(read.offsets, return_inverse=True)
    words = []
    for seconds in distinct.tolist():
        hours, minutes = divmod(abs(seconds) // 60, 60)
        words.append(f"{'-' if seconds < 0 else '+'}{hours:02}:{minutes:02}")
    return pa.array(words, pa.string()).take(pa.array(places, mask=~told))
