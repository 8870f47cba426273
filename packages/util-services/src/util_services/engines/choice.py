"""Which engine a run computes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from util_services import settings
from util_services.engines.local import LocalEngine
from util_services.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

    from util_services.engines.protocol import Progress

ENGINES = ("local",)


def open_engine(scratch: Path, progress: Progress | None = None) -> LocalEngine:
    """Return the engine that ``DATA_SERVICES_ENGINE`` names, ready to be entered.

    Raises:
        ConfigurationError: if there is no such engine.
    """
    name = settings.text("ENGINE") or "local"
    if name not in ENGINES:
        raise ConfigurationError(
            f"DATA_SERVICES_ENGINE names no engine that is installed; use {', '.join(ENGINES)}."
        )
    return LocalEngine(scratch, progress=progress)
