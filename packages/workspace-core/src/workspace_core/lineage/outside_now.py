"""What has become of files outside of all resources that runs of this machine have read.

Records, which travel, have no paths of machines. So where such a file lies, and what it looked
like, is kept on this machine alone: a line of JSON for each time that somebody looked.
"""

from __future__ import annotations

import json
import os
import re
import stat
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workspace_core.errors import StoreWriteError
from workspace_core.store.durable import append_lines, write_whole
from workspace_core.store.identity import ALGORITHM
from workspace_core.trees.stat_cache import is_settled, stat_fields

if TYPE_CHECKING:
    from collections.abc import Iterable

    from workspace_core.lineage.model import HashCertificate

AS_READ, OTHER = "as read", "other"
ELSEWHERE = "nobody knows where it lies on this machine"
GONE = "it is gone"
UNREADABLE = "it cannot be read"
IN_STORE = "it lies in a store, which 'dws status --ask-stores' asks"
OUT_OF_REACH = "its store cannot be asked"
S3_SCHEME, SAMPLE_SCHEME = "s3://", "sample:"
STATE_IN_S3 = re.compile(
    r'\d+-"[^"]*"'
)  # size and ETag; what follows is a version, if there is one
MOST_LINES_IN_VAIN = 1000

Fields = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class OutsideFile:
    """A file outside of all resources, as somebody has seen it.

    Args:
        path: as records name it.
        content: its content id then.
        address: where it is, for this machine.
        is_local: whether that is a path.
        state: in a store, what tells this state from another.
        fields: on this machine, the stat fields, if a later change would show in them.
    """

    path: str
    content: str
    address: str
    is_local: bool = True
    state: str | None = None
    fields: Fields | None = None


class OutsideFiles:
    """What is known of such files on this machine; it may be lost, and then nobody watches them.

    Args:
        file: where that is kept.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self._known: dict[tuple[str, str], OutsideFile] | None = None  # by path and content
        self._looks: dict[str, tuple[Fields, str]] = {}  # by address

    def note(self, files: Iterable[OutsideFile]) -> None:
        """Keep what was seen."""
        lines = [_line(one) for one in files]
        if lines:
            with suppress(OSError):  # what can be lost without harm
                append_lines(self.file, lines)
            self._known = None

    def at(self, address: str) -> str | None:
        """Return the path by which records name a file of this machine, None if none does."""
        found = [one.path for one in self._all().values() if one.address == address]
        return found[-1] if found else None

    def address(self, path: str) -> str | None:
        """Return where a file was on this machine when a run saw it last, None if none has."""
        found = [one for (name, _), one in self._all().items() if name == path and one.is_local]
        return found[-1].address if found else None

    def look(self, read: HashCertificate, *, ask_stores: bool = False) -> str:
        """Say whether a file is what a run has read.

        It is read again only if its size is the same, and its time or place on the disk is not.

        Args:
            read: what the run has read.
            ask_stores: also send a request for what lies in a store.

        Returns:
            `AS_READ`, `OTHER`, or why nobody can say.
        """
        known = self._all().get((read.ref.path, str(read.hashval)))
        if known is None:
            return ELSEWHERE
        if not known.is_local:
            return _look_elsewhere(known, ask_stores=ask_stores)
        try:
            found = os.stat(known.address)
            if not stat.S_ISREG(found.st_mode):
                return GONE
            if found.st_size != read.size:
                return OTHER
            return AS_READ if self._content(known, found) == read.hashval else OTHER
        except FileNotFoundError:
            return GONE
        except OSError:
            return UNREADABLE

    def _content(self, known: OutsideFile, found: os.stat_result) -> str:
        fields = stat_fields(found)
        before = self._looks.get(known.address)
        if before is not None and before[0] == fields:
            return before[1]
        from util_services.flow.digests import digests_of

        looked_at = time.time_ns()
        digest = digests_of(Path(known.address), with_blake3=True).blake3
        content = f"{ALGORITHM}:{digest}"
        if is_settled(fields, looked_at) and stat_fields(os.stat(known.address)) == fields:
            self._looks[known.address] = fields, content
            seen = OutsideFile(known.path, content, known.address, fields=fields)
            with suppress(OSError):
                append_lines(self.file, [_line(seen)])
        return content

    def _all(self) -> dict[tuple[str, str], OutsideFile]:
        if self._known is None:
            self._known, self._looks = {}, {}
            lines = self._lines()
            for one in map(_parsed, lines):
                if one is not None:
                    self._known.pop((one.path, one.content), None)  # the last one is to be last
                    self._known[one.path, one.content] = one
                    if one.fields is not None:
                        self._looks[one.address] = one.fields, one.content
            if len(lines) > 2 * len(self._known) + MOST_LINES_IN_VAIN:
                with suppress(StoreWriteError):
                    content = b"\n".join([*map(_line, self._known.values()), b""])
                    write_whole(self.file, content)
        return self._known

    def _lines(self) -> list[bytes]:
        try:
            return [one for one in self.file.read_bytes().split(b"\n") if one]
        except OSError:
            return []


def seen_now(path: str, content: str, address: str) -> OutsideFile:
    """Return a file of this machine whose content is known, with its stat fields if they tell it.

    Raises:
        OSError: if it is not there.
    """
    fields = stat_fields(os.stat(address))
    known = fields if is_settled(fields, time.time_ns()) else None
    return OutsideFile(path, content, address, fields=known)


def _line(one: OutsideFile) -> bytes:
    return json.dumps(asdict(one), separators=(",", ":")).encode()


def _parsed(line: bytes) -> OutsideFile | None:
    """Return what a line tells; None of one that was cut off, or is of a later release."""
    try:
        record: dict[str, Any] = json.loads(line)
        fields = record.pop("fields")
        return OutsideFile(fields=None if fields is None else tuple(fields), **record)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def _look_elsewhere(known: OutsideFile, *, ask_stores: bool) -> str:
    if known.address.startswith(SAMPLE_SCHEME):
        return AS_READ  # it comes with the program, whose version is on record
    if not known.address.startswith(S3_SCHEME) or known.state is None:
        return OUT_OF_REACH
    if not ask_stores:
        return IN_STORE
    now = _state_in_s3(known.address)
    if now in (GONE, OUT_OF_REACH):
        return now
    return AS_READ if _etag(now) == _etag(known.state) else OTHER


def _etag(state: str) -> str:
    found = STATE_IN_S3.match(state)
    return found[0] if found else state


def _state_in_s3(address: str) -> str:
    """Return the state of an object, by the first credential set that may look at it."""
    from util_services.errors import DataServicesError
    from util_services.flow.run_files import state_text
    from util_services.processing_record.settings_in_force import credential_sets
    from util_services.storage.s3 import S3Storage
    from util_services.storage.s3_settings import S3Settings

    for name in sorted(credential_sets()):
        with suppress(DataServicesError, OSError):
            storage = S3Storage(S3Settings.from_environment(name))
            found = storage.fingerprint(storage.resolve(address))
            return GONE if found is None else state_text(found)
    return OUT_OF_REACH
