"""A line on the terminal that shows how far a command is; nothing where there is no terminal."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from workspace_core.progress import listening

if TYPE_CHECKING:
    from collections.abc import Iterator

CLEAR_LINE = "\r\x1b[K"
SHOW_SECONDS = 0.1
UNITS = (("GB", 1e9), ("MB", 1e6), ("kB", 1e3))


@contextmanager
def progress(what: str = "files") -> Iterator[None]:
    """Show files (or what else is counted) and bytes that are done while the block runs."""
    stream = sys.stderr
    if not stream.isatty():
        yield
        return
    began = shown = time.monotonic()

    def show(files: int, size: int) -> None:
        nonlocal shown
        now = time.monotonic()
        if now - shown >= SHOW_SECONDS:
            shown = now
            rate = size / max(now - began, SHOW_SECONDS)
            amount = f", {short(size)}, {short(rate)}/s" if size else ""
            line = f"{files:,} {what}{amount}"
            stream.write(CLEAR_LINE + line)
            stream.flush()

    try:
        with listening(show):
            yield
    finally:
        stream.write(CLEAR_LINE)
        stream.flush()


def short(size: float) -> str:
    """Return a number of bytes for people."""
    for unit, bytes_of_unit in UNITS:
        if size >= bytes_of_unit:
            return f"{size / bytes_of_unit:.1f} {unit}"
    return f"{size:.0f} B"
