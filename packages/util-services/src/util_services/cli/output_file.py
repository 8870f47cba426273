"""Write a result to a file that others read at any time."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from util_services.errors import StorageError

FILE_MODE = 0o644  # whoever collects results is another user


def write_whole(file: Path, text: str) -> None:
    """Write a file so that a reader finds the former one or this one, never a part of it.

    Raises:
        StorageError: if it cannot be written; the former one is left then.
    """
    made = None
    try:
        descriptor, made = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
        with os.fdopen(descriptor, "w", encoding="utf-8") as sink:
            sink.write(text)
            sink.flush()
            os.fchmod(sink.fileno(), FILE_MODE)
            os.fsync(sink.fileno())
        Path(made).replace(file)
    except OSError as error:
        raise StorageError(
            f"'{file}' cannot be written ({os.strerror(error.errno or 0)}); choose another file."
        ) from None
    finally:
        if made is not None:
            Path(made).unlink(missing_ok=True)
