"""One UI for each Dagster home, for two daemons on one home would disturb each other."""

from __future__ import annotations

import fcntl
import json
import os
from typing import TYPE_CHECKING

from util_services.dev.stopping import DevRefusedError

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Self


class HomeLock:
    """Holds a home, and tells who holds it; use it as a context manager."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.previous_socket: str | None = None

    def __enter__(self) -> Self:
        self.descriptor = os.open(self.home / "dev.lock", os.O_RDWR | os.O_CREAT, 0o600)
        noted = self._noted()
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self.descriptor)
            place = f"at {noted['url']}" if "url" in noted else "and about to start or stop"
            raise DevRefusedError(
                f"The UI of the Dagster home '{self.home}' is already running {place}; use that "
                "one, or stop it first, or set DAGSTER_HOME to another folder."
            ) from None
        self.previous_socket = noted.get("socket")
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.descriptor)

    def note(self, **facts: str) -> None:
        """Write down what others and later ones may want to know."""
        os.ftruncate(self.descriptor, 0)
        os.pwrite(self.descriptor, json.dumps(facts).encode(), 0)

    def _noted(self) -> dict[str, str]:
        try:
            noted = json.loads(os.pread(self.descriptor, 1 << 16, 0))
        except ValueError:
            return {}
        return noted if isinstance(noted, dict) else {}
