"""A line on the terminal that shows how far a run is; nothing where there is no terminal."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from util_services.runs.progress import Stage, listening

if TYPE_CHECKING:
    from collections.abc import Iterator

BAR_CELLS = 24
CLEAR_LINE = "\r\x1b[K"


@contextmanager
def progress_bar(stream: TextIO) -> Iterator[None]:
    """Show the stage at work, its share, estimated rows and rate, while the block runs."""
    if not stream.isatty():
        yield
        return
    bar = _Bar(stream)
    with listening(bar.show):
        try:
            yield
        finally:
            stream.write(CLEAR_LINE)
            stream.flush()


class _Bar:
    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._stage: Stage | None = None
        self._began = 0.0

    def show(self, stage: Stage, share: float) -> None:
        if stage != self._stage:
            self._stage, self._began = stage, time.monotonic()
        self._stream.write(CLEAR_LINE + _line(stage, share, time.monotonic() - self._began))
        self._stream.flush()


def _line(stage: Stage, share: float, seconds: float) -> str:
    filled = round(share * BAR_CELLS)
    line = f"{stage.name}  {'█' * filled}{'░' * (BAR_CELLS - filled)}  {share:4.0%}"
    if stage.rows:
        done = share * stage.rows
        line += f"  ≈{_short(done)} of {_short(stage.rows)} rows"
        if seconds > 0:
            line += f", {_short(done / seconds)}/s"
    return line


def _short(number: float) -> str:
    for unit, size in (("M", 1e6), ("k", 1e3)):
        if number >= size:
            return f"{number / size:.1f} {unit}"
    return f"{number:.0f}"
