"""Days and times as Excel counts them: a number of days, 1900-01-01 being day 1.

The 1900 system has a day 60, 1900-02-29, that never was, so days before 1 March 1900 count from
another day than those behind it. The 1904 system begins with 1904-01-01 as day 0 and has no such
day. A serial is a double: up to day 65,535 (June 2079) it tells microseconds apart, behind that
only milliseconds, and is read as such.
"""

from __future__ import annotations

import math
import re
from datetime import date
from typing import Literal

SerialKind = Literal["date", "datetime", "time"]

UNIX_EPOCH = date(1970, 1, 1)
DAY_0_OF_1900 = (date(1899, 12, 30) - UNIX_EPOCH).days  # for days behind the one that never was
DAY_0_OF_1904 = (date(1904, 1, 1) - UNIX_EPOCH).days
DAY_THAT_NEVER_WAS = 60
LAST_DAY = (date(9999, 12, 31) - UNIX_EPOCH).days
DAY_MICROSECONDS = 86_400_000_000
MILLISECOND = 1000
EXACT_DAYS = 65_536  # up to here a double tells microseconds apart

BUILT_IN: dict[int, SerialKind] = {
    **dict.fromkeys((14, 15, 16, 17, *range(27, 37), *range(50, 59)), "date"),
    **dict.fromkeys((18, 19, 20, 21, 45, 47), "time"),
    22: "datetime",
}
NOT_LETTERS = re.compile(r'"[^"]*"|\\.|_.|\*.|\[(?!(?:h+|m+|s+)\])[^\]]*\]')
ELAPSED = re.compile(r"\[(?:h+|m+|s+)\]")


def kind_of_format(code: str) -> SerialKind | None:
    """Return what a number format shows; None for a number, elapsed times among them."""
    letters = NOT_LETTERS.sub("", code.casefold()).split(";")[0]
    if ELAPSED.search(letters) or "general" in letters:
        return None
    has_time = "h" in letters or "s" in letters
    has_date = "y" in letters or "d" in letters or ("m" in letters and not has_time)
    if has_date:
        return "datetime" if has_time else "date"
    return "time" if has_time else None


def microseconds_of(serial: float, *, is_1904: bool) -> int | None:
    """Return the microseconds since 1970 of a serial; None for a day that Excel does not know."""
    whole = math.floor(serial)
    within = round((serial - whole) * DAY_MICROSECONDS)
    if serial >= EXACT_DAYS:
        within = round(within / MILLISECOND) * MILLISECOND
    if is_1904:
        day = whole + DAY_0_OF_1904
    elif whole == DAY_THAT_NEVER_WAS:
        return None
    else:
        day = whole + DAY_0_OF_1900 + (whole < DAY_THAT_NEVER_WAS)
    if whole < 0 or (whole < 1 and not is_1904) or day > LAST_DAY:
        return None
    return day * DAY_MICROSECONDS + within


def serial_of(microseconds: int) -> float | None:
    """Return the serial of microseconds since 1970 in the 1900 system; None where it has none."""
    day, within = divmod(microseconds, DAY_MICROSECONDS)
    whole = day - DAY_0_OF_1900
    if whole <= DAY_THAT_NEVER_WAS:
        whole -= 1
    serial = whole + within / DAY_MICROSECONDS
    return serial if microseconds_of(serial, is_1904=False) == microseconds else None
