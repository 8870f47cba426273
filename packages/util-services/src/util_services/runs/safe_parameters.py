"""Those options of a run that can hold no data and no keys, for records that travel.

The report of a run has its whole configuration and stays beside the data. A record of lineage is
shared with whoever has the workspace, so it takes in only what the classes of the configuration and
the columns of the input vouch for: switches, words of closed sets, names of columns, and numbers of
options that take numbers alone. An option that takes texts as well takes cells, which may be
numbers: those of patients, say.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

if TYPE_CHECKING:
    from pydantic import BaseModel

WITHHELD = "[in the report]"
STEP, WHERE = "step", "where"
NUMBERS = frozenset({int, float, bool, type(None)})  # of which an option may be that takes no cell


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a config that has a model of its own, such as a step of a recipe.

    Attributes:
        name: of the step, which is a word of a closed set.
        options: its options, checked.
        columns: the names of columns among them, also of such as earlier steps make.
        is_limited: whether it is done where a condition holds, which may quote cells.
    """

    name: str
    options: BaseModel
    columns: frozenset[str] = frozenset()
    is_limited: bool = False


def safe_part(part: Part, columns: Iterable[str] = ()) -> dict[str, Any]:
    """Return what a part of a config says, with a mark for each option that may hold a value.

    Args:
        part: the part; options that are as by default are left out.
        columns: the names of columns, which are public.
    """
    limited = {WHERE: WITHHELD} if part.is_limited else {}
    words = part.columns.union(columns)
    return {STEP: part.name, **limited, **safe_parameters(part.options, words, with_defaults=False)}


def safe_parameters(
    config: BaseModel, columns: Iterable[str] = (), *, with_defaults: bool = True
) -> dict[str, Any]:
    """Return the options of a config, with a mark for each that may hold a value.

    Args:
        config: the checked configuration of an op.
        columns: the names of columns, which are public.
        with_defaults: whether options that are as by default are among them.
    """
    words = {*columns, *_words(type(config))}
    plain = config.model_dump(mode="json", exclude_defaults=not with_defaults)
    return {name: _safe(one, _below([type(config)], name), words) for name, one in plain.items()}


def _safe(value: Any, annotations: list[Any], words: set[str]) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return value if annotations and NUMBERS.issuperset(annotations) else WITHHELD
    if isinstance(value, str):
        return value if value in words or not value else WITHHELD
    if isinstance(value, Mapping):
        if not words.issuperset(value):
            return WITHHELD
        return {name: _safe(one, _below(annotations, name), words) for name, one in value.items()}
    if isinstance(value, list):
        return [_safe(one, _below(annotations), words) for one in value]
    return WITHHELD


def _below(annotations: Iterable[Any], name: str | None = None) -> list[Any]:
    """Return what an entry of a value may be, if the value is one of these: a key's, or any."""
    found: list[Any] = []
    for one in annotations:
        if hasattr(one, "model_fields"):
            field = one.model_fields.get(name)
            found += [] if field is None else _members(field.annotation)
        elif arguments := get_args(one):
            entries = arguments[-1:] if name is not None else arguments
            found += [each for entry in entries if entry is not ... for each in _members(entry)]
        else:
            found.append(one)  # such as Any, of which anything may be an entry
    return found


def _members(annotation: Any) -> list[Any]:
    """Return the types of a union, with what is said of them left out."""
    if get_origin(annotation) is Annotated:
        return _members(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return [each for one in get_args(annotation) for each in _members(one)]
    return [annotation]


def _words(model: type[BaseModel]) -> Iterator[str]:
    """Yield the names of the options of a class of configuration, and the words that they take."""
    yield from _words_in([model], set())


def _words_in(annotations: Iterable[Any], seen: set[Any]) -> Iterator[str]:
    for one in annotations:
        if get_origin(one) is Literal:
            yield from (word for word in get_args(one) if isinstance(word, str))
        elif get_origin(one) in (Union, UnionType) or get_args(one):
            yield from _words_in(get_args(one), seen)
        elif hasattr(one, "model_fields") and one not in seen:
            seen.add(one)
            yield from one.model_fields
            yield from _words_in((f.annotation for f in one.model_fields.values()), seen)
