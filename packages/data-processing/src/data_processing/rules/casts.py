"""How texts are read as numbers, booleans, dates and times."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, model_validator

from data_processing.rules.meaning import refuse_meaningless
from data_processing.steps.parameters import Rule, described, each_once

NUMBERS = ("integer", "decimal", "float")
TRUE_WORDS, FALSE_WORDS = ["true", "t", "yes", "y", "1"], ["false", "f", "no", "n", "0"]
TAKEN_MARKS = frozenset("0123456789+-\u2212eE()%")
MONTHS_OF_A_YEAR = 12

Words = Annotated[list[str], AfterValidator(each_once)]
OnError = Annotated[
    Literal["error", "null", "flag", "quarantine"],
    described(
        "What becomes of a value that cannot be converted: the run ends and names its row; a "
        "missing value; a missing value of which a new column tells; or its row is set aside."
    ),
]
Flag = Annotated[
    str | None,
    described("Name of the new column of 'flag'; by default the column's with '_invalid'."),
]


class CastRule(Rule):
    """What a column becomes, and how its values are written."""

    type: Annotated[
        Literal["integer", "decimal", "float", "boolean", "date", "timestamp", "time", "text"],
        described(
            "A whole number of 64 bits; a decimal of 'precision' digits, 'scale' of them behind "
            "the mark; the nearest double; true or false; a date, timestamp or time of day in ISO "
            "8601; or a text."
        ),
    ]
    decimal: Annotated[str, described("The mark before fractions.", min_length=1, max_length=1)] = (
        "."
    )
    thousands: Annotated[
        str | None,
        described(
            "The mark that may stand between groups of three digits; ' ' stands for no-break and "
            "thin spaces too.",
            min_length=1,
            max_length=1,
        ),
    ] = None
    signs: Annotated[
        list[Literal["trailing", "parentheses"]],
        described("Further ways to write a negative number: '5-', '(5)'.", default_factory=list),
    ]
    percent: Annotated[
        Literal["refuse", "number", "share"],
        described("What '5 %' is: no number, 5, or 0.05."),
    ] = "refuse"
    currency: Annotated[
        Words,
        described(
            "Signs or words, such as '€' or 'EUR', that may stand on one side of a number and are "
            "left out.",
            default_factory=list,
        ),
    ]
    zero_fraction: Annotated[bool, described("Whether '5.0' is the whole number 5.")] = False
    precision: Annotated[int, described("Digits of a decimal.", ge=1, le=38)] = 38
    scale: Annotated[int, described("Digits of a decimal behind the mark.", ge=0, le=38)] = 2
    surplus_digits: Annotated[
        Literal["error", "round"],
        described(
            "What becomes of a decimal with more digits behind the mark than 'scale': it cannot be "
            "converted, or is rounded, ties to even."
        ),
    ] = "error"
    true_words: Annotated[
        Words,
        described(
            "Texts that are true, in any case.", min_length=1, default_factory=TRUE_WORDS.copy
        ),
    ]
    false_words: Annotated[
        Words,
        described(
            "Texts that are false, in any case.", min_length=1, default_factory=FALSE_WORDS.copy
        ),
    ]
    timezone: Annotated[
        str | None,
        described(
            "Zone of timestamps that tell none, such as UTC or Europe/Brussels; timestamps are "
            "then brought to UTC. Without it they have no zone and must tell none."
        ),
    ] = None
    on_error: OnError = "error"
    flag: Flag = None

    @model_validator(mode="after")
    def _consistent(self) -> CastRule:
        refuse_meaningless(
            self,
            "type",
            {
                **dict.fromkeys(("decimal", "thousands", "signs", "percent", "currency"), NUMBERS),
                "zero_fraction": ("integer",),
                **dict.fromkeys(("precision", "scale", "surplus_digits"), ("decimal",)),
                **dict.fromkeys(("true_words", "false_words"), ("boolean",)),
                "timezone": ("timestamp",),
            },
        )
        refuse_meaningless(self, "on_error", {"flag": ("flag",)})
        for option in ("decimal", "thousands"):
            if (getattr(self, option) or ".") in TAKEN_MARKS:
                raise ValueError(f"'{option}' must be no digit, sign, parenthesis, percent or e")
        if self.decimal == self.thousands or self.decimal.isspace():
            raise ValueError("'decimal' and 'thousands' must be two marks, and 'decimal' no space")
        if self.scale > self.precision:
            raise ValueError("'scale' must not be above 'precision'")
        both = {w.strip().casefold() for w in self.true_words} & {
            w.strip().casefold() for w in self.false_words
        }
        if both:
            raise ValueError("a text must not be both true and false")
        return self


class DateRule(Rule):
    """How the dates of a column are written, and what becomes of them."""

    formats: Annotated[
        Words,
        described(
            "The formats that occur, with directives of strptime such as '%d/%m/%Y'; 'iso8601' for "
            "2024-02-29 and 2024-02-29T10:00:00+02:00; 'excel' for numbers of days.",
            min_length=1,
        ),
    ]
    type: Annotated[
        Literal["auto", "date", "timestamp"],
        described("What comes out; by default timestamps where a format tells the time of day."),
    ] = "auto"
    timezone: Annotated[
        str | None,
        described("Zone of times that tell none, such as UTC or Europe/Brussels."),
    ] = None
    to_timezone: Annotated[
        str | None,
        described(
            "Zone whose clocks come out, without a zone; by default moments come out in UTC where "
            "a zone or an offset is known."
        ),
    ] = None
    offset: Annotated[
        str | None,
        described("Name of a new column that keeps offsets as they were written: '+02:00'."),
    ] = None
    pivot_year: Annotated[
        int | None,
        described(
            "The first of the hundred years that %y stands for: with 1950, 49 is 2049 and 50 is "
            "1950.",
            ge=1,
            le=9900,
        ),
    ] = None
    months: Annotated[
        Words,
        described(
            "The twelve names of months that %b and %B read; by default English ones.",
            default_factory=list,
        ),
    ]
    excel_1904: Annotated[
        bool, described("Whether Excel counted days from 1904, as it did on Macintosh.")
    ] = False
    ambiguous: Annotated[
        Literal["error", "first"],
        described(
            "What becomes of a text that two formats read as different dates: the run ends and "
            "names its row, or the first of them counts."
        ),
    ] = "error"
    repeated_hour: Annotated[
        Literal["error", "earlier", "later"],
        described(
            "What an hour is that clocks of 'timezone' show twice: no time, the earlier or the "
            "later one. An hour that they skip is never a time."
        ),
    ] = "error"
    on_error: OnError = "error"
    flag: Flag = None

    @model_validator(mode="after")
    def _consistent(self) -> DateRule:
        refuse_meaningless(self, "on_error", {"flag": ("flag",)})
        if self.months and len(self.months) != MONTHS_OF_A_YEAR:
            raise ValueError("'months' must name all twelve")
        if self.excel_1904 and "excel" not in self.formats:
            raise ValueError("'excel_1904' has no meaning without the format 'excel'; take it out")
        if self.repeated_hour != "error" and self.timezone is None:
            raise ValueError("'repeated_hour' has no meaning without 'timezone'; take it out")
        return self
