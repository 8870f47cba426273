"""From the signature of a step to the model that checks its options."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from types import SimpleNamespace
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, create_model, model_validator

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

NULL = "null"


class _IsColumn:
    """Marks a text that is the name of a column of the input."""


class _IsDataset:
    """Marks a text that names another dataset: a path in the storage of the input."""


def each_once(names: list[Any]) -> list[Any]:
    """Refuse a list in which an entry is repeated."""
    if len(set(names)) < len(names):
        raise ValueError("each entry may stand here once")
    return names


ColumnName = Annotated[str, _IsColumn()]
DatasetPath = Annotated[str, _IsDataset()]
Columns = Annotated[list[ColumnName], AfterValidator(each_once)]


class Rule(BaseModel):
    """A group of options of a step, such as what is done to one column."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _with_null_as_a_choice(cls, values: Any) -> Any:
        """Take a missing value for the word ``null`` where it is a choice: YAML makes it one."""
        if not isinstance(values, Mapping):
            return values
        words = {name for name, info in cls.model_fields.items() if NULL in _choices(info)}
        return {
            name: NULL if value is None and name in words else value
            for name, value in values.items()
        }


def _choices(info: FieldInfo) -> tuple[Any, ...]:
    is_closed = typing.get_origin(info.annotation) is Literal
    return typing.get_args(info.annotation) if is_closed else ()


def options_of(function: Callable[..., Any], name: str) -> type[BaseModel]:
    """Return a model of the keyword-only parameters of a function.

    Each is annotated with its type, its meaning in words (``Annotated[str, Field(description=…)]``)
    and, unless it must be given, has a default.
    """
    parameters = {
        parameter.name: parameter
        for parameter in inspect.signature(function).parameters.values()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
    }
    # the other parameters may be annotated with what only type checkers import
    annotated = SimpleNamespace(
        __annotations__={name: parameter.annotation for name, parameter in parameters.items()}
    )
    hints = typing.get_type_hints(
        annotated, globalns=inspect.unwrap(function).__globals__, include_extras=True
    )
    fields: dict[str, Any] = {
        name: (hints[name], ... if parameter.default is parameter.empty else parameter.default)
        for name, parameter in parameters.items()
    }
    return create_model(name, __base__=Rule, __doc__=inspect.getdoc(function), **fields)


def described(text: str, **constraints: Any) -> Any:
    """Return what an annotation says of an option: its meaning in words, and its range."""
    return Field(description=text, **constraints)


def arguments(options: BaseModel) -> dict[str, Any]:
    """Return the values of a model's fields by their names."""
    return {name: getattr(options, name) for name in type(options).model_fields}


def columns_in(options: BaseModel) -> dict[str, list[str]]:
    """Return the columns of the input that options name, by the place of the option."""
    return _marked(options, _IsColumn)


def datasets_in(options: BaseModel) -> dict[str, list[str]]:
    """Return the other datasets that options name, by the place of the option."""
    return _marked(options, _IsDataset)


def _marked(options: BaseModel, mark: type) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for place, name in _names(type(options), (), options, mark):
        found.setdefault(place, []).append(name)
    return found


def _names(
    annotation: Any, marks: tuple[Any, ...], value: Any, mark: type, place: str = ""
) -> Iterator[tuple[str, str]]:
    """Yield the place and text of each value whose annotation carries a mark."""
    if value is None:
        return
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Annotated:
        yield from _names(inner[0], inner[1:], value, mark, place)
    elif isinstance(value, BaseModel):
        for name, info in type(value).model_fields.items():
            inside = f"{place}.{name}" if place else name
            beside = tuple(info.metadata)
            yield from _names(info.annotation, beside, getattr(value, name), mark, inside)
    elif origin in {typing.Union, types.UnionType}:
        for one in inner:
            yield from _names(one, marks, value, mark, place)
    elif isinstance(value, str):
        if any(isinstance(one, mark) for one in marks):
            yield place, value
    elif isinstance(value, Mapping) and origin is dict:
        for key, part in value.items():
            yield from _names(inner[0], (), key, mark, place)
            yield from _names(inner[1], (), part, mark, f"{place}.{key}")
    elif isinstance(value, list | tuple) and inner:
        for part in value:
            yield from _names(inner[0], (), part, mark, place)
