"""Read records from JSON strictly: each field once, of its form, and none that is unknown."""

from __future__ import annotations

import base64
import binascii
import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NoReturn

from util_services.encryption.secret import Secret
from util_services.errors import quoted_name
from util_services.keys.errors import BrokenRecordError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z")
FORMAT = "%Y-%m-%dT%H:%M:%SZ"
MAX_TEXT = 200


def parse(content: bytes, kind: str, schema: int) -> dict[str, Any]:
    """Return the JSON object of a file of a kind, without its ``kind`` and ``schema``.

    Callers that handle secrets are `discreet`: an error of the JSON parser carries the whole text.

    Raises:
        BrokenRecordError: if it is none, or of another kind or schema number.
    """
    record = parse_object(content)
    found, number = record.pop("kind", None), record.pop("schema", None)
    if found != kind:
        named = quoted_name(found) if isinstance(found, str) else "nothing"
        raise BrokenRecordError(f"it calls itself {named} and should be '{kind}'")
    if type(number) is not int or number != schema:
        shown = str(number) if type(number) is int else "none"
        raise BrokenRecordError(
            f"its schema number is {shown}, and this release of util-services reads {schema}; "
            "install the one that wrote it"
        )
    return record


def parse_object(content: bytes) -> dict[str, Any]:
    """Return a JSON object in which each key stands once.

    Raises:
        BrokenRecordError: if it is none.
    """
    try:
        record = json.loads(
            content.decode(), object_pairs_hook=_each_once, parse_constant=_no_number
        )
    except (ValueError, RecursionError):
        raise BrokenRecordError("it is no JSON") from None
    if not isinstance(record, dict):
        raise BrokenRecordError("it is no JSON object")
    return record


def to_json(kind: str, schema: int, record: Mapping[str, Any]) -> str:
    """Return a file of a kind: sorted, indented JSON that ends in a newline."""
    return json.dumps({"kind": kind, "schema": schema, **record}, indent=2, sort_keys=True) + "\n"


def canonical(record: Mapping[str, Any]) -> bytes:
    """Return the one spelling of a JSON object that is signed or authenticated."""
    return json.dumps(record, sort_keys=True, separators=(",", ":")).encode()


def require_fields(fields: Any, names: Collection[str], what: str) -> None:
    """Check that a JSON object has these fields and no others.

    Raises:
        BrokenRecordError: if not.
    """
    if not isinstance(fields, dict):
        raise BrokenRecordError(f"{what} is no JSON object")
    if missing := sorted(set(names) - set(fields)):
        raise BrokenRecordError(f"{what} lacks '{missing[0]}'")
    if strange := sorted(set(fields) - set(names)):
        raise BrokenRecordError(f"{what} has the unknown field {quoted_name(strange[0])}")


def require_form(value: Any, form: re.Pattern[str], what: str) -> str:
    """Return a JSON value that is a text of a form.

    Raises:
        BrokenRecordError: if it is not.
    """
    if not isinstance(value, str) or not form.fullmatch(value):
        raise BrokenRecordError(f"{what} is not of its form")
    return value


def require_text(value: Any, what: str, longest: int = MAX_TEXT) -> str:
    """Return a JSON value that is a text on one line.

    Raises:
        BrokenRecordError: if it is not.
    """
    if not isinstance(value, str) or len(value) > longest or not is_plain(value):
        raise BrokenRecordError(f"{what} is no text on one line of at most {longest} characters")
    return value


def require_instant(value: Any, what: str) -> datetime:
    """Return a JSON value that is a time in UTC, to the second.

    Raises:
        BrokenRecordError: if it is not.
    """
    try:
        return datetime.strptime(require_form(value, INSTANT, what), FORMAT).replace(tzinfo=UTC)
    except ValueError:
        raise BrokenRecordError(f"{what} is no time such as '2026-05-04T08:00:00Z'") from None


def instant(moment: datetime) -> str:
    """Return a time as ISO 8601 in UTC, to the second."""
    return moment.astimezone(UTC).strftime(FORMAT)


def require_list(value: Any, what: str) -> list[Any]:
    """Return a JSON value that is a list.

    Raises:
        BrokenRecordError: if it is not.
    """
    if not isinstance(value, list):
        raise BrokenRecordError(f"{what} is no list")
    return value


def is_plain(text: str) -> bool:
    """Return whether a text has nothing that cannot be printed on one line."""
    return all(c.isprintable() for c in text)


def to_base64(content: bytes) -> str:
    """Return bytes as Base64 (RFC 4648 section 4)."""
    return base64.b64encode(content).decode()


def from_base64(value: Any, what: str) -> bytes:
    """Return the bytes of a JSON value in Base64.

    Raises:
        BrokenRecordError: if it is none.
    """
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError, TypeError):
        raise BrokenRecordError(f"{what} is no Base64") from None


def secret_from_base64(value: Any, what: str) -> Secret:
    """Return the secret of a JSON value in Base64.

    Raises:
        BrokenRecordError: if it is none.
    """
    return Secret(from_base64(value, what))


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("a key stands twice")
    return dict(pairs)


def _no_number(_: str) -> NoReturn:
    raise ValueError("JSON has no such number")
