"""The file of records that could not be read, which holds what is in them: personal data."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from util_services.datasets.sifting import NOT_UTF8, BadRecord
from util_services.flow.bring import escaped_by

if TYPE_CHECKING:
    from types import TracebackType

    from util_services.encryption.paths import AnyPath

QUARANTINE_SCHEMA = 1
KEYS = frozenset({"schema", "object", "line", "lines", "reason"})


class Quarantine:
    """Writes bad records as JSON lines; use it as a context manager.

    Args:
        file: the file to write; nothing is written before the first record.
    """

    def __init__(self, file: AnyPath) -> None:
        self.file = file
        self.records = 0

    def __enter__(self) -> Quarantine:
        """Open the file."""
        self._sink = self.file.open("wb")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the file."""
        self._sink.close()

    def add(self, name: str, bad: BadRecord, encoding: str = "utf-8") -> None:
        """Write a record of the object ``name``, whose encoding was ``encoding``."""
        entry: dict[str, Any] = {
            "schema": QUARANTINE_SCHEMA,
            "object": name,
            "line": bad.line,
            "lines": bad.lines,
            "reason": bad.reason,
        }
        if bad.reason == NOT_UTF8:
            entry["base64"] = base64.b64encode(original_bytes(bad.content, encoding)).decode()
        else:
            entry["text"] = bad.content.decode(errors="replace")
        self._sink.write(json.dumps(entry, ensure_ascii=False).encode() + b"\n")
        self.records += 1


def original_bytes(content: bytes, encoding: str) -> bytes:
    """Return bytes that were transcoded to UTF-8, those outside the encoding too, as they were."""
    if encoding == "utf-8":
        return content
    text = content.decode("utf-8", "surrogatepass")
    return text.encode(encoding, escaped_by(encoding))


def is_quarantine(content: bytes) -> bool:
    """Return whether the beginning of a file is that of a quarantine."""
    try:
        entry = json.loads(content.split(b"\n", 1)[0])
    except ValueError:
        return False
    return isinstance(entry, dict) and entry.keys() >= KEYS
