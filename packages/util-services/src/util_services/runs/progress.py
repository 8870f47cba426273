"""Where running engines report how far they are; a terminal may listen, nobody must."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Stage:
    """A part of a run that takes time: what is done, and to how many rows, if that is known."""

    name: str
    rows: int | None = None


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
