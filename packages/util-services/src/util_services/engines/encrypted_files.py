"""Encrypted files as a file system of DuckDB's, for what it reads, writes and spills.

DuckDB's own encryption of temporary files is of no use here: since 1.4.2 it refuses to write with
the cryptography that it ships, whose random numbers are not secure, and asks for OpenSSL from an
extension that it would have to download. It does spill to a file system of Python's, as long as two
things are seen to: a thread that seeks and reads must not be disturbed by another, and a request to
shorten a file comes without the length, so that it has to be ignored.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fsspec import AbstractFileSystem

from util_services.encryption.files import EncryptedWriter, ScratchBlocks, ScratchFile
from util_services.encryption.paths import PROTOCOL, SCHEME, EncryptedPath

if TYPE_CHECKING:
    from io import RawIOBase

    import duckdb

SPILL = "spill"


def register_encrypted_files(connection: duckdb.DuckDBPyConnection, scratch: EncryptedPath) -> None:
    """Let a connection read and write the encrypted files of a run, and spill encrypted."""
    connection.register_filesystem(EncryptedFileSystem(scratch))
    # What is not on a disk of its own, DuckDB takes for distant: it would hold whole columns of row
    # groups in memory that it cannot give back, and keep what it read by name and second of change.
    connection.execute("SET disable_parquet_prefetching = true")
    connection.execute("SET enable_external_file_cache = false")


class EncryptedFileSystem(AbstractFileSystem):  # type: ignore[misc]  # fsspec has no types
    """The files of one run.

    Args:
        scratch: the folder for intermediate data; below it is what queries spill.
    """

    protocol = PROTOCOL
    cachable = False

    def __init__(self, scratch: EncryptedPath) -> None:
        super().__init__()
        self._scratch = scratch
        self._spill = scratch.local / SPILL
        self._spilled: dict[Path, ScratchBlocks] = {}

    def open(self, path: str, mode: str = "rb", **_options: Any) -> RawIOBase:
        """Open a file as DuckDB asks for it."""
        file = self._file(path)
        if file.is_relative_to(self._spill):
            if mode != "rb":
                self._spilled.setdefault(file, ScratchBlocks(file))
            return ScratchFile(self._spilled[file])
        found = self._scratch.at(file)
        if mode == "rb":
            return found.open_raw()
        if mode != "wb":
            raise ValueError(f"DuckDB opens a file with the mode {mode!r}")
        return EncryptedWriter(file, found.key, found.bound_name)

    def glob(self, path: str, **_options: Any) -> list[str]:
        """Return the file that is meant; no name is a pattern."""
        return [path]

    def info(self, path: str, **_options: Any) -> dict[str, Any]:
        """Return what kind of thing a path is, and the size of its text."""
        file = self._file(path)
        if file.is_dir():
            return {"name": path, "size": 0, "type": "directory"}
        if file in self._spilled:
            return {"name": path, "size": self._spilled[file].size, "type": "file"}
        return {"name": path, "size": self._scratch.at(file).stat().st_size, "type": "file"}

    def modified(self, path: str) -> datetime:
        """Return when a file was changed."""
        return datetime.fromtimestamp(self._file(path).stat().st_mtime, UTC)

    def ls(self, path: str, detail: bool = True, **_options: Any) -> list[Any]:  # noqa: FBT001 - as of fsspec
        """Return what is in a folder."""
        files = map(self._scratch.at, self._file(path).iterdir())
        found = [self.info(str(file)) for file in files]
        return found if detail else [entry["name"] for entry in found]

    def mkdir(self, path: str, **_options: Any) -> None:
        """Make a folder."""
        self._file(path).mkdir(mode=0o700)

    def rm(self, path: str, recursive: bool = False, **_options: Any) -> None:  # noqa: FBT001 - as of fsspec
        """Remove a file, or an empty folder."""
        file = self._file(path)
        self._spilled.pop(file, None)
        if recursive:
            file.rmdir()
        else:
            file.unlink()

    def touch(self, path: str, truncate: bool = True, **_options: Any) -> None:  # noqa: FBT001 - as of fsspec
        """Do nothing: DuckDB says that a spilled file may become shorter, but not how short."""

    def unstrip_protocol(self, name: str) -> str:
        """Return the full address of a file."""
        return name

    def _file(self, path: str) -> Path:
        """Return where the encrypted bytes are.

        Raises:
            PermissionError: if that is outside the run's own folder.
        """
        name = Path(path.removeprefix(SCHEME))
        if name.is_absolute() or ".." in name.parts:
            raise PermissionError("the file belongs to no run's staging")
        return self._scratch.root / name
