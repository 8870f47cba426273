"""Where the sensors of an instance keep their state: beside the runs that they are about."""

import math
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg

from util_services import settings
from util_services.errors import ConfigurationError

if TYPE_CHECKING:
    from util_services.notifications.outbox import Outbox

FILE_NAME = "data_services_sensors.sqlite"
GIVE_UP_DAYS = "NOTIFY_GIVE_UP_DAYS"


def state_address(instance: dg.DagsterInstance) -> str:
    """Return the database of ``DATA_SERVICES_SENSOR_STATE``, else one that goes with the instance.

    That is the PostgreSQL database in which Dagster stores its runs, else a file in its home.
    """
    configured = settings.text("SENSOR_STATE")
    if configured is not None:
        return configured
    address = getattr(instance.run_storage, "postgres_url", None)
    return address if isinstance(address, str) else str(Path(instance.root_directory) / FILE_NAME)


def outbox_of(instance: dg.DagsterInstance) -> "Outbox":
    """Return the outbox of an instance.

    Raises:
        ConfigurationError: if a setting is not of its kind.
        StateError: if the database cannot be used.
    """
    from util_services.notifications.outbox import GIVE_UP_DAYS as DEFAULT
    from util_services.notifications.outbox import Outbox

    try:
        days = float(settings.text(GIVE_UP_DAYS) or DEFAULT)
    except ValueError:
        days = 0.0
    if not (math.isfinite(days) and days > 0):
        raise ConfigurationError(
            f"{settings.PREFIX}{GIVE_UP_DAYS} must be a number of days above 0; correct the "
            "variable."
        )
    return Outbox(state_address(instance), give_up_days=days)
