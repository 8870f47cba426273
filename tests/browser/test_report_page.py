"""The report of a run in a real browser: harmless, accessible, and readable at every width."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from sample_report import HOSTILE_NAMES, sample_report

from util_services.reports import render_html
from util_services.reports.html import render_comparison

WIDTHS = {"phone": 320, "tablet": 768, "desk": 1400}
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


@pytest.fixture(scope="module", params=[(), HOSTILE_NAMES], ids=["plain", "hostile"])
def address(request, tmp_path_factory):
    """The address of a page; the second is made of names as an attacker would choose them."""
    file = tmp_path_factory.mktemp("page") / "out.csv.report.html"
    names = request.param or ("patient_id", "city", "a_column_of_a_rather_long_name")
    file.write_text(render_html(sample_report(names)), encoding="utf-8")
    return file.as_uri()


@pytest.fixture
def show(browser, address):
    """Return a function that opens the page; what it asked for and said is kept."""
    contexts = []

    def open_page(width=1400, script=True, **options):
        context = browser.new_context(
            viewport={"width": width, "height": 900}, java_script_enabled=script, **options
        )
        contexts.append(context)
        page = context.new_page()
        page.asked, page.said = [], []
        page.on("request", lambda request: page.asked.append(request.url))
        page.on("console", lambda message: page.said.append(message.text))
        page.on("pageerror", lambda error: page.said.append(str(error)))
        page.goto(address, wait_until="networkidle")
        return page

    yield open_page
    for context in contexts:
        context.close()


def test_nothing_runs_and_nothing_is_asked_for(show, address):
    page = show()

    assert page.title() == "out/patients.csv \N{EN DASH} report"
    assert page.asked == [address]
    assert page.said == []
    assert page.locator("script, img, iframe, object, [onload], [onfocus], [onerror]").count() == 0


def test_no_script_is_needed(show):
    assert "1\u202f000" in show(script=False).locator(".counts").inner_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_to_object_to(show, scheme):
    page = show(color_scheme=scheme, bypass_csp=True)  # for the script of axe alone

    found = Axe().run(page, options=RULES).response

    assert [(v["id"], v["nodes"][0]["html"]) for v in found["violations"]] == []
    assert len(found["passes"]) > 20


@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS)
def test_the_page_is_never_wider_than_the_screen(show, width):
    page = show(width)

    assert page.evaluate("document.documentElement.scrollWidth") <= width
    beyond = """[...document.querySelectorAll('body *')]
        .filter(e => !e.closest('.wide, .skip, .patterns'))
        .filter(e => e.getBoundingClientRect().right > innerWidth + 1)
        .map(e => e.outerHTML.slice(0, 80))"""
    assert page.evaluate(beyond) == []


def test_the_dark_page_is_dark_and_paper_is_white(show):
    ground = "getComputedStyle(document.body).backgroundColor"
    page = show(color_scheme="dark")

    assert page.evaluate(ground) == "rgb(20, 24, 29)"
    page.emulate_media(media="print")
    assert page.evaluate(ground) == "rgb(255, 255, 255)"
    assert not page.locator("nav").is_visible()


def test_figures_are_drawn_with_their_patterns(show):
    page = show()
    bar = page.locator("svg.figure").first
    boxes = [bar.locator(f".tint-{n}").bounding_box() for n in range(3)]

    whole = bar.bounding_box()
    assert sum(box["width"] for box in boxes) == pytest.approx(whole["width"], abs=1)
    assert re.search(r"stripes", bar.locator(".tint-1").evaluate("e => getComputedStyle(e).fill"))


def test_the_numbers_of_a_figure_unfold_without_a_script(show):
    page = show(script=False)
    details = page.locator("details").first

    assert not details.locator("table").is_visible()
    details.locator("summary").click()
    assert details.locator("table").is_visible()


def test_it_prints_on_numbered_pages(show, tmp_path):
    file = tmp_path / "report.pdf"

    show().pdf(path=str(file), format="A4")

    assert file.read_bytes().startswith(b"%PDF")
    assert file.read_bytes().count(b"/Type /Page\n") >= 3


@pytest.mark.parametrize("names", [("city", "age"), HOSTILE_NAMES], ids=["plain", "hostile"])
def test_the_comparison_of_two_runs_is_harmless_accessible_and_fits_a_phone(
    browser, tmp_path, names
):
    file = tmp_path / "compared.html"
    file.write_text(render_comparison(sample_report(("x",)), sample_report(names)))
    page = browser.new_context(viewport={"width": 320, "height": 800}, bypass_csp=True).new_page()
    asked = []
    page.on("request", lambda request: asked.append(request.url))

    page.goto(file.as_uri(), wait_until="networkidle")
    found = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        found += Axe().run(page, options=RULES).response["violations"]

    assert [(one["id"], one["nodes"][0]["html"]) for one in found] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    assert (page.title(), asked) == ("Two runs compared", [file.as_uri()])
    assert page.locator("table").count() >= 3
    page.context.close()
