"""The documentation site is built from the repository's own pages, and no link of it is broken."""

import subprocess
import sys
from html.parser import HTMLParser

import pytest

from util_services.plugins.manager import plugin_manager


class _Page(HTMLParser):
    def __init__(self):
        super().__init__()
        self.outside, self.words = [], []

    def handle_starttag(self, tag, attributes):
        name = {"script": "src", "img": "src", "link": "href"}.get(tag)
        address = dict(attributes).get(name, "") if name else ""
        if "://" in address:
            self.outside.append(address)

    def handle_data(self, data):
        self.words.append(data)


@pytest.fixture(scope="module")
def site(workspace, tmp_path_factory):
    """Build the site; a warning, such as of a broken link, is an error."""
    folder = tmp_path_factory.mktemp("site")
    answer = subprocess.run(
        [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-c", "docs", ".", folder],
        cwd=workspace,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert (answer.returncode, answer.stderr) == (0, "")
    return folder


def text_of(file):
    page = _Page()
    page.feed(file.read_text(encoding="utf-8"))
    return "".join(page.words)


def test_every_page_of_the_repository_is_in_it(site, workspace):
    pages = [
        page.relative_to(workspace).with_suffix(".html")
        for pattern in ("*.md", "docs/**/*.md", "packages/*/*.md", "code-locations/*/*.md")
        for page in workspace.glob(pattern)
    ]

    assert len(pages) > 60
    assert [page for page in pages if not (site / page).is_file()] == []


def test_it_needs_nothing_from_elsewhere(site):
    pages = list(site.rglob("*.html"))
    assert len(pages) > 60
    for file in pages:
        page = _Page()
        page.feed(file.read_text(encoding="utf-8"))
        assert page.outside == [], file


@pytest.mark.parametrize("hook", ["register_jobs", "register_commands"])
def test_what_packages_bring_is_in_the_reference(site, hook):
    names = plugin_manager().named(hook)
    reference = site / "docs" / "reference"
    told = "".join(text_of(page) for page in reference.glob("*.html"))

    assert len(names) > 15
    assert [name for name in names if name not in told] == []


def test_every_hook_is_in_the_reference(site):
    told = text_of(site / "docs" / "reference" / "plugins.html")

    assert [hook for hook in plugin_manager().hooks if hook not in told] == []
    assert "named as DATA_SERVICES_KEY_PROVIDER selects them" in told


def test_the_calls_of_python_are_there_with_their_arguments(site):
    told = text_of(site / "docs" / "reference" / "python.html")

    for call in ("remove_duplicates(", "anonymise(", "pseudonymise(", "take_snapshot(", "FF1("):
        assert call in told
