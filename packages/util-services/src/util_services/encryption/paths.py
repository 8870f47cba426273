"""The path of an encrypted file: what code calls on a plain path, with plain bytes coming out.

It is not ``os.PathLike`` on purpose. What would open the file behind our back, or write plain bytes
into its folder, fails at once.
"""

from __future__ import annotations

import io
import os
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, TextIO, overload

from util_services.encryption.files import EncryptedReader, EncryptedWriter, plain_size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from util_services.encryption.keys import StagingKey

PROTOCOL = "encrypted"
SCHEME = f"{PROTOCOL}:///"
BUFFER_BYTES = 256 << 10


@dataclass(frozen=True, slots=True)
class EncryptedState:
    """What is known of an encrypted file without reading it; the size is that of its text."""

    st_size: int
    st_dev: int
    st_ino: int
    st_mtime_ns: int


@dataclass(frozen=True, slots=True)
class EncryptedPath:
    """A file or folder below the root of what one key encrypts."""

    local: Path  # where the encrypted bytes are
    root: Path
    key: StagingKey = field(repr=False, compare=False)

    def __str__(self) -> str:
        """Return the address under which a query finds the file: its name below the root.

        The names of folders above may hold characters that have a meaning in addresses.
        """
        return f"{SCHEME}{self.bound_name}"

    def __truediv__(self, name: str) -> EncryptedPath:
        return replace(self, local=self.local / name)

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.local.name

    @property
    def parent(self) -> EncryptedPath:
        """The folder."""
        return replace(self, local=self.local.parent)

    @property
    def bound_name(self) -> str:
        """The name that the content is bound to: a file that is moved cannot be read."""
        return self.local.relative_to(self.root).as_posix()

    def at(self, local: Path) -> EncryptedPath:
        """Return another path below the same root."""
        return replace(self, local=local)

    def with_suffix(self, suffix: str) -> EncryptedPath:
        """Return the path with another ending."""
        return replace(self, local=self.local.with_suffix(suffix))

    def exists(self) -> bool:
        """Return whether there is such a file."""
        return self.local.exists()

    def unlink(self, missing_ok: bool = False) -> None:  # noqa: FBT001 - as of pathlib
        """Remove the file."""
        self.local.unlink(missing_ok)

    def stat(self) -> EncryptedState:
        """Return the state of the file with the size of its text."""
        state = self.local.stat()
        return EncryptedState(plain_size(self.local), state.st_dev, state.st_ino, state.st_mtime_ns)

    @overload
    def open(self, mode: Literal["rb"]) -> io.BufferedReader: ...

    @overload
    def open(self, mode: Literal["wb", "xb"]) -> BinaryIO: ...

    @overload
    def open(
        self, mode: Literal["r"] = "r", *, encoding: str | None = None, newline: str | None = None
    ) -> TextIO: ...

    def open(
        self, mode: str = "r", *, encoding: str | None = None, newline: str | None = None
    ) -> Any:
        """Open the file for reading or writing."""
        match mode:
            case "rb":
                return io.BufferedReader(self.open_raw(), BUFFER_BYTES)
            case "r":
                return io.TextIOWrapper(self.open("rb"), encoding=encoding, newline=newline)
            case "wb" | "xb":
                flags = os.O_TRUNC if mode == "wb" else os.O_EXCL
                return EncryptedWriter(self.local, self.key, self.bound_name, flags)
        raise ValueError(f"an encrypted file cannot be opened with the mode {mode!r}")

    def open_raw(self) -> EncryptedReader:
        """Open the file for reading, without a buffer."""
        return EncryptedReader(self.local, self.key, self.bound_name)

    def read_bytes(self) -> bytes:
        """Return the whole text as bytes."""
        with self.open_raw() as file:
            return file.read()

    def read_text(self, encoding: str | None = None) -> str:
        """Return the whole text."""
        with self.open("r", encoding=encoding) as file:
            return file.read()

    def write_bytes(self, data: bytes) -> int:
        """Write the file."""
        with self.open("wb") as file:
            return file.write(data)

    def write_text(self, data: str, encoding: str | None = None) -> int:
        """Write the file, line ends as they are."""
        return self.write_bytes(data.encode(encoding or "utf-8"))


AnyPath = Path | EncryptedPath


def path_beside(text: str, known: AnyPath) -> AnyPath:
    """Return the path that a text stands for: of a plain file, or of one beside a known file."""
    if isinstance(known, Path) or not text.startswith(SCHEME):
        return Path(text)
    return known.at(known.root / text.removeprefix(SCHEME))


@contextmanager
def for_library(file: AnyPath, mode: Literal["rb", "wb"]) -> Iterator[Any]:
    """Give a library that opens files itself the path of a plain file, or an encrypted one open."""
    if isinstance(file, Path):
        yield file
        return
    with file.open(mode) as opened:
        yield opened
