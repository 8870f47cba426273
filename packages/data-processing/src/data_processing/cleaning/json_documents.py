"""Read JSON texts to the letter: numbers stay as written, and what is ambiguous is refused."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

MAX_DEPTH = 100  # objects and lists inside one another

INDEX = re.compile(r"0|[1-9]\d{0,8}")
Pointer = tuple[str, ...]


class NotJsonError(ValueError):
    """Raised for a text that is no JSON document, or one that is read in several ways."""


class Number(str):
    """A number as it is written."""

    __slots__ = ()


def read(text: str) -> Any:
    """Return a JSON document (RFC 8259) with its numbers as they are written.

    Raises:
        NotJsonError: if it is none, repeats a key in an object, is nested deeper than `MAX_DEPTH`,
            or holds half a surrogate pair.
    """
    try:
        document = json.loads(
            text,
            parse_int=Number,
            parse_float=Number,
            parse_constant=_refuse,
            object_pairs_hook=_object,
        )
    except (ValueError, RecursionError):
        raise NotJsonError from None
    if text.count("[") + text.count("{") > MAX_DEPTH and _depth(document) > MAX_DEPTH:
        raise NotJsonError
    if "\\u" in text and not _is_text(written(document)):
        raise NotJsonError
    return document


def written(value: Any) -> str:
    """Return a value as compact JSON, its numbers as they were read."""
    match value:
        case Number():
            return str(value)
        case dict():
            pairs = (f"{written(key)}:{written(part)}" for key, part in value.items())
            return f"{{{','.join(pairs)}}}"
        case list():
            return f"[{','.join(map(written, value))}]"
        case _:
            return json.dumps(value, ensure_ascii=False)


def pointer(text: str) -> Pointer:
    """Return the parts of a JSON Pointer (RFC 6901), such as ``/address/lines/0``.

    Raises:
        ValueError: if the text is none.
    """
    if (text and not text.startswith("/")) or re.search(r"~(?![01])", text):
        raise ValueError("is no JSON Pointer")
    parts = text.split("/")[1:]
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in parts)


def value_at(document: Any, path: Pointer) -> Any:
    """Return what a pointer leads to; None if it leads nowhere."""
    for part in path:
        match document:
            case dict():
                document = document.get(part)
            case list() if INDEX.fullmatch(part) and int(part) < len(document):
                document = document[int(part)]
            case _:
                return None
    return document


def unread_keys(document: Any, paths: Sequence[Pointer]) -> int:
    """Return how many keys of a document lead to nothing that the pointers ask for.

    What is below such a key is not counted beside it.
    """
    if () in paths:
        return 0
    inside: dict[str, list[Pointer]] = {}
    for path in paths:
        inside.setdefault(path[0], []).append(path[1:])
    unread = 0
    for key, value in _children(document):
        if key in inside:
            unread += unread_keys(value, inside[key])
        elif isinstance(document, dict):
            unread += 1
    return unread


def _children(document: Any) -> Iterator[tuple[str, Any]]:
    match document:
        case dict():
            yield from document.items()
        case list():
            yield from ((str(number), value) for number, value in enumerate(document))


def _object(pairs: list[tuple[str, Any]]) -> Mapping[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is repeated")
    return found


def _refuse(_: str) -> Any:
    raise ValueError("JSON knows neither NaN nor infinities")


def _depth(document: Any) -> int:
    deepest, left = 0, [(document, 1)]
    while left:
        value, depth = left.pop()
        deepest = max(deepest, depth)
        left += [(child, depth + 1) for _, child in _children(value)]
    return deepest


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
