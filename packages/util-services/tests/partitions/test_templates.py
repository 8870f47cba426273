"""Paths with a partition in them: there, and back from what lies below them."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from util_services.errors import ConfigurationError
from util_services.partitions.scheme import Scheme
from util_services.partitions.template import PathTemplate, filled
from util_services.storage.patterns import Pattern

START = date(2020, 1, 1)
DAILY, WEEKLY, MONTHLY = (Scheme(kind, START) for kind in ("daily", "weekly", "monthly"))
PREFIX = Scheme("prefix")


@pytest.mark.parametrize(
    ("text", "scheme", "key", "path", "pattern"),
    [
        ("in/{partition}.csv", DAILY, "2026-02-03", "in/2026-02-03.csv", "in/*.csv"),
        ("in/{partition:%Y/%m/%d}/", DAILY, "2026-02-03", "in/2026/02/03/", "in/*/*/*/"),
        ("a-{partition:%Y%m%d}.csv", DAILY, "2026-02-03", "a-20260203.csv", "a-*.csv"),
        ("{partition:%Y}/{partition}.csv", DAILY, "2026-02-03", "2026/2026-02-03.csv", "*/*.csv"),
        ("in/{partition}/", WEEKLY, "2026-02-02", "in/2026-02-02/", "in/*/"),
        ("in/{partition}.csv", MONTHLY, "2026-02", "in/2026-02.csv", "in/*.csv"),
        ("in/{partition:%m.%Y}.csv", MONTHLY, "2026-02", "in/02.2026.csv", "in/*.*.csv"),
        ("in/{partition}/all.csv", PREFIX, "north", "in/north/all.csv", "in/*/all.csv"),
    ],
)
def test_a_partition_lies_where_its_template_says(text, scheme, key, path, pattern):
    template = PathTemplate(text, scheme)

    assert template.path_of(key) == path
    assert template.key_of(path) == key
    assert template.pattern == pattern


@pytest.mark.parametrize(
    ("text", "scheme", "path"),
    [
        ("in/{partition}.csv", DAILY, "in/2026-02-30.csv"),
        ("in/{partition}.csv", DAILY, "in/2019-12-31.csv"),
        ("in/{partition}.csv", DAILY, "in/9026-01-01.csv"),
        ("in/{partition}.csv", DAILY, "in/readme.csv"),
        ("in/{partition}.csv", DAILY, "in/2026-02-03.csv.gz"),
        ("in/{partition:%Y/%m/%d}/", DAILY, "in/2026/2/3/a.csv"),
        ("in/{partition:%Y}/{partition}.csv", DAILY, "in/2025/2026-02-03.csv"),
        ("in/{partition}/", WEEKLY, "in/2026-02-03/a.csv"),
        ("in/{partition}.csv", PREFIX, "in/sub/north.csv"),
        ("in/{partition}.csv", PREFIX, "in/.north.csv"),
        ("in/{partition}.csv", PREFIX, "in/a*b.csv"),
        ("in/{partition}/{partition}.csv", PREFIX, "in/north/south.csv"),
    ],
)
def test_what_lies_elsewhere_belongs_to_no_partition(text, scheme, path):
    assert PathTemplate(text, scheme).key_of(path) is None


def test_all_below_a_folder_belongs_to_its_partition():
    template = PathTemplate("in/{partition}/", PREFIX)

    assert {template.key_of(f"in/north/{below}") for below in ("", "a.csv", "b/c.csv")} == {"north"}


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["daily", "weekly", "monthly"]),
    st.integers(0, (datetime.now(UTC).date() - START).days),
    st.sampled_from(["in/{partition}.csv", "{partition:%Y/%m/%d}/", "x{partition:%d%m%Y}/y/"]),
)
def test_the_objects_of_each_partition_are_watched_and_lead_back_to_it(kind, days, text):
    scheme = Scheme(kind, START)
    template = PathTemplate(text, scheme)
    day = START + timedelta(days=days)
    if kind == "weekly":
        day += timedelta(days=-day.weekday() if day.weekday() < days else 7 - day.weekday())
    elif kind == "monthly":
        day = day.replace(day=1)
    key = scheme.key_of(day)
    path = template.path_of(key) + ("a.csv" if text.endswith("/") else "")

    assert template.key_of(path) == (key if scheme.has(key) else None)
    pattern = Pattern.of(template.pattern)
    assert pattern.matches(path.removeprefix(pattern.folder))


def test_the_period_that_is_under_way_is_a_partition_and_the_next_is_none():
    today = datetime.now(UTC).date()

    assert DAILY.has(DAILY.key_of(today))
    assert not DAILY.has(DAILY.key_of(today + timedelta(days=2)))


def test_a_config_is_filled_however_deep_and_other_braces_stay():
    config = {
        "path": "in/{partition}.csv",
        "steps": [{"pattern": "[0-9]{4}{partition: x}", "by": ["{partition:%Y}"]}],
        "k": 5,
    }

    assert filled(config, MONTHLY, "2026-02") == {
        "path": "in/2026-02.csv",
        "steps": [{"pattern": "[0-9]{4} x", "by": ["2026"]}],
        "k": 5,
    }


@pytest.mark.parametrize(
    ("scheme", "key"),
    [
        (PREFIX, "../secret"), (PREFIX, ".."), (PREFIX, ""), (PREFIX, "a*"), (PREFIX, "_x"),
        (PREFIX, "a/b"), (PREFIX, "a\n"), (PREFIX, "{partition}"), (DAILY, "2026-2-3"),
        (DAILY, "../2026-02-03"), (MONTHLY, "2026-02-03"),
    ],
)  # fmt: skip
def test_a_key_that_would_lead_elsewhere_is_refused(scheme, key):
    with pytest.raises(ConfigurationError, match="is no partition"):
        scheme.require(key)
