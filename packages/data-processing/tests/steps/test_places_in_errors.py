"""What goes wrong on the rows of a recipe names the step by its place."""

import pandas as pd
import pyarrow as pa
import pytest

from data_processing import clean
from data_processing.steps.plan import plan, run
from data_processing.steps.recipe import Recipe
from data_processing.steps.step import step
from util_services.engines.failures import BrokenRulesError, EngineError
from util_services.engines.local import LocalEngine
from util_services.errors import DatasetError

FRAME = pd.DataFrame({"id": ["1", "2", "2"], "age": ["30", "x", "5"]})
TRIM = {"step": "normalise_text", "columns": ["age"]}


def failed(recipe, kind=DatasetError, tables=None):
    with pytest.raises(kind) as error:
        clean(FRAME, recipe, tables=tables)
    assert type(error.value) is kind
    return str(error.value)


def test_a_row_that_a_step_refuses_is_told_with_the_place_of_the_step():
    cast = {"step": "cast_types", "columns": {"age": {"type": "integer", "on_error": "error"}}}

    sentence = failed([TRIM, cast])

    assert sentence.startswith("steps[1] (cast_types): The column 'age'")
    assert "in row 1 (the first row is 0)" in sentence


def test_a_value_that_an_expression_cannot_compute_is_told_with_the_place():
    derive = {"step": "derive", "columns": {"n": "cast(age AS integer)"}}

    assert failed([TRIM, TRIM, derive]).startswith(
        "steps[2] (derive): The expression 'cast(age AS integer)' casts a value"
    )


def test_a_condition_is_of_the_step_that_it_limits():
    limited = TRIM | {"where": "1 / (cast(id AS integer) - 2) > 0"}

    assert failed([TRIM, limited]).startswith("steps[1] (normalise_text): The expression")


def test_a_table_step_that_refuses_rows_is_told_with_its_place():
    join = {
        "step": "join_datasets",
        "right": "other",
        "on": ["id"],
        "cardinality": "one_to_one",
    }

    sentence = failed([TRIM, join], tables={"other": FRAME})

    assert sentence.startswith("steps[1] (join_datasets): ")


def test_broken_rules_are_told_with_the_place_of_their_step():
    rules = [{"rule": "unique", "columns": ["id"]}]

    sentence = failed([TRIM, {"step": "validate_data", "rules": rules}], BrokenRulesError)

    assert sentence.startswith("steps[1] (validate_data): the data break 1 of the rules")


def test_a_step_that_stops_on_an_error_of_its_own_is_told_without_its_text(tmp_path, monkeypatch):
    @step(writes="columns")
    def explode_on_x(frame: pd.DataFrame, *, columns: list[str]) -> pd.DataFrame:
        """Fail for a value."""
        del columns
        if "x" in set(frame["age"]):
            raise KeyError("x")
        return frame

    from data_processing.steps import recipe as recipes

    known = recipes.step_called
    monkeypatch.setattr(
        recipes,
        "step_called",
        lambda name, place: explode_on_x if name == "explode_on_x" else known(name, place),
    )
    table = pa.table(FRAME)
    chain = Recipe.of([TRIM, {"step": "explode_on_x", "columns": ["age"]}])

    with LocalEngine(tmp_path) as engine, pytest.raises(EngineError) as error:
        run(
            engine,
            engine.from_arrow(table),
            plan(chain, table.schema),
            rows=len(table),
            number=None,
        )

    assert str(error.value) == (
        "steps[1] (explode_on_x): the step stopped on an unexpected KeyError; check its options "
        "and the types of its columns."
    )


def test_the_passes_of_a_recipe_are_told_with_their_steps():
    fill = {"step": "fill_missing_values", "columns": {"n": {"strategy": "median"}}}
    cast = {"step": "cast_types", "columns": {"age": {"type": "float", "on_error": "null"}}}
    chain = Recipe.of([fill, cast, fill, {"step": "remove_duplicates"}, TRIM | {"columns": ["id"]}])
    planned = plan(chain, pa.table({"id": ["1"], "age": ["30"], "n": [1.5]}).schema)

    assert planned.passes() == [
        {"pass": "worked out over all rows", "steps": ["steps[0] (fill_missing_values)"]},
        {
            "pass": "row by row",
            "steps": ["steps[0] (fill_missing_values)", "steps[1] (cast_types)"],
        },
        {"pass": "worked out over all rows", "steps": ["steps[2] (fill_missing_values)"]},
        {"pass": "row by row", "steps": ["steps[2] (fill_missing_values)"]},
        {"pass": "all rows together", "steps": ["steps[3] (remove_duplicates)"]},
        {"pass": "row by row", "steps": ["steps[4] (normalise_text)"]},
    ]
    assert len(planned.passes(are_fitted=True)) == 4
