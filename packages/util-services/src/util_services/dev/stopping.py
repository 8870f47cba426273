"""Why the UI does not start or stops: refused, ended by itself, or asked to by the user."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from util_services.errors import DataServicesError, RefusedError

if TYPE_CHECKING:
    from types import FrameType
    from typing import Self

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class DevRefusedError(RefusedError):
    """Raised when the UI cannot be started."""


class DevStoppedError(DataServicesError):
    """Raised when a part of the running UI ended by itself."""


class StopRequested(Exception):  # noqa: N818 - it is no error
    """Raised when the user asks the UI to stop."""


class Stop:
    """Remembers that the user asked to stop, and how often."""

    def __enter__(self) -> Self:
        self.requests = 0
        self._before = {}
        for number in STOP_SIGNALS:
            before = signal.getsignal(number)
            if number is signal.SIGHUP and before is signal.SIG_IGN:
                continue  # started with nohup
            self._before[number] = signal.signal(number, self._remember)
        return self

    def __exit__(self, *_: object) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)

    def _remember(self, _number: int, _frame: FrameType | None) -> None:
        self.requests += 1
