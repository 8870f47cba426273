"""The end of a segment: its last record, and what a writer that died has left behind it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from util_services.audit.chain import MAX_LINE_BYTES, Entry, authentic, is_complete
from util_services.audit.place import by_chain, open_segment, segments_in

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from util_services.audit.chain import Link
    from util_services.audit.key import AuditKey

LOOK_BACK_BYTES = 4 * MAX_LINE_BYTES
MAX_HEADS = 20  # of other chains, the latest: they make a record longer


@dataclass(frozen=True, slots=True)
class Tail:
    """The last record of a segment, and what comes after it: nothing, or a line cut short."""

    entry: Entry
    rest: bytes
    size: int  # of the file
    is_ended: bool  # whether the last line has its end


def tail_of(descriptor: int, key: AuditKey) -> Tail | None:
    """Return how a segment ends, None where its last complete line is not an authentic record."""
    size = os.fstat(descriptor).st_size
    start = max(0, size - LOOK_BACK_BYTES)
    block = os.pread(descriptor, size - start, start)
    end = len(block)
    for line in reversed(block.split(b"\n")):
        if is_complete(line):
            entry = authentic(line, key)
            rest, is_ended = block[end + 1 :], block.endswith(b"\n")
            return Tail(entry, rest, size, is_ended) if entry is not None else None
        end -= len(line) + 1
    return None


def heads(directory: Path, key: AuditKey, but: Collection[str] = ()) -> list[Link]:
    """Return the heads of the chains that were written to last, without those named by ``but``.

    A record that names them is a witness: a chain that is cut or removed later contradicts it.
    What is not on disk yet is put there, so that a power cut makes no false witness.
    """
    newest = [chain[-1] for chain in by_chain(segments_in(directory)).values()]
    files = {directory / one.name: one.chain for one in newest if one.chain not in but}
    latest = sorted(files, key=_changed, reverse=True)[:MAX_HEADS]
    found = [(files[file], _head(file, key)) for file in latest]
    return [link for chain, link in found if link is not None and link.chain == chain]


def _head(file: Path, key: AuditKey) -> Link | None:
    try:
        descriptor = open_segment(file)
    except OSError:  # of another user, no file, or just removed by a retention
        return None
    try:
        os.fsync(descriptor)
        tail = tail_of(descriptor, key)
    except OSError:
        return None
    finally:
        os.close(descriptor)
    return tail.entry.link if tail is not None else None


def _changed(file: Path) -> int:
    try:
        return file.stat().st_mtime_ns
    except OSError:
        return 0
