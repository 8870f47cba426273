"""The Dagster home that ``run`` and ``dev`` share, so that runs of either are seen in both."""

from __future__ import annotations

import os
from pathlib import Path

from util_services.errors import StorageError

LOCATION_NAME = "data_services"  # of the code location, in the UI and in the address of a run
DAGSTER_YAML = """\
# Written by data-services; edit it as you like, it is never overwritten.
telemetry:
  enabled: false
nux:
  enabled: false
"""


def prepare_home() -> Path:
    """Return the Dagster home, made on first use, and name it in ``DAGSTER_HOME``.

    It is ``DAGSTER_HOME`` where that is set, else a folder of this user's own, which nobody else
    can read. A home without ``dagster.yaml`` gets one that keeps telemetry off.

    Raises:
        StorageError: if it cannot be made.
    """
    home = dagster_home()
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        settings = home / "dagster.yaml"
        if not settings.exists():
            settings.write_text(DAGSTER_YAML, encoding="utf-8")
    except OSError as error:
        raise StorageError(
            f"The Dagster home '{home}' cannot be used ({os.strerror(error.errno or 0)}); set "
            "DAGSTER_HOME to a folder that can be written."
        ) from None
    os.environ["DAGSTER_HOME"] = str(home)
    return home


def dagster_home() -> Path:
    """Return the Dagster home, which may not be there yet."""
    configured = os.environ.get("DAGSTER_HOME")
    if configured:
        return Path(configured).expanduser().resolve()
    return data_home() / "dagster"


def data_home() -> Path:
    """Return the folder for what belongs to this user and lasts, which may not be there yet."""
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(data) / "data-services"
