"""A line on the terminal that shows how far a run is; nothing where there is no terminal."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from util_services.runs.progress import Pace, Stage, lasting, listening, short

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
        self._pace: Pace | None = None

    def show(self, stage: Stage, share: float) -> None:
        if self._pace is None or stage != self._pace.stage:
            self._pace = Pace(stage)
        self._pace.at(share)
        self._stream.write(CLEAR_LINE + _line(self._pace))
        self._stream.flush()


def _line(pace: Pace) -> str:
    stage, filled = pace.stage, round(pace.share * BAR_CELLS)
    line = f"{stage.name}  {'█' * filled}{'░' * (BAR_CELLS - filled)}  {pace.share:4.0%}"
    if stage.rows:
        line += f"  ≈{short(pace.share * stage.rows)} of {short(stage.rows)} rows"
    if pace.rows_per_second is not None:
        line += f", {short(pace.rows_per_second)}/s"
    if pace.remaining_seconds is not None:
        line += f", {lasting(pace.remaining_seconds)} left"
    return line
