"""The page of metrics in a real browser: asks for nothing, and all can read it."""

import json

import pytest
from axe_playwright_python.sync_playwright import Axe

from workspace_core import api

HOSTILE = "<img src=x onerror=alert(1)>"
RUNS = ((0.5, 2.0), (0.75, 1.5), (0.7, 0.5))


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = tmp_path_factory.mktemp("metrics") / "study"
    api.init(str(folder), hostname="lab", create_resources=["results"])
    for number, (accuracy, loss) in enumerate(RUNS, 1):
        metrics = {"accuracy": accuracy, "log_loss": loss, HOSTILE: number}
        (folder / "results/results.json").write_text(json.dumps({"metrics": metrics}))
        api.take_snapshot(str(folder), tag=f"run-{number}", message=HOSTILE)
    page = folder / "metrics.html"
    api.make_metrics_page(str(page), str(folder), baseline="run-1")
    return page.as_uri()


@pytest.fixture
def page(browser, address):
    context = browser.new_context(viewport={"width": 1000, "height": 700})
    page = context.new_page()
    page.asked, page.said = [], []
    page.on("request", lambda request: page.asked.append(request.url))
    page.on("console", lambda message: page.said.append(message.text))
    page.on("pageerror", lambda error: page.said.append(str(error)))
    page.goto(address, wait_until="networkidle")
    yield page
    context.close()


def test_it_asks_for_nothing_and_hostile_names_are_but_names(page, address):
    assert (page.asked, page.said) == ([address], [])
    assert page.locator("img").count() == 0
    assert page.title() == "Metrics of study"


def test_each_metric_has_a_drawing_and_a_column(page):
    assert page.get_by_role("img").count() == 3
    heads = page.locator("th").all_inner_texts()
    assert heads == ["snapshot", "time", "message", f"{HOSTILE} ↑", "accuracy ↑", "log_loss ↓"]
    assert page.locator("tbody tr").count() == 3
    stars = page.locator("td", has_text="★").all_inner_texts()
    assert stars == ["★ 0.75 ▲ 0.25", "★ 3 ▲ 2", "★ 0.5 ▲ 1.5"]
    points = page.get_by_role("img", name="accuracy").locator("circle title")
    assert [one.text_content() for one in points.all()] == [
        "001 run-1: 0.5",
        "002 run-2: 0.75",
        "003 run-3: 0.7",
    ]


def test_no_text_is_drawn_over_another(page):
    boxes = page.evaluate(
        """() => [...document.querySelectorAll("svg.chart")].map(chart =>
             [...chart.querySelectorAll("text")].map(one => {
               const box = one.getBBox(); return [box.x, box.y, box.width, box.height]; }))"""
    )
    for texts in boxes:
        for place, (x, y, width, height) in enumerate(texts):
            assert x >= 0
            assert x + width <= 440
            for u, v, other, tall in texts[place + 1 :]:
                apart = x + width <= u or u + other <= x or y + height <= v + 2 or v + tall <= y + 2
                assert apart, texts


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1400])
def test_it_can_be_read_by_all_on_a_phone_and_in_the_dark(page, scheme, width):
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme=scheme)

    found = Axe().run(page)

    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 24, 29)"}[scheme]
    turned = page.locator("svg.chart").first.evaluate("e => getComputedStyle(e).filter")
    assert turned.startswith({"light": "none", "dark": "invert"}[scheme])


def test_paper_is_white(page):
    page.emulate_media(color_scheme="dark", media="print")

    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.locator("table").evaluate("e => getComputedStyle(e).filter") == "none"
