"""What the program rclone reaches, as a place: a process for each thing that is asked."""

from __future__ import annotations

import json
import time
from datetime import datetime
from typing import TYPE_CHECKING

from workspace_core.sharing.errors import RemoteError
from workspace_core.sharing.places import Listed, Listing
from workspace_core.sharing.rclone_program import run_rclone

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class RclonePlace:
    """Files below a path of one of rclone's remotes.

    Args:
        path: ``REMOTE:PATH``, checked by `places.Address`.
    """

    def __init__(self, path: str) -> None:
        self._path = path.rstrip("/") if not path.endswith(":/") else path

    @property
    def address(self) -> str:
        """Where it is."""
        return f"rclone:{self._path}"

    def list(self, folder: str) -> Mapping[str, int]:
        """Return names and sizes of what is in a folder."""
        options = ("--files-only", "--no-modtime", "--no-mimetype")
        found = self._run("lsjson", *options, self._at(folder), absent_is_empty=True)
        if not found:
            return {}
        return {str(one["Name"]): int(one["Size"]) for one in json.loads(found)}

    def everything(self) -> Listing:
        """Return all files."""
        options = ("--recursive", "--files-only", "--no-mimetype")
        found = self._run("lsjson", *options, self._at(""), absent_is_empty=True)
        files = {}
        for one in json.loads(found or b"[]"):
            changed = datetime.fromisoformat(one["ModTime"]).timestamp()
            files[str(one["Path"])] = Listed(int(one["Size"]), changed)
        return Listing(files, time.time())

    def read(self, name: str) -> bytes | None:
        """Return a small file, None where there is none."""
        folder, _, last = name.rpartition("/")
        if last not in self.list(folder):
            return None
        return self._run("cat", self._at(name))

    def read_range(self, name: str, start: int, length: int) -> bytes:
        """Return so many bytes of a file."""
        asked = ("--offset", str(start), "--count", str(length))
        found = self._run("cat", *asked, self._at(name))
        if len(found) != length:
            raise RemoteError(self.address, f"{name} is shorter than it was")
        return found

    def put(self, name: str, file: Path) -> None:
        """Make a new file of a local one."""
        self._run("copyto", "--no-check-dest", str(file), self._at(name))

    def create(self, name: str, content: bytes) -> bool:
        """Make a small file unless there is one; two at once are not told apart by rclone."""
        folder, _, last = name.rpartition("/")
        if last in self.list(folder):
            return False
        self._run("rcat", self._at(name), given=content)
        return True

    def remove(self, name: str) -> None:
        """Remove a file; nothing happens where there is none."""
        self._run("deletefile", self._at(name), absent_is_empty=True)

    def sweep(self, before: float) -> None:
        """Do nothing: rclone removes its own."""

    def _at(self, name: str) -> str:
        separator = "" if self._path.endswith((":", "/")) else "/"
        return f"{self._path}{separator}{name}" if name else self._path

    def _run(self, *words: str, given: bytes = b"", absent_is_empty: bool = False) -> bytes:
        return run_rclone(self.address, *words, given=given, absent_is_empty=absent_is_empty)
