"""The example of a step's page, run: a recipe in YAML, and tables in CSV before and behind it.

A page shows its recipe first, then the rows that it is given, then the other datasets in the order
in which the recipe names them, and last the result. Tables are read as jobs read CSV: every value
is a text, an empty field is missing, and `""` is an empty text.
"""

import re
from datetime import date
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
import yaml
from pyarrow import csv

from data_processing import clean
from data_processing.steps.parameters import datasets_in
from data_processing.steps.recipe import Recipe
from data_processing.steps.registry import steps

PAGES = Path(__file__).parents[4] / "docs/steps"


def page(name):
    return (PAGES / f"{name}.md").read_text(encoding="utf-8")


def blocks(text, language):
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def table(text):
    """Return the rows of a block as texts, by columns."""
    content = text.encode()
    names = csv.read_csv(pa.BufferReader(content)).column_names
    return csv.read_csv(
        pa.BufferReader(content),
        parse_options=csv.ParseOptions(ignore_empty_lines=False, newlines_in_values=True),
        convert_options=csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    ).to_pydict()


def frame(text):
    return pd.DataFrame(table(text), dtype="str")


def shown(value):
    """Return a value as a page shows it."""
    if pd.isna(value):
        return None
    if isinstance(value, bool):
        return str(value).lower()
    return value.isoformat() if isinstance(value, date) else str(value)


def pages_with_examples():
    return sorted(path.stem for path in PAGES.glob("*.md") if blocks(path.read_text(), "csv"))


@pytest.mark.parametrize("name", pages_with_examples())
def test_the_recipe_of_a_page_makes_of_its_rows_what_the_page_shows(name):
    text = page(name)
    (written,) = blocks(text, "yaml")
    given, *others, result = blocks(text, "csv")
    recipe = yaml.safe_load(written)
    named = [
        path
        for call in Recipe.of(recipe)
        for paths in datasets_in(call.options).values()
        for path in paths
    ]

    cleaned, _ = clean(
        frame(given), recipe, tables=dict(zip(named, map(frame, others), strict=True))
    )

    assert recipe[-1]["step"] == name
    assert {column: [*map(shown, cleaned[column])] for column in cleaned} == table(result)
    assert list(cleaned) == list(table(result))


def test_each_step_has_a_page_and_a_line_of_the_index():
    linked = re.findall(r"^\| \[`(\w+)`\]\((\w+)\.md\) \|", page("README"), re.MULTILINE)

    assert all(name == target for name, target in linked)
    assert sorted(name for name, _ in linked) == sorted(steps())
    assert {f"{name}.md" for name in steps()} <= {path.name for path in PAGES.iterdir()}


def examples_of_expressions():
    rows = re.findall(
        r"^\| `(.+)` \| (.+) \|$", page("expressions").split("| expression |")[1], re.M
    )
    return [(text, None if value == "(missing)" else value.strip("`")) for text, value in rows]


@pytest.mark.parametrize(("text", "value"), examples_of_expressions())
def test_an_expression_of_the_page_has_the_value_that_it_shows(text, value):
    cleaned, _ = clean(pd.DataFrame({"id": [1]}), [{"step": "derive", "columns": {"value": text}}])

    assert shown(cleaned["value"][0]) == value


@pytest.mark.parametrize("name", sorted(path.stem for path in PAGES.glob("*.md")))
def test_the_links_of_a_page_lead_somewhere(name):
    for target in re.findall(r"\]\((?!https?://|#)([^)#]+)", page(name)):
        assert (PAGES / target).exists()
