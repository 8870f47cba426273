"""The pages of the steps: their options are all there are, and their examples hold."""

import re
from pathlib import Path

import pandas as pd
import pytest
import yaml

from data_processing import clean
from data_processing.catalogue.categories import HarmoniseRule
from data_processing.steps.registry import steps

PAGES = Path(__file__).parents[4] / "docs/steps"
NAMES = [
    "normalise_text",
    "replace_text",
    "repair_mojibake",
    "pad_text",
    "nullify",
    "map_values",
    "harmonise",
    "majority",
]


def page(name):
    return (PAGES / f"{name}.md").read_text(encoding="utf-8")


def tables(text):
    """Yield each table as rows of cells."""
    for lines in re.findall(r"(?:^\|.*\|\n)+", text, flags=re.MULTILINE):
        header, _, *rows = [
            [cell.strip() for cell in line.strip("|\n").split("|")] for line in lines.splitlines()
        ]
        yield header, rows


def column(header, rows, name):
    place = header.index(name)
    return [None if row[place] == "(missing)" else row[place][1:-1] for row in rows]


@pytest.mark.parametrize("name", NAMES)
def test_the_options_of_a_page_are_those_of_the_step(name):
    header, rows = next(tables(page(name)))
    model = HarmoniseRule if name == "harmonise" else steps()[name].options

    assert header == ["option", "meaning", "default"]
    assert [row[0].strip("`") for row in rows] == list(model.model_fields)
    for option, _, default in rows:
        info = model.model_fields[option.strip("`")]
        if info.is_required():
            assert default == "must be given"
        elif default.startswith("`"):
            assert default == f"`{written(info.default)}`"
        else:
            assert not info.default


def written(value):
    """Return a default as YAML has it."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


@pytest.mark.parametrize("name", NAMES)
def test_the_example_of_a_page_gives_the_result_that_it_shows(name):
    recipe = yaml.safe_load(re.search(r"```yaml\n(.*?)```", page(name), re.DOTALL)[1])
    header, rows = list(tables(page(name)))[1]
    given = [name for name in header if name.startswith("given ")]
    frame = pd.DataFrame({name[6:]: column(header, rows, name) for name in given}, dtype="str")

    cleaned, _ = clean(frame, recipe)

    for name in header[len(given) :]:
        found = [None if pd.isna(value) else value for value in cleaned[name]]
        assert found == column(header, rows, name)


@pytest.mark.parametrize("name", NAMES)
def test_the_links_of_a_page_lead_somewhere(name):
    for target in re.findall(r"\]\((?!https?://|#)([^)#]+)", page(name)):
        assert (PAGES / target).exists()
