"""The end of a command: nothing is left undone, and its memory is left to the system."""

from __future__ import annotations

import atexit
import logging
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType


class LeavingAtOnce:
    """Ends the process as soon as a block has ended it with a status.

    A Python that ends takes its memory apart object by object, and looks through all of it for
    garbage more than once. After a command that has loaded a code location this took a third of
    the command's time, and all of it goes with the process. What is to be waited for, and what was
    registered for the end within the block, comes first, as ever.
    """

    def __enter__(self) -> None:
        """Register what ends the process before all else, so that it comes last."""
        self.status: int | None = None
        atexit.register(self._leave)

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        """Note with which status the process is to end; with none, Python ends it as ever."""
        if isinstance(error, SystemExit) and isinstance(error.code, int | None):
            self.status = error.code or 0

    def _leave(self) -> None:
        if self.status is None:
            return
        logging.shutdown()
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        except (OSError, ValueError):
            return  # nobody listens any more, which Python tells in its own way
        os._exit(self.status)
