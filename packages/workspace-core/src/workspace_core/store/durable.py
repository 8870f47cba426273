"""Files that appear whole or not at all, also after a power cut.

The order is always the same: content to a temporary name, fsync, rename, fsync of the folder.
"""

from __future__ import annotations

import json
import os
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from workspace_core.errors import DamagedFileError, FormatVersionError, StoreWriteError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path


TEMPORARY = re.compile(r"\..+\.[0-9a-f]{12}\.tmp", re.DOTALL)


def write_whole(file: Path, content: bytes, mode: int = 0o644) -> None:
    """Put a file in place in one step, replacing what was there.

    Raises:
        StoreWriteError: if it cannot be written; then the file is as it was.
    """
    temporary = file.with_name(f".{file.name[:80]}.{os.urandom(6).hex()}.tmp")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        try:
            write_all(descriptor, content)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        temporary.rename(file)
        sync_folder(file.parent)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise StoreWriteError(str(file), cause_of(error)) from error


def sweep(folder: Path) -> None:
    """Remove what writers that died have left in a folder; the caller alone may write there."""
    with suppress(OSError):  # there is no such folder, or nobody may write to it
        for name in os.listdir(folder):
            if TEMPORARY.fullmatch(name):
                (folder / name).unlink()


def append_lines(file: Path, lines: Iterable[bytes]) -> None:
    """Append lines in one step, to a file that may be lost: nothing is forced to disk.

    A line break goes before them, too, since another writer may have been killed within a line.

    Raises:
        OSError: if it cannot be written.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
    descriptor = os.open(file, flags, 0o644)
    try:
        write_all(descriptor, b"\n".join([b"", *lines, b""]))
    finally:
        os.close(descriptor)


def write_all(descriptor: int, content: bytes | memoryview) -> None:
    """Write all bytes, however many the system takes at a time."""
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]


def remove_file(file: Path) -> None:
    """Remove a file for good, if it is there."""
    with suppress(FileNotFoundError):
        file.unlink()
        sync_folder(file.parent)


def sync_folder(folder: Path) -> None:
    """Force the names in a folder to disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def json_bytes(record: Mapping[str, Any]) -> bytes:
    """Return a record as a file has it: sorted, a field a line, ASCII, ending in a newline."""
    return (json.dumps(record, indent=2, sort_keys=True) + "\n").encode()


def read_json(file: Path, schema: int) -> dict[str, Any]:
    """Return the record in a file.

    Raises:
        FileNotFoundError: if there is none.
        FormatVersionError: if a newer release has written it.
        DamagedFileError: if it is no record.
    """
    try:
        record = json.loads(file.read_bytes())
    except ValueError as error:
        raise DamagedFileError(str(file), "it is no JSON") from error
    found = record.get("schema") if isinstance(record, dict) else None
    if not isinstance(found, int):
        raise DamagedFileError(str(file), "it names no format")
    if found > schema:
        raise FormatVersionError(str(file), found, schema)
    return dict(record)


def cause_of(error: OSError) -> str:
    """Return why the system refused, without the path."""
    return error.strerror or type(error).__name__
