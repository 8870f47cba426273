"""Revisions: what the records of a workspace became, one change after the other.

records/0000000001.json   a revision; made only where there is none, and never changed

Who makes the next one has won; whoever finds it made has to look at it, and to try again with the
number after it. So each change is compared with what was there, on any store that can refuse to
replace an object, and readers need no lock. A revision has the hash of the one before it. Some have
all records besides, so that not all of them need be read: as often as keeps both small.
"""

from __future__ import annotations

import json
import re
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from util_services.errors import StorageError
from workspace_core.errors import FormatVersionError, NotSupportedError
from workspace_core.sharing.central_errors import (
    DamagedRecordsError,
    LostRecordsError,
    OutOfReachError,
)
from workspace_core.sharing.errors import RemoteError
from workspace_core.store.durable import json_bytes
from workspace_core.store.identity import content_id

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from workspace_core.sharing.places import Place

    Files = Mapping[str, bytes]  # records by their paths below ``.dataworkspace``

SCHEMA = 1
RECORDS, NUMBERS = "records", "numbers"
NAME = re.compile(r"[0-9]{10}\.json")
ONE_BY_ONE = 16  # revisions that are asked for without knowing how many there are
READERS = 8
LEAST_WHOLE = 64 << 10  # bytes of changes after which a revision has all records


@dataclass(frozen=True, slots=True)
class Head:
    """The records as a revision has left them.

    Args:
        number: of the revision.
        digest: the hash of its bytes.
        whole: the number of the newest one that has all records.
        since: bytes of changes after that one.
        files: the records.
    """

    number: int
    digest: str
    whole: int
    since: int
    files: Files

    def to_dict(self) -> dict[str, Any]:
        """Return the head as plain data."""
        return {
            "number": self.number,
            "digest": self.digest,
            "whole": self.whole,
            "since": self.since,
            "files": texts_of(self.files),
        }

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Head:
        """Return the head that plain data tell of."""
        return cls(
            int(record["number"]),
            str(record["digest"]),
            int(record["whole"]),
            int(record["since"]),
            contents_of(record["files"]),
        )


@dataclass(frozen=True, slots=True)
class Revision:
    """One change of the records.

    Args:
        number: counted from 1.
        previous: the hash of the revision before it, "" for the first.
        workspace_id: of the workspace.
        message: what was done.
        by: the machine where that was.
        whole: the number of the newest revision that has all records, perhaps this one.
        since: bytes of changes after that one.
        changes: contents by path, None for records that went.
        records: all of them, None where only changes are told.
    """

    number: int
    previous: str
    workspace_id: str
    message: str
    by: str
    whole: int
    since: int
    changes: Mapping[str, bytes | None]
    records: Files | None = None
    timestamp: str = field(default_factory=lambda: datetime.now(UTC).isoformat())
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def to_bytes(self) -> bytes:
        """Return the revision as its file has it."""
        return json_bytes(
            {
                "schema": SCHEMA,
                "id": self.id,
                "revision": self.number,
                "previous": self.previous,
                "workspace_id": self.workspace_id,
                "message": self.message,
                "by": self.by,
                "timestamp": self.timestamp,
                "whole": self.whole,
                "since": self.since,
                "changes": texts_of(self.changes),
                "records": None if self.records is None else texts_of(self.records),
            }
        )

    @classmethod
    def from_bytes(cls, content: bytes, address: str, number: int) -> Revision:
        """Return the revision that a file holds.

        Raises:
            DamagedRecordsError: if it holds none, or another one.
            FormatVersionError: if a newer release has written it.
        """
        name = name_of(number)
        try:
            record = json.loads(content)
            schema = int(record["schema"])
            if schema > SCHEMA:
                raise FormatVersionError(f"{address}/{name}", schema, SCHEMA)
            records = record["records"]
            found = cls(
                int(record["revision"]),
                str(record["previous"]),
                str(record["workspace_id"]),
                str(record["message"]),
                str(record["by"]),
                int(record["whole"]),
                int(record["since"]),
                contents_of(record["changes"]),
                None if records is None else contents_of(records),
                str(record["timestamp"]),
                str(record["id"]),
            )
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise DamagedRecordsError(address, name, "it is no revision") from None
        if found.records is not None and None in found.records.values():
            raise DamagedRecordsError(address, name, "it has a record without content")
        if found.number != number or not 1 <= found.whole <= number:
            raise DamagedRecordsError(address, name, "it tells of another revision")
        return found


class Ledger:
    """The revisions of a workspace in its place.

    Args:
        place: where they are.
        workspace_id: of the workspace; None for any.
        by: what this machine is called.
    """

    def __init__(self, place: Place, workspace_id: str | None = None, by: str = "") -> None:
        self.place, self.workspace_id, self.by = place, workspace_id, by

    def newest(self) -> Head | None:
        """Return the records as they are now, None where there never were any.

        Raises:
            OutOfReachError: if the place cannot be reached.
            DamagedRecordsError: if a revision is damaged.
        """
        with _reaching(self.place):
            names = [name for name in self.place.list(RECORDS) if NAME.fullmatch(name)]
        if not names:
            return None
        last = max(int(name.partition(".")[0]) for name in names)
        _, newest = self._required(last)
        with ThreadPoolExecutor(READERS, "records") as pool:
            found = list(pool.map(self._required, range(newest.whole, last + 1)))
        head = None
        for content, revision in found:
            head = self._after(head, content, revision)
        return head

    def since(self, head: Head) -> Head:
        """Return the records as they are now, from what they were.

        Raises:
            OutOfReachError: if the place cannot be reached.
            LostRecordsError: if the place does not have what was there before.
            DamagedRecordsError: if a revision is damaged.
        """
        known = self._read(head.number)
        if known is None or digest_of(known) != head.digest:
            raise LostRecordsError(self.place.address, head.number)
        for _ in range(ONE_BY_ONE):
            content = self._read(head.number + 1)
            if content is None:
                return head
            revision = Revision.from_bytes(content, self.place.address, head.number + 1)
            head = self._after(head, content, revision)
        return self.newest() or head

    def append(self, head: Head | None, files: Files, message: str) -> Head | None:
        """Make the next revision; None if somebody else was faster.

        Args:
            head: what it follows; None for the first one.
            files: what the records are to become.
            message: what was done.

        Raises:
            OutOfReachError: if the place does not take it.
        """
        before: Files = {} if head is None else head.files
        changes: dict[str, bytes | None] = {
            path: files.get(path)
            for path in sorted(before.keys() | files.keys())
            if before.get(path) != files.get(path)
        }
        number = 1 if head is None else head.number + 1
        since = sum(len(path) + len(one or b"") for path, one in changes.items())
        since += 0 if head is None else head.since
        is_whole = head is None or since > max(LEAST_WHOLE, sum(map(len, files.values())) // 2)
        revision = Revision(
            number,
            "" if head is None else head.digest,
            str(self.workspace_id),
            message,
            self.by,
            number if is_whole or head is None else head.whole,
            0 if is_whole else since,
            changes,
            dict(files) if is_whole else None,
        )
        content = revision.to_bytes()
        with _reaching(self.place):
            is_made = self.place.create(name_of(number), content)
        if not is_made and self._read(number) != content:  # the answer may have been lost
            return None
        return Head(number, digest_of(content), revision.whole, revision.since, dict(files))

    def reserve(self, number: int) -> bool:
        """Take the number of a snapshot; return whether nobody else had it."""
        record = {"schema": SCHEMA, "snapshot_number": number, "by": self.by}
        with _reaching(self.place):
            return self.place.create(f"{NUMBERS}/{number:010d}.json", json_bytes(record))

    def require_refusals(self) -> None:
        """See that the place refuses to replace an object; the first revision is there.

        Raises:
            NotSupportedError: if it does not, so that two writers could not be told apart.
        """
        first = self._read(1)
        with _reaching(self.place):
            is_made = self.place.create(name_of(1), b"a probe that is to be refused\n")
        if is_made or self._read(1) != first:
            raise NotSupportedError(
                f"The store at '{self.place.address}' replaces objects that it is told not to, so "
                "that changes could get lost; use another store, or the git backend."
            )

    def damage(self) -> list[DamagedRecordsError]:
        """Read all revisions, and return what is wrong with them."""
        with _reaching(self.place):
            names = sorted(name for name in self.place.list(RECORDS) if NAME.fullmatch(name))
        found: list[DamagedRecordsError] = []
        address, before = self.place.address, ""
        for number in range(1, (int(names[-1].partition(".")[0]) if names else 0) + 1):
            content = self._read(number)
            if content is None:
                found.append(DamagedRecordsError(address, name_of(number), "it is missing"))
                before = ""
                continue
            try:
                revision = Revision.from_bytes(content, address, number)
                if before and revision.previous != before:
                    what = "it does not follow the one before it"
                    found.append(DamagedRecordsError(address, name_of(number), what))
            except DamagedRecordsError as error:
                found.append(error)
            before = digest_of(content)
        return found

    def _after(self, head: Head | None, content: bytes, revision: Revision) -> Head:
        """Return the records after a revision; the first one that is read has all of them."""
        name, address = name_of(revision.number), self.place.address
        if self.workspace_id not in (None, revision.workspace_id):
            raise LostRecordsError(address, revision.number)
        if head is None:
            if revision.records is None:
                raise DamagedRecordsError(address, name, "it lacks the records that it is to have")
            files = dict(revision.records)
        else:
            if revision.previous != head.digest:
                raise DamagedRecordsError(address, name, "it does not follow the one before it")
            files = dict(head.files)
            for path, change in revision.changes.items():
                if change is None:
                    files.pop(path, None)
                else:
                    files[path] = change
            if revision.records is not None and revision.records != files:
                raise DamagedRecordsError(address, name, "its records are not what its changes say")
        return Head(revision.number, digest_of(content), revision.whole, revision.since, files)

    def _required(self, number: int) -> tuple[bytes, Revision]:
        content = self._read(number)
        if content is None:
            raise DamagedRecordsError(self.place.address, name_of(number), "it is missing")
        return content, Revision.from_bytes(content, self.place.address, number)

    def _read(self, number: int) -> bytes | None:
        with _reaching(self.place):
            return self.place.read(name_of(number))


def name_of(number: int) -> str:
    """Return the name of a revision in its place."""
    return f"{RECORDS}/{number:010d}.json"


def digest_of(content: bytes) -> str:
    """Return what a revision is known by."""
    return content_id(content).hex()


def texts_of(files: Mapping[str, bytes | None]) -> dict[str, str | None]:
    """Return contents as texts; bytes that are no UTF-8 come back as they were."""
    return {
        path: None if content is None else content.decode("utf-8", "surrogateescape")
        for path, content in files.items()
    }


def contents_of(texts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the contents that texts stand for."""
    return {
        str(path): None if text is None else text.encode("utf-8", "surrogateescape")
        for path, text in texts.items()
    }


@contextmanager
def _reaching(place: Place) -> Iterator[None]:
    try:
        yield
    except RemoteError as error:
        raise OutOfReachError(place.address, error.cause) from error
    except StorageError as error:
        raise OutOfReachError(place.address, str(error)) from error
