"""Where running engines report how far they are; a terminal may listen, nobody must."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Stage:
    """A part of a run that takes time: what is done, and to how many rows, if that is known."""

    name: str
    rows: int | None = None


class Pace:
    """How fast a stage goes, from the shares done of its passes.

    Args:
        stage: what is done.
        clock: returns seconds.
    """

    def __init__(self, stage: Stage, clock: Callable[[], float] = time.monotonic) -> None:
        self.stage, self._clock = stage, clock
        self.number, self.share, self._first, self._began = 1, 0.0, 0.0, clock()

    def at(self, share: float) -> None:
        """Take notice of a share between 0 and 1; a smaller one is that of the next pass."""
        if share < self.share:
            self.number, self._first, self._began = self.number + 1, share, self._clock()
        self.share = share

    @property
    def remaining_seconds(self) -> float | None:
        """How long this pass still takes at its rate so far; None if that cannot be told."""
        seconds, done = self._clock() - self._began, self.share - self._first
        if seconds <= 0 or done <= 0:
            return None
        return (1 - self.share) * seconds / done

    @property
    def rows_per_second(self) -> float | None:
        """How many rows this pass does in a second; None if that cannot be told."""
        seconds, done = self._clock() - self._began, self.share - self._first
        if not self.stage.rows or seconds <= 0 or done <= 0:
            return None
        return done * self.stage.rows / seconds

    def sentence(self) -> str:
        """Return how far the stage is, in words, without a full stop."""
        told = f"{self.stage.name}, pass {self.number}: {self.share:.0%}"
        if self.stage.rows:
            told += (
                f", about {short(self.share * self.stage.rows)} of {short(self.stage.rows)} rows"
            )
        if self.rows_per_second is not None:
            told += f", {short(self.rows_per_second)} rows/s"
        if self.remaining_seconds is not None:
            told += f", about {lasting(self.remaining_seconds)} left"
        return told


def short(number: float) -> str:
    """Return a number in three digits or so."""
    for unit, size in (("M", 1e6), ("k", 1e3)):
        if number >= size:
            return f"{number / size:.1f} {unit}"
    return f"{number:.0f}"


def lasting(seconds: float) -> str:
    """Return a time in its largest two units."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


Listener = Callable[[Stage, float], None]

_listeners: list[Listener] = []


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Tell ``listener`` of all progress in this process during the block."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


def tell(stage: Stage, share: float) -> None:
    """Tell listeners that a stage is done to a share between 0 and 1."""
    for listener in _listeners:
        listener(stage, share)
