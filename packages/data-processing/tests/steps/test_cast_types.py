"""Columns cast to a type, exactly or not at all."""

import json
import math
from datetime import date, datetime, time
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from data_processing import clean
from data_processing.cleaning.casting import Cast, Fixed, Floating, Whole
from data_processing.cleaning.number_texts import NumberFormat
from util_services.errors import ConfigurationError, DatasetError

at = datetime.fromisoformat
NBSP, THIN, NARROW, MINUS = "\u00a0", "\u2009", "\u202f", "\u2212"


def cast(column="x", **rule):
    return {"step": "cast_types", "columns": {column: rule}}


def casted(cleaned, values, kind=None, **rule):
    rule = {"on_error": "null"} | rule
    return cleaned(pa.table({"x": pa.array(values, kind)}), cast(**rule))


GREATEST = 1.7976931348623157e308
WHOLE = {
    "0": 0, "12": 12, "-12": -12, "+12": 12, f"{MINUS}12": -12, "007": 7, " 12\t": 12,
    f"{NBSP}12{THIN}": 12, "- 12": -12, "-0": 0,
    "9223372036854775807": 2**63 - 1, "-9223372036854775808": -(2**63),
    "9223372036854775808": None, "1" * 400: None, "1" * 5000: None,
    "": None, " ": None, "-": None, "--1": None, "1-": None, "(1)": None, "1.0": None,
    "1,000": None, "1.": None, "1e3": None, "0x1F": None,
    "1_000": None, "1 2": None, "٣": None, "²": None,
    "NaN": None, "inf": None, "12a": None, "1\n": 1, "1\x00": None, "5%": None, "€5": None,
}  # fmt: skip


def test_texts_become_whole_numbers(cleaned):
    """DP-01, DP-05: beyond 64 bits nothing is rounded."""
    done = casted(cleaned, list(WHOLE), type="integer")

    assert dict(zip(WHOLE, done.column("x"), strict=True)) == WHOLE
    assert done.table.schema.field("x").type == pa.int64()
    assert dict(done.note.counts) == {
        "x: no whole number of 64 bits": sum(value is None for value in WHOLE.values())
    }


@pytest.mark.parametrize(
    ("rule", "given"),
    [
        ({"thousands": "."}, {"1.234": 1234, "12.345.678": 12345678, "1.5": None, "1234": 1234}),
        ({"thousands": "."}, {"1.23.456": None, ".123": None, "1..234": None, "1234.567": None}),
        ({"thousands": ","}, {"-1,234": -1234, "12,34,567": None, "1,234,": None}),
        (
            {"thousands": " "},
            {"1 234": 1234, f"1{NBSP}234": 1234, f"1{NARROW}234{NARROW}567": 1234567},
        ),
        ({"thousands": " "}, {f"1 234{NBSP}567": None, "1  234": None}),
        ({"thousands": "'"}, {"1'234": 1234, "1\u2019234": 1234}),
        ({"signs": ["trailing"]}, {"5-": -5, "5 -": -5, "-5-": None, "5+": 5, "-5": -5}),
        ({"signs": ["parentheses"]}, {"(5)": -5, "( 5 )": -5, "(-5)": None, "(5": None}),
        ({"percent": "number"}, {"5%": 5, "5 %": 5, "%5": None, "5%%": None, "5": 5}),
        ({"percent": "share"}, {"500%": 5, "5%": None}),
        (
            {"currency": ["€", "EUR"]},
            {"€5": 5, "5 €": 5, "EUR 5": 5, "-€5": -5, "€-5": -5, "€5€": None, "$5": None},
        ),
        ({"zero_fraction": True}, {"5.0": 5, "5.": 5, "5.00": 5, "5.01": None, "5e1": None}),
        (
            {"signs": ["parentheses"], "currency": ["$"], "thousands": ","},
            {"($1,234)": -1234, "$(1,234)": None},
        ),
    ],
)  # fmt: skip
def test_how_numbers_are_written_is_declared(cleaned, rule, given):
    """DP-10."""
    done = casted(
        cleaned,
        list(given),
        type="integer",
        **({"decimal": ","} if rule.get("thousands") == "." else {}),
        **rule,
    )

    assert dict(zip(given, done.column("x"), strict=True)) == given


def test_a_point_between_digits_is_no_group_unless_it_was_declared(cleaned):
    """DP-10: 1.000 may be one or a thousand, so it is neither."""
    assert casted(cleaned, ["1.000", "1,000"], type="integer").column("x") == [None, None]


@pytest.mark.parametrize(
    ("rule", "given"),
    [
        (
            {},
            {"1.5": "1.50", "1": "1.00", ".5": "0.50", "5.": "5.00", "-1.05": "-1.05"},
        ),
        ({"decimal": ",", "thousands": "."}, {"1.234,5": "1234.50", "1,5": "1.50", "1.5": None}),
        ({"surplus_digits": "round"}, {"1.005": "1.00", "1.015": "1.02", "0.0051": "0.01"}),
        ({"surplus_digits": "round"}, {"-0.005": "0.00", "-0.015": "-0.02"}),
        ({"surplus_digits": "round"}, {"1e-500": "0.00", "1e99999": None, "0e99999": "0.00"}),
        ({"precision": 4}, {"99.99": "99.99", "100": None, "-99.99": "-99.99", "99.990": "99.99"}),
        ({"percent": "share"}, {"5%": "0.05", "12.5 %": None, "1.5": "1.50"}),
        ({"scale": 0}, {"9" * 38: "9" * 38, "9" * 39: None, "1.0": "1"}),
        ({"scale": 38}, {"0.1": f"0.1{'0' * 37}", "1": None, "0": f"0.{'0' * 38}"}),
    ],
)  # fmt: skip
def test_texts_become_decimals(cleaned, rule, given):
    """DP-05: whole numbers of 38 digits are exact."""
    done = casted(cleaned, list(given), type="decimal", **rule)

    kind = pa.decimal128(rule.get("precision", 38), rule.get("scale", 2))
    assert done.table.schema.field("x").type == kind
    wanted = {text: None if value is None else Decimal(value) for text, value in given.items()}
    assert dict(zip(given, done.column("x"), strict=True)) == wanted


@pytest.mark.parametrize(
    "given",
    [
        {"1.5": 1.5, "1": 1.0, "-.5": -0.5, "1e3": 1000.0, "1E-3": 0.001, "5.": 5.0, "1e": None},
        {"0.1": 0.1, "0.30000000000000004": 0.30000000000000004, "1e23": 1e23, "2.5e-324": 5e-324},
        {"1e309": None, "-1e309": None, "1e-400": 0.0, "1.7976931348623157e308": GREATEST},
        {"nan": None, "inf": None, "-Infinity": None, "0x1p3": None, "1e5.": None},
    ],
)  # fmt: skip
def test_texts_become_the_nearest_doubles(cleaned, given):
    done = casted(cleaned, list(given), type="float")

    assert dict(zip(given, done.column("x"), strict=True)) == given


def test_words_become_booleans(cleaned):
    """DP-37: missing values stay missing, and the column is one of booleans."""
    words = ["true", "FALSE", " Yes", "n", "1", "0", None, "", "ja", "2"]

    done = casted(cleaned, words, type="boolean")
    declared = casted(cleaned, ["Ja", "NEIN", "yes", "STRASSE"], type="boolean",
                      true_words=["ja", "straße"], false_words=["nein"])  # fmt: skip

    assert done.column("x") == [True, False, True, False, True, False, None, None, None, None]
    assert done.table.schema.field("x").type == pa.bool_()
    assert declared.column("x") == [True, False, None, True]


ISO_DAYS = {
    "2024-02-29": date(2024, 2, 29), "2023-02-29": None, "1900-02-29": None,
    "2000-02-29": date(2000, 2, 29),
    "0001-01-01": date(1, 1, 1), "9999-12-31": date(9999, 12, 31), "0000-01-01": None,
    "10000-01-01": None, "2024-1-2": None, "20240102": None, "2024-13-01": None, "2024-00-01": None,
    "2024-01-00": None, "2024-01-32": None, "02.01.2024": None, " 2024-01-02 ": date(2024, 1, 2),
    "2024-01-02T23:59:59": date(2024, 1, 2), "2024-01-02T24:00:00": None, "": None,
    "2024-01-02T00:00+02:00": date(2024, 1, 2),
}  # fmt: skip


def test_texts_in_iso_8601_become_dates(cleaned):
    """DP-34."""
    done = casted(cleaned, list(ISO_DAYS), type="date")

    assert dict(zip(ISO_DAYS, done.column("x"), strict=True)) == ISO_DAYS


@pytest.mark.parametrize(
    ("timezone", "given"),
    [
        (
            None,
            {
                "2024-01-02": at("2024-01-02"),
                "2024-01-02T03:04": at("2024-01-02T03:04"),
                "2024-01-02 03:04:05": at("2024-01-02T03:04:05"),
                "2024-01-02T03:04:05.1": at("2024-01-02T03:04:05.1"),
                "2024-01-02T03:04:05,123456": at("2024-01-02T03:04:05.123456"),
                "2024-01-02T03:04:05.123456000": at("2024-01-02T03:04:05.123456"),
                "2024-01-02T03:04:05.1234567": None,
                "2024-01-02T03:04:60": None,
                "2024-01-02T03:04:05Z": None,
                "0001-01-01T00:00:00.000001": at("0001-01-01T00:00:00.000001"),
                "9999-12-31T23:59:59.999999": at("9999-12-31T23:59:59.999999"),
            },
        ),
        (
            "Europe/Brussels",
            {
                "2024-01-02T03:04:05": at("2024-01-02T02:04:05+00:00"),
                "2024-07-02T03:04:05": at("2024-07-02T01:04:05+00:00"),
                "2024-07-02T03:04:05-05:30": at("2024-07-02T08:34:05+00:00"),
                "2024-03-31T02:30:00": None,  # clocks were put forward
                "2024-10-27T02:30:00": None,  # clocks showed it twice
                "0001-01-01T00:00:00": None,  # still the year before in UTC
            },
        ),
    ],
)
def test_texts_in_iso_8601_become_timestamps(cleaned, timezone, given):
    """DP-33, DP-34."""
    done = casted(cleaned, list(given), type="timestamp", timezone=timezone)

    assert dict(zip(given, done.column("x"), strict=True)) == given


def test_texts_in_iso_8601_become_times(cleaned):
    given = {"03:04": time(3, 4), "23:59:59.5": time(23, 59, 59, 500000), "24:00": None,
             "3:04": None, "03:04Z": None, " 03:04:05 ": time(3, 4, 5),
             "2024-01-02T03:04": None}  # fmt: skip

    done = casted(cleaned, list(given), type="time")

    assert dict(zip(given, done.column("x"), strict=True)) == given


@pytest.mark.parametrize("kind", ["time", "date", "timestamp", "integer", "boolean", "decimal"])
def test_a_column_without_a_text_becomes_a_column_without_a_value(cleaned, kind):
    digits = {"precision": 5, "scale": 2} if kind == "decimal" else {}

    done = casted(cleaned, pa.array([None, None], pa.string()), type=kind, **digits)

    assert done.column("x") == [None, None]


@pytest.mark.parametrize(
    ("kind", "values", "target", "expected"),
    [
        (pa.float64(), [1.0, -0.0, 1.5, math.inf, 2.0**63], "integer", [1, 0, None, None, None]),
        (pa.float64(), [2.0**53, 1e18], "integer", [2**53, 10**18]),
        (pa.decimal128(5, 1), [Decimal("1.0"), Decimal("1.5")], "integer", [1, None]),
        (pa.uint64(), [2**64 - 1, 1], "integer", [None, 1]),
        (pa.bool_(), [True, None], "integer", [1, None]),
        (pa.int64(), [2**53 + 1, 2**53 + 2, 3], "float", [None, 2.0**53 + 2, 3.0]),
        (pa.decimal128(38, 20), [Decimal("0.1")], "float", [0.1]),
        (pa.float64(), [0.1, 1.125, math.inf], "decimal", [Decimal("0.10"), None, None]),
        (pa.int64(), [2**63 - 1], "decimal", [Decimal(2**63 - 1)]),
        (pa.decimal128(9, 3), [Decimal("1.230")], "decimal", [Decimal("1.23")]),
        (pa.decimal128(9, 3), [Decimal("1.234")], "decimal", [None]),
        (pa.int8(), [1, 0, 2, None], "boolean", [True, False, None, None]),
        (pa.timestamp("us"), [at("2024-01-02T03:04")], "date", [date(2024, 1, 2)]),
        (pa.timestamp("us"), [at("0001-01-01T23:59")], "date", [date(1, 1, 1)]),
        (pa.date32(), [date(2024, 1, 2), None], "timestamp", [at("2024-01-02"), None]),
        (pa.timestamp("ns"), [1000, 1001], "timestamp", [at("1970-01-01T00:00:00.000001"), None]),
        (pa.timestamp("us", "UTC"), [0], "timestamp", [at("1970-01-01T00:00+00:00")]),
        (pa.float64(), [1.5, 1.0, 1e300, None], "text", ["1.5", "1.0", "1e+300", None]),
        (pa.decimal128(38, 2), [Decimal("1.50")], "text", ["1.50"]),
        (pa.decimal128(38, 0), [Decimal(10**30)], "text", [str(10**30)]),
        (pa.int64(), [-5], "text", ["-5"]),
        (pa.bool_(), [True, False], "text", ["true", "false"]),
        (pa.date32(), [date(2024, 1, 2)], "text", ["2024-01-02"]),
        (pa.timestamp("us"), [at("2024-01-02T03:04:05.5")], "text", ["2024-01-02T03:04:05.500000"]),
        (pa.time64("us"), [time(3, 4)], "text", ["03:04:00"]),
        (pa.large_string(), [" 007"], "text", [" 007"]),
    ],
)  # fmt: skip
def test_other_types_are_cast_exactly_or_not_at_all(cleaned, kind, values, target, expected):
    """DP-04, DP-06: never through float."""
    assert casted(cleaned, values, kind, type=target).column("x") == expected


def test_timestamps_without_a_zone_are_brought_to_utc(cleaned):
    values = [at("2024-07-02T03:04"), at("2024-03-31T02:30"), None]

    done = casted(cleaned, values, type="timestamp", timezone="Europe/Brussels")

    assert done.column("x") == [at("2024-07-02T01:04+00:00"), None, None]


GIVEN = ["1", "x", None, "3", "y"]


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("null", [1, None, None, 3, None]),
        ("flag", [1, None, None, 3, None]),
        ("quarantine", [1, None, 3]),
    ],
)
def test_what_cannot_be_cast_is_treated_by_policy(cleaned, policy, expected):
    done = casted(cleaned, GIVEN, type="integer", on_error=policy)

    assert done.column("x") == expected
    assert done.counts() == [(5, len(expected), 0, 5 - len(expected))]
    if policy == "flag":
        assert done.column("x_invalid") == [False, True, False, False, True]
    if policy == "quarantine":
        assert done.quarantine == [
            {
                "row": row,
                "step": "cast_types",
                "reason": "the column 'x' holds no whole number of 64 bits",
                "record": {"x": value},
            }
            for row, value in ((1, "x"), (4, "y"))
        ]


def test_what_cannot_be_cast_is_an_error_that_names_rows_and_no_value(cleaned):
    """DP-46."""
    frame = pd.DataFrame({"x": ["1", "hush", None, "9", "hush"], "y": range(5)})

    with pytest.raises(DatasetError) as caught:
        clean(frame, [{"step": "filter_rows", "keep": "y > 0"}, cast(type="integer")])

    assert str(caught.value) == (
        "steps[1] (cast_types): "
        "The column 'x' holds what is no whole number of 64 bits in rows 1, 4 (the first row is "
        "0); correct it, or set 'on_error' to null, flag or quarantine."
    )


def test_a_row_is_set_aside_once_with_what_it_held_before(cleaned):
    table = pa.table({"x": ["a", "1", "2"], "y": ["b", "c", "3"]})
    rule = {"type": "integer", "on_error": "quarantine"}

    done = cleaned(table, {"step": "cast_types", "columns": {"x": rule, "y": rule}})

    assert done.rows() == [{"x": 2, "y": 3}]
    assert [found["record"] for found in done.quarantine] == [
        {"x": "a", "y": "b"},
        {"x": "1", "y": "c"},
    ]


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"type": "integer", "scale": 3}, "'scale' has no meaning for integer; take it out."),
        ({"type": "text", "decimal": ","}, "'decimal' has no meaning for text; take it out."),
        ({"type": "float", "timezone": "UTC"}, "'timezone' has no meaning for float; take it out."),
        ({"type": "float", "flag": "f"}, "'flag' has no meaning for error; take it out."),
        ({"type": "float", "thousands": "."}, "'decimal' and 'thousands' must be two marks"),
        ({"type": "float", "decimal": " "}, "'decimal' and 'thousands' must be two marks"),
        ({"type": "float", "decimal": "-"}, "'decimal' must be no digit, sign"),
        ({"type": "float", "thousands": "1"}, "'thousands' must be no digit, sign"),
        ({"type": "decimal", "precision": 1}, "'scale' must not be above 'precision'."),
        (
            {"type": "boolean", "true_words": ["X "], "false_words": ["x"]},
            "a text must not be both true and false.",
        ),
        ({"type": "boolean", "true_words": []}, "true_words: value should have at least 1 item"),
    ],
)
def test_options_without_meaning_are_refused(cleaned, rule, message):
    with pytest.raises(ConfigurationError) as caught:
        cleaned(pa.table({"x": ["1"]}), cast(**rule))

    text = str(caught.value).removeprefix("steps[0] (cast_types).columns.x")
    assert text[2 if text.startswith(": ") else 1 :].startswith(message)


@pytest.mark.parametrize(
    ("kind", "rule", "message"),
    [
        (
            pa.date32(),
            {"type": "integer"},
            "The column 'x' holds date32[day], which is not cast to integer; leave it out, or "
            "choose another type.",
        ),
        (
            pa.list_(pa.int64()),
            {"type": "text"},
            "The column 'x' holds list<l: int64>, which is not cast to text; leave it out, or "
            "choose another type.",
        ),
        (
            pa.string(),
            {"type": "timestamp", "timezone": "Mars/Olympus"},
            "'Mars/Olympus' is no time zone of the IANA database; name one such as "
            "Europe/Brussels.",
        ),
        (
            pa.string(),
            {"type": "float", "on_error": "flag", "flag": "X"},
            "'flag' names the new column 'X', but there is one already or the name is empty; "
            "choose another name.",
        ),
    ],
)
def test_what_is_known_from_the_columns_is_refused_before_a_row_is_read(
    cleaned, kind, rule, message
):
    with pytest.raises(ConfigurationError) as caught:
        cleaned(pa.table({"x": pa.array([], kind)}), cast(**rule))

    assert str(caught.value) == f"steps[0] (cast_types): {message}"


@pytest.mark.parametrize("target", ["integer", "decimal", "float", "boolean", "date", "timestamp"])
@pytest.mark.parametrize("values", [[], [None, None]])
def test_a_column_without_values_gets_its_type(cleaned, target, values):
    done = casted(cleaned, values, pa.string(), type=target)

    assert done.column("x") == values
    assert done.table.schema.field("x").type != pa.string()


def test_no_value_stands_in_what_is_reported(cleaned):
    done = casted(cleaned, ["hush"], type="integer", on_error="flag")

    assert "hush" not in json.dumps(done.note.to_dict())


TEXTS = st.text("0123456789+-.,eE ()%€\u2212\u00a0x", max_size=12) | st.from_regex(
    r"-?[0-9]{1,20}([.,][0-9]{0,5})?([eE]-?[0-9]{1,3})?", fullmatch=True
)
FORMATS = st.builds(
    NumberFormat,
    st.just("."),
    st.sampled_from([None, ",", " "]),
    st.sampled_from([(), ("trailing",), ("parentheses",), ("trailing", "parentheses")]),
    st.sampled_from(["refuse", "number", "share"]),
    st.sampled_from([(), ("€",)]),
)


@settings(max_examples=400, deadline=None)
@given(st.lists(TEXTS, max_size=8), FORMATS, st.sampled_from([(12, 3), (5, 2), (3, 3), (38, 0)]))
@example(["1e22", "9007199254740993", "0.1", "123456789012345678"], NumberFormat(), (4, 2))
@example(["12,345", "1,234", "123", "1,234,567"], NumberFormat(thousands=","), (6, 2))
def test_what_is_read_all_together_is_what_is_read_one_by_one(texts, numbers, digits):
    kind = pa.decimal128(*digits)
    for reader, target in (
        (Whole(numbers, takes_zero_fraction=False), pa.int64()),
        (Fixed(numbers, kind, rounds=False), kind),
        (Floating(numbers), pa.float64()),
    ):
        found = Cast(target, reader)(pa.array(texts, pa.string())).array

        assert found.equals(pa.array([reader.read(text) for text in texts], target))


@settings(max_examples=300)
@given(st.decimals(allow_nan=False, allow_infinity=False) | st.floats(allow_nan=False))
def test_a_number_is_read_as_python_reads_it(number):
    text = str(number)
    if "inf" in text:
        return

    digits = NumberFormat().read(text)

    assert digits.nearest() == (None if math.isinf(float(text)) else float(text))
    exact = Fraction(text) * 10**20
    if abs(exact) < 10**900:
        assert digits.units(20) == (exact.numerator if exact.denominator == 1 else None)


def test_spark_casts_alike(cleaned, cleaned_on_spark):
    random = np.random.default_rng(3)
    table = pa.table(
        {
            "a": [f"{n:,.2f}" for n in random.lognormal(5, 4, 60)],
            "b": ([*WHOLE] + ["7"] * 60)[:60],
            "c": ["yes", "no", None] * 20,
            "d": ["2024-02-29", "x", "0001-01-01"] * 20,
        }
    )
    step = {
        "step": "cast_types",
        "columns": {
            "a": {"type": "decimal", "thousands": ","},
            "b": {"type": "integer", "on_error": "quarantine"},
            "c": {"type": "boolean"},
            "d": {"type": "date", "on_error": "flag"},
        },
    }

    there, here = cleaned_on_spark(table, step), cleaned(table, step)

    assert there.table.equals(here.table)
    assert there.notes == here.notes
