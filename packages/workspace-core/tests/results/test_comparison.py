"""Metrics of snapshots side by side, and which is the best: against brute force and by example."""

import re
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workspace_core.errors import ConfigurationError
from workspace_core.results.chart import HEIGHT, WIDTH, charts, ticks
from workspace_core.results.comparison import (
    Comparison,
    chosen_names,
    entries_of,
    main_names,
    numeric_names,
)
from workspace_core.results.page import page
from workspace_core.results.table import table
from workspace_core.workspace import SnapshotMetadata

FINITE = st.floats(allow_nan=False, allow_infinity=False, width=32)
HOSTILE = '<img src=x onerror=alert(1)>"&{{table}}'


def snapshot(number, metrics, tags=(), message="", **more):
    return SnapshotMetadata(
        hashval=f"{number:064x}",
        message=message,
        hostname="lab",
        timestamp="2026-03-01T12:30:00+00:00",
        relative_destination_path="",
        restore_hashes={},
        compare_hashes={},
        snapshot_number=number,
        metrics=metrics,
        tags=tags,
        more=more,
    )


def compared(*metrics, names=(), **facts):
    entries = entries_of(snapshot(number, one) for number, one in enumerate(metrics, 1))
    return Comparison(entries, chosen_names(entries, names), **facts)


def test_metrics_within_metrics_have_names_with_dots():
    (entry,) = entries_of([snapshot(1, {"a": 1, "report": {"0": {"f1": 0.5}, "text": "x"}})])

    assert entry.values == {"a": 1, "report.0.f1": 0.5, "report.text": "x"}
    assert numeric_names([entry]) == ["a", "report.0.f1"]
    assert main_names([entry]) == ["a"]
    assert chosen_names([entry], ["report"]) == ("report.0.f1", "report.text")


def test_metrics_by_resource_are_the_main_ones_if_there_are_no_others():
    (entry,) = entries_of([snapshot(1, {"one": {"a": 1}, "two": {"a": 2}})])

    assert main_names([entry]) == ["one.a", "two.a"]


def test_snapshots_without_metrics_and_rescues_are_left_out():
    all_of = [snapshot(1, {"a": 1}), snapshot(2, None), snapshot(3, {"a": 2}, aside=True)]

    assert [one.number for one in entries_of(all_of)] == [1]
    assert [one.number for one in entries_of(all_of, every=True)] == [1, 2]


@pytest.mark.parametrize(
    ("name", "is_lower"),
    [
        ("accuracy", False),
        ("log_loss", True),
        ("loss", True),
        ("val.loss", True),
        ("mean_squared_error", True),
        ("RMSE", True),
        ("neg_mean_squared_error", False),
        ("lossless", False),
        ("glossary", False),
        ("f1_score", False),
    ],
)
def test_the_name_of_a_metric_tells_whether_less_is_better(name, is_lower):
    assert compared({name: 1}).is_lower_better(name) is is_lower


def test_what_is_told_counts_more_than_a_name():
    found = compared({"beds": 1, "loss": 2}, lower=frozenset({"beds"}), higher=frozenset({"loss"}))

    assert (found.is_lower_better("beds"), found.is_lower_better("loss")) == (True, False)


@given(st.lists(st.one_of(FINITE, st.none(), st.just("NaN"), st.booleans()), max_size=12))
def test_the_best_is_the_first_that_none_is_better_than(values):
    found = compared(*({"m": value, "x": 1} for value in values))
    numbers = [
        (number, value)
        for number, value in enumerate(values, 1)
        if isinstance(value, float) and not isinstance(value, bool)
    ]
    if not numbers:
        with pytest.raises(ConfigurationError, match="No snapshot has the metric 'm'"):
            found.best("m")
        return

    for lowest in (False, True):
        best = found.best("m", lowest=lowest)
        beaten = [v for _, v in numbers if (v < best.value if lowest else v > best.value)]
        assert beaten == []
        assert best.entry.number == min(n for n, v in numbers if v == best.value)
        assert best.compared == len(numbers)
    assert found.reversed().best("m") == found.best("m")


@given(st.lists(FINITE, min_size=1, max_size=12))
def test_the_best_is_the_darkest_and_the_worst_the_lightest(values):
    found = compared(*({"loss": value} for value in values))

    goodness = [found.goodness("loss", place) for place in range(len(values))]

    assert all(0 <= one <= 1 for one in goodness)
    if min(values) < max(values):
        assert goodness[values.index(min(values))] == 1
        assert goodness[values.index(max(values))] == 0


@given(FINITE, FINITE)
def test_ticks_are_few_and_enclose_what_is_drawn(one, other):
    low, high = min(one, other), max(one, other)

    found = ticks(low, high)

    assert found[0] <= low
    assert high <= found[-1]
    assert 2 <= len(found) <= 8
    assert found == sorted(set(found))


def test_a_baseline_says_what_is_better_and_what_is_worse():
    found = compared(
        {"acc": 0.5, "loss": 2.0}, {"acc": 0.75, "loss": 1.0}, {"acc": 0.25, "loss": 4.0}
    )
    found = Comparison(found.entries, found.names, baseline=found.entries[0])

    assert [found.against_baseline("acc", place) for place in range(3)] == [0, 0.25, -0.25]
    assert [found.against_baseline("loss", place) for place in range(3)] == [0, 1.0, -2.0]
    drawn = re.sub(r"<[^>]*>", "|", table(found))
    assert "★ 0.75 |▲ 0.25|" in drawn
    assert "★ 1 |▲ 1|" in drawn
    assert "4 |▼ 2|" in drawn


@given(st.lists(st.dictionaries(st.sampled_from(["a", "b", HOSTILE]), FINITE), max_size=6))
def test_drawings_are_sound_and_within_their_frames(metrics):
    found = compared(*metrics)

    root = ET.fromstring(charts(found))  # noqa: S314 - our own

    def inside(value, most):
        return -1 <= float(value) <= most + 1

    for circle in root.iter("{http://www.w3.org/2000/svg}circle"):
        assert inside(circle.get("cx"), WIDTH)
        assert inside(circle.get("cy"), HEIGHT)
    drawn = sum(len(one) for one in metrics)
    assert len(list(root.iter("{http://www.w3.org/2000/svg}circle"))) == drawn


def test_hostile_names_are_but_names():
    entries = entries_of([snapshot(1, {HOSTILE: 1, "t": HOSTILE}, (HOSTILE,), HOSTILE)])

    made = page(Comparison(entries, (HOSTILE, "t")), HOSTILE)

    assert "<img" not in made
    assert made.count("<table") == 1
    assert "src=" not in re.sub(r"&lt;img src=x", "", made)
    assert "default-src 'none'" in made


def test_numbers_are_shown_in_four_digits():
    drawn = re.sub(r"<[^>]*>", "|", table(compared({"a": 0.123456789, "b": 1000000, "c": 1e-9})))

    assert "★ 0.1235|" in drawn
    assert "★ 1000000|" in drawn
    assert "★ 1e-09|" in drawn
