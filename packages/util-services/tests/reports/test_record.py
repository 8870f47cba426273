import json
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sample_report import HOSTILE_NAMES, sample_report

from util_services.reports import Figure, Report, ReportError, Section, Table
from util_services.reports.plain import plain

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
TITLES = st.text(min_size=1).filter(str.strip)
NUMBERS = st.none() | st.floats(0, 1e12) | st.integers(0, 10**12)


@st.composite
def figures(draw):
    labels = draw(st.lists(st.text(), max_size=4))
    length = len(labels)
    values = st.lists(NUMBERS, min_size=length, max_size=length).map(tuple)
    series = draw(st.dictionaries(st.text(), values, min_size=1, max_size=3))
    kind = draw(st.sampled_from(["bars", "columns"]))
    return Figure(draw(TITLES), kind, tuple(labels), series, draw(st.text()), draw(st.text()))


def sections(inner):
    texts = st.lists(st.text(), max_size=2).map(tuple)
    return st.builds(
        Section,
        title=TITLES,
        text=texts,
        facts=st.dictionaries(st.text(), PLAIN, max_size=3),
        tables=st.just((Table("t", ("a", "b"), ((1, "x"),)),)),
        figures=st.lists(figures(), max_size=2).map(tuple),
        warnings=texts,
        limits=texts,
        definitions=st.dictionaries(st.text(), st.text(), max_size=2),
        sections=st.lists(inner, max_size=2).map(tuple),
    )


@given(st.recursive(st.builds(Section, title=TITLES), sections, max_leaves=4))
def test_a_section_comes_back_from_json(section):
    text = json.dumps(section.to_dict(), allow_nan=False)

    assert Section.from_dict(json.loads(text)) == section


@pytest.mark.parametrize("names", [("city",), HOSTILE_NAMES], ids=["plain", "hostile"])
def test_a_report_comes_back_from_json(names):
    report = sample_report(names)

    assert Report.from_json(report.to_json()) == report
    assert Report.from_json(report.to_json().encode()).to_json() == report.to_json()


def test_json_is_sorted_numbered_and_ends_in_a_newline():
    text = sample_report().to_json()

    assert json.loads(text)["schema"] == 1
    assert text == json.dumps(json.loads(text), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("{", "The report is no JSON; publish its dataset anew."),
        ("[]", "This is no report of data-services; name a '….report.json'."),
        ('{"a": 1}', "This is no report of data-services; name a '….report.json'."),
        (
            '{"schema": 2}',
            "The report was written by a newer version of data-services; update to read it.",
        ),
        ('{"schema": 1}', "The report is damaged; publish its dataset anew."),
        ('{"schema": 1, "input": 3}', "The report is damaged; publish its dataset anew."),
    ],
)
def test_what_is_no_report_is_told_in_a_sentence(content, sentence):
    with pytest.raises(ReportError) as refused:
        Report.from_json(content)

    assert str(refused.value) == sentence


def test_a_report_with_a_part_missing_or_too_many_is_damaged():
    record = sample_report().to_dict()
    for damaged in (
        {name: part for name, part in record.items() if name != "rows"},
        record | {"input": record["input"] | {"strange": 1}},
        record | {"steps": [{}]},
    ):
        with pytest.raises(ReportError, match="is damaged"):
            Report.from_dict(damaged)


def test_numbers_of_numpy_and_floats_that_are_none_become_plain():
    given = {"a": np.int64(3), "b": (np.float32(0.5), float("nan"), np.inf), 7: True, "c": "\ud800"}

    assert plain(given, "facts") == {"a": 3, "b": [0.5, None, None], "7": True, "c": "?"}
    assert [type(part) for part in plain(given, "facts").values()] == [int, list, bool, str]


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (
            {"a": [{"day": date(1954, 3, 7)}]},
            "'facts.a[0].day' of a report is a date; give counts, names and other plain data.",
        ),
        (
            {"a": b"secret"},
            "'facts.a' of a report is a bytes; give counts, names and other plain data.",
        ),
        (
            {("x", "y"): 1},
            "'facts' of a report has a key of the type tuple; give names.",
        ),
    ],
)
def test_what_json_has_no_form_for_is_refused_by_its_place_and_not_quoted(value, sentence):
    with pytest.raises(ReportError) as refused:
        Section("x", facts=value)

    assert str(refused.value) == sentence


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (
            lambda: Figure.of("F", "pie", {"a": 1}),
            "The figure 'F' of a report is of the kind 'pie'",
        ),
        (lambda: Figure("F", "bars", ("a",), {"x": (1, 2)}), "has not one number for each label"),
        (lambda: Figure.of("F", "bars", {"a": "many"}), "holds something else than numbers"),
        (lambda: Figure.of("F", "bars", {"a": True}), "holds something else than numbers"),
        (lambda: Figure.of("F", "columns", {"a": -1}), "holds a number below zero"),
        (lambda: Figure("F", "parts", ("a",), {"x": (1,), "y": (1,)}), "has several series"),
        (lambda: Table("T", ("a", "b"), ((1,),)), "rows with more or fewer cells than its 2 col"),
        (lambda: Section(""), "A Section of a report needs a title; give it one."),
        (lambda: Figure.of(" ", "bars", {}), "A Figure of a report needs a title; give it one."),
        (lambda: Table(None, (), ()), "A Table of a report needs a title; give it one."),
        (lambda: Section("S", warnings="abc"), "'warnings' of a report must be a tuple of texts."),
        (lambda: Section("S", limits=(1,)), "'limits' of a report must be a tuple of texts."),
        (
            lambda: Section("S", tables=Table("T", ("a",), ())),
            "'tables' of a report must be a tuple of Table records.",
        ),
        (
            lambda: Section("S", figures=("x",)),
            "'figures' of a report must be a tuple of Figure records.",
        ),
    ],
)
def test_a_part_that_cannot_be_shown_is_refused_where_it_is_made(make, words):
    with pytest.raises(ReportError) as refused:
        make()

    assert words in str(refused.value)
