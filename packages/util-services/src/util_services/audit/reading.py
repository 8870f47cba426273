"""Read a chain from its first line to its last, and say where it is broken."""

from __future__ import annotations

import hashlib
import os
from dataclasses import asdict, dataclass, field
from itertools import count
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from util_services.audit.chain import (
    MAX_LINE_BYTES,
    Entry,
    authentic,
    is_complete,
    is_unfinished,
    stated_key,
)
from util_services.audit.errors import AuditError
from util_services.audit.place import IrregularFileError, open_segment
from util_services.audit.tail import LOOK_BACK_BYTES
from util_services.errors import quoted_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from util_services.audit.key import AuditKey
    from util_services.audit.place import Segment

NONE_UNUSABLE: Mapping[str, str] = MappingProxyType({})
UNKNOWN_BEFORE = (
    "Whether a confirmed record stood there, the files cannot show; a link kept elsewhere would."
)


@dataclass(frozen=True, slots=True)
class Finding:
    """A broken link: where it is and what is wrong there."""

    file: str
    line: int | None  # counts from 1; None where it is the file as a whole
    kind: str
    reason: str  # a sentence

    def __str__(self) -> str:
        """Return the finding as one sentence that begins with the place."""
        place = self.file if self.line is None else f"{self.file}, line {self.line}"
        return f"{place}: {self.reason}"

    def to_dict(self) -> dict[str, Any]:
        """Return the finding as plain data."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Note:
    """Something in a chain that is explained and no fault."""

    file: str
    line: int
    text: str

    def __str__(self) -> str:
        """Return the note as one sentence that begins with the place."""
        return f"{self.file}, line {self.line}: {self.text}"


@dataclass(frozen=True, slots=True)
class Line:
    """An authentic record and where it stands."""

    file: str
    number: int  # counts from 1
    end: int  # the position in the file right after it
    entry: Entry


@dataclass
class _Pending:
    """Lines that are no records; a record that accounts for them may come."""

    file: str
    first: int
    lines: list[bytes] = field(default_factory=list)

    @property
    def bytes(self) -> int:
        return sum(map(len, self.lines))

    def is_unfinished(self, chain: str, last: Entry | None) -> bool:
        """Whether writers that were cut short have left these lines."""
        link = last.link if last is not None else None
        return all(is_unfinished(line, chain, link) for line in self.lines)

    def is_accounted_for(self, entry: Entry) -> bool:
        torn = b"\n".join(self.lines)
        account = {"bytes": len(torn), "sha256": hashlib.sha256(torn).hexdigest()}
        return entry.kind == "continued" and entry.body.get("torn") == account


class ChainReader:
    """Reads one chain.

    After the first broken link the chain says nothing more about what is missing, but single
    records are authentic still, and are returned.
    """

    def __init__(
        self,
        directory: Path,
        segments: Sequence[Segment],
        keys: Mapping[str, AuditKey],
        unusable: Mapping[str, str] = NONE_UNUSABLE,
    ) -> None:
        self._directory, self._segments, self._keys = directory, segments, keys
        self._unusable = unusable
        self.chain = segments[0].chain
        self.finding: Finding | None = None
        self.notes: list[Note] = []
        self._last: Entry | None = None
        self._pending: _Pending | None = None

    def read(self) -> Iterator[Line]:
        """Return the authentic records in their order.

        Raises:
            AuditError: if they cannot be read for now, such as for want of a key that is disabled.
        """
        for former, segment in zip([None, *self._segments], self._segments, strict=False):
            if former is not None and former.next != segment:
                reason = f"the file '{former.next.name}' before it is missing."
                self._break(segment.name, None, "segment_missing", reason)
            yield from self._read_segment(segment)
            if self._pending is not None and segment != self._segments[-1]:
                self._break_at_pending()
        pending = self._pending
        if pending is not None and not pending.is_unfinished(self.chain, self._last):
            self._break_at_pending()
        if self._pending is not None:
            text = (
                "the end of the file was cut off or not finished, as when a writer is killed or "
                f"finds the disk full; the next writer goes on after it. {UNKNOWN_BEFORE}"
            )
            self.notes.append(Note(self._pending.file, self._pending.first, text))

    def _read_segment(self, segment: Segment) -> Iterator[Line]:
        key: AuditKey | None = None
        try:
            file = os.fdopen(open_segment(self._directory / segment.name), "rb")
        except FileNotFoundError:
            raise AuditError(
                "Files were removed from the audit while it was being read; verify it again."
            ) from None
        except IrregularFileError:
            reason = "it is no regular file, and nothing that the audit has made; remove it."
            self._break(segment.name, None, "no_file", reason)
            return
        except OSError as error:
            reason = f"the file cannot be read ({os.strerror(error.errno or 0)})."
            self._break(segment.name, None, "unreadable", reason)
            return
        with file:
            for number in count(1):
                raw = file.readline(MAX_LINE_BYTES + 1)
                line = raw.removesuffix(b"\n")
                if not raw:
                    return
                if not is_complete(line):
                    if not self._await(segment, number, line):
                        return
                    continue
                key = key or self._key_of(segment, number, line)
                if key is None:
                    return
                entry = authentic(line, key)
                if entry is None:
                    self._break_at_pending()
                    reason = "the record was changed, or was written without the key."
                    self._break(segment.name, number, "changed", reason)
                    continue
                self._follow(segment, number, entry)
                yield Line(segment.name, number, file.tell(), entry)

    def _key_of(self, segment: Segment, number: int, line: bytes) -> AuditKey | None:
        stated = stated_key(line)
        key = self._keys.get(stated or "")
        state = self._unusable.get(stated or "")
        if key is None and state == "disabled":
            raise AuditError(
                f"The audit cannot be verified: '{segment.name}' was written with the key "
                f"'{stated}' of the keyset 'audit', which is disabled; enable it with "
                f"'data-services keys enable audit {stated}'."
            )
        if key is None:
            if stated is None:
                reason = "the first record of the file names no key; it was changed or removed."
            elif state == "destroyed":
                reason = (
                    f"it was written with the key '{stated}', which was destroyed, so that nobody "
                    "can tell whether it is as it was."
                )
            else:
                reason = (
                    f"it was written with the key {quoted_name(stated)}, which the keyset 'audit' "
                    "does not have; restore that key, or somebody else wrote the file."
                )
            self._break(segment.name, number, "unknown_key", reason)
        return key

    def _await(self, segment: Segment, number: int, line: bytes) -> bool:
        """Keep a line that is no record; return whether there is sense in reading on."""
        if self._pending is None:
            self._pending = _Pending(segment.name, number)
        self._pending.lines.append(line)
        if self._pending.bytes > LOOK_BACK_BYTES:  # more than a writer would account for
            self._break_at_pending()
            return False
        return True

    def _follow(self, segment: Segment, number: int, entry: Entry) -> None:
        """Check that a record continues the one before it."""
        if self._pending is not None:
            pending, self._pending = self._pending, None
            if pending.is_accounted_for(entry) and pending.is_unfinished(self.chain, self._last):
                text = (
                    "the line was cut off or not finished, as when a writer is killed or finds the "
                    f"disk full; the record after it accounts for what is left. {UNKNOWN_BEFORE}"
                )
                self.notes.append(Note(pending.file, pending.first, text))
            else:
                self._pending = pending
                self._break_at_pending()
        fault = self._fault(entry)
        if fault is not None:
            self._break(segment.name, number, *fault)
        self._last = entry

    def _fault(self, entry: Entry) -> tuple[str, str] | None:
        link, last = entry.link, self._last
        if link.chain != self.chain:
            return "foreign", f"the record belongs to the chain '{link.chain}'."
        if last is None:
            return None
        expected = last.link.sequence + 1
        if link.sequence > expected:
            are = f"record {expected} is"
            if link.sequence > expected + 1:
                are = f"records {expected} to {link.sequence - 1} are"
            return "missing", f"record {link.sequence} stands here, and {are} missing before it."
        if link.sequence < expected:
            return "order", f"record {link.sequence} stands here, where {expected} belongs."
        if entry.previous != last.link.mac:
            return "rewritten", f"record {link.sequence} continues another record {expected - 1}."
        return None

    def _break_at_pending(self) -> None:
        pending, self._pending = self._pending, None
        if pending is not None:
            reason = "the line is no whole record, and no record accounts for it."
            self._break(pending.file, pending.first, "changed", reason)

    def _break(self, file: str, line: int | None, kind: str, reason: str) -> None:
        if self.finding is None:
            self.finding = Finding(file, line, kind, reason)
