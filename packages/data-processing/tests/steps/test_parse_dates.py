"""Dates read by declared formats, never guessed."""

import json
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import openpyxl.utils.datetime as excel
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_processing import clean
from util_services.errors import ConfigurationError, DatasetError

at = datetime.fromisoformat
ARABIC = "01/01/2024".translate({n: 0x0660 + n - 48 for n in range(48, 58)})
DAY_FIRST, MONTH_FIRST = "%d/%m/%Y", "%m/%d/%Y"


def parse(column="x", **rule):
    return {"step": "parse_dates", "columns": {column: rule}}


def parsed(cleaned, values, *formats, kind=None, **rule):
    rule = {"formats": list(formats), "on_error": "null"} | rule
    return cleaned(pa.table({"x": pa.array(values, kind)}), parse(**rule))


@pytest.mark.parametrize(
    ("text", "given"),
    [
        (
            DAY_FIRST,
            {
                "13/02/2024": date(2024, 2, 13), "01/02/2024": date(2024, 2, 1),
                "1/2/2024": date(2024, 2, 1),
                " 01/02/2024\u00a0": date(2024, 2, 1), "02/13/2024": None, "29/02/2023": None,
                "29/02/2024": date(2024, 2, 29), "31/04/2024": None, "00/01/2024": None,
                "01/00/2024": None, "01/01/0000": None, "01/01/0001": date(1, 1, 1),
                "31/12/9999": date(9999, 12, 31), "01/01/24": None, "01-01-2024": None,
                "": None, "01/01/2024 ": date(2024, 1, 1), "01/01/2024x": None, ARABIC: None,
                "1" * 300: None,
            },
        ),
        ("%Y%m%d", {"20240229": date(2024, 2, 29), "2024229": None, "20241301": None}),
        (
            "%Y-%j",
            {
                "2024-060": date(2024, 2, 29), "2024-366": date(2024, 12, 31), "2023-366": None,
                "2024-1": date(2024, 1, 1), "2024-000": None,
            },
        ),
        (
            "%d %b %Y",
            {
                "1 Feb 2024": date(2024, 2, 1), "01 FEBRUARY 2024": date(2024, 2, 1),
                "1  feb\u00a02024": date(2024, 2, 1), "1 Febr 2024": None,
            },
        ),
        (
            "%A, %d. %B %Y",
            {
                "Thursday, 29. February 2024": date(2024, 2, 29),
                "Friday, 29. February 2024": None, "thu, 29. Feb 2024": date(2024, 2, 29),
            },
        ),
        ("%d%%%m%%%Y", {"1%2%2024": date(2024, 2, 1)}),
        ("(%Y) %m.%d", {"(2024) 2.1": date(2024, 2, 1), "2024 2.1": None}),
        ("le %d/%m/%Y", {"le 1/2/2024": date(2024, 2, 1), "Le 1/2/2024": None}),
        ("%F", {"2024-02-29": date(2024, 2, 29)}),
        ("%F %", {"2024-02-29 %": date(2024, 2, 29)}),
    ],
)  # fmt: skip
def test_a_format_reads_what_it_says(cleaned, text, given):
    """DP-32, DP-34."""
    done = parsed(cleaned, list(given), text)

    assert dict(zip(given, done.column("x"), strict=True)) == given
    assert done.table.schema.field("x").type == pa.date32()
    assert done.note.counts["x: no date"] == sum(one is None for one in given.values())


@pytest.mark.parametrize(
    ("text", "given"),
    [
        (
            "%Y-%m-%d %H:%M:%S.%f",
            {
                "2024-01-02 03:04:05.000001": at("2024-01-02T03:04:05.000001"),
                "2024-01-02 03:04:05.5": at("2024-01-02T03:04:05.5"),
                "0001-01-01 00:00:00.000001": at("0001-01-01T00:00:00.000001"),
                "9999-12-31 23:59:59.999999": at("9999-12-31T23:59:59.999999"),
                "2024-01-02 03:04:60.0": None,
                "2024-01-02 24:00:00.0": None,
                "2024-01-02 03:04:05.1234567": None,
            },
        ),
        (
            "%m/%d/%Y %I:%M %p",
            {
                "1/2/2024 12:00 AM": at("2024-01-02T00:00"),
                "1/2/2024 12:30 pm": at("2024-01-02T12:30"),
                "1/2/2024 1:05 p.m.": at("2024-01-02T13:05"),
                "1/2/2024 13:05 PM": None,
                "1/2/2024 0:05 AM": None,
            },
        ),
        (
            "iso8601",
            {
                "2024-01-02": at("2024-01-02"),
                "2024-01-02T03:04:05": at("2024-01-02T03:04:05"),
                "2024-01-02T03:04:05Z": None,
                "2024-1-2": None,
            },
        ),
    ],
)
def test_times_of_the_day_are_exact_to_the_microsecond(cleaned, text, given):
    """DP-34."""
    done = parsed(cleaned, list(given), text)

    assert dict(zip(given, done.column("x"), strict=True)) == given


def test_formats_are_tried_in_their_order(cleaned):
    given = {
        "2024-02-01": date(2024, 2, 1),
        "13.02.2024": date(2024, 2, 13),
        "1 Mar 2024": date(2024, 3, 1),
        "x": None,
        None: None,
    }

    done = parsed(cleaned, list(given), "%Y-%m-%d", "%d.%m.%Y", "%d %b %Y")

    assert dict(zip(given, done.column("x"), strict=True)) == given


def test_a_text_that_two_formats_read_differently_is_an_error_that_names_rows():
    """DP-32: 13/02/2024 among 01/02/2024 tells nothing of the others."""
    frame = pd.DataFrame({"x": ["13/02/2024", None, "01/02/2024", "05/05/2024", "02/01/2024"]})

    with pytest.raises(DatasetError) as caught:
        clean(frame, [parse(formats=[DAY_FIRST, MONTH_FIRST], on_error="null")])

    assert str(caught.value) == (
        "steps[0] (parse_dates): "
        "The column 'x' holds what two of its formats read as different dates in rows 2, 4 (the "
        "first row is 0); take one of them out, or set 'ambiguous' to first."
    )


def test_the_first_format_counts_if_that_is_asked_for(cleaned):
    values = ["13/02/2024", "01/02/2024", "05/05/2024", "02/13/2024"]

    done = parsed(cleaned, values, DAY_FIRST, MONTH_FIRST, ambiguous="first")

    assert done.column("x") == [
        date(2024, 2, 13), date(2024, 2, 1), date(2024, 5, 5), date(2024, 2, 13),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("pivot", "given"),
    [
        (1950, {"1/2/49": 2049, "1/2/50": 1950, "1/2/99": 1999, "1/2/00": 2000}),
        (1969, {"1/2/68": 2068, "1/2/69": 1969}),
        (1825, {"1/2/24": 1924, "1/2/25": 1825, "1/2/2024": None}),
    ],
)
def test_years_of_two_digits_lie_in_the_hundred_years_that_are_declared(cleaned, pivot, given):
    done = parsed(cleaned, list(given), "%d/%m/%y", pivot_year=pivot)

    years = [one and one.year for one in done.column("x")]
    assert dict(zip(given, years, strict=True)) == given


def test_offsets_are_brought_to_utc_and_kept_on_request(cleaned):
    """DP-33."""
    given = {
        "2024-01-02T00:00+02:00": (at("2024-01-01T22:00+00:00"), "+02:00"),
        "2024-01-02T00:00-0530": (at("2024-01-02T05:30+00:00"), "-05:30"),
        "2024-01-02T00:00\u221205": (at("2024-01-02T05:00+00:00"), "-05:00"),
        "2024-01-02T00:00Z": (at("2024-01-02T00:00+00:00"), "+00:00"),
        "2024-01-02T00:00+24:00": (None, None),
        "2024-01-02T00:00": (None, None),
        "0001-01-01T00:00+02:00": (None, None),
    }

    done = parsed(cleaned, list(given), "%Y-%m-%dT%H:%M%z", offset="offset")

    found = zip(done.column("x"), done.column("offset"), strict=True)
    assert dict(zip(given, found, strict=True)) == given
    assert done.table.schema.field("x").type == pa.timestamp("us", "UTC")


def test_texts_without_an_offset_are_of_the_declared_zone(cleaned):
    """DP-33."""
    given = {
        "2024-01-02T03:04": at("2024-01-02T02:04+00:00"),
        "2024-07-02T03:04": at("2024-07-02T01:04+00:00"),
        "2024-07-02T03:04Z": at("2024-07-02T03:04+00:00"),
        "2024-03-31T02:30": None,  # clocks were put forward
    }

    done = parsed(cleaned, list(given), "iso8601", timezone="Europe/Brussels", offset="offset")

    assert dict(zip(given, done.column("x"), strict=True)) == given
    assert done.column("offset") == [None, None, "+00:00", None]


@pytest.mark.parametrize(
    ("repeated", "expected"),
    [
        ("error", None),
        ("earlier", at("2024-10-27T00:30+00:00")),
        ("later", at("2024-10-27T01:30+00:00")),
    ],
)
def test_an_hour_that_clocks_show_twice_is_by_policy(cleaned, repeated, expected):
    values = ["2024-10-27T02:30", "2024-03-31T02:30"]

    done = parsed(cleaned, values, "iso8601", timezone="Europe/Brussels", repeated_hour=repeated)

    assert done.column("x") == [expected, None]


def test_a_date_is_the_day_as_it_is_written(cleaned):
    values = ["2024-01-02T00:30+02:00", "2024-01-02T00:30", "2024-03-31T02:30"]
    rule = {"type": "date", "timezone": "Europe/Brussels"}

    done = parsed(cleaned, values, "iso8601", **rule)

    assert done.column("x") == [date(2024, 1, 2), date(2024, 1, 2), date(2024, 3, 31)]


def test_moments_may_come_out_as_clocks_of_a_zone(cleaned):
    values = ["2024-01-02T00:00+02:00", "2024-07-02T00:00Z", "9999-12-31T23:00Z"]
    rule = {"to_timezone": "America/New_York"}

    done = parsed(cleaned, values, "%Y-%m-%dT%H:%M%z", **rule)
    days = parsed(cleaned, values, "%Y-%m-%dT%H:%M%z", type="date", **rule)
    late = parsed(cleaned, values[2:], "%Y-%m-%dT%H:%M%z", to_timezone="Asia/Tokyo")

    assert done.column("x")[:2] == [at("2024-01-01T17:00"), at("2024-07-01T20:00")]
    assert done.table.schema.field("x").type == pa.timestamp("us")
    assert days.column("x")[:2] == [date(2024, 1, 1), date(2024, 7, 1)]
    assert late.column("x") == [None]  # it is the year 10000 there


@pytest.mark.parametrize(
    ("serial", "expected"),
    [  # as Excel shows them
        ("1", date(1900, 1, 1)), ("59", date(1900, 2, 28)), ("60", None), ("61", date(1900, 3, 1)),
        ("39448", date(2008, 1, 1)), ("2958465", date(9999, 12, 31)), ("2958466", None),
        ("0", None), ("-1", None), ("45000.5", None), ("1e5", None),
        ("45000.", date(2023, 3, 15)), ("x", None),
    ],
)  # fmt: skip
def test_numbers_of_days_are_those_of_excel(cleaned, serial, expected):
    """DP-35: the day 60 never was."""
    assert parsed(cleaned, [serial], "excel").column("x") == [expected]


@pytest.mark.parametrize("is_1904", [False, True])
def test_numbers_of_days_are_read_as_openpyxl_reads_them(cleaned, is_1904):
    """DP-35."""
    random = np.random.default_rng(4)
    serials = [61, 62.5, 44197.999988426, *(random.random(50) * 80_000 + 61).tolist()]
    epoch = excel.CALENDAR_MAC_1904 if is_1904 else excel.CALENDAR_WINDOWS_1900

    done = parsed(cleaned, serials, "excel", excel_1904=is_1904, type="timestamp")

    theirs = [excel.from_excel(serial, epoch) for serial in serials]
    assert done.column("x") == theirs


def test_numbers_of_days_from_1904_begin_at_0(cleaned):
    """DP-35."""
    values = pa.array([0, 59, 60, 1462], pa.int64())

    done = parsed(cleaned, values, "excel", excel_1904=True)

    assert done.column("x") == [
        date(1904, 1, 1), date(1904, 2, 29), date(1904, 3, 1), date(1908, 1, 2),
    ]  # fmt: skip


def test_formats_and_numbers_of_days_may_be_mixed(cleaned):
    assert parsed(cleaned, ["45000", "1/2/2024"], DAY_FIRST, "excel").column("x") == [
        date(2023, 3, 15), date(2024, 2, 1),
    ]  # fmt: skip


def test_months_may_have_other_names(cleaned):
    months = ["janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.",
              "nov.", "déc."]  # fmt: skip

    done = parsed(cleaned, ["1 févr. 2024", "1 AOÛT 2024", "1 Feb 2024"], "%d %b %Y", months=months)

    assert done.column("x") == [date(2024, 2, 1), date(2024, 8, 1), None]


@pytest.mark.parametrize("policy", ["null", "flag", "quarantine", "error"])
def test_what_is_no_date_is_treated_by_policy(cleaned, policy):
    table = pa.table({"x": ["1/2/2024", "hush", None]})
    step = parse(formats=[DAY_FIRST], on_error=policy)
    if policy == "error":
        with pytest.raises(DatasetError) as caught:
            cleaned(table, step)
        assert str(caught.value) == (
            "steps[0] (parse_dates): "
            "The column 'x' holds what is no date in row 1 (the first row is 0); correct it, or "
            "set 'on_error' to null, flag or quarantine."
        )
        return

    done = cleaned(table, step)

    day = date(2024, 2, 1)
    assert done.column("x") == ([day, None] if policy == "quarantine" else [day, None, None])
    if policy == "flag":
        assert done.column("x_invalid") == [False, True, False]
    if policy == "quarantine":
        assert done.quarantine[0]["record"] == {"x": "hush"}
    assert "hush" not in json.dumps(done.note.to_dict())


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"formats": []}, ".formats: value should have at least 1 item"),
        ({"formats": [DAY_FIRST], "months": ["a"]}, ": 'months' must name all twelve."),
        ({"formats": [DAY_FIRST], "excel_1904": True}, ": 'excel_1904' has no meaning without"),
        ({"formats": [DAY_FIRST], "repeated_hour": "later"}, ": 'repeated_hour' has no meaning"),
        ({"formats": [DAY_FIRST], "flag": "f"}, ": 'flag' has no meaning for error; take it out."),
        ({"formats": [DAY_FIRST], "pivot_year": 0}, ".pivot_year: input should be greater than"),
    ],
)
def test_options_without_meaning_are_refused(cleaned, rule, message):
    with pytest.raises(ConfigurationError) as caught:
        cleaned(pa.table({"x": ["1"]}), parse(**rule))

    text = str(caught.value).removeprefix("steps[0] (parse_dates).columns.x")
    assert text.startswith(message)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("%d/%m", "it needs year, month and day"),
        ("%Y-%m", "it needs year, month and day"),
        ("%Y", "it needs year, month and day"),
        ("%d/%m/%y", "years of two digits need 'pivot_year', the first of their hundred years"),
        ("%Y-%m-%d %Y", "it reads something twice"),
        ("%Y %B-%m-%d", "it reads something twice"),
        ("%F %I:%M", "'%I' needs '%p'"),
        ("%F %H %p", "'%p' needs '%I'"),
        ("%F %M", "'%M' needs '%H'"),
        ("%F %H:%S", "'%S' needs '%M'"),
        ("%F %U", "'%U' is no directive that is known"),
    ],
)
def test_a_format_that_reads_no_whole_date_is_refused(cleaned, text, problem):
    with pytest.raises(ConfigurationError) as caught:
        parsed(cleaned, ["x"], text)

    assert str(caught.value) == (f"steps[0] (parse_dates): The format '{text}' is none: {problem}.")


@pytest.mark.parametrize(
    ("kind", "rule", "message"),
    [
        (
            pa.date32(),
            {"formats": [DAY_FIRST]},
            "The column 'x' holds date32[day], not texts; leave it out.",
        ),
        (
            pa.int64(),
            {"formats": ["%Y%m%d"]},
            "The column 'x' holds int64, which only the format 'excel' reads, not texts; leave it "
            "out.",
        ),
        (
            pa.string(),
            {"formats": ["%F %R"], "to_timezone": "UTC"},
            "The dates of 'x' tell no offset from UTC; name their 'timezone'.",
        ),
        (
            pa.string(),
            {"formats": ["%F"], "offset": "o"},
            "The dates of 'x' tell no offset from UTC; name their 'timezone'.",
        ),
        (
            pa.string(),
            {"formats": ["%F"], "timezone": "../etc/passwd"},
            "'../etc/passwd' is no time zone of the IANA database; name one such as "
            "Europe/Brussels.",
        ),
        (
            pa.string(),
            {"formats": ["%F"], "timezone": "UTC", "offset": "X"},
            "'columns' names the new column 'X', but there is one already or the name is empty; "
            "choose another name.",
        ),
    ],
)
def test_what_is_known_from_the_columns_is_refused_before_a_row_is_read(
    cleaned, kind, rule, message
):
    with pytest.raises(ConfigurationError) as caught:
        cleaned(pa.table({"x": pa.array([], kind)}), parse(**rule))

    assert str(caught.value) == f"steps[0] (parse_dates): {message}"


DATETIMES = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31))  # noqa: DTZ001
PATTERNS = [
    "%Y-%m-%d %H:%M:%S.%f", "%d/%m/%Y %H:%M", "%Y%m%d", "%Y-%j", "%d %B %Y", "%b %d, %Y %I:%M %p",
    "%A %d.%m.%Y", "%Y-%m-%dT%H:%M:%S",
]  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.lists(DATETIMES, min_size=1, max_size=10), st.sampled_from(PATTERNS))
def test_what_strftime_writes_is_read_as_strptime_reads_it(moments, pattern):
    texts = [m.strftime(pattern.replace("%Y", f"{m.year:04}")) for m in moments]

    result, _ = clean(
        pd.DataFrame({"x": texts}), [parse(formats=[pattern], type="timestamp")], batch_rows=3
    )

    assert result["x"].tolist() == [datetime.strptime(text, pattern) for text in texts]  # noqa: DTZ007


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.text("0123456789/-: TZ+.", max_size=12)
        | DATETIMES.map(lambda moment: moment.isoformat(sep=" ")),
        min_size=1,
        max_size=8,
    )
)
def test_texts_read_all_together_are_those_read_one_by_one(texts):
    from data_processing.cleaning.date_texts import DateFormat

    for text in ("iso8601", "%Y-%m-%d %H:%M:%S.%f", "%Y/%m/%d", "%d-%m-%y"):
        one = DateFormat(text, 1950)

        found = one.moments(pa.array(texts))

        expected = [one.read(given) for given in texts]
        assert found.found.tolist() == [moment is not None for moment in expected]
        assert [c for c, ok in zip(found.clocks.tolist(), found.found, strict=True) if ok] == [
            moment.clock for moment in expected if moment is not None
        ]


@settings(max_examples=60, deadline=None)
@given(
    st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)),  # noqa: DTZ001
    st.sampled_from(["Europe/Brussels", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"]),
)
def test_there_and_back_through_a_zone_is_the_same_moment(moment, zone):
    local = moment.replace(microsecond=0, tzinfo=UTC).astimezone(ZoneInfo(zone))
    text = local.replace(tzinfo=None).isoformat()
    rule = {"timezone": zone, "repeated_hour": "later" if local.fold else "earlier"}

    result, _ = clean(pd.DataFrame({"x": [text]}), [parse(formats=["iso8601"], **rule)])

    assert result["x"].tolist() == [local.astimezone(UTC)]
    assert local.astimezone(UTC) - local.replace(tzinfo=UTC) == -(local.utcoffset() or timedelta(0))


def test_spark_reads_alike(cleaned, cleaned_on_spark):
    table = pa.table({"x": ["2024-02-29", "1/2/2024", "45000", "x", None] * 10})
    rule = {
        "formats": ["%F", DAY_FIRST, "excel"],
        "timezone": "Europe/Brussels",
        "type": "timestamp",
    }
    step = parse(on_error="flag", offset="o", **rule)

    there, here = cleaned_on_spark(table, step), cleaned(table, step)

    assert there.table.equals(here.table)
    assert there.notes == here.notes
