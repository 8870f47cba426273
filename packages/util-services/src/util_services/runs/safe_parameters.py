"""Those options of a run that can hold no data and no keys, for records that travel.

The report of a run has its whole configuration and stays beside the data. A record of lineage is
shared with whoever has the workspace, so it takes in only what the classes of the configuration and
the columns of the input vouch for: numbers, switches, words of closed sets, names of columns.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import UnionType
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin

if TYPE_CHECKING:
    from pydantic import BaseModel

WITHHELD = "[in the report]"


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
    return {name: _safe(value, words) for name, value in plain.items()}


def _safe(value: Any, words: set[str]) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return value if value in words or not value else WITHHELD
    if isinstance(value, Mapping):
        if not words.issuperset(value):
            return WITHHELD
        return {name: _safe(one, words) for name, one in value.items()}
    if isinstance(value, list):
        return [_safe(one, words) for one in value]
    return WITHHELD


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
