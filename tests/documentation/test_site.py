"""The documentation site is built from the repository's own pages, and no link of it is broken."""

import subprocess
import sys
import typing
from html.parser import HTMLParser

import click
import pytest
from pydantic import BaseModel

from dataframe_anonymisation.config import ModelConfig
from util_services.cli.main import data_services
from util_services.location import build_location
from util_services.plugins.manager import plugin_manager
from util_services.runs.check import CHECKED_OPS
from workspace_core.cli.main import dws

MEMBERS = {
    "data_processing",
    "dataframe_anonymisation",
    "field_pseudonymisation",
    "util_services",
    "workspace_core",
}

build_location()  # declares the operations of all packages


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


NAMED_HOOKS = [
    *("register_steps", "register_techniques", "register_detectors", "register_hierarchies"),
    *("register_release_checks", "register_resource_types", "register_backends"),
    *("register_key_providers", "register_health_checks", "register_equipment"),
]


@pytest.mark.parametrize("hook", NAMED_HOOKS)
def test_whatever_a_package_brings_by_name_has_a_row_in_the_reference(site, hook):
    told = text_of(site / "docs" / "reference" / "plugins.html")

    assert [name for name in plugin_manager().named(hook) if name not in told] == []


def test_every_step_has_a_page(site):
    pages = {page.stem for page in (site / "docs" / "steps").glob("*.html")}

    assert set(plugin_manager().named("register_steps")) - pages == set()


def test_every_command_and_each_of_its_options_is_in_the_reference(site):
    reference = site / "docs" / "reference"
    missing = []
    for page, program in (("commands", data_services), ("dws", dws)):
        told = text_of(reference / f"{page}.html")
        for command in all_commands(program, click.Context(program, info_name=program.name)):
            options = [option for one in command.command.params for option in one.opts]
            wanted = [command.command_path, *(one for one in options if one.startswith("--"))]
            hidden = {
                o for p in command.command.params if getattr(p, "hidden", False) for o in p.opts
            }
            missing += [
                (command.command_path, o) for o in wanted if o not in told and o not in hidden
            ]

    assert missing == []


def all_commands(command, context):
    yield context
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            if not inner.hidden:
                yield from all_commands(inner, click.Context(inner, parent=context, info_name=name))


def test_every_option_of_every_job_is_in_the_reference_with_its_words(site):
    told = letters("".join(text_of(page) for page in (site / "docs/reference").glob("*.html")))
    options = [
        (op, model.__name__, key, field.description)
        for op, checked in CHECKED_OPS.items()
        if checked.config.__module__.partition(".")[0] in MEMBERS  # and not a test's own
        for model in models_in(checked.config)
        for key, field in model.model_fields.items()
    ]

    assert len(options) > 300
    missing = [
        (*place, key)
        for *place, key, words in options
        if letters(key) not in told or letters(words) not in told
    ]
    assert missing == []


def letters(text):
    """Return a text without what pages set otherwise: quotes, blanks, signs of comments."""
    return "".join(filter(str.isalnum, text))


def models_in(model):
    """Yield a class of options and those inside of it."""
    yield model
    for field in model.model_fields.values():
        todo = [field.annotation]
        while todo:
            annotation = todo.pop()
            todo += typing.get_args(annotation)
            if isinstance(annotation, type) and issubclass(annotation, BaseModel):
                yield from models_in(annotation)


@pytest.mark.parametrize(
    "model", typing.get_args(ModelConfig.model_fields["model"].annotation), ids=str
)
def test_every_privacy_model_is_explained(workspace, model):
    readme = workspace / "packages/dataframe-anonymisation/README.md"

    assert f"`{model}`" in readme.read_text() or f"model: {model}" in readme.read_text()


def test_the_calls_of_python_are_there_with_their_arguments(site):
    told = text_of(site / "docs" / "reference" / "python.html")

    for call in ("remove_duplicates(", "anonymise(", "pseudonymise(", "take_snapshot(", "FF1("):
        assert call in told
