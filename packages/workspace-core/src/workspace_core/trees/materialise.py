"""Objects become files again: read pack by pack, verified, written by a few threads."""

from __future__ import annotations

import os
from collections import defaultdict, deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from workspace_core.store.packs import LENGTH
from workspace_core.trees.reading import WORKERS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from workspace_core.store.packs import Pack, Row
    from workspace_core.store.session import Session

GROUP_BYTES = 4 << 20  # read at once
GAP_BYTES = 64 << 10  # not worth a second read
GROUP_FILES = 256


@dataclass(frozen=True, slots=True)
class NewFile:
    """A file that is to be written."""

    path: bytes  # where it ends up, in the folder
    staged: bytes  # where it is written
    id: bytes
    permissions: int


@dataclass(frozen=True, slots=True)
class Written:
    """A file as it was written, by which it is known again after its moves."""

    id: bytes
    size: int
    mtime: int
    inode: int


def materialise(
    session: Session,
    files: Sequence[NewFile],
    progress: Callable[[int, int], None] | None = None,
) -> dict[bytes, Written]:
    """Write files; nothing is at their places. Return what was written by the paths in the folder.

    Args:
        session: where their contents are.
        files: what is to be written.
        progress: called with the number of files and bytes that were written so far.

    Raises:
        DamagedFileError: if an object is damaged in every pack that holds it.
        OSError: if a file cannot be written.
    """
    wanted: dict[bytes, list[NewFile]] = defaultdict(list)
    for file in files:
        wanted[file.id].append(file)
    written: dict[bytes, Written] = {}
    size = 0
    with ThreadPoolExecutor(WORKERS, "materialise") as pool:
        groups = _groups(session, list(wanted))

        def write(group: tuple[Pack, list[tuple[bytes, Row]]]) -> dict[bytes, Written]:
            return dict(_write_group(session, *group, wanted))

        running = deque(pool.submit(write, group) for group in islice(groups, 2 * WORKERS))
        try:
            while running:
                fresh = running.popleft().result()
                written.update(fresh)
                size += sum(one.size for one in fresh.values())
                if progress:
                    progress(len(written), size)
                if (group := next(groups, None)) is not None:
                    running.append(pool.submit(write, group))
        finally:
            for one in running:
                one.cancel()
    return written


def _groups(session: Session, ids: list[bytes]) -> Iterator[tuple[Pack, list[tuple[bytes, Row]]]]:
    """Yield objects that stand close together in a pack."""
    for pack, rows in session.in_pack_order(ids):
        group: list[tuple[bytes, Row]] = []
        start = end = 0
        for object_id, row in rows:
            reach = row.place + LENGTH.size + row.length
            if group and (
                row.place - end > GAP_BYTES
                or reach - start > GROUP_BYTES
                or len(group) >= GROUP_FILES
            ):
                yield pack, group
                group = []
            if not group:
                start = row.place
            group.append((object_id, row))
            end = reach
        if group:
            yield pack, group


def _write_group(
    session: Session,
    pack: Pack,
    rows: list[tuple[bytes, Row]],
    wanted: dict[bytes, list[NewFile]],
) -> Iterator[tuple[bytes, Written]]:
    first, last = rows[0][1], rows[-1][1]
    start = first.place
    block = memoryview(pack.read_range(start, last.place + LENGTH.size + last.length - start))
    for object_id, row in rows:
        for file in wanted[object_id]:
            if session.is_list(row):
                pieces: Iterator[bytes] = session.stream(object_id)
            else:
                at = row.place - start + LENGTH.size
                pieces = iter(
                    (session.from_block(object_id, pack, row, block[at : at + row.length]),)
                )
            yield file.path, _write(file, pieces)


def _write(file: NewFile, pieces: Iterator[bytes]) -> Written:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(file.staged, flags, 0o600)
    try:
        for piece in pieces:
            done = os.write(descriptor, piece)
            while done < len(piece):
                done += os.write(descriptor, memoryview(piece)[done:])
        os.fchmod(descriptor, file.permissions)
        status = os.fstat(descriptor)
    finally:
        os.close(descriptor)
    return Written(file.id, status.st_size, status.st_mtime_ns, status.st_ino)
