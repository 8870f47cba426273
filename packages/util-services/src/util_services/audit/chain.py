"""A chain of records: each line holds the MAC of the line before it, and one of its own.

A line is a JSON object whose last member is ``mac``, the keyed MAC of the bytes before it. Nothing
is parsed and written anew to check it, so that no byte of a line can change unnoticed.
"""

from __future__ import annotations

import hmac
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from util_services.audit.errors import AuditError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from util_services.audit.key import AuditKey

AUDIT_SCHEMA = 1
MAX_LINE_BYTES = 64 << 10  # a reader needs no more than this much memory for a line
BEFORE_MAC = b',"mac":"'
AFTER_MAC = b'"}'
MAC = re.compile(rb"[0-9a-f]{64}")
ENDING_BYTES = len(BEFORE_MAC) + 64 + len(AFTER_MAC)
LINK = re.compile(r"([a-z0-9-]+):([1-9][0-9]*):([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Link:
    """A place in a chain, and the MAC that stands there: a head, if nothing came after it yet."""

    chain: str
    sequence: int
    mac: str

    def __str__(self) -> str:
        """Return the link as one word, which `parse` understands."""
        return f"{self.chain}:{self.sequence}:{self.mac}"

    @classmethod
    def parse(cls, text: str) -> Link | None:
        """Return the link that a word stands for, None if it is not one."""
        match = LINK.fullmatch(text)
        return cls(match[1], int(match[2]), match[3]) if match else None


@dataclass(frozen=True, slots=True)
class Entry:
    """An authentic line: somebody who had the key wrote it as it is."""

    link: Link
    previous: str  # MAC of the line before it, empty for the first of a chain
    kind: str
    time: str  # ISO 8601 in UTC
    body: Mapping[str, Any]


def sealed(
    chain: str,
    sequence: int,
    previous: str,
    fields: Mapping[str, Any],
    key: AuditKey,
) -> tuple[bytes, Link]:
    """Return a line, its end included, and its link.

    Raises:
        AuditError: if it would be longer than ``MAX_LINE_BYTES``.
    """
    head = {"schema": AUDIT_SCHEMA, "chain": chain, "sequence": sequence, "previous": previous}
    body = json.dumps(head | dict(fields), separators=(",", ":"), allow_nan=False).encode()
    mac = key.mac(body)
    line = body[:-1] + BEFORE_MAC + mac.encode() + AFTER_MAC + b"\n"
    if len(line) > MAX_LINE_BYTES:
        raise AuditError(
            f"An audit record of {len(line)} bytes is too long; {MAX_LINE_BYTES} are the most. "
            "Record fewer facts or data."
        )
    return line, Link(chain, sequence, mac)


def is_complete(line: bytes) -> bool:
    """Return whether a line, without its end, has the form of a record; it may be forged."""
    return taken_apart(line) is not None


def taken_apart(line: bytes) -> tuple[bytes, str] | None:
    """Return what a line's MAC is of, and that MAC, None for what is not of this form."""
    body, ending = line[:-ENDING_BYTES], line[-ENDING_BYTES:]
    mac = ending[len(BEFORE_MAC) : -len(AFTER_MAC)]
    is_of_form = (
        body.startswith(b"{")
        and ending.startswith(BEFORE_MAC)
        and ending.endswith(AFTER_MAC)
        and MAC.fullmatch(mac)
    )
    return (body + b"}", mac.decode()) if is_of_form else None


def is_unfinished(line: bytes, chain: str, last: Link | None) -> bool:
    """Return whether a writer that was cut short leaves such a line after the last record.

    Args:
        line: the line, without its end.
        chain: the chain.
        last: the last record before it, None where that is not known.
    """
    start = f'{{"schema":{AUDIT_SCHEMA},"chain":"{chain}","sequence":'
    if last is not None:
        start += f'{last.sequence + 1},"previous":"{last.mac}","time":"'
    expected = start.encode()
    begins_so = line.startswith(expected) or expected.startswith(line)
    return begins_so and all(0x20 <= byte < 0x7F for byte in line)


def stated_key(line: bytes) -> str | None:
    """Return the id of the key that the first record of a segment says to be written with."""
    parts = taken_apart(line)
    try:
        body = json.loads(parts[0]) if parts else {}
    except ValueError:
        return None
    key = body.get("key")
    return key if isinstance(key, str) else None


def authentic(line: bytes, key: AuditKey) -> Entry | None:
    """Return the record of a line, without its end, if it was written with the key.

    Raises:
        AuditError: if a newer version has written it.
    """
    parts = taken_apart(line)
    if parts is None:
        return None
    content, mac = parts
    if not hmac.compare_digest(key.mac(content), mac):
        return None
    body = json.loads(content)
    if body["schema"] != AUDIT_SCHEMA:
        raise AuditError(
            f"The audit has records of form {body['schema']}, and this version of util-services "
            f"knows form {AUDIT_SCHEMA}; install a newer one."
        )
    link = Link(body["chain"], body["sequence"], mac)
    return Entry(link, body["previous"], body["kind"], body["time"], body)
