"""How far a long operation is, told in the log of its run every now and then."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from util_services.runs.progress import Pace, Stage, tell

if TYPE_CHECKING:
    from collections.abc import Callable

EVERY_SECONDS = 30.0  # nothing is told of what takes less


class ProgressLog:
    """Tells listeners of the progress of a stage, and at times the log.

    A stage may be several queries, one after the other, whose number nobody knows beforehand; each
    is a pass, and rate and remaining time are those of the pass.

    Args:
        stage: what is done.
        log: takes a sentence.
        clock: returns seconds.
    """

    def __init__(
        self,
        stage: Stage,
        log: Callable[[str], None],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pace, self._log, self._clock = Pace(stage, clock), log, clock
        self._told = clock()

    def __call__(self, share: float) -> None:
        """Take notice that the pass at work is done to a share between 0 and 1."""
        tell(self._pace.stage, share)
        self._pace.at(share)
        if self._clock() - self._told >= EVERY_SECONDS:
            self._told = self._clock()
            self._log(f"{self._pace.sentence()}.")
