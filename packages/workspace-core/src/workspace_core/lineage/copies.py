"""Copies of records in one file of this machine: thousands of them are read at once.

A copy is a line, the record as JSON with its hash first, and is believed only if it fits the hash:
so it is as good as the record, and a file that is cut off, damaged or gone costs time alone.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from blake3 import blake3

from workspace_core.errors import StoreWriteError
from workspace_core.store.durable import append_lines, write_whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

START, MIDDLE, DIGITS = b'{"hash":"', b'",', 64
HEAD = len(START) + DIGITS + len(MIDDLE)
MOST_LINES_IN_VAIN = 1000


def line_of(identity: str, content: bytes) -> bytes:
    """Return a record as a line.

    Args:
        identity: its hash.
        content: what that is the hash of, see `canonical`.
    """
    return START + identity.encode() + MIDDLE + content[1:]


class RecordCopies:
    """The copies in a file; whoever writes a record, or has read it, adds it.

    Args:
        file: the file.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self._lines: dict[str, bytes] | None = None

    def get(self, identity: str) -> bytes | None:
        """Return the line of a record, None if there is no copy that fits its hash."""
        if self._lines is None:
            self._lines = self._read()
        line = self._lines.get(identity)
        if line is None or blake3(b"{" + line[HEAD:]).hexdigest() != identity:
            return None
        return line

    def add(self, lines: Iterable[bytes]) -> None:
        """Add copies that were not there; what is lost of that is missed by nobody."""
        known = self._lines or {}
        new = [line for name, line in _by_identity(lines) if known.get(name) != line]
        if new:
            with suppress(OSError):
                append_lines(self.file, new)
            self._lines = None

    def _read(self) -> dict[str, bytes]:
        try:
            content = self.file.read_bytes()
        except OSError:
            return {}
        lines = [line for line in content.split(b"\n") if line]
        found = dict(_by_identity(lines))
        if len(lines) > 2 * len(found) + MOST_LINES_IN_VAIN:
            with suppress(StoreWriteError):
                write_whole(self.file, b"\n".join([*found.values(), b""]))
        return found


def _by_identity(lines: Iterable[bytes]) -> Iterator[tuple[str, bytes]]:
    for line in lines:
        if line.startswith(START) and line[HEAD - len(MIDDLE) : HEAD] == MIDDLE:
            yield line[len(START) : HEAD - len(MIDDLE)].decode("ascii", "replace"), line
