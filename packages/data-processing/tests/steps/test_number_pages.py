"""The pages of steps on numbers, types, missing values and rules: options and defaults hold."""

import re
from pathlib import Path

import pytest

from data_processing.catalogue import casts, checks, duplicates, features, missing, outliers

PAGES = Path(__file__).parents[4] / "docs/steps"
MODELS = {
    "fill_missing_values": missing.FillRule,
    "drop_missing": missing.drop_missing.options,
    "handle_outliers": outliers.OutlierRule,
    "scale": features.ScaleRule,
    "encode": features.EncodeRule,
    "bin": features.BinRule,
    "cast_types": casts.CastRule,
    "parse_dates": casts.DateRule,
    "validate_data": checks.DataRule,
}


def page(name):
    return (PAGES / f"{name}.md").read_text(encoding="utf-8")


def tables(text):
    """Return each table as a header and rows of cells."""
    return [
        [[cell.strip() for cell in line.strip("|\n").split("|")] for line in lines.splitlines()]
        for lines in re.findall(r"(?:^\|.*\|\n)+", text, flags=re.MULTILINE)
    ]


@pytest.mark.parametrize("name", MODELS)
def test_options_and_defaults_of_a_page_are_those_of_the_step(name):
    header, _, *rows = tables(page(name))[0]
    fields = MODELS[name].model_fields

    assert header == ["option", "meaning", "default"]
    assert [option for option, *_ in rows] == [f"`{option}`" for option in fields]
    for option, _, default in rows:
        info = fields[option.strip("`")]
        if info.is_required():
            assert default == "must be given"
        elif default.startswith("`"):
            given = info.get_default(call_default_factory=True)
            assert default.strip("`") == str(given).lower().removesuffix(".0")
        elif info.default_factory is None:
            assert not info.default


@pytest.mark.parametrize("step", [checks.profile_data, duplicates.link_duplicates])
def test_a_page_names_all_options_of_a_step_on_tables(step):
    _, _, *rows = tables(page(step.name))[0]

    assert [option for option, *_ in rows] == [f"`{name}`" for name in step.options.model_fields]
