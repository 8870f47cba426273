"""The files of a resource as they are now, by paths within it."""

from __future__ import annotations

import os
from typing import IO, Any

from workspace_core.errors import PathError, shown


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
