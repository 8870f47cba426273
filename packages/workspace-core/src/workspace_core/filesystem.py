"""The files of a resource, by paths within it."""

from __future__ import annotations

import io
import os
from typing import IO, TYPE_CHECKING, Any, BinaryIO

from workspace_core.errors import NotSupportedError, PathError, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

READING = frozenset({"r", "rt", "rb"})


class ResourceFileSystem:
    """Files below a folder; a path that leads out of it is refused.

    Args:
        root: the folder.
    """

    def __init__(self, root: str) -> None:
        self.root = root

    def open(self, path: str, mode: str = "r", **options: Any) -> IO[Any]:
        """Open a file, like the built-in function of that name."""
        return open(self._local(path), mode, **options)

    def ls(self, path: str = "") -> list[str]:
        """Return the names in a folder, sorted."""
        return sorted(os.listdir(self._local(path)))

    def exists(self, path: str) -> bool:
        """Return whether there is something at a path."""
        return os.path.exists(self._local(path))

    def isfile(self, path: str) -> bool:
        """Return whether there is a file at a path."""
        return os.path.isfile(self._local(path))

    def isdir(self, path: str) -> bool:
        """Return whether there is a folder at a path."""
        return os.path.isdir(self._local(path))

    def _local(self, path: str) -> str:
        inside = os.path.normpath(path.lstrip("/") or os.curdir)
        if inside.split(os.sep, 1)[0] == os.pardir:
            raise PathError(f"{shown(path)} does not lie in the resource; give a path below it.")
        return os.path.join(self.root, inside)


class RemoteFileSystem:
    """Files by their paths, read where they are; none can be written.

    Args:
        files: their paths, as they were when this was made.
        folders: of empty ones.
        opened: returns the bytes of a file.
    """

    def __init__(
        self, files: Iterable[str], folders: Iterable[str], opened: Callable[[str], BinaryIO]
    ) -> None:
        self._files, self._opened = frozenset(files), opened
        self._folders: dict[str, set[str]] = {"": set()}
        for path in (*self._files, *folders):
            self._add(path, is_folder=path not in self._files)

    def open(self, path: str, mode: str = "r", **options: Any) -> IO[Any]:
        """Open a file for reading, like the built-in function of that name.

        Raises:
            NotSupportedError: if it is to be written.
            FileNotFoundError: if there is no such file.
        """
        if mode not in READING:
            raise NotSupportedError(
                f"{shown(path)} can only be read here; write it where it lies, and take a snapshot."
            )
        found = _inside(path)
        if found not in self._files:
            raise IsADirectoryError(path) if found in self._folders else FileNotFoundError(path)
        content = self._opened(found)
        return content if mode == "rb" else io.TextIOWrapper(content, **options)

    def ls(self, path: str = "") -> list[str]:
        """Return the names in a folder, sorted.

        Raises:
            FileNotFoundError: if there is no such folder.
        """
        found = _inside(path)
        if found not in self._folders:
            raise NotADirectoryError(path) if found in self._files else FileNotFoundError(path)
        return sorted(self._folders[found])

    def exists(self, path: str) -> bool:
        """Return whether there is something at a path."""
        return self.isfile(path) or self.isdir(path)

    def isfile(self, path: str) -> bool:
        """Return whether there is a file at a path."""
        return _inside(path) in self._files

    def isdir(self, path: str) -> bool:
        """Return whether there is a folder at a path."""
        return _inside(path) in self._folders

    def _add(self, path: str, *, is_folder: bool) -> None:
        if is_folder:
            self._folders.setdefault(path, set())
        while path:
            above, _, name = path.rpartition("/")
            self._folders.setdefault(above, set()).add(name)
            path = above


def _inside(path: str) -> str:
    """Return a path as files are known by it.

    Raises:
        PathError: if it leads out of the resource.
    """
    names: list[str] = []
    for part in path.split("/"):
        if part == "..":
            if not names:
                raise PathError(
                    f"{shown(path)} does not lie in the resource; give a path below it."
                )
            names.pop()
        elif part not in ("", "."):
            names.append(part)
    return "/".join(names)
