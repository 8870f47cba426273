"""Dates as people write them, by declared formats; nothing is guessed.

A format is written with the directives of ``strptime``, whose names of months and days are English
here, whatever the locale. Texts that have the fixed width of a format are read all together; any
other by a regular expression.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from util_services.errors import ConfigurationError, quoted_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Numbers = np.ndarray[Any, Any]

ISO, EXCEL = "iso8601", "excel"
SECOND = 10**6  # in microseconds, in which all moments are counted, from 1970
DAY = 86_400 * SECOND
EPOCH = dt.date(1970, 1, 1).toordinal()
FIRST, LAST = (1 - EPOCH) * DAY, (dt.date.max.toordinal() + 1 - EPOCH) * DAY - 1
NO_OFFSET = np.iinfo(np.int64).min
MOST_LETTERS = 200  # of a date; a longer text is none

MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
SHORT_FORMS = {"F": "%Y-%m-%d", "T": "%H:%M:%S", "R": "%H:%M"}
WIDTHS = {"Y": 4, "y": 2, "m": 2, "d": 2, "H": 2, "I": 2, "M": 2, "S": 2, "f": 6, "j": 3}
FIELDS = {"y": "Y", "b": "m", "B": "m", "I": "H", "A": "a"}  # directives that tell the same
NEEDED = {"M": "H", "S": "M", "f": "S", "p": "I", "I": "p"}
OFFSET = "[Zz]|[+\u2212-][0-9]{2}(?::?[0-9]{2})?"
ISO_PATTERN = re.compile(
    r"(?P<Y>[0-9]{4})-(?P<m>[0-9]{2})-(?P<d>[0-9]{2})"
    r"(?:[Tt ](?P<H>[0-9]{2}):(?P<M>[0-9]{2})(?::(?P<S>[0-9]{2})(?:[.,](?P<f>[0-9]{1,6})0*)?)?"
    rf"(?P<z>{OFFSET})?)?"
)
ISO_FORMATS = ("%F", "%FT%T", "%F %T", "%FT%T.%f", "%F %T.%f")  # of a fixed width
FIRST_REAL_EXCEL_DAY = 61  # 1900-03-01; Excel counts a 29th of February before it


class Moment(NamedTuple):
    """A moment as it is written: on a clock, and how far that clock is ahead of UTC."""

    clock: int  # in microseconds
    offset: int | None = None  # in seconds


@dataclass(frozen=True, slots=True)
class Moments:
    """What formats make of texts.

    Attributes:
        clocks: what clocks show, in microseconds.
        offsets: how far they are ahead of UTC in seconds; `NO_OFFSET` where a text does not tell.
        found: whether a text is a moment.
    """

    clocks: Numbers
    offsets: Numbers
    found: Numbers

    @classmethod
    def none(cls, size: int) -> Moments:
        """Return what no format makes of so many texts."""
        return cls(np.zeros(size, np.int64), np.full(size, NO_OFFSET), np.zeros(size, bool))

    def put(self, place: int, moment: Moment | None) -> None:
        """Set what is made of a text."""
        if moment is not None:
            self.clocks[place], self.found[place] = moment.clock, True
            self.offsets[place] = NO_OFFSET if moment.offset is None else moment.offset


@dataclass(frozen=True)
class DateFormat:
    """A format of dates.

    Attributes:
        text: the format, with directives of ``strptime``, or `ISO`.
        pivot_year: the first of the hundred years that two digits stand for.
        months: the names of the months, if they are not English.
    """

    text: str
    pivot_year: int | None = None
    months: tuple[str, ...] = ()

    @property
    def has_time(self) -> bool:
        """Whether it reads times of the day."""
        return self.text == ISO or bool({"H", "I"} & set(self._directives))

    @property
    def has_offset(self) -> bool:
        """Whether each text tells how far its clock is ahead of UTC."""
        return self.text != ISO and "z" in self._directives

    def check(self) -> None:
        """Check that the format reads whole dates.

        Raises:
            ConfigurationError: saying what is unknown, repeated or missing.
        """
        if self.text == ISO:
            return
        given = self._directives
        fields = [FIELDS.get(kind, kind) for kind in given]
        unknown = [kind for kind in given if kind not in WIDTHS and kind not in "bBaApz"]
        lacking = [kind for kind in given if NEEDED.get(kind, kind) not in (*given, *fields)]
        problem = None
        if unknown:
            problem = f"'%{unknown[0]}' is no directive that is known"
        elif len(set(fields)) < len(fields):
            problem = "it reads something twice"
        elif not {"Y", "m", "d"} <= set(fields) and not {"Y", "j"} <= set(fields):
            problem = "it needs year, month and day"
        elif lacking:
            problem = f"'%{lacking[0]}' needs '%{NEEDED[lacking[0]]}'"
        elif "y" in given and self.pivot_year is None:
            problem = "years of two digits need 'pivot_year', the first of their hundred years"
        if problem:
            raise ConfigurationError(f"The format {quoted_name(self.text)} is none: {problem}.")

    def read(self, text: str) -> Moment | None:
        """Return the moment that a text writes, None if it writes none.

        Whitespace around it is passed over, by the rules of Unicode.
        """
        text = text.strip()
        found = self._pattern.fullmatch(text) if len(text) <= MOST_LETTERS else None
        if found is None:
            return None
        part = {name: value for name, value in found.groupdict().items() if value is not None}
        try:
            day = self._day(part)
            clock = dt.time(self._hour(part), int(part.get("M", 0)), int(part.get("S", 0)))
            offset = _offset(part["z"]) if "z" in part else None
        except ValueError:  # a 30th of February, or an hour 25
            return None
        if "a" in part and WEEKDAYS[day.weekday()][:3] != part["a"][:3].title():
            return None
        seconds = (clock.hour * 60 + clock.minute) * 60 + clock.second
        fraction = int(part.get("f", "0").ljust(6, "0"))
        return Moment((day.toordinal() - EPOCH) * DAY + seconds * SECOND + fraction, offset)

    def moments(self, texts: pa.Array) -> Moments:
        """Return what the format makes of texts, none of them missing."""
        found = Moments.none(len(texts))
        widths = pc.binary_length(texts).to_numpy(zero_copy_only=False)
        for layout in self._layouts:
            places = np.flatnonzero((widths == layout.width) & ~found.found)
            clocks, is_moment = layout.read(_letters(texts.take(pa.array(places)), layout.width))
            found.clocks[places], found.found[places] = clocks, is_moment
        for place in np.flatnonzero(~found.found).tolist():
            found.put(place, self.read(texts[place].as_py()))
        return found

    def _day(self, part: Mapping[str, str]) -> dt.date:
        year = int(part["Y"]) if "Y" in part else self._year(int(part["y"]))
        if "j" in part:
            day = dt.date(year, 1, 1) + dt.timedelta(int(part["j"]) - 1)
            if day.year != year:
                raise ValueError("a day of another year")
            return day
        month = int(part["m"]) if "m" in part else self._month_numbers[part["b"].casefold()]
        return dt.date(year, month, int(part["d"]))

    def _year(self, digits: int) -> int:
        first = self.pivot_year or 0
        return first + (digits - first) % 100

    @staticmethod
    def _hour(part: Mapping[str, str]) -> int:
        if "I" not in part:
            return int(part.get("H", 0))
        hour = int(part["I"])
        if not 1 <= hour <= 12:
            raise ValueError("an hour beyond twelve")
        return hour % 12 + (12 if part["p"][0] in "pP" else 0)

    @property
    def _directives(self) -> list[str]:
        return [kind for kind, literal in _parts(self.text) if kind]

    @cached_property
    def _month_numbers(self) -> dict[str, int]:
        names = self.months or MONTHS
        short = () if self.months else tuple(name[:3] for name in MONTHS)
        return {
            name.casefold(): number
            for forms in (names, short)
            for number, name in enumerate(forms, start=1)
        }

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        if self.text == ISO:
            return ISO_PATTERN
        parts = list(_parts(self.text))
        pattern = []
        for place, (kind, literal) in enumerate(parts):
            around = [*parts[max(place - 1, 0) : place], *parts[place + 1 : place + 2]]
            touches = any(other in WIDTHS for other, _ in around)
            pattern.append(self._piece(kind, touches=touches) if kind else _literal(literal))
        return re.compile("".join(pattern))

    def _piece(self, kind: str, *, touches: bool) -> str:
        """Return the pattern of a directive; beside other digits it has its full width."""
        if kind in WIDTHS:
            least = WIDTHS[kind] if touches or kind in "Yy" else 1
            return f"(?P<{kind}>[0-9]{{{least},{WIDTHS[kind]}}})"
        if kind in "bB":
            names = sorted(self._month_numbers, key=len, reverse=True)
            return f"(?P<b>(?i:{'|'.join(map(re.escape, names))}))"
        if kind in "aA":
            names = [*WEEKDAYS, *(name[:3] for name in WEEKDAYS)]
            return f"(?P<a>(?i:{'|'.join(names)}))"
        return r"(?P<p>(?i:[ap]\.?m\.?))" if kind == "p" else f"(?P<z>{OFFSET})"

    @cached_property
    def _layouts(self) -> tuple[Layout, ...]:
        formats = ISO_FORMATS if self.text == ISO else (self.text,)
        found = (Layout.of(list(_parts(text)), self.pivot_year) for text in formats)
        return tuple(layout for layout in found if layout is not None)


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the digits of a date stand in texts of a fixed width.

    Attributes:
        width: of the texts, in bytes.
        fields: the places where fields begin and end, by their directives.
        literals: the bytes that stand at other places.
        pivot_year: the first of the hundred years that two digits stand for.
    """

    width: int
    fields: Mapping[str, tuple[int, int]]
    literals: Mapping[int, int]
    pivot_year: int | None

    @classmethod
    def of(cls, parts: list[tuple[str, str]], pivot_year: int | None) -> Layout | None:
        """Return the layout of a format, None if its texts have no fixed width."""
        width, fields, literals = 0, {}, {}
        for kind, literal in parts:
            if (kind and kind not in WIDTHS) or not literal.isascii() or "I" in kind:
                return None
            if kind:
                fields[kind] = (width, width + WIDTHS[kind])
                width += WIDTHS[kind]
            for letter in literal:
                literals[width] = ord(letter)
                width += 1
        return cls(width, fields, literals, pivot_year)

    def read(self, letters: Numbers) -> tuple[Numbers, Numbers]:
        """Return clocks in microseconds, and which texts are moments."""
        found = np.ones(len(letters), bool)
        for place, byte in self.literals.items():
            found &= letters[:, place] == byte
        values = dict.fromkeys("mdHMSf", np.zeros(len(letters), np.int64))
        for kind, (start, stop) in self.fields.items():
            digits = letters[:, start:stop] - np.uint8(ord("0"))  # what is below wraps around
            found &= (digits <= 9).all(axis=1)
            powers = 10 ** np.arange(stop - start - 1, -1, -1)
            values[kind] = np.where(found, digits.astype(np.int64) @ powers, 0)
        if "y" in values:
            first = self.pivot_year or 0
            values["Y"] = first + (values["y"] - first) % 100
        months = np.maximum(values["m"], 1) - 1 if "m" in self.fields else np.zeros_like(found, int)
        starts = _month_starts(values["Y"], months)
        if "j" in values:
            day, days = values["j"], _month_starts(values["Y"], months + 12) - starts
        else:
            day, days = values["d"], _month_starts(values["Y"], months + 1) - starts
            found &= (values["m"] >= 1) & (values["m"] <= 12)
        found &= (values["Y"] >= 1) & (day >= 1) & (day <= days)
        found &= (values["H"] < 24) & (values["M"] < 60) & (values["S"] < 60)
        seconds = (values["H"] * 60 + values["M"]) * 60 + values["S"]
        return (starts + day - 1) * DAY + seconds * SECOND + values["f"], found


@dataclass(frozen=True, slots=True)
class ExcelFormat:
    """Days as Excel counts them: 1 is 1900-01-01, or 0 is 1904-01-01.

    The day 60 of the first system, a 29th of February 1900, never was, and is no date. Times of the
    day are read to the millisecond, as far as Excel's doubles tell them.

    Attributes:
        is_1904: whether it is the second system.
        has_time: whether times of the day are read; without them such a number is no date.
    """

    is_1904: bool = False
    has_time: bool = True

    def read(self, text: str) -> Moment | None:
        """Return the moment that a number stands for, None if it stands for none."""
        if re.fullmatch(r"\s*[0-9]{1,7}(?:\.[0-9]{0,18})?\s*", text) is None:
            return None
        number = Decimal(text.strip())
        day = int(number)
        part = ((number - day) * 86_400_000).to_integral_value(ROUND_HALF_EVEN)
        if part and not self.has_time:
            return None
        if self.is_1904:
            first = dt.date(1904, 1, 1)
        elif day in (0, FIRST_REAL_EXCEL_DAY - 1):
            return None
        else:
            first = dt.date(1899, 12, 30 if day >= FIRST_REAL_EXCEL_DAY else 31)
        clock = (first.toordinal() - EPOCH + day) * DAY + int(part) * 1000
        return Moment(clock) if clock <= LAST else None

    def moments(self, texts: pa.Array) -> Moments:
        """Return what the format makes of texts, none of them missing."""
        found = Moments.none(len(texts))
        for place, text in enumerate(texts.to_pylist()):
            found.put(place, self.read(text))
        return found


Format = DateFormat | ExcelFormat


def _parts(text: str) -> Iterator[tuple[str, str]]:
    """Yield the directives and the literals of a format, each as the one or the other."""
    for short, long in SHORT_FORMS.items():
        text = text.replace(f"%{short}", long)
    for found in re.finditer(r"%(.)|%()$|([^%]+)", text, re.DOTALL):
        kind, end, literal = found.groups()
        if kind == "%" or end is not None:
            yield "", "%"
        else:
            yield kind or "", literal or ""


def _literal(literal: str) -> str:
    """Return the pattern of a literal; whitespace stands for any whitespace."""
    return r"\s+".join(re.escape(word) for word in re.split(r"\s+", literal))


def _offset(text: str) -> int:
    """Return the seconds of an offset such as ``+02:00``."""
    if text in "Zz":
        return 0
    digits = text[1:].replace(":", "").ljust(4, "0")
    hours, minutes = int(digits[:2]), int(digits[2:])
    if hours > 23 or minutes > 59:
        raise ValueError("an offset of a day")
    seconds = (hours * 60 + minutes) * 60
    return seconds if text[0] == "+" else -seconds


def _month_starts(years: Numbers, months: Numbers) -> Numbers:
    """Return the days on which months begin, counted from January of a year."""
    counted = (years - 1970) * 12 + months
    days = counted.astype("datetime64[M]").astype("datetime64[D]")
    return np.asarray(days.astype(np.int64))


def _letters(texts: pa.Array, width: int) -> Numbers:
    """Return texts of one width as a matrix of bytes."""
    if not len(texts):
        return np.zeros((0, width), np.uint8)
    data = np.frombuffer(texts.buffers()[2], np.uint8, len(texts) * width)
    return data.reshape(-1, width)
