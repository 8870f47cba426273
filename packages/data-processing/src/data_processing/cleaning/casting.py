"""Cast columns to a type, exactly or not at all.

Each distinct value is read once, in Python; those that are written plainly are left to Arrow, all
together, which reads them alike.
"""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types as kinds

from data_processing.cleaning.conversions import Conversion, Converted, by_distinct, parts
from data_processing.cleaning.date_texts import ISO, DateFormat
from data_processing.cleaning.dates import AWARE, NAIVE, Dates, flag_name, zone
from data_processing.cleaning.folding import is_text
from data_processing.cleaning.number_texts import PLAIN_DIGITS, Digits, NumberFormat
from data_processing.cleaning.schemas import check_new
from util_services.errors import ConfigurationError, quoted_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from data_processing.rules.casts import CastRule
    from util_services.engines.stages import Step

STEP = "cast_types"
INT64 = range(-(2**63), 2**63)
WISHES = {"integer": "whole number of 64 bits", "float": "number", "text": "text"}

Plain = tuple[pa.Array, pa.Array]  # values, and which of them are read


def cast(schema: pa.Schema, rules: Mapping[str, CastRule]) -> list[Step]:
    """Return the parts that cast some columns.

    Raises:
        ConfigurationError: if a column is of a type that cannot be cast so.
    """
    conversions = []
    for name, rule in rules.items():
        given = schema.field(name).type
        is_of_none = kinds.is_null(given)  # a column that Arrow knows no value of, and so no type
        convert, kind = _caster(pa.string() if is_of_none else given, name, rule)
        convert = Typed(kind) if is_of_none else convert
        wish = WISHES.get(rule.type, rule.type)
        if rule.type == "decimal":
            wish = f"number of at most {rule.precision - rule.scale} digits and {rule.scale} behind"
        flag = flag_name(name, rule.on_error, rule.flag)
        conversions.append(Conversion(name, kind, convert, wish, rule.on_error, flag))
    check_new(schema, "flag", *(one.flag for one in conversions if one.flag is not None))
    return list(parts(STEP, conversions))


def _caster(
    given: pa.DataType, name: str, rule: CastRule
) -> tuple[Callable[[pa.Array], Converted], pa.DataType]:
    """Return what casts arrays of a type, and the type that comes out.

    Raises:
        ConfigurationError: if values of the one type are never ones of the other.
    """
    is_number = kinds.is_integer(given) or kinds.is_floating(given) or kinds.is_decimal128(given)
    is_moment = kinds.is_timestamp(given) or kinds.is_date32(given)
    sources = {
        "integer": is_number or kinds.is_boolean(given),
        "decimal": is_number,
        "float": is_number,
        "boolean": kinds.is_integer(given) or kinds.is_boolean(given),
        "date": is_moment,
        "timestamp": is_moment,
        "time": kinds.is_time(given),
        "text": is_number or is_moment or kinds.is_boolean(given) or kinds.is_time(given),
    }
    if not (is_text(given) or sources[rule.type]):
        raise ConfigurationError(
            f"The column {quoted_name(name)} holds {given}, which is not cast to {rule.type}; "
            "leave it out, or choose another type."
        )
    numbers = NumberFormat(
        rule.decimal, rule.thousands, tuple(rule.signs), rule.percent, tuple(rule.currency)
    )
    match rule.type:
        case "integer":
            return Cast(pa.int64(), Whole(numbers, rule.zero_fraction)), pa.int64()
        case "decimal":
            kind = pa.decimal128(rule.precision, rule.scale)
            return Cast(kind, Fixed(numbers, kind, rule.surplus_digits == "round")), kind
        case "float":
            return Cast(pa.float64(), Floating(numbers)), pa.float64()
        case "boolean":
            return Cast(pa.bool_(), Truth.of(rule.true_words, rule.false_words)), pa.bool_()
        case "time":
            return Cast(pa.time64("us"), TimeOfDay()), pa.time64("us")
        case "text":
            return Cast(pa.string(), Written()), pa.string()
    return _moments(given, rule)


@dataclass(frozen=True, slots=True)
class Cast:
    """Casts arrays to a type.

    Attributes:
        kind: the type.
        reader: reads a value, and what is written plainly all together.
    """

    kind: pa.DataType
    reader: Reader

    def __call__(self, array: pa.Array) -> Converted:
        """Return the values of the type, missing where there is none."""
        if array.type == self.kind:
            return Converted(array)
        if not is_text(array.type) and (whole := self.reader.of_numbers(array)) is not None:
            return Converted(whole)
        return by_distinct(array, self._distinct)

    def _distinct(self, words: pa.Array) -> Converted:
        if not is_text(words.type):
            return Converted(self._each(words))
        texts, is_plain = self.reader.plain(words.cast(pa.string()))
        if not is_plain.true_count:  # or no words at all, which Arrow makes no times of
            return Converted(self._each(words))
        if is_plain.true_count == len(words):
            return Converted(texts.cast(self.kind))
        plain = pc.if_else(is_plain, texts, pa.scalar(None, pa.string())).cast(self.kind)
        others = self._each(words.filter(pc.invert(is_plain)))
        return Converted(pc.replace_with_mask(plain, pc.invert(is_plain), others))

    def _each(self, values: pa.Array) -> pa.Array:
        return pa.array([self.reader.read(value) for value in values.to_pylist()], self.kind)


class Reader:
    """Reads values of a type; the base of all readers."""

    def read(self, value: Any) -> Any:
        """Return what a value is in the type; None if it is none."""
        raise NotImplementedError

    def plain(self, texts: pa.Array) -> Plain:
        """Return texts as Arrow reads them, and which of them it reads as `read` does."""
        return texts, pa.array(np.zeros(len(texts), bool))

    def of_numbers(self, array: pa.Array) -> pa.Array | None:  # noqa: ARG002 - of readers that do
        """Return an array of numbers or moments cast as `read` does; None if it cannot be."""
        return None


@dataclass(frozen=True, slots=True)
class Whole(Reader):
    """Reads whole numbers of 64 bits."""

    numbers: NumberFormat
    takes_zero_fraction: bool

    def read(self, value: Any) -> int | None:
        """Return the whole number that a value is."""
        digits = _digits(value, self.numbers)
        if digits is None:
            return None
        if digits.has_exponent or (digits.has_fraction and not self.takes_zero_fraction):
            return None
        whole = digits.units(0)
        return whole if whole is not None and whole in INT64 else None

    def plain(self, texts: pa.Array) -> Plain:
        """Return texts as Arrow reads them, and which of them it reads as `read` does."""
        return self.numbers.plain(texts, fraction="", whole_digits=PLAIN_DIGITS)

    def of_numbers(self, array: pa.Array) -> pa.Array | None:
        """Return an array of numbers cast as `read` does; None if it cannot be."""
        return _cast(array, pa.int64())


@dataclass(frozen=True, slots=True)
class Fixed(Reader):
    """Reads decimals."""

    numbers: NumberFormat
    kind: pa.DataType
    rounds: bool

    def read(self, value: Any) -> Decimal | None:
        """Return the decimal that a value is."""
        digits = _digits(value, self.numbers)
        scale = self.kind.scale
        units = None if digits is None else digits.units(scale, rounds=self.rounds)
        if units is None or abs(units) >= 10**self.kind.precision:
            return None
        return Decimal(f"{units}E-{scale}")

    def plain(self, texts: pa.Array) -> Plain:
        """Return texts as Arrow reads them, and which of them it reads as `read` does."""
        whole, scale = self.kind.precision - self.kind.scale, self.kind.scale
        if not whole:
            return Reader.plain(self, texts)
        fraction = f"(?:D[0-9]{{1,{scale}}})?" if scale else ""
        return self.numbers.plain(texts, fraction=fraction, whole_digits=whole)

    def of_numbers(self, array: pa.Array) -> pa.Array | None:
        """Return an array of numbers cast as `read` does; None if it cannot be."""
        return None if kinds.is_floating(array.type) else _cast(array, self.kind)


@dataclass(frozen=True, slots=True)
class Floating(Reader):
    """Reads doubles: of a text or a decimal the nearest, of a whole number the same."""

    numbers: NumberFormat

    def read(self, value: Any) -> float | None:
        """Return the double that a value is."""
        if isinstance(value, float):
            return value
        digits = _digits(value, self.numbers)
        number = None if digits is None else digits.nearest()
        return None if isinstance(value, int) and number != value else number

    def plain(self, texts: pa.Array) -> Plain:
        """Return texts as Arrow reads them, and which of them it reads as `read` does."""
        fraction = r"(?:D[0-9]{0,50})?(?:[eE][+-]?[0-9]{1,2})?"
        return self.numbers.plain(texts, fraction=fraction, whole_digits=50)

    def of_numbers(self, array: pa.Array) -> pa.Array | None:
        """Return an array of numbers cast as `read` does; None if it cannot be."""
        return None if kinds.is_decimal(array.type) else _cast(array, pa.float64())


@dataclass(frozen=True, slots=True)
class Truth(Reader):
    """Reads booleans by lists of words."""

    meanings: Mapping[str, bool]

    @classmethod
    def of(cls, true_words: list[str], false_words: list[str]) -> Truth:
        """Return what reads some words as true and others as false."""
        both = ((true_words, True), (false_words, False))
        return cls({word.strip().casefold(): is_true for words, is_true in both for word in words})

    def read(self, value: Any) -> bool | None:
        """Return whether a value is true."""
        return self.meanings.get(str(value).strip().casefold())


@dataclass(frozen=True, slots=True)
class TimeOfDay(Reader):
    """Reads times of the day in ISO 8601, to the microsecond."""

    def read(self, value: Any) -> dt.time | None:
        """Return the time that a value is."""
        if isinstance(value, dt.time):
            return value
        # the time of some day, whose date is put in front
        moment = DateFormat(ISO).read(f"1970-01-01T{value.strip()}")
        if moment is None or moment.offset is not None:
            return None
        return (dt.datetime(1970, 1, 1) + dt.timedelta(microseconds=moment.clock)).time()  # noqa: DTZ001


@dataclass(frozen=True, slots=True)
class Written(Reader):
    """Writes values as texts: numbers in digits, moments in ISO 8601, floats at their shortest."""

    def read(self, value: Any) -> str:
        """Return a value as a text."""
        match value:
            case bool():
                return "true" if value else "false"
            case Decimal():
                return f"{value:f}"
            case float():
                return repr(value)
            case dt.date() | dt.time():
                return value.isoformat()
        return str(value)

    def plain(self, texts: pa.Array) -> Plain:
        """Return texts, which are all as they are read."""
        return texts, pa.array(np.ones(len(texts), bool))


@dataclass(frozen=True, slots=True)
class Typed:
    """Gives a type to columns that hold nothing but missing values."""

    kind: pa.DataType

    def __call__(self, array: pa.Array) -> Converted:
        """Return as many missing values of the type."""
        return Converted(pa.nulls(len(array), self.kind))


@dataclass(frozen=True, slots=True)
class Moved:
    """Makes dates of timestamps, and timestamps of dates or of a finer unit.

    Attributes:
        kind: the type that comes out.
        dates: what tells moments from clocks, where a zone is given.
    """

    kind: pa.DataType
    dates: Dates | None = None

    def __call__(self, array: pa.Array) -> Converted:
        """Return the values of the type; missing where one is finer than a microsecond."""
        if kinds.is_date(self.kind):
            return Converted(array.cast(self.kind, safe=False))
        moved = array.cast(
            pa.timestamp("us", self.kind.tz if self.dates is None else None), safe=False
        )
        is_exact = pc.equal(moved.cast(array.type, safe=False), array)
        moved = pc.if_else(is_exact, moved, pa.scalar(None, moved.type))
        return Converted(moved) if self.dates is None else self.dates.of_clocks(moved)


def _moments(
    given: pa.DataType, rule: CastRule
) -> tuple[Callable[[pa.Array], Converted], pa.DataType]:
    """Return what casts texts, dates or timestamps to one of these, and the type."""
    has_zone = kinds.is_timestamp(given) and given.tz is not None
    kind = pa.date32()
    if rule.type == "timestamp":
        kind = AWARE if has_zone or rule.timezone is not None else NAIVE
    dates = Dates((DateFormat(ISO),), kind, zone(rule.timezone), is_aware=rule.timezone is not None)
    if is_text(given):
        return dates, kind
    return Moved(kind, dates if dates.is_aware and not has_zone else None), kind


def _digits(value: Any, numbers: NumberFormat) -> Digits | None:
    """Return the digits of a number, or of a text that writes one."""
    if isinstance(value, str):
        return numbers.read(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    sign, digits, exponent = Decimal(repr(value) if isinstance(value, float) else value).as_tuple()
    return Digits(bool(sign), "".join(map(str, digits)), int(exponent))


def _cast(array: pa.Array, kind: pa.DataType) -> pa.Array | None:
    """Return an array cast without any loss, None if there is some."""
    try:
        return array.cast(kind)
    except pa.ArrowInvalid:
        return None
