"""Files as of a snapshot, read without restoring: ``dws://workspace@snapshot/resource/path``.

The workspace is its folder, or nothing for the nearest one from here upwards; the snapshot is a tag
or the beginning of a hash. Only what is asked for is read from the store, each byte verified. The
protocol is registered with fsspec, so that ``pandas.read_csv("dws://@first/raw/a.csv")`` works.
"""

from __future__ import annotations

import os
import re
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fsspec import AbstractFileSystem
from fsspec.spec import AbstractBufferedFile

from workspace_core.backends.files import FiledWorkspace
from workspace_core.errors import ApiParamError, NotSupportedError, shown
from workspace_core.store.identity import id_text, parse_id
from workspace_core.trees.directory import Entry
from workspace_core.trees.tree import Trees
from workspace_core.workspace import CONFIG_FILE, METADATA_FOLDER, find_and_load_workspace

if TYPE_CHECKING:
    from workspace_core.store.session import Session

SCHEME = "dws"
SNAPSHOT = re.compile(r"@([A-Za-z0-9][A-Za-z0-9._-]*)(?:/|$)")
MOST_LINKS = 40  # as many as Linux follows


@dataclass(frozen=True, slots=True)
class Address:
    """What a path of the file system names."""

    workspace: str  # a folder; empty for the nearest one
    snapshot: str
    resource: str  # empty for the snapshot itself
    path: bytes  # in the resource; empty for all of it

    @classmethod
    def of(cls, path: str) -> Address:
        """Return what a path names, with or without its scheme.

        Raises:
            ApiParamError: if it names no snapshot.
        """
        bare = path.removeprefix(f"{SCHEME}://")
        places = list(SNAPSHOT.finditer(bare))
        if not places:
            raise ApiParamError(
                f"{shown(path)} names no snapshot; write dws://WORKSPACE@SNAPSHOT/RESOURCE/PATH."
            )
        found = next((one for one in places if _is_workspace(bare[: one.start()])), places[0])
        resource, _, inside = bare[found.end() :].strip("/").partition("/")
        return cls(bare[: found.start()], found[1], resource, os.fsencode(inside))


class SnapshotFileSystem(AbstractFileSystem):  # type: ignore[misc]  # fsspec has no types
    """The snapshots of workspaces as a file system that can only be read."""

    protocol = SCHEME
    cachable = False  # a workspace may have another snapshot by that tag the next time

    def ls(self, path: str, detail: bool = True, **_: Any) -> list[Any]:  # noqa: FBT001 - fsspec's signature
        """Return what is in a folder, or the file itself.

        Raises:
            FileNotFoundError: if there is no such path in the snapshot.
        """
        address = Address.of(path)
        with _Reader(address) as reader:
            found = reader.listing(self._strip_protocol(path).rstrip("/"))
        return found if detail else [one["name"] for one in found]

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        """Return kind, size and id of what is at a path; a link is told of as what it leads to.

        Raises:
            FileNotFoundError: if there is no such path in the snapshot.
        """
        address = Address.of(path)
        with _Reader(address) as reader:
            return reader.info(self._strip_protocol(path).rstrip("/"))

    def cat_file(
        self, path: str, start: int | None = None, end: int | None = None, **_: Any
    ) -> bytes:
        """Return bytes of a file; all of them unless bounds are given."""
        with _Reader(Address.of(path)) as reader:
            entry = reader.file(path)
            first, last, _step = slice(start, end).indices(entry.size)
            if (first, last) == (0, entry.size):
                return reader.session.read(entry.id)
            return reader.session.read_range(entry.id, first, max(first, last))

    def _open(
        self,
        path: str,
        mode: str = "rb",
        block_size: int | None = None,
        autocommit: bool = True,  # noqa: FBT001 - fsspec's signature
        cache_options: dict[str, Any] | None = None,
        **_: Any,
    ) -> SnapshotFile:
        if mode != "rb":
            raise NotSupportedError("Snapshots never change; take a new one with 'dws snapshot'.")
        return SnapshotFile(
            self, path, mode, block_size or "default", autocommit, cache_options=cache_options
        )


class SnapshotFile(AbstractBufferedFile):  # type: ignore[misc]  # fsspec has no types
    """A file of a snapshot; while it is open, its content is not collected."""

    def __init__(self, fs: SnapshotFileSystem, path: str, *args: Any, **kwargs: Any) -> None:
        self._reader = _Reader(Address.of(path))
        self._reader.__enter__()
        try:
            self._entry = self._reader.file(path)
            super().__init__(fs, path, *args, size=self._entry.size, **kwargs)
        except BaseException:
            self._reader.__exit__()
            raise

    def close(self) -> None:
        """Let go of the store."""
        super().close()
        self._reader.__exit__()

    def _fetch_range(self, start: int, end: int) -> bytes:
        return self._reader.session.read_range(self._entry.id, start, end)


class _Reader:
    """A snapshot, and a session of its store while it is being read."""

    session: Session

    def __init__(self, address: Address) -> None:
        self.address = address
        self._stack = ExitStack()

    def __enter__(self) -> _Reader:
        found = find_and_load_workspace(self.address.workspace or None, batch=True)
        if not isinstance(found, FiledWorkspace):
            raise NotSupportedError(
                "Files of snapshots are read from workspaces that have their records in files."
            )
        snapshot = found.get_snapshot_by_tag_or_hash(self.address.snapshot)
        self.roots = {
            name: parse_id(root) for name, root in snapshot.compare_hashes.items() if root
        }
        self.session = self._stack.enter_context(found.store_session())
        self.trees = Trees(self.session)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def listing(self, path: str) -> list[dict[str, Any]]:
        if not self.address.resource:
            return [
                _record(f"{path}/{name}", "directory", 0, root) for name, root in self.roots.items()
            ]
        directory = self._directory()
        if directory is None:
            return [self.info(path)]
        return [
            self._described(f"{path}/{os.fsdecode(one.name)}", one)
            for one in self.trees.entries(directory)
        ]

    def info(self, path: str) -> dict[str, Any]:
        if not self.address.resource:
            return _record(path, "directory", 0, None)
        directory = self._directory()
        if directory is not None:
            return _record(path, "directory", 0, directory)
        entry = self.file(path)
        return _record(path, "file", entry.size, entry.id)

    def file(self, path: str) -> Entry:
        entry = self._entry()
        if entry is None or entry.is_directory:
            raise IsADirectoryError(path) if entry else FileNotFoundError(path)
        return entry

    def _directory(self) -> bytes | None:
        """Return the directory that is meant, None for a file."""
        if not self.address.path:
            return self._root()
        entry = self._entry()
        if entry is None:
            raise FileNotFoundError(os.fsdecode(self.address.path))
        return entry.id if entry.is_directory else None

    def _described(self, path: str, entry: Entry) -> dict[str, Any]:
        kind = "directory" if entry.is_directory else "link" if entry.is_link else "file"
        return _record(path, kind, entry.size, entry.id)

    def _root(self) -> bytes:
        try:
            return self.roots[self.address.resource]
        except KeyError:
            raise FileNotFoundError(self.address.resource) from None

    def _entry(self) -> Entry | None:
        """Return what is at the path; links are followed as far as they stay in the resource."""
        root, names, at = self._root(), self.address.path.split(b"/"), list[bytes]()
        entry: Entry | None = None
        links = 0
        while names:
            name = names.pop(0)
            if name in (b"", b"."):
                continue
            if name == b"..":
                if not at:
                    return None
                at.pop()
                continue
            entry = self.trees.find(root, b"/".join([*at, name]))
            if entry is None:
                return None
            if entry.is_link:
                links += 1
                if links > MOST_LINKS or entry.target.startswith(b"/"):
                    return None
                names = entry.target.split(b"/") + names
                entry = None
            else:
                at.append(name)
        if not at:
            return Entry(b"", 2, 0o755, 0, root)
        return self.trees.find(root, b"/".join(at))


def _record(path: str, kind: str, size: int, object_id: bytes | None) -> dict[str, Any]:
    return {
        "name": path,
        "type": kind,
        "size": size,
        "id": id_text(object_id) if object_id else None,
    }


def _is_workspace(place: str) -> bool:
    return not place or (Path(place) / METADATA_FOLDER / CONFIG_FILE).is_file()
