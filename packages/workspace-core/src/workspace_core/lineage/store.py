"""The store of records: a file for each run of a step and each listing, none of them ever changed.

lineage/steps/<hash>.json      a run of a step                                  committed
lineage/listings/<hash>.json   the files of a directory that was read or written  committed
local/lineage/                 records on their way, an index of edges, copies    ignored
local/lineage/outside          where files outside of resources are on this machine   ignored

A name is the hash of what the file holds, so that those of two copies are united by having both.
"""

from __future__ import annotations

import gc
import json
import os
import time
from contextlib import contextmanager, suppress
from functools import lru_cache, partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from blake3 import blake3

from workspace_core.errors import (
    DamagedFileError,
    DataWorkspacesError,
    FormatVersionError,
    StoreWriteError,
)
from workspace_core.lineage.copies import RecordCopies, line_of
from workspace_core.lineage.edges import from_bytes, has_edges_of, to_bytes
from workspace_core.lineage.errors import LineageNotFoundError
from workspace_core.lineage.model import SCHEMA, StepLineage
from workspace_core.lineage.outside_now import OutsideFiles
from workspace_core.snapshots.metadata import canonical
from workspace_core.store.durable import (
    cause_of,
    json_bytes,
    read_json,
    sync_folder,
    write_whole,
)
from workspace_core.store.identity import ALGORITHM

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Mapping
    from pathlib import Path

    from workspace_core.lineage.edges import IndexedRun, Run

STEPS, LISTINGS, SUFFIX = "steps", "listings", ".json"
INDEX, COPIES, OUTSIDE_FILES = "edges", "records", "outside"
OLD_SECONDS = 3600.0
LEAST_PREFIX = 4
WORTH_INDEXING = 16  # records that are not in the index yet
WORTH_COPYING = 256  # records that are asked for at once
MOST_LISTINGS_HELD = 4096


class LineageStore:
    """The records below a folder.

    Args:
        folder: what all copies of the workspace share.
        local: what belongs to this copy alone, on the same file system.
    """

    def __init__(self, folder: Path, local: Path) -> None:
        self.steps, self.listings, self.local = folder / STEPS, folder / LISTINGS, local
        self.listing = lru_cache(MOST_LISTINGS_HELD)(self._listing)
        self._copies = RecordCopies(local / COPIES)
        self.outside = OutsideFiles(local / OUTSIDE_FILES)

    # Writing

    def add(self, step: StepLineage, listings: Iterable[Mapping[str, str]] = ()) -> None:
        """Record a run; it is there from the moment on in which its file has its name.

        Args:
            step: the run.
            listings: the directories that its certificates name.

        Raises:
            StoreWriteError: if it cannot be written; then nothing is recorded.
        """
        for files in listings:
            name = listing_hash(files).partition(":")[2]
            record = {"schema": SCHEMA, "files": dict(files)}
            self._place(self.listings / f"{name}{SUFFIX}", record)
        record = step.to_dict()
        self._place(self.steps / f"{step.id}{SUFFIX}", record)
        self._copies.add([line_of(step.id, canonical(record))])

    def next_sequence(self) -> int:
        """Return a number that is greater than those of all runs that are recorded here.

        No record is ever removed and each has seen all that were there before it, so that their
        count is such a number.
        """
        return len(self.ids()) + 1

    def _place(self, file: Path, record: Mapping[str, Any]) -> None:
        """Put a file in place, if it is not there; its folder never holds anything unfinished."""
        if file.exists():
            return
        ready = self.local / f"{os.urandom(6).hex()}-{file.name}"
        write_whole(ready, json_bytes(record))
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            ready.rename(file)
            sync_folder(file.parent)
        except OSError as error:
            raise StoreWriteError(str(file), cause_of(error)) from error
        finally:
            with suppress(OSError):
                ready.unlink(missing_ok=True)

    def sweep(self) -> None:
        """Remove what writers that died have left; those that are at work take no such time."""
        with suppress(OSError):
            for name in os.listdir(self.local):
                file = self.local / name
                is_old = time.time() - file.stat().st_mtime > OLD_SECONDS
                if name not in (INDEX, COPIES, OUTSIDE_FILES) and is_old:
                    file.unlink()

    # Reading

    def ids(self) -> list[str]:
        """Return the hashes of all runs."""
        return _stems(self.steps)

    def get(self, identity: str) -> StepLineage:
        """Return a run by its hash, or the beginning of it.

        Raises:
            LineageNotFoundError: if there is none, or more than one.
            DamagedFileError: if its record is damaged.
        """
        found = [one for one in self.ids() if one.startswith(identity)]
        if len(identity) < LEAST_PREFIX or len(found) != 1:
            raise LineageNotFoundError(
                f"{len(found) or 'No'} runs of steps begin with '{identity[:80]}'; 'dws report "
                "lineage' lists them."
            )
        return self._read(found[0])

    def lines(self, identities: Iterable[str]) -> Iterator[bytes]:
        """Yield the records of runs as JSON without line breaks, with their hashes first.

        What is damaged is made up for by a copy.

        Raises:
            DamagedFileError: if one is damaged, and there is no copy.
        """
        names, read = list(identities), []
        for name in names:
            if len(names) < WORTH_COPYING:
                yield self._sound_line(name)
                continue
            if (line := self._copies.get(name)) is None:
                read.append(line := self._line(name))
            yield line
        self._copies.add(read)

    def all(self) -> list[StepLineage]:
        """Return the records of all runs, each after those that were known when it ended.

        Raises:
            DamagedFileError: if one is damaged.
        """
        with without_collecting():
            return sorted(map(self._read, self.ids()), key=lambda one: one.order)

    def since(self, known: Container[str]) -> list[StepLineage]:
        """Return the runs that were recorded since others were known.

        Args:
            known: the hashes of those.

        Raises:
            DamagedFileError: if one is damaged.
        """
        return [self._read(one) for one in self.ids() if one not in known]

    def runs(self, now: Mapping[str, str] = MappingProxyType({})) -> list[Run]:
        """Return all runs as a graph needs them, in no order.

        Args:
            now: what resources are called now, by the names that they had before.

        Raises:
            DamagedFileError: if a record is damaged that is not in the index.
        """
        names = set(self.ids())
        with without_collecting():
            content = self._index_content() if names else b""
            indexed = from_bytes(content, partial(self._record_of, now), now)
            unknown = sorted(names - indexed.keys())
            new = [self._run(*one) for one in zip(unknown, self.lines(unknown), strict=True)]
            if len(new) >= WORTH_INDEXING + len(names) // 100:
                former = from_bytes(content, partial(self._record_of, {}))
                self._index([*(one for one in former.values() if one.id in names), *new])
        return [
            *(one for one in indexed.values() if one.id in names),
            *(one.under_names(now) for one in new),
        ]

    def _record_of(self, now: Mapping[str, str], run: IndexedRun) -> StepLineage:
        """Return the record of a run that the index has told of.

        Raises:
            DamagedFileError: if it is damaged, or says something else; such an index is removed.
        """
        record = self._read(run.id).under_names(now)
        if not has_edges_of(run, record):
            with suppress(OSError):
                self._index_file.unlink()
            what = "it did not fit the records and was removed; ask again"
            raise DamagedFileError(str(self._index_file), what)
        return record

    def _listing(self, hashval: str) -> Mapping[str, str]:
        """Return the files of a directory, with their content ids by path.

        Raises:
            DamagedFileError: if it is not there, or is not what its name says.
        """
        file = self.listings / f"{hashval.partition(':')[2]}{SUFFIX}"
        try:
            files = read_json(file, SCHEMA).get("files")
        except FileNotFoundError:
            raise DamagedFileError(str(file), "it is not there") from None
        if not isinstance(files, dict) or listing_hash(files) != hashval:
            raise DamagedFileError(str(file), "its name is not its hash")
        return files

    def damaged(self) -> dict[str, str]:
        """Return what is wrong with records and listings, by file; all are read."""
        found = {}
        for name in self.ids():
            try:
                self._line(name)
            except (DataWorkspacesError, OSError) as error:
                found[str(self.steps / f"{name}{SUFFIX}")] = _what(error)
        for name in _stems(self.listings):
            try:
                self._listing(f"{ALGORITHM}:{name}")
            except (DataWorkspacesError, OSError) as error:
                found[str(self.listings / f"{name}{SUFFIX}")] = _what(error)
        return found

    def mend(self) -> list[str]:
        """Write damaged records anew of which there are copies, and return their files."""
        mended = []
        for name in self.ids():
            file = self.steps / f"{name}{SUFFIX}"
            try:
                self._line(name)
            except FormatVersionError:
                continue  # a later release knows what it is
            except DamagedFileError:
                if (line := self._copies.get(name)) is not None:
                    write_whole(file, json_bytes(json.loads(line)))
                    mended.append(str(file))
        return mended

    def _read(self, name: str) -> StepLineage:
        """Return a run; see `lines`."""
        return self._run(name, self._sound_line(name))

    def _sound_line(self, name: str) -> bytes:
        """Return a record as a line: of its file, or of the copy if that is damaged."""
        try:
            return self._line(name)
        except DamagedFileError:
            if (copy := self._copies.get(name)) is None:
                raise
            return copy

    def _run(self, name: str, line: bytes) -> StepLineage:
        return StepLineage.from_dict(json.loads(line), f"{self.steps}/{name}{SUFFIX}")

    def _line(self, name: str) -> bytes:
        """Return the record in a file as a line.

        Raises:
            DamagedFileError: if it is damaged.
        """
        file = self.steps / f"{name}{SUFFIX}"
        record = read_json(file, SCHEMA)
        content = canonical(record)
        if record.get("hash") != name or blake3(content).hexdigest() != name:
            raise DamagedFileError(str(file), "it does not fit its hash")
        return line_of(name, content)

    # The index of edges, believed only with its checksum

    @property
    def _index_file(self) -> Path:
        return self.local / INDEX

    def _index_content(self) -> bytes:
        try:
            return self._index_file.read_bytes()
        except OSError:
            return b""

    def _index(self, runs: Iterable[Run]) -> None:
        with suppress(StoreWriteError):  # what can be lost without harm
            write_whole(self._index_file, to_bytes(runs))


@contextmanager
def without_collecting() -> Iterator[None]:
    """Make many small records without looking for garbage among them time and again."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def listing_hash(files: Mapping[str, str]) -> str:
    """Return the hash of a directory: of the content ids of the files in it, by path."""
    content = json.dumps(dict(files), sort_keys=True, separators=(",", ":")).encode()
    return f"{ALGORITHM}:{blake3(content).hexdigest()}"


def relative(files: Mapping[str, str], path: str) -> dict[str, str]:
    """Return files by their paths below a path."""
    start = len(path) + 1 if path else 0
    return {one[start:]: identity for one, identity in files.items()}


def _what(error: Exception) -> str:
    """Return what is wrong with a file, without its name."""
    return error.what if isinstance(error, DamagedFileError) else str(error)


def _stems(folder: Path) -> list[str]:
    try:
        names = os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted(
        one.removesuffix(SUFFIX)
        for one in names
        if one.endswith(SUFFIX) and not one.startswith(".")
    )
