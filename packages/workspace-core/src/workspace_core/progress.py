"""How far the work at hand is: told to whoever listens in this context, and to nobody otherwise."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Listener = Callable[[int, int], None]  # is given files and bytes that are done so far

_listener: ContextVar[Listener | None] = ContextVar("workspace_core_progress", default=None)


def listener() -> Listener | None:
    """Return who wants to know how many files and bytes are done, None for nobody."""
    return _listener.get()


@contextmanager
def listening(told: Listener) -> Iterator[None]:
    """Have a function told of progress while the block runs."""
    token = _listener.set(told)
    try:
        yield
    finally:
        _listener.reset(token)
