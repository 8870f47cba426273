"""A recipe on the columns of a dataset: tried on no rows first, so that mistakes cost no time."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from data_processing.steps import expressions
from data_processing.steps.build import limited
from data_processing.steps.parameters import columns_in
from util_services.datasets.schema import Schema
from util_services.engines import stages
from util_services.engines.local import LocalEngine
from util_services.engines.stage_batches import Map
from util_services.engines.stage_fits import Fit
from util_services.engines.stages import NUMBER
from util_services.errors import ConfigurationError, DataServicesError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from data_processing.steps.recipe import Call, Recipe
    from util_services.engines.protocol import Engine
    from util_services.engines.stage_fits import Groups
    from util_services.engines.stage_notes import Note

ALL_ROWS, WORKED_OUT, ROW_BY_ROW = "all rows together", "worked out over all rows", "row by row"

MOST_TRIED = 1000  # each is as large as the names of the columns
TRIED: dict[tuple[Any, ...], pa.Schema] = {}  # what steps make of columns, without rows


@dataclass(frozen=True, slots=True)
class Planned:
    """The parts of a recipe for a dataset of certain columns.

    Attributes:
        recipe: the recipe.
        parts: what an engine runs.
        owners: the place in the recipe of the step that each part belongs to.
        schema: the columns that come out.
        given: the columns that go in.
    """

    recipe: Recipe
    parts: tuple[stages.Step, ...]
    owners: tuple[int, ...]
    schema: pa.Schema
    given: pa.Schema

    @property
    def needs_numbers(self) -> bool:
        """Whether rows must be numbered."""
        return not all(isinstance(part, Map) for part in self.parts)

    def passes(self, *, are_fitted: bool = False) -> list[dict[str, Any]]:
        """Return how often the rows are gone through, and which steps each pass is for.

        Args:
            are_fitted: whether what fits work out over all rows is known from before.
        """
        labels = [call.label for call in self.recipe]
        owners = iter(self.owners)
        passes: list[dict[str, Any]] = []
        for stage in stages.plan(self.parts):
            if isinstance(stage, stages.Table):
                passes.append({"pass": ALL_ROWS, "steps": [labels[next(owners)]]})
                continue
            placed = [(part, labels[next(owners)]) for part in stage]
            fits = dict.fromkeys(label for part, label in placed if isinstance(part, Fit))
            if fits and not are_fitted:
                passes.append({"pass": WORKED_OUT, "steps": list(fits)})
            each = dict.fromkeys(label for _, label in placed)
            passes.append({"pass": ROW_BY_ROW, "steps": list(each)})
        return passes

    def notes(self, parts: Sequence[Note]) -> list[Note]:
        """Return what each step of the recipe did, from what its parts did, as far as they came."""
        merged: dict[int, Note] = {}
        for owner, note in zip(self.owners, parts, strict=False):
            if owner in merged:
                merged[owner].continue_with(note)
            else:
                merged[owner] = note
        return [merged[number] for number in sorted(merged)]


def plan(
    recipe: Recipe,
    schema: pa.Schema,
    others: Mapping[str, pa.Schema] | None = None,
    engine: Engine | None = None,
) -> Planned:
    """Return the parts of a recipe, tried out on a table without rows.

    Args:
        recipe: the recipe.
        schema: the columns of the dataset.
        others: the columns of other datasets that steps name, by their names there.
        engine: the engine that is to run the recipe, for what can be tried on it.

    Raises:
        ConfigurationError: naming the step, if a column is missing or of a kind that the step
            cannot work on.
    """
    parts: list[stages.Step] = []
    owners: list[int] = []
    given = schema
    with _local(engine) as local:
        for place, call in enumerate(recipe):
            try:
                built = _built(call, schema)
                schema = _known(local, call, built, schema, others or {})
            except DataServicesError as error:
                raise ConfigurationError(f"{call.place}: {error}") from None
            except Exception as error:  # noqa: BLE001 - a step's own, which may come from anywhere
                raise ConfigurationError(
                    f"{call.place}: the step stopped on an unexpected "
                    f"{type(error).__name__} for columns of these types; check its options."
                ) from None
            parts += [replace(part, place=call.label) for part in built]
            owners += [place] * len(built)
    return Planned(recipe, tuple(parts), tuple(owners), schema, given)


@contextmanager
def _local(engine: Engine | None) -> Iterator[LocalEngine]:
    """Give a local engine: the one at hand, or one for the trial alone."""
    if isinstance(engine, LocalEngine):
        yield engine
        return
    with tempfile.TemporaryDirectory() as scratch, LocalEngine(Path(scratch)) as local:
        yield local


def run(
    engine: Engine,
    frame: Any,
    planned: Planned,
    *,
    rows: int,
    number: str | None,
    others: Mapping[str, Any] | None = None,
    states: Mapping[int, Groups] | None = None,
    logs_changes: bool = False,
) -> stages.Ran:
    """Return what a recipe makes of a frame; see `stages.run`."""
    return stages.run(
        engine,
        frame,
        planned.parts,
        rows=rows,
        number=number,
        others=others,
        states=states,
        logs_changes=logs_changes,
    )


def _built(call: Call, schema: pa.Schema) -> Sequence[stages.Step]:
    Schema.of(schema).require(columns_in(call.options))
    parts = call.step.build(call.options, schema)
    if call.where is None:
        return parts
    return limited(parts, expressions.condition(call.where, schema), call.step.name, schema)


def _known(
    engine: LocalEngine,
    call: Call,
    parts: Sequence[stages.Step],
    schema: pa.Schema,
    others: Mapping[str, pa.Schema],
) -> pa.Schema:
    """Return the columns that a step makes of those of a schema; it is tried on them but once.

    A run checks its recipe before it reads, and then carries it out on the same columns.
    """
    options = call.options.model_dump_json()
    trial = (call.step, options, call.where, schema, tuple(others.items()))
    if trial not in TRIED:
        found = _tried(engine, parts, schema, others)
        if len(TRIED) >= MOST_TRIED:
            TRIED.clear()
        TRIED[trial] = found
        return found
    return TRIED[trial]


def _tried(
    engine: LocalEngine,
    parts: Sequence[stages.Step],
    schema: pa.Schema,
    others: Mapping[str, pa.Schema],
) -> pa.Schema:
    """Return the columns that some parts make of none of the rows of a schema."""
    number = free_number([schema, *others.values()])
    ran = stages.run(
        engine,
        _nothing(engine, schema, number),
        parts,
        rows=0,
        number=number,
        others={name: _nothing(engine, one, number) for name, one in others.items()},
        is_trial=True,
    )
    ends_in_table = bool(parts) and isinstance(parts[-1], stages.Table)  # not computed yet
    found = engine.arrow_schema(engine.materialise(ran.frame) if ends_in_table else ran.frame)
    return pa.schema([field for field in found if field.name != ran.number])


def _nothing(engine: LocalEngine, schema: pa.Schema, number: str) -> Any:
    return engine.nothing(schema.append(pa.field(number, pa.int64())))


def free_number(schemas: Sequence[pa.Schema]) -> str:
    """Return a name for the numbers of rows that no dataset has for a column."""
    taken = {name.casefold() for schema in schemas for name in schema.names}
    number = NUMBER
    while number in taken:
        number += "_"
    return number
