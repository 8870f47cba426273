"""Which engine a run computes on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from util_services import settings
from util_services.engines.local import LocalEngine
from util_services.errors import ConfigurationError

if TYPE_CHECKING:
    from util_services.encryption.paths import AnyPath
    from util_services.engines.protocol import Progress
    from util_services.engines.spark import SparkEngine

ENGINES = ("local", "spark", "auto")


def chosen_engine() -> str:
    """Return the name of the engine that ``DATA_SERVICES_ENGINE`` names.

    ``auto`` is ``spark`` where ``DATA_SERVICES_SPARK_MASTER`` names a master, else ``local``.

    Raises:
        ConfigurationError: if there is no such engine.
    """
    name = settings.text("ENGINE") or "local"
    if name not in ENGINES:
        raise ConfigurationError(
            f"DATA_SERVICES_ENGINE names no engine; use one of {', '.join(ENGINES)}."
        )
    if name == "auto":
        return "spark" if settings.text("SPARK_MASTER") else "local"
    return name


def encrypted_for_spark() -> ConfigurationError:
    """Return the error for a cluster that is to read what only this process can decrypt."""
    return ConfigurationError(
        "The engine 'spark' cannot read encrypted staging; set "
        "DATA_SERVICES_STAGING_ENCRYPTION=false, or DATA_SERVICES_ENGINE=local."
    )


def open_engine(scratch: AnyPath, progress: Progress | None = None) -> LocalEngine | SparkEngine:
    """Return the engine that is chosen, ready to be entered.

    Raises:
        ConfigurationError: if there is no such engine.
        EngineUnavailableError: if it is not installed or out of reach.
    """
    if chosen_engine() == "spark":
        if not isinstance(scratch, Path):
            raise encrypted_for_spark()
        from util_services.engines.spark import SparkEngine

        return SparkEngine(scratch, progress=progress)
    return LocalEngine(scratch, progress=progress)
