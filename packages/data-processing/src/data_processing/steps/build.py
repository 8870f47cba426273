"""From a step with its options to the parts that an engine runs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa

from data_processing.steps.parameters import arguments, columns_in
from util_services.engines.failures import BatchContractError, RefusedCellsError
from util_services.engines.stage_batches import Filter, Map
from util_services.engines.stage_fits import Aggregates, Fit, Fitted
from util_services.engines.stages import Table
from util_services.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pydantic import BaseModel

    from data_processing.steps.expressions import Expression
    from data_processing.steps.step import Step
    from util_services.engines import stages


def build(step: Step, options: BaseModel, schema: pa.Schema) -> Sequence[stages.Step]:
    """Return the parts of a step for a dataset of these columns."""
    given = arguments(options)
    match step.kind:
        case "map":
            return [_map(step, Applied(step.function, (), given), options)]
        case "choose":
            return [Filter(step.name, Applied(step.function, (), given))]
        case "table":
            return [Table(step.name, Applied(step.function, (), given))]
        case "fit":
            return [_fit(step, options, given)]
        case "plan":
            return list(step.function(schema, **given))


def limited(
    parts: Sequence[stages.Step], where: Expression, step: str, schema: pa.Schema
) -> list[stages.Step]:
    """Return parts that leave alone the rows for which a condition does not hold.

    Raises:
        ConfigurationError: if one of them does not work row by row, takes a column away or changes
            the type of one, which cannot be done to some rows alone.
    """
    limited_parts: list[stages.Step] = []
    for part in parts:
        match part:
            case Map():
                found = part.schema(schema)
                if any(field.name not in found.names for field in schema):
                    raise ConfigurationError(
                        "'where' cannot limit a step that takes columns away or renames them; take "
                        "it out."
                    )
                if any(found.field(field.name).type != field.type for field in schema):
                    raise ConfigurationError(
                        "'where' cannot limit a step that changes the type of a column; cast the "
                        "whole column first."
                    )
                schema = found
                reads = None if part.reads is None else part.reads | frozenset(where.columns)
                work = Limited(part.function, where)
                limited_parts.append(replace(part, function=work, reads=reads))
            case Filter():
                limited_parts.append(replace(part, function=LimitedChoice(part.function, where)))
            case _:
                raise ConfigurationError(
                    f"'where' has no meaning for '{step}', which looks at several rows at once; "
                    "take it out."
                )
    return limited_parts


@dataclass(frozen=True, slots=True)
class Applied:
    """A function with its options, which gets rows first, and then a state if there is one."""

    function: Callable[..., Any]
    state: tuple[Any, ...]
    options: Mapping[str, Any]

    def __call__(self, rows: Any) -> Any:
        """Return what the function makes of the rows."""
        return self.function(rows, *self.state, **self.options)


@dataclass(frozen=True, slots=True)
class Limited:
    """A map of those rows alone for which a condition holds."""

    function: Callable[[pd.DataFrame], Any]
    where: Expression

    def __call__(self, frame: pd.DataFrame) -> Any:
        """Return the rows, changed where the condition holds."""
        chosen = holds(self.where(frame))
        if chosen.all():
            return self.function(frame)
        result = given_rows(self.function, frame, chosen)
        changed, *counts = result if isinstance(result, tuple) else (result,)
        places, columns = np.arange(len(frame)), {}
        places[chosen] = len(frame) + np.arange(int(chosen.sum()))
        for name in changed.columns:
            new = changed[name].array.__arrow_array__()
            if name in frame.columns:
                old = frame[name].array.__arrow_array__()
            else:
                old = pa.chunked_array([pa.nulls(len(frame), new.type)])
            both = pa.concat_arrays([*old.chunks, *new.chunks])
            columns[name] = pd.arrays.ArrowExtensionArray(pa.chunked_array([both.take(places)]))
        whole = pd.DataFrame(columns)
        return (whole, *counts) if counts else whole


@dataclass(frozen=True, slots=True)
class LimitedChoice:
    """A choice among those rows alone for which a condition holds; all others stay."""

    function: Callable[[pd.DataFrame], pd.Series]
    where: Expression

    def __call__(self, frame: pd.DataFrame) -> pd.Series:
        """Return which rows stay."""
        chosen = holds(self.where(frame))
        stays = np.ones(len(frame), bool)
        stays[chosen] = holds(pd.Series(given_rows(self.function, frame, chosen)))
        return pd.Series(stays)


def given_rows(
    function: Callable[[pd.DataFrame], Any], frame: pd.DataFrame, chosen: np.ndarray[Any, Any]
) -> Any:
    """Return what a function makes of some rows of a frame.

    Raises:
        RefusedCellsError: as the function does, with the positions in the whole frame.
    """
    positions = np.flatnonzero(chosen)
    try:
        return function(frame.take(positions).reset_index(drop=True))
    except RefusedCellsError as error:
        there = positions[list(error.positions)].tolist()
        raise RefusedCellsError(error.problem, error.cure, there) from None


def holds(values: pd.Series) -> np.ndarray[Any, Any]:
    """Return for which rows a condition holds; a missing one does not."""
    return np.asarray(values.fillna(value=False), dtype=bool)


@dataclass(frozen=True, slots=True)
class Probed:
    """The columns that a map returns, as it returns them for no rows."""

    function: Callable[[pd.DataFrame], Any]
    step: str

    def __call__(self, schema: pa.Schema) -> pa.Schema:
        """Return the columns that come back, from those that go in."""
        frame = schema.empty_table().to_pandas(types_mapper=pd.ArrowDtype)
        result = self.function(frame)
        if isinstance(result, tuple):
            result = result[0]
        return pa.schema([self._field(schema, str(name), result[name]) for name in result.columns])

    def _field(self, schema: pa.Schema, name: str, values: pd.Series) -> pa.Field:
        kind = pa.Array.from_pandas(values).type
        if pa.types.is_null(kind):
            if name not in schema.names:
                raise BatchContractError(
                    f"The step '{self.step}' makes a column of no type; give it one, such as "
                    "'string[pyarrow]'."
                )
            kind = schema.field(name).type
        return pa.field(name, kind)


def _map(step: Step, function: Applied, options: BaseModel) -> Map:
    probed = Probed(function, step.name)
    writes, reads = _columns(step.writes, options), _columns(step.reads, options)
    return Map(step.name, function, writes, probed, reads=reads)


def _columns(option: str | None, options: BaseModel) -> frozenset[str] | None:
    """Return the columns that an option names; None where no option is told of."""
    return None if option is None else frozenset(columns_in(options).get(option, []))


def _fit(step: Step, options: BaseModel, given: Mapping[str, Any]) -> Fit:
    fit = step.fit
    if fit is None:
        raise AssertionError("a step of the kind 'fit' has a fit")
    named = [name for names in columns_in(options).values() for name in names]

    def then(groups: Any) -> Fitted:
        return Fitted((_map(step, Applied(step.function, (groups[0],), given), options),))

    writes = _columns(step.writes, options)
    aggregates = Aggregates(lambda columns: fit(columns, **given))
    return Fit(step.name, frozenset(named), aggregates, then, writes)
