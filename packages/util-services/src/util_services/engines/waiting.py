"""Work in a thread of its own, so that a cancellation reaches the waiting one at once."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

POLL_SECONDS = 0.05
INTERRUPT_PATIENCE_SECONDS = 30.0

T = TypeVar("T")


def wait_for(
    work: Callable[[], T],
    *,
    interrupt: Callable[[], None],
    tick: Callable[[], None],
    failure: Callable[[BaseException], BaseException],
) -> T:
    """Do work in a thread and wait for it.

    A query on the main thread would hold back signals until it ends. The wait is on an event with a
    time-out, since an interrupted ``Thread.join`` breaks in CPython 3.11.

    Args:
        work: what to do.
        interrupt: ends the work; is called again and again until it has ended.
        tick: is called every now and then while waiting.
        failure: returns the error to raise for one of the work's.
    """
    done, outcome = threading.Event(), _Outcome[T]()

    def target() -> None:
        try:
            outcome.value = work()
        except BaseException as error:  # noqa: BLE001 - handed to the waiting thread
            outcome.error = error
        finally:
            done.set()

    threading.Thread(target=target, name="data-services-engine", daemon=True).start()
    try:
        while not done.wait(POLL_SECONDS):
            tick()
    except BaseException:
        patience = time.monotonic() + INTERRUPT_PATIENCE_SECONDS
        interrupt()
        while not done.wait(POLL_SECONDS) and time.monotonic() < patience:
            interrupt()
        raise
    if outcome.error is not None:
        raise failure(outcome.error) from None
    return outcome.value


class _Outcome(Generic[T]):
    """What a worker thread hands back: a value or an error."""

    value: T
    error: BaseException | None = None
