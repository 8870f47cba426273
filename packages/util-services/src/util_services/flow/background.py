"""Work that goes on beside an engine's, in a thread of its own."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

POLL_SECONDS = 0.05

T = TypeVar("T")


class Background(Generic[T]):
    """A call that has begun; ``result`` waits for its end.

    Nobody need ask for the result: a run that ends early leaves the thread behind, which then does
    no more than read, and ends with its call or with the process.
    """

    _value: T

    def __init__(self, work: Callable[[], T]) -> None:
        self._error: BaseException | None = None
        self._done = threading.Event()
        thread = threading.Thread(target=self._run, args=(work,), daemon=True)
        thread.name = "data-services-background"
        thread.start()

    def result(self) -> T:
        """Return what the call returns, or raise what it raises; an interrupt is not held back."""
        while not self._done.wait(POLL_SECONDS):
            pass
        if self._error is not None:
            raise self._error
        return self._value

    def _run(self, work: Callable[[], T]) -> None:
        try:
            self._value = work()
        except BaseException as error:  # noqa: BLE001 - handed to whoever asks for the result
            self._error = error
        finally:
            self._done.set()
