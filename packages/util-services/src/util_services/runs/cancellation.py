"""How a person's interrupt becomes a cancelled run, where no server stands between.

Dagster takes an interrupted run for a failed one unless somebody asked for its cancellation first.
On the command line that somebody is the person at the keyboard, so the request is recorded the
moment the signal arrives: in a thread of its own, which the signal's wake-up descriptor wakes
whatever handler Dagster has installed at the time. Whoever then asks how the run stands waits for
the record, Dagster among them.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

RECORD_PATIENCE_SECONDS = 5.0
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupts:
    """What has arrived of the signals that ask a run to end, and whether that is recorded."""

    def __init__(self, record: Callable[[], None]) -> None:
        self._record = record
        self._arrived, self._recorded = threading.Event(), threading.Event()
        self._reading, self.writing = os.pipe()
        os.set_blocking(self.writing, False)
        self._watcher = threading.Thread(
            target=self._watch, name="data-services-interrupts", daemon=True
        )

    @property
    def have_arrived(self) -> bool:
        """Whether a signal has asked for the end of the run."""
        return self._recorded.is_set()

    def start(self) -> None:
        """Begin to watch."""
        self._watcher.start()

    def stop(self) -> None:
        """End watching."""
        os.close(self.writing)
        self._watcher.join()
        os.close(self._reading)

    def await_record(self) -> None:
        """Wait until the end of the run is on record, if a signal has asked for it."""
        if threading.current_thread() is self._watcher:
            return  # which is making the record
        if self._arrived.is_set() or select.select([self._reading], [], [], 0)[0]:
            self._recorded.wait(RECORD_PATIENCE_SECONDS)

    def _watch(self) -> None:
        while select.select([self._reading], [], [])[0]:
            self._arrived.set()  # before the byte is gone, so that nobody sees neither
            number = os.read(self._reading, 1)
            if not number:
                return
            if number[0] not in SIGNALS:
                self._arrived.clear()
            elif not self._recorded.is_set():
                self._record()
                self._recorded.set()


@contextlib.contextmanager
def recorded_interrupts(record: Callable[[], None]) -> Iterator[Interrupts]:
    """Call ``record`` once as soon as SIGINT, SIGTERM or SIGHUP arrives during the block."""
    interrupts = Interrupts(record)
    former_handlers = {
        number: signal.signal(number, _as_interrupt)
        for number in SIGNALS[1:]
        if signal.getsignal(number) is not signal.SIG_IGN  # as nohup has it
    }
    former_descriptor = signal.set_wakeup_fd(interrupts.writing)
    interrupts.start()
    try:
        yield interrupts
    finally:
        signal.set_wakeup_fd(former_descriptor)
        for number, handler in former_handlers.items():
            signal.signal(number, handler)
        interrupts.stop()


def _as_interrupt(_number: int, frame: FrameType | None) -> None:
    """Do what SIGINT would do at this moment."""
    handler = signal.getsignal(signal.SIGINT)
    if callable(handler):
        handler(signal.SIGINT, frame)
