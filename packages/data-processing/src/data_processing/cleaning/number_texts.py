"""Numbers as people write them: decimal marks, groups of digits, signs, percent, currencies.

Nothing is guessed: marks are declared, groups are of three digits, and a text that does not follow
the declaration is no number. What is read is exact.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

Sign = Literal["trailing", "parentheses"]
Percent = Literal["refuse", "number", "share"]

MOST_DIGITS = 1_000  # of a number; a longer text is none
MOST_EXPONENT = 100_000
MINUS = "-\u2212"  # the hyphen and the minus sign
SAME_MARKS = {  # what else people write for a mark between groups
    " ": " \u00a0\u2009\u202f",
    "'": "'\u2019",
}
PLAIN_DIGITS = 18  # of a whole number that surely fits into 64 bits


class Digits(NamedTuple):
    """A number as it is written: ``(-1)**is_negative * digits * 10**exponent``.

    Attributes:
        is_negative: whether it has a minus.
        digits: all its digits.
        exponent: the power of ten that they are multiplied by.
        has_fraction: whether a decimal mark is written.
        has_exponent: whether an exponent is written.
    """

    is_negative: bool
    digits: str
    exponent: int
    has_fraction: bool = False
    has_exponent: bool = False

    def units(self, scale: int, *, rounds: bool = False) -> int | None:
        """Return the number in units of a digit behind the mark; None if it is no whole number.

        Args:
            scale: how many digits behind the mark there are.
            rounds: whether further digits are rounded, ties to the even one.
        """
        digits = self.digits.lstrip("0")
        shift = self.exponent + scale
        if not digits:
            return 0
        if len(digits) + shift > MOST_DIGITS:
            return None
        if shift < 0 and -shift > len(digits) + 1 and not rounds:
            return None
        shift = max(shift, -len(digits) - 1)  # whatever is further away is less than a half
        unit: int = 10 ** max(-shift, 0)
        whole, rest = divmod(int(digits) * int(10 ** max(shift, 0)), unit)
        if rest and not rounds:
            return None
        twice = 2 * rest - unit
        whole += twice > 0 or (twice == 0 and whole % 2 == 1)
        return -whole if self.is_negative else whole

    def nearest(self) -> float | None:
        """Return the nearest double; None if the number is beyond all of them."""
        value = float(f"{self.digits}e{self.exponent}")
        if math.isinf(value):
            return None
        return -value if self.is_negative else value


@dataclass(frozen=True)
class NumberFormat:
    """How numbers are written.

    Attributes:
        decimal: the mark before fractions.
        thousands: the mark between groups of three digits, if there may be one.
        signs: where a minus may stand beside in front: behind, or as parentheses around.
        percent: whether there may be a percent sign, and whether it divides by a hundred.
        currency: signs or words that may stand on one side.
    """

    decimal: str = "."
    thousands: str | None = None
    signs: tuple[Sign, ...] = ()
    percent: Percent = "refuse"
    currency: tuple[str, ...] = ()

    def read(self, text: str) -> Digits | None:
        """Return the number that a text writes, None if it writes none.

        Whitespace around it is passed over, by the rules of Unicode.
        """
        text = text.strip()
        found = self._pattern.fullmatch(text) if len(text) <= MOST_DIGITS else None
        if found is None:
            return None
        part = found.groupdict()
        signs = [part[name] for name in ("before", "after_currency", "behind") if part[name]]
        is_enclosed = part["open"] is not None
        if is_enclosed != (part["close"] is not None) or len(signs) + is_enclosed > 1:
            return None
        if part["currency"] and part["currency_behind"]:
            return None
        whole = re.sub(r"[^0-9]", "", part["whole"] or "")
        digits = whole + (part["fraction"] or "")
        if not digits:
            return None
        exponent = int(part["exponent"] or 0) - len(part["fraction"] or "")
        if abs(exponent) > MOST_EXPONENT:
            return None
        if part["percent"] and self.percent == "share":
            exponent -= 2
        is_negative = is_enclosed or any(sign in MINUS for sign in signs)
        has_fraction, has_exponent = (part[name] is not None for name in ("fraction", "exponent"))
        return Digits(is_negative, digits, exponent, has_fraction, has_exponent)

    def plain(self, texts: pa.Array, *, fraction: str, whole_digits: int) -> tuple[pa.Array, ...]:
        """Return texts in the form that Arrow reads, and which of them have it.

        These are numbers without anything but a sign in front, groups and a fraction. Others may
        be numbers all the same.

        Args:
            texts: the texts.
            fraction: a regular expression of what may stand behind the whole number; ``D`` stands
                for the decimal mark.
            whole_digits: how many digits the whole number may have.
        """
        decimal, thousands = re.escape(self.decimal), re.escape(self.thousands or "")
        whole = f"[0-9]{{1,{whole_digits}}}"
        groups = whole_digits // 3 - 1  # behind the first three digits
        if self.thousands and groups > 0:
            whole = f"(?:{whole}|[0-9]{{1,3}}(?:{thousands}[0-9]{{3}}){{1,{groups}}})"
        pattern = f"^-?{whole}{fraction.replace('D', decimal)}$"
        is_plain = pc.match_substring_regex(texts, pattern)
        if self.thousands:
            texts = pc.replace_substring(texts, self.thousands, "")
        if self.decimal != ".":
            texts = pc.replace_substring(texts, self.decimal, ".")
        return texts, is_plain

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        """The form of a number; a group that there is no place for never matches."""
        marks = SAME_MARKS.get(self.thousands or "", self.thousands or "")
        groups = "".join(f"[0-9]{{1,3}}(?:{re.escape(mark)}[0-9]{{3}})+|" for mark in marks)
        words = "|".join(re.escape(word) for word in sorted(self.currency, key=len, reverse=True))
        sign = f"[{MINUS}+]"  # a hyphen in front is no range
        is_enclosed = "parentheses" in self.signs
        parts = (
            _part("open", r"\(" if is_enclosed else None),
            _part("before", sign),
            _part("currency", words),
            _part("after_currency", sign),
            f"(?P<whole>{groups}[0-9]+)?",
            f"(?:{re.escape(self.decimal)}(?P<fraction>[0-9]*))?",
            r"(?:[eE](?P<exponent>[+-]?[0-9]{1,6}))?\s*",
            _part("percent", "%" if self.percent != "refuse" else None),
            _part("currency_behind", words),
            _part("behind", sign if "trailing" in self.signs else None),
            _part("close", r"\)" if is_enclosed else None),
        )
        return re.compile("".join(parts))


def _part(name: str, pattern: str | None) -> str:
    """Return what may stand at a place, with whitespace behind it; nothing if there is no place."""
    return f"(?:(?P<{name}>{pattern or '(?!)'})\\s*)?"
