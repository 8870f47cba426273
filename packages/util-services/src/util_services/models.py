"""Build pydantic models from what a user wrote, with errors in one sentence that quote no value."""

from __future__ import annotations

import difflib
import types
import typing
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from util_services.errors import ConfigurationError, printable, quoted_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Model = TypeVar("Model", bound=BaseModel)

LIST_WANTED = "must be a list, such as [NAME]"
MAPPING_WANTED = "must be a mapping of keys to values"
NUMBER_WANTED = "must be a whole number"
RULES = {  # by kinds of pydantic's errors
    "list_type": LIST_WANTED,
    "tuple_type": LIST_WANTED,
    "string_type": "must be a text",
    "dict_type": MAPPING_WANTED,
    "model_type": MAPPING_WANTED,
    "missing": "is missing; add it",
    "int_type": NUMBER_WANTED,
    "int_parsing": NUMBER_WANTED,
    "int_from_float": NUMBER_WANTED,
}
KEY = "[key]"  # how pydantic marks that an error is about a key and not about its value


def checked(model: type[Model], values: Mapping[str, Any], place: str) -> Model:
    """Return a model with these values.

    Raises:
        ConfigurationError: naming the place in the configuration, and the rule that it breaks.
    """
    try:
        return model(**values)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        first = next((one for one in found if one["type"] == "extra_forbidden"), found[0])
    except TypeError:  # a key that is no text
        raise ConfigurationError(f"{place}: every key must be a text.") from None
    path = [part for part in first["loc"] if part != KEY]
    field = ".".join([place, *(printable(str(part)) for part in path)])
    if first["type"] == "extra_forbidden":
        inside = ".".join([place, *(printable(str(part)) for part in path[:-1])])
        known = known_keys(model, path[:-1])
        raise ConfigurationError(f"{inside}: {unknown_key(str(path[-1]), known)}")
    message = first["msg"].removeprefix("Value error, ").rstrip(".")
    rule = RULES.get(first["type"], message)
    raise ConfigurationError(f"{field}: {rule[:1].lower()}{rule[1:]}.")


def unknown_key(key: str, known: Iterable[str]) -> str:
    """Return the sentence about a key that is none of those that are known."""
    known = list(known)
    near = difflib.get_close_matches(key, known, n=1)
    hint = f" Did you mean '{near[0]}'?" if near else ""
    return f"unknown key {quoted_name(key)}.{hint} Known are {', '.join(known)}."


def known_keys(model: type[BaseModel], path: Sequence[Any]) -> list[str]:
    """Return the keys of a model, or of the one inside it that a path leads to."""
    annotation: Any = model
    for part in path:
        annotation = _inside(annotation, part)
    found = _model_in(annotation)
    return list(found.model_fields) if found is not None else []


def _inside(annotation: Any, part: Any) -> Any:
    model = _model_in(annotation)
    if model is not None:
        return model.model_fields[part].annotation if part in model.model_fields else None
    arguments = typing.get_args(annotation)
    if typing.get_origin(annotation) in {typing.Annotated, list, tuple}:
        inner = arguments[0]
        is_annotated = typing.get_origin(annotation) is typing.Annotated
        return _inside(inner, part) if is_annotated else inner
    return arguments[1] if typing.get_origin(annotation) is dict else None


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if typing.get_origin(annotation) in {typing.Annotated, typing.Union, types.UnionType}:
        found = (_model_in(inner) for inner in typing.get_args(annotation))
        return next((model for model in found if model is not None), None)
    return None
