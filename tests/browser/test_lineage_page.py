"""The page of lineage in a real browser: asks for nothing, shows the graph, and answers clicks."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from workspace_core import api
from workspace_core.lineage import LineageBuilder

HOSTILE = '<img src=x onerror=alert(1)>{{nodes}}</script>".csv'


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lineage") / "study"
    api.init(str(folder), hostname="lab")
    for name, role in (("raw", "source-data"), ("clean", "intermediate-data")):
        (folder / name).mkdir()
        api.add("local-files", role, str(folder / name), str(folder))
    for name in ("a.csv", "b.csv"):
        (folder / "raw" / name).write_text(name)
    for step, source, target in (
        ("tidy", "raw/a.csv", "clean/a.csv"),
        ("other", "raw/b.csv", "clean/b.csv"),
        ("join", "clean/a.csv", f"clean/{HOSTILE.replace('/', '-')}"),
    ):
        builder = LineageBuilder().with_workspace_directory(folder).with_step_name(step)
        with builder.with_input_path(folder / source).eval() as lineage:
            lineage.add_param("note", HOSTILE)
            lineage.add_output_path(folder / target)
            (folder / target).write_text(step)
    (folder / "raw/a.csv").write_text("changed")
    page = folder / "lineage.html"
    api.make_lineage_graph(str(page), str(folder), width=900, height=500)
    return page.as_uri()


@pytest.fixture
def page(browser, address):
    context = browser.new_context(viewport={"width": 1400, "height": 800})
    page = context.new_page()
    page.asked, page.said = [], []
    page.on("request", lambda request: page.asked.append(request.url))
    page.on("console", lambda message: page.said.append(message.text))
    page.on("pageerror", lambda error: page.said.append(str(error)))
    page.goto(address, wait_until="networkidle")
    yield page
    context.close()


def test_it_asks_for_nothing_and_hostile_names_are_but_names(page, address):
    assert page.asked == [address]
    assert page.said == []
    assert page.locator("img").count() == 0
    assert page.title() == "Lineage of study"
    assert page.locator(".node").count() == 8
    assert page.locator(".line").count() == 6


def test_what_is_out_of_date_has_a_border_and_says_why(page):
    late = page.locator(".node.late")
    assert late.count() == 2

    page.get_by_role("button", name="clean:/a.csv").click()

    expect(page.locator("#facts .warning")).to_have_text(
        "raw:/a.csv has changed since tidy read it"
    )


def test_a_click_shows_what_it_was_made_of_and_leaves_the_rest_faint(page):
    page.get_by_role("button", name="tidy").click()

    assert page.locator(".node:not(.faint)").count() == 5
    expect(page.locator("#facts")).to_contain_text("onerror=alert(1)")
    page.locator("#graph").click(position={"x": 5, "y": 5})
    assert page.locator(".faint").count() == 0


def test_a_name_is_found_and_the_drawing_zooms(page):
    page.get_by_role("searchbox").fill("b.csv")
    assert page.locator(".node.found").count() == 2

    before = page.locator("#graph").get_attribute("viewBox")
    page.locator("#graph").hover()
    page.mouse.wheel(0, -300)
    expect(page.locator("#graph")).not_to_have_attribute("viewBox", before)


def test_buttons_zoom_too_and_show_the_whole(page):
    graph = page.locator("#graph")
    width = "graph.viewBox.baseVal.width"
    first = page.evaluate(width)

    page.get_by_role("button", name="Zoom in").click()
    assert page.evaluate(width) < first
    page.get_by_role("button", name="Zoom out").click()
    assert page.evaluate(width) == pytest.approx(first, rel=1e-3)
    page.get_by_role("button", name="whole").click()

    beyond = "[...document.querySelectorAll('.node')].map(e => e.getBoundingClientRect().right)"
    box = graph.bounding_box()
    assert max(page.evaluate(beyond)) <= box["x"] + box["width"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1400])
def test_it_can_be_read_by_all_on_a_phone_and_in_the_dark(page, scheme, width):
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme=scheme)
    page.reload()

    found = Axe().run(page)

    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    letters = "document.querySelector('.node text').getScreenCTM().a * 12"
    assert page.evaluate(letters) >= 8  # pixels
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 24, 29)"}[scheme]


def test_paper_is_white_and_has_the_whole(page, tmp_path):
    page.emulate_media(color_scheme="dark")

    page.pdf(path=tmp_path / "page.pdf")

    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert not page.get_by_role("searchbox").is_visible()
    view = "[graph.viewBox.baseVal.width, graph.viewBox.baseVal.height]"
    assert page.evaluate(view) == page.evaluate("[whole.width, whole.height]")
