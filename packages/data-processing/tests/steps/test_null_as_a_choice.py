"""The word null is a choice that nobody has to quote in YAML."""

import pytest
import yaml

from data_processing.steps.recipe import Recipe
from util_services.errors import ConfigurationError


@pytest.mark.parametrize("written", ["null", "~", "", "'null'"])
def test_null_is_the_choice_of_this_name_at_any_depth(written):
    recipe = Recipe.of(
        yaml.safe_load(f"""
            - step: map_values
              columns: [a]
              mapping: {{x: null}}
              unmatched: {written}
            - step: harmonise
              columns:
                a:
                  unmatched: {written}
                  max_distance: null
        """)
    )

    mapped, harmonised = (call.options for call in recipe)
    assert (mapped.unmatched, mapped.mapping, mapped.table) == ("null", {"x": None}, None)
    assert harmonised.columns["a"].unmatched == "null"
    assert harmonised.columns["a"].max_distance is None


def test_null_is_no_choice_where_it_is_not_named():
    with pytest.raises(ConfigurationError, match="method: input should be 'fingerprint'"):
        Recipe.of([{"step": "harmonise", "columns": {"a": {"method": None}}}])
