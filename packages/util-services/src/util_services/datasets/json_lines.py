"""What is wrong with a file of JSON lines, told by line."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from util_services.errors import DatasetError, quoted, quoted_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from util_services.encryption.paths import AnyPath


def refuse_keys(structure: Mapping[str, Any]) -> None:
    """Refuse objects whose keys cannot name columns, or parts of a column.

    Args:
        structure: the keys of all lines, with the structures of objects and lists below them.

    Raises:
        DatasetError: naming the key of the line that it is about.
    """
    if "" in structure:
        raise DatasetError("The file has objects with an empty key; give it a name.")
    for key, part in structure.items():
        for names in _inner_keys(part):
            if "" in names:
                raise DatasetError(
                    f"The objects of the key {quoted_name(key)} have an empty key; give it a name."
                )
            counts = Counter(name.casefold() for name in names)
            alike = [name for name in names if counts[name.casefold()] > 1]
            if alike:
                raise DatasetError(
                    f"The objects of the key {quoted_name(key)} have keys that are equal but for "
                    f"case: {quoted(alike)}; rename them in the source."
                )


def _inner_keys(structure: Any) -> Iterator[list[str]]:
    """Return the keys of each object in a structure."""
    if isinstance(structure, dict):
        yield list(structure)
    if isinstance(structure, dict | list):
        for part in structure.values() if isinstance(structure, dict) else structure:
            yield from _inner_keys(part)


def diagnose_lines(file: AnyPath, unit: str = "Line") -> DatasetError:
    """Return the error for the first line that is no JSON object with keys of its own.

    Args:
        file: the lines.
        unit: what a line is called, "Element" where the lines were an array.
    """
    found = first_fault(file, unit)
    if found is not None:
        return found
    with file.open("rb") as lines:
        if not any(line.strip() not in {b"", b"{}"} for line in lines):
            return DatasetError(f"The file holds no JSON object with a key; write {_advice(unit)}.")
    return DatasetError(
        "The values of a key are of kinds that fit no column; write them in one kind, such as text."
    )


def first_fault(file: AnyPath, unit: str = "Line") -> DatasetError | None:
    """Return the error for the first line that is at fault by itself, None if none is."""
    with file.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            wrong = None if line.isspace() else fault_of(line, unit)
            if wrong is not None:
                return DatasetError(f"{unit} {number} {wrong}.")
    return None


def _advice(unit: str) -> str:
    return "one JSON object a line" if unit == "Line" else "an array of JSON objects"


def fault_of(line: bytes, unit: str = "Line") -> str | None:
    """Return what is wrong with a line, None if it is a JSON object with keys of its own."""
    try:
        text = line.decode()
    except UnicodeDecodeError:
        return "is not in UTF-8; write the file in UTF-8"
    if text.startswith("\ufeff"):
        return "begins with a byte-order mark, which JSON does not know; save the file without it"
    try:
        value = json.loads(
            text, object_pairs_hook=_without_repetition, parse_constant=_refuse_constant
        )
    except _ConstantError:
        return "holds NaN or an infinity, which JSON does not know; write null or a text instead"
    except _NamelessKeyError:
        return "has an object with an empty key; give it a name"
    except _RepeatedKeyError as error:
        return f"has an object with the key {quoted_name(error.args[0])} twice; keep one of them"
    except (ValueError, RecursionError):
        return f"is no JSON; write {_advice(unit)}"
    if not isinstance(value, dict):
        return f"holds no JSON object; write {_advice(unit)}"
    for key, part in value.items():
        if not _is_unicode({key: part}):
            return (
                f"has half of a surrogate pair, which is no character, at the key "
                f"{quoted_name(key)}; write whole characters"
            )
    return None


def _is_unicode(value: Any) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    except RecursionError:  # what can be read may be too deep to be written
        pass
    return True


class _ConstantError(Exception):
    """Raised for NaN and infinities."""


class _NamelessKeyError(Exception):
    """Raised for an object with an empty key."""


def _refuse_constant(_: str) -> Any:
    raise _ConstantError


class _RepeatedKeyError(Exception):
    """Raised for an object that names a key twice, with the key."""


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if not key:
            raise _NamelessKeyError
        if key in found:
            raise _RepeatedKeyError(key)
        found[key] = value
    return found
