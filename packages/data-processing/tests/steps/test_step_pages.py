"""The pages of steps on texts, categories, columns and tables: their options are all there are."""

import re
from pathlib import Path

import pytest

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
    "remove_duplicates",
    "filter_rows",
    "select_columns",
    "drop_columns",
    "rename_columns",
    "reorder_columns",
    "derive",
    "split_column",
    "merge_columns",
    "explode",
    "flatten_json",
    "sort_rows",
    "sample_rows",
    "join_datasets",
    "concat_datasets",
    "aggregate_data",
    "pivot",
    "unpivot",
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
    if value == " ":
        return '" "'
    return f"{value:g}" if isinstance(value, float) else str(value)
