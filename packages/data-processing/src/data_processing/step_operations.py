"""Steps and recipes as operations of jobs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from data_processing.steps.parameters import columns_in, datasets_in
from util_services.config import DEFAULT_INPUT
from util_services.engines.failures import BrokenRulesError, RefusedCellsError
from util_services.errors import ConfigurationError
from util_services.flow.beside import CHANGES, STATE, write_change_log
from util_services.flow.operate import FindingsError, Outcome
from util_services.operation import Operation
from util_services.runs.check import CheckedOp
from util_services.runs.safe_parameters import Part

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pydantic import BaseModel

    from data_processing.config import CleanDataConfig
    from data_processing.steps.recipe import Recipe
    from data_processing.steps.step import Step
    from util_services.datasets.schema import Schema
    from util_services.engines.stage_notes import Note
    from util_services.engines.stages import Ran
    from util_services.flow.inputs import Inputs
    from util_services.flow.operate import Dataset

PLACE = "ops.clean_data.config"


def operation_of(
    step: Step,
    default: Mapping[str, Any] | None = None,
    sample: str = DEFAULT_INPUT,
    *,
    is_report: bool = False,
) -> Operation:
    """Return the operation that does one step to a dataset.

    Args:
        step: the step; its options are the operation's config.
        default: options with which it runs on a bundled sample.
        sample: that sample.
        is_report: whether the step leaves all rows as they are, and its jobs publish what it tells.
    """

    def recipe(config: BaseModel) -> Recipe:
        from data_processing.steps.recipe import Call, Recipe

        return Recipe((Call(step, config, None, f"ops.{step.name}.config"),))

    def run(dataset: Dataset, config: BaseModel) -> Outcome:
        try:
            outcome = of_one_step(clean_in_run(dataset, recipe(config), is_one_step=True))
        except FindingsError as error:
            raise FindingsError.of(error.sentence, of_one_step(error.found)) from None
        return replace(outcome, frame=None) if is_report else outcome

    def check(config: BaseModel, schema: Schema, inputs: Inputs) -> None:
        check_recipe(recipe(config), schema, inputs)

    checked = CheckedOp(step.options, columns_in, check=check, default=default or {}, sample=sample)
    return Operation(
        run, checked, name=step.name, description=step.description, is_report=is_report
    )


def of_one_step(outcome: Outcome) -> Outcome:
    """Return the outcome of a recipe of one step, as that of an operation of its own."""
    (note,) = outcome.facts["steps"]
    told = {"cells_changed": note["cells_changed"], **note["counts"], **note["facts"]}
    facts = {name: fact for name, fact in told.items() if fact != {}}
    return replace(outcome, facts=facts, warnings=tuple(note["warnings"]))


def recipe_of(config: CleanDataConfig, content: Callable[[str], bytes]) -> Recipe:
    """Return the recipe of a config.

    Args:
        config: the config.
        content: returns the bytes of a file in the storage of the input.

    Raises:
        ConfigurationError: naming the step and the option, if it is none.
    """
    from data_processing.steps.recipe import Recipe

    if config.recipe is None:
        return Recipe.of(config.steps, f"{PLACE}.steps")
    if config.steps:
        raise ConfigurationError(
            f"{PLACE}: 'recipe' and 'steps' are both given; set 'steps: []' to use the file."
        )
    return Recipe.read(content(config.recipe), config.recipe)


def check_recipe(recipe: Recipe, schema: Schema, inputs: Inputs) -> None:
    """Refuse a recipe that does not go with the columns of a dataset.

    Where the columns of another dataset are not known before its rows, the run itself checks.
    """
    from data_processing.steps.plan import plan

    others = {path: inputs.schema(path) for path in _other_paths(recipe)}
    known = {path: found.arrow for path, found in others.items() if found is not None}
    if len(known) == len(others):
        plan(recipe, schema.arrow, known)


def check_recipe_of(config: CleanDataConfig, content: Callable[[str], bytes]) -> None:
    """Refuse a config of ``clean_data`` whose steps are none."""
    recipe_of(config, content)


def parts_of_clean_data(config: CleanDataConfig) -> dict[str, list[Part]]:
    """Return the steps that a config of ``clean_data`` writes out; none of a file of steps."""
    from data_processing.steps.recipe import Recipe

    if not config.steps:
        return {}
    return {
        "steps": [
            Part(
                call.step.name,
                call.options,
                frozenset(name for names in columns_in(call.options).values() for name in names),
                is_limited=call.where is not None,
            )
            for call in Recipe.of(config.steps, f"{PLACE}.steps")
        ]
    }


def check_clean_data(config: CleanDataConfig, schema: Schema, inputs: Inputs) -> None:
    """Refuse a config of ``clean_data`` that does not go with the columns of a dataset."""
    check_recipe(recipe_of(config, inputs.content), schema, inputs)
    if config.state is not None:
        inputs.content(config.state)


def clean_data_in_run(dataset: Dataset, config: CleanDataConfig) -> Outcome:
    """Return what ``clean_data`` makes of a dataset."""
    state = None if config.state is None else dataset.content(config.state)
    return clean_in_run(
        dataset,
        recipe_of(config, dataset.content),
        state=state,
        saves_state=config.save_state,
        logs_changes=config.change_log,
    )


def clean_in_run(
    dataset: Dataset,
    recipe: Recipe,
    *,
    state: bytes | None = None,
    saves_state: bool = False,
    logs_changes: bool = False,
    is_one_step: bool = False,
) -> Outcome:
    """Return what a recipe makes of a dataset.

    Args:
        dataset: the dataset.
        recipe: the recipe.
        state: the file of states that an earlier run has saved, to be applied here.
        saves_state: whether the states are written beside the output.
        logs_changes: whether each changed cell is.
        is_one_step: whether it is an operation of its own, whose report tells of no recipe.

    Raises:
        FindingsError: if rows break rules that they must keep.
    """
    from data_processing.steps import states
    from data_processing.steps.plan import free_number, plan, run

    engine, rows = dataset.engine, dataset.staged.rows
    others = {path: dataset.other(path) for path in _other_paths(recipe)}
    schema = engine.arrow_schema(dataset.scan())
    schemas = {path: engine.arrow_schema(other.scan()) for path, other in others.items()}
    planned = plan(recipe, schema, schemas, engine)
    is_numbered = planned.needs_numbers or logs_changes
    number = free_number([schema, *schemas.values()])
    known = None if state is None else states.from_json(state, planned)

    def ran_with(number: str | None) -> Ran:
        return run(
            engine,
            dataset.scan(number),
            planned,
            rows=rows,
            number=number,
            others={path: other.scan(number) for path, other in others.items()},
            states=known,
            logs_changes=logs_changes,
        )

    try:
        try:
            ran = ran_with(number if is_numbered else None)
        except RefusedCellsError:  # whose rows have no numbers that it could tell
            ran = ran_with(number)
    except BrokenRulesError as error:
        raise FindingsError.of(str(error), _told(planned.notes(error.notes), is_one_step)) from None
    notes = planned.notes(ran.notes)
    names = engine.arrow_schema(ran.frame).names  # a step may leave more than was planned
    beside: dict[str, Any] = {}
    if saves_state:
        text = states.to_json(planned, ran.states, rows)
        beside[STATE] = lambda file: file.write_text(text, encoding="utf-8")
    if logs_changes:
        beside[CHANGES] = lambda file: write_change_log(engine, ran.changes, file)
    told = _told(notes, is_one_step)
    return replace(
        told,
        facts={**told.facts, "passes": planned.passes(are_fitted=state is not None)},
        frame=engine.select(ran.frame, {name: name for name in names if name != ran.number}),
        dropped=sum(note.dropped for note in notes),
        quarantined=sum(note.quarantined for note in notes),
        set_aside=ran.quarantine,
        is_selection=all(note.is_selection for note in notes),
        beside=beside,
    )


def _told(notes: Sequence[Note], is_one_step: bool) -> Outcome:  # noqa: FBT001
    """Return what the steps of a recipe tell, without rows."""
    from data_processing.steps.course import course

    return Outcome(
        None,
        facts={"steps": [note.to_dict() for note in notes]},
        warnings=tuple(f"{note.name}: {text}" for note in notes for text in note.warnings),
        limits=tuple(dict.fromkeys(text for note in notes for text in note.limits)),
        sections=(
            *(() if is_one_step else (course(notes),)),
            *(section for note in notes for section in note.sections),
        ),
    )


def _other_paths(recipe: Recipe) -> list[str]:
    """Return the paths of the other datasets that a recipe names."""
    named = (paths for call in recipe for paths in datasets_in(call.options).values())
    return list(dict.fromkeys(path for paths in named for path in paths))
