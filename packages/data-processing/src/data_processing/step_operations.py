"""Steps and recipes as operations of jobs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from data_processing.steps.parameters import columns_in
from util_services.flow.operate import Outcome
from util_services.operation import Operation
from util_services.runs.check import CheckedOp

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import BaseModel

    from data_processing.config import CleanDataConfig
    from data_processing.steps.recipe import Recipe
    from data_processing.steps.step import Step
    from util_services.datasets.schema import Schema
    from util_services.flow.operate import Dataset


def operation_of(step: Step, default: Mapping[str, Any] | None = None) -> Operation:
    """Return the operation that does one step to a dataset.

    Args:
        step: the step; its options are the operation's config.
        default: options with which it runs on the bundled sample.
    """

    def recipe(config: BaseModel) -> Recipe:
        from data_processing.steps.recipe import Call, Recipe

        return Recipe((Call(step, config, None, f"ops.{step.name}.config"),))

    def run(dataset: Dataset, config: BaseModel) -> Outcome:
        outcome = clean_in_run(dataset, recipe(config))
        (note,) = outcome.facts["steps"]
        told = {"cells_changed": note["cells_changed"], **note["counts"], **note["facts"]}
        facts = {name: fact for name, fact in told.items() if fact != {}}
        return replace(outcome, facts=facts, warnings=tuple(note["warnings"]))

    def check(config: BaseModel, schema: Schema) -> None:
        _check(recipe(config), schema)

    checked = CheckedOp(step.options, columns_in, check=check, default=default or {})
    return Operation(run, checked, name=step.name, description=step.description)


def check_recipe(config: CleanDataConfig, schema: Schema) -> None:
    """Refuse a recipe that does not go with the columns of a dataset."""
    _check(recipe_of(config), schema)


def recipe_of(config: CleanDataConfig) -> Recipe:
    """Return the recipe of a config."""
    from data_processing.steps.recipe import Recipe

    return Recipe.of(config.steps, "ops.clean_data.config.steps")


def clean_in_run(dataset: Dataset, recipe: Recipe) -> Outcome:
    """Return what a recipe makes of a dataset."""
    from data_processing.steps.plan import plan, run

    engine = dataset.engine
    planned = plan(recipe, engine.arrow_schema(dataset.scan()))
    number = dataset.schema.free_name("row_number") if planned.needs_numbers else None
    rows = dataset.staged.rows
    ran = run(engine, dataset.scan(number), planned, rows=rows, number=number)
    notes = planned.notes(ran)
    return Outcome(
        frame=engine.select(ran.frame, {name: name for name in planned.schema.names}),
        dropped=sum(note.dropped for note in notes),
        facts={"steps": [note.to_dict() for note in notes]},
        warnings=tuple(f"{note.name}: {text}" for note in notes for text in note.warnings),
    )


def _check(recipe: Recipe, schema: Schema) -> None:
    from data_processing.steps.plan import plan

    plan(recipe, schema.arrow)
