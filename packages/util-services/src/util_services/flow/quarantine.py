"""The file of records and rows that were set aside, which holds what is in them: personal data."""

from __future__ import annotations

import base64
import json
import shutil
from typing import TYPE_CHECKING, Any

from util_services.datasets.sifting import NOT_UTF8, BadRecord

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

    import narwhals as nw
    import pyarrow as pa

    from util_services.encryption.paths import AnyPath
    from util_services.engines.protocol import Engine

QUARANTINE_SCHEMA = 1
KEYS = frozenset({"schema", "reason"})


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


def extend(
    file: AnyPath, former: AnyPath | None, engine: Engine, frames: Iterable[nw.LazyFrame[Any]]
) -> int:
    """Write a quarantine that holds a former one and rows that a step set aside.

    Args:
        file: the file to write.
        former: the quarantine so far, if there is one.
        engine: the engine of the frames.
        frames: each with one text column: JSON of a row, with its number, step and reason.

    Returns:
        The number of rows that were added.
    """
    rows = 0
    with file.open("wb") as sink:
        if former is not None:
            with former.open("rb") as source:
                shutil.copyfileobj(source, sink)

        def write(reader: pa.RecordBatchReader) -> int:
            written = 0
            for batch in reader:
                for text in batch.column(0).to_pylist():
                    entry = {"schema": QUARANTINE_SCHEMA, **json.loads(text)}
                    sink.write(json.dumps(entry, ensure_ascii=False).encode() + b"\n")
                    written += 1
            return written

        for frame in frames:
            rows += engine.consume(frame, write)
    return rows


def original_bytes(content: bytes, encoding: str) -> bytes:
    """Return bytes that were transcoded to UTF-8, those outside the encoding too, as they were."""
    if encoding == "utf-8":
        return content
    from util_services.flow.bring import escaped_by

    text = content.decode("utf-8", "surrogatepass")
    return text.encode(encoding, escaped_by(encoding))


def is_quarantine(content: bytes) -> bool:
    """Return whether the beginning of a file is that of a quarantine."""
    try:
        entry = json.loads(content.split(b"\n", 1)[0])
    except ValueError:
        return False
    return isinstance(entry, dict) and entry.keys() >= KEYS
