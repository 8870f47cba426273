"""Dagster's run config schema of a pydantic model, so that the craft need not know Dagster.

Dagster's own ``Config`` knows no nested models of other classes, no lists of literals and no
unions. Here a nested model is a shape, a literal is a closed set wherever it stands, and whatever
Dagster has no type for is left to the model, which checks every value before a row is read.
"""

from __future__ import annotations

import types
import typing
from typing import TYPE_CHECKING, Any, Literal, Union

import dagster as dg
from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic.fields import FieldInfo

NULL = "null"  # as a choice; unquoted, YAML makes it a missing value, which the model takes for it

# The sources take {env: NAME} in place of a value.
SCALARS: Mapping[Any, Any] = {
    str: dg.StringSource,
    int: dg.IntSource,
    bool: dg.BoolSource,
    float: dg.Float,
}


def fields_of(model: type[BaseModel]) -> dict[str, dg.Field]:
    """Return the fields of a model as Dagster shows and checks them, with their defaults."""
    return {name: _field(info) for name, info in model.model_fields.items()}


def _field(info: FieldInfo) -> dg.Field:
    kind = _type(info.annotation)
    if info.is_required():
        return dg.Field(kind, description=info.description)
    default = _plain(info.get_default(call_default_factory=True))
    return dg.Field(kind, description=info.description, default_value=default, is_required=False)


def _type(annotation: Any) -> Any:
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return _type(inner[0])
    if annotation in SCALARS:
        return SCALARS[annotation]
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return dg.Shape(fields_of(annotation))  # type: ignore[no-untyped-call]
    if origin is Literal and all(isinstance(value, str) for value in inner):
        choice = dg.Enum("|".join(inner), [dg.EnumValue(value) for value in inner])
        return dg.Noneable(choice) if NULL in inner else choice
    if origin in {list, tuple} and inner:
        return dg.Array(_type(inner[0]))
    if origin is dict:
        return dg.Map(str, _type(inner[1]))  # type: ignore[no-untyped-call]
    if origin in {Union, types.UnionType}:
        others = [kind for kind in inner if kind is not type(None)]
        if len(others) == 1 and len(inner) == 2:
            return dg.Noneable(_type(others[0]))
    return dg.Noneable(dg.Any)


def _plain(value: Any) -> Any:
    """Return a default as JSON would hold it."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    return value
