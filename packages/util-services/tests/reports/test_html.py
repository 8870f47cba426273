import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest
from sample_report import HOSTILE_NAMES, column, sample_report

from util_services.reports import Figure, Report, Section, render_html
from util_services.reports.shown import number, shown, visible, words
from util_services.reports.svg import described, draw

VOID = {"meta", "link", "wbr", "br"}
THIN, MINUS, NOTHING = "\N{NARROW NO-BREAK SPACE}", "\N{MINUS SIGN}", "\N{EN DASH}"


class Page(HTMLParser):
    """The elements and the text of a page, as a browser would find them."""

    def __init__(self, html):
        super().__init__()
        self.elements, self.open, self.text, self.unclosed = [], [], [], []
        self.feed(html)
        self.unclosed += self.open

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        if self.open and self.open[-1] == tag:
            self.open.pop()
        else:
            self.unclosed.append(f"/{tag}")

    def handle_data(self, data):
        if "style" not in self.open:
            self.text.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


def page_of(report):
    return Page(render_html(report))


@pytest.fixture(scope="module")
def page():
    return page_of(sample_report())


@pytest.fixture(scope="module")
def hostile_page():
    return page_of(sample_report(HOSTILE_NAMES))


def test_hostile_names_make_no_element_and_no_attribute(page, hostile_page):
    used = {"script", "img", "iframe", "object", "embed", "base", "form"}
    handlers = {n for _, found in hostile_page.elements for n in found if n.startswith("on")}

    assert not used & {tag for tag, _ in hostile_page.elements}
    assert not handlers
    assert not hostile_page.unclosed
    assert {tag for tag, _ in hostile_page.elements} == {tag for tag, _ in page.elements}


def test_hostile_names_are_shown_as_they_are(hostile_page):
    text = "".join(hostile_page.text)

    for name in filter(None, HOSTILE_NAMES):
        assert visible(name) in text
    assert not [c for c in text if not c.isprintable() and c != "\n" and c != THIN]


def test_the_page_asks_for_nothing_from_outside(hostile_page):
    links = [found["href"] for tag, found in hostile_page.elements if "href" in found]
    policy = next(m for m in hostile_page.all("meta") if m.get("http-equiv"))

    assert all(link.startswith(("#", "data:,")) for link in links)
    assert not [found for _, found in hostile_page.elements if {"src", "srcset"} & found.keys()]
    assert policy == {
        "http-equiv": "Content-Security-Policy",
        "content": "default-src 'none'; style-src 'unsafe-inline'; img-src data:",
    }


def test_ids_are_unique_and_every_link_leads_to_one(hostile_page):
    ids = [found["id"] for _, found in hostile_page.elements if "id" in found]
    named = [found["href"][1:] for found in hostile_page.all("a")]
    labels = [
        name
        for _, found in hostile_page.elements
        for name in found.get("aria-labelledby", "").split()
    ]

    assert len(ids) == len(set(ids))
    assert {*named, *labels} <= set(ids)


def test_tables_have_captions_and_headers_with_a_scope(page):
    html = render_html(sample_report())
    tables = re.findall(r"<table>.*?</table>", html, re.DOTALL)

    assert len(tables) > 5
    assert all(re.match(r"<table>\s*<caption>[^<]+</caption>", table) for table in tables)
    assert {found.get("scope") for found in page.all("th")} == {"col", "row"}


def test_headings_leave_no_level_out(page):
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch(r"h[1-6]", tag)]

    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def figures_of(html):
    found = re.findall(r'<svg class="figure".*?</svg>', html, re.DOTALL)
    return [ET.fromstring(text) for text in found]  # noqa: S314 - our own


@pytest.mark.parametrize(
    ("unit", "told"),
    [
        ("rows", "a: 1 row; b: 2 rows; c: 0 rows"),
        ("classes", "a: 1 class; b: 2 classes; c: 0 classes"),
        ("percent", "a: 1 percent; b: 2 percent; c: 0 percent"),
        ("", "a: 1; b: 2; c: 0"),
    ],
)
def test_a_single_thing_is_told_of_as_one(unit, told):
    figure = Figure.of("Sizes", "bars", {"a": 1, "b": 2, "c": 0}, unit=unit)

    assert described(figure) == told


def test_every_figure_is_well_formed_and_tells_its_numbers_in_words():
    figures = figures_of(render_html(sample_report(HOSTILE_NAMES)))

    titles = [figure.find("title").text for figure in figures]
    assert titles[:3] == ["What became of the rows", "Rows after each step", "Classes by size"]
    assert figures[0].find("desc").text == (
        "published: 945 rows; dropped: 50 rows; quarantined: 5 rows"
    )
    assert figures[2].find("desc").text == "2 to 4: 3 classes; 5 to 9: 40 classes; 10+: 12 classes"
    assert all(figure.get("role") == "img" for figure in figures)
    (many,) = (figure for figure in figures if figure.find("title").text == "Many columns")
    assert many.find("desc").text.endswith("class 11: 121; and 28 more")


def widths(figure, *kinds):
    return [
        float(r.get("width").rstrip("%")) for r in figure.iter("rect") if r.get("class") in kinds
    ]


def drawn(figure):
    (found,) = figures_of(render_html(replace(sample_report(), sections=(only(figure),))))[-1:]
    return found


def only(figure):
    return Section("Last", figures=(figure,))


def test_parts_fill_the_whole():
    parts = figures_of(render_html(sample_report()))[0]

    assert widths(parts, "tint-0", "tint-1", "tint-2") == [94.5, 5.0, 0.5]


def test_bars_are_as_long_as_their_numbers_from_zero_on():
    svg = drawn(Figure.of("Change", "bars", {"a": -1, "b": 3, "c": None, "d": 0}))
    bars = [r for r in svg.iter("rect") if r.get("class") == "tint-0"]

    assert [(r.get("x"), r.get("width")) for r in bars] == [
        ("0.000%", "25.000%"),
        ("25.000%", "75.000%"),
    ]
    assert svg.find("line").get("x1") == "25.000%"
    assert [t.text for t in svg.iter("text")] == [
        "a",
        f"{MINUS}1",
        "b",
        "3",
        "c",
        NOTHING,
        "d",
        "0",
    ]


def test_columns_are_as_high_as_their_numbers():
    svg = drawn(Figure.of("Sizes", "columns", {"2": 100, "3": 50, "4": 0}))
    heights = [float(r.get("height")) for r in svg.iter("rect") if r.get("class") == "tint-0"]

    assert heights == [140, 70]
    assert {t.text for t in svg.iter("text")} == {"2", "3", "4", "100", "50", "0"}


@pytest.mark.parametrize(
    "figure",
    [
        Figure.of("Nothing", "bars", {}),
        Figure.of("Nothing", "columns", {}),
        Figure.of("Nothing", "parts", {}),
        Figure.of("Nothing", "parts", {"a": 0, "b": None}),
        Figure.of("Nothing", "columns", {"a": 0}),
        Figure("Nothing", "bars", (), {}),
        Figure.of("Large", "bars", {"a": 1e300, "b": -1e300}),
        Figure.of("Small", "columns", {"a": 1e-300}),
    ],
)
def test_a_figure_of_odd_numbers_is_drawn(figure):
    assert not {"nan", "inf"} & set(re.findall(r"[a-z]+", ET.tostring(drawn(figure)).decode()))


def test_many_labels_are_cut_in_the_drawing_and_complete_in_the_table():
    labels = {f"class number {n}": n for n in range(50)}
    html = render_html(replace(sample_report(), sections=(only(Figure.of("F", "bars", labels)),)))

    (svg,) = figures_of(html)[-1:]
    assert len([r for r in svg.iter("rect") if r.get("class") == "track"]) == 30
    assert "class number 49" in "".join(Page(html).text)
    assert "The first 30 of 50 are drawn." in html


def test_warnings_and_limits_of_every_depth_stand_together_with_their_place():
    inner = Section("Inner", warnings=("Mind the gap.",), limits=("Only half.",))
    report = replace(sample_report(()), sections=(Section("Outer", sections=(inner,)),))
    html = render_html(report)

    assert '<a href="#section-1">Inner</a>: Mind the gap.' in html
    assert '<a href="#section-1">Inner</a>: Only half.' in html
    assert '<a href="#step-2">k-anonymity</a>: Only the named columns were looked at.' in html
    assert '<a href="#step-2">Risk</a>: The risk assumes' in html
    assert "<b>equivalence class</b>" not in html
    assert "equivalence class</dt><dd>Rows that are equal in all" in html


def test_a_table_beyond_bounds_says_how_long_it_is():
    names = [f"column_{n}" for n in range(1234)]
    report = sample_report()
    output = replace(report.output, columns=tuple(map(column, names)))

    text = "".join(page_of(replace(report, output=output)).text)
    assert f"The first 200 of 1{THIN}234; the JSON report has them all." in text
    assert "column_199" in text
    assert "column_200" not in text


def test_a_slice_says_at_the_top_that_it_is_none_to_release():
    report = sample_report()
    html = render_html(replace(report, input=replace(report.input, limit_rows=1000)))

    assert f"Only a slice of 1{THIN}000 rows was read; this is no result to release." in html
    assert "Test run." not in render_html(report)


def test_a_report_without_an_output_is_shown():
    html = render_html(replace(sample_report(), output=None))

    assert "<h1>in/<wbr>*<wbr>.csv</h1>" in html
    assert '<a href="#columns">' not in html


def test_what_a_flow_reports_is_shown(flow):
    flow.run(flow.put("in.csv", b"a,b\n" + b"1,x\n" * 1500), "out.parquet")

    report = Report.from_json(flow.get("out.parquet.report.json"))
    page = flow.get("out.parquet.report.html").decode()

    assert page == render_html(report)
    assert f"Given 1{THIN}500 rows, it kept 1{THIN}500 and dropped 0." in page
    for file in (report.input, report.output):
        assert f"<code>{file.sha256}</code>" in page
    assert json.loads(flow.get("out.parquet.report.json"))["steps"][0]["columns"] == {
        "added": [],
        "removed": [],
        "retyped": [],
    }


@pytest.mark.parametrize(
    ("value", "key", "text"),
    [
        (None, "", NOTHING),
        ("", "", NOTHING),
        ([], "", NOTHING),
        ({}, "", NOTHING),
        (True, "", "yes"),
        (0, "", "0"),
        (1234567, "", f"1{THIN}234{THIN}567"),
        (-1234, "", f"{MINUS}1{THIN}234"),
        (0.1 + 0.2, "", "0.3"),
        (2.0, "", "2"),
        (12345.678, "", f"12{THIN}346"),
        (0.00001234, "", f"1.234e{MINUS}05"),
        (1e300, "", "1e+300"),
        (0.0748, "suppressed_share", f"7.48{THIN}%"),
        (1.5, "search_seconds", f"1.5{THIN}s"),
        (2048, "spilled_bytes", f"2{THIN}048{THIN}bytes"),
        (["a", 1], "", "a, 1"),
        ({"a\u202e": {"b_share": 0.5}}, "", f"a\\u202e: b_share: 50{THIN}%"),
    ],
)
def test_values_are_shown_as_a_person_reads_them(value, key, text):
    assert shown(value, key) == text


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("rows_in_groups", "Rows in groups"),
        ("k", "k"),
        ("search_seconds", "Search"),
        ("loss_share", "Loss share"),
        ("seconds", "Seconds"),
        ("", ""),
        ("a\nb", "A\\nb"),
    ],
)
def test_keys_are_shown_as_words(key, text):
    assert words(key) == text


def test_whole_numbers_are_never_rounded():
    assert number(10**30 + 1).replace(THIN, "") == str(10**30 + 1)


def luminance(colour):
    """Relative luminance (WCAG 2.2)."""
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def palettes():
    """Return the colours by name for light, dark and print."""
    style = re.search(r"<style>(.*?)</style>", render_html(sample_report()), re.DOTALL)[1]
    return [
        dict(re.findall(r"--([a-z0-9-]+): (#[0-9a-f]{6})", block))
        for block in re.findall(r":root \{(.*?)\}", style, re.DOTALL)
    ]


def test_contrast_is_enough_for_text_and_for_figures_in_light_dark_and_print():
    """WCAG 2.2: 4.5 for text (1.4.3), 3 for what figures are made of (1.4.11)."""
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert len(palettes()) == 3
    for colours in palettes():
        for ground in ("paper", "card", "alarm-card"):
            for text in ("ink", "soft", "link"):
                assert contrast(colours[text], colours[ground]) >= 4.5
        for shape in ("tint-0", "tint-1", "tint-2", "tint-3", "alarm"):
            assert contrast(colours[shape], colours["paper"]) >= 3
            if shape != "alarm":
                assert contrast(colours[shape], colours["track"]) >= 3


def test_facts_that_a_section_shows_are_not_listed_once_more():
    report = sample_report()
    shown = Section("Rules", facts={"rows": 3}, shows=("checks",))
    facts = {"score": 0.5, "checks": [{"name": "one-of-them"}]}
    inner = {"steps": [{"step": "validate", "facts": facts}]}
    first, *_ = report.steps

    for told in (facts, inner):
        page = render_html(
            replace(report, steps=(replace(first, facts=told, sections=(shown,)),), sections=())
        )
        assert "one-of-them" not in page
        assert "Score" in page


def test_a_share_of_all_is_drawn_as_the_share_that_it_is():
    figure = Figure.of("Missing", "bars", {"a": 10.0}, unit="percent")

    assert 'width="10.000%"' in draw(figure, "f")
