"""Trees of what is no folder: files by their paths, of which contents or ids are known."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from workspace_core.store.chunking import DIRECTORIES
from workspace_core.store.identity import content_id
from workspace_core.trees.directory import DIRECTORY, FILE, Entry, decode, encode, link_entry

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workspace_core.store.session import Session

FILE_PERMISSIONS, FOLDER_PERMISSIONS = 0o644, 0o755


@dataclass(frozen=True, slots=True)
class Present:
    """Something as it is now, as a tree.

    Args:
        root: the id of the tree.
        directories: those directories of it that need not be in the store, by their ids.
        left_out: paths of what no tree can hold.
    """

    root: bytes
    directories: Mapping[bytes, bytes] = field(default_factory=dict)
    left_out: tuple[bytes, ...] = ()


@dataclass(slots=True)
class TreeBuilder:
    """Takes files and folders in any order, and makes a tree of them.

    Paths are names joined by slashes. Of two things at one path the later one counts, except that a
    file and a folder of the same name refuse each other.
    """

    _folders: dict[bytes, dict[bytes, Entry]] = field(default_factory=lambda: {b"": {}})

    def add_file(self, path: bytes, object_id: bytes, size: int) -> None:
        """Add a file whose content has an id.

        Raises:
            ValueError: if a folder is at that path, or a file above it.
        """
        self._add(path, Entry(b"", FILE, FILE_PERMISSIONS, size, object_id))

    def add_link(self, path: bytes, target: bytes) -> None:
        """Add a link, which leads to something that is not in the tree.

        Raises:
            ValueError: if a folder is at that path, or a file above it.
        """
        self._add(path, link_entry(b"", target))

    def _add(self, path: bytes, entry: Entry) -> None:
        if path in self._folders:
            raise ValueError("it is a folder as well")
        above, _, name = path.rpartition(b"/")
        self.add_folder(above)
        self._folders[above][name] = replace(entry, name=name)

    def add_folder(self, path: bytes) -> None:
        """Add a folder, and those above it.

        Raises:
            ValueError: if a file is at that path, or above it.
        """
        if path in self._folders:
            return
        above, _, name = path.rpartition(b"/")
        self.add_folder(above)
        if name in self._folders[above]:
            raise ValueError("it is a folder as well")
        self._folders[path] = {}
        self._folders[above][name] = Entry(name, DIRECTORY, FOLDER_PERMISSIONS, 0, b"")

    def finish(self, session: Session | None = None) -> Present:
        """Return the tree.

        Args:
            session: keeps its directories, so that none are in the answer; None for no store.

        Raises:
            HostileTreeError: if a name is one that no tree can hold.
        """
        made: dict[bytes, bytes] = {}
        root = b""
        for path in sorted(
            self._folders, key=lambda one: one.count(b"/") + bool(one), reverse=True
        ):
            entries = sorted(self._folders[path].values(), key=lambda one: one.name)
            content = encode(entries)
            decode(content)  # which refuses hostile names
            root = content_id(content)
            if session is None:
                made[root] = content
            else:
                session.put(content, DIRECTORIES)
            above, _, name = path.rpartition(b"/")
            if path:
                size = sum(one.size for one in entries)
                self._folders[above][name] = Entry(name, DIRECTORY, FOLDER_PERMISSIONS, size, root)
        return Present(root, made)


def tree_of(files: Mapping[str, bytes], session: Session | None = None) -> Present:
    """Return the tree of small files, given by their paths; kept by a session if there is one."""
    builder = TreeBuilder()
    for path, content in files.items():
        object_id = content_id(content) if session is None else session.put(content)
        builder.add_file(path.encode(errors="surrogateescape"), object_id, len(content))
    return builder.finish(session)
