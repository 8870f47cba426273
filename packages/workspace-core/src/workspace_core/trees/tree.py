"""Reading trees of the store: directories, paths, walks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from workspace_core.errors import ConfigurationError, shown
from workspace_core.store.identity import content_id, id_text
from workspace_core.trees.directory import Entry, decode, encode

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from workspace_core.store.session import Session

EMPTY = encode(())
EMPTY_ID = id_text(content_id(EMPTY))


@dataclass(frozen=True, slots=True)
class Trees:
    """Directories by their ids: those of the store, and some that are in memory alone."""

    session: Session
    directories: Mapping[bytes, bytes] = field(default_factory=dict)

    def entries(self, directory: bytes) -> list[Entry]:
        """Return the entries of a directory, sorted by name.

        Raises:
            MissingObjectsError: if the store does not have it.
            HostileTreeError: if it holds a name that leads out of it.
        """
        content = self.directories.get(directory)
        return decode(self.session.read(directory) if content is None else content)

    def walk(self, root: bytes, path: bytes = b"") -> Iterator[tuple[bytes, Entry]]:
        """Yield all entries below a directory with their paths, each before what it holds."""
        stack = [iter([(path, entry) for entry in self.entries(root)])]
        while stack:
            for above, entry in stack[-1]:
                here = above + b"/" + entry.name if above else entry.name
                yield here, entry
                if entry.is_directory:
                    stack.append(iter([(here, one) for one in self.entries(entry.id)]))
                    break
            else:
                stack.pop()

    def find(self, root: bytes, path: bytes) -> Entry | None:
        """Return the entry at a path, None where there is none; links are not followed."""
        entry: Entry | None = None
        directory = root
        for name in path.split(b"/"):
            if entry is not None and not entry.is_directory:
                return None
            entry = next((one for one in self.entries(directory) if one.name == name), None)
            if entry is None:
                return None
            directory = entry.id
        return entry

    def objects(self, root: bytes) -> Iterator[bytes]:
        """Yield the ids of all objects that a tree needs: directories and files, once each."""
        seen: set[bytes] = set()
        stack = [root]
        while stack:
            directory = stack.pop()
            if directory in seen:
                continue
            seen.add(directory)
            yield directory
            for entry in self.entries(directory):
                if entry.is_directory:
                    stack.append(entry.id)
                elif entry.is_file and entry.id not in seen:
                    seen.add(entry.id)
                    yield entry.id


def checked_path(path: str | bytes) -> bytes:
    """Return a path within a tree as the store has it: names joined by slashes, without dots.

    Raises:
        ConfigurationError: if it is absolute or leads out of the tree.
    """
    raw = path.encode(errors="surrogateescape") if isinstance(path, str) else path
    names = [name for name in raw.split(b"/") if name not in (b"", b".")]
    if raw.startswith(b"/") or b".." in names:
        raise ConfigurationError(
            f"{shown(raw)} does not lie in the resource; give a path below it."
        )
    return b"/".join(names)
