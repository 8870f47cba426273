"""Whether a file is still what it was when a run found it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from util_services.errors import DatasetError
from util_services.storage.protocol import Fingerprint

if TYPE_CHECKING:
    from util_services.encryption.paths import AnyPath


class SourceChangedError(DatasetError):
    """Raised when a source changes while a run works on it."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        """Return the sentence."""
        return f"The source '{self.path}' changed during the run; run again when it is at rest."


def file_state(file: AnyPath) -> Fingerprint:
    """Return the state of a local file, to be compared later."""
    state = file.stat()
    return Fingerprint(state.st_size, f"{state.st_dev}-{state.st_ino}-{state.st_mtime_ns}")
