"""Could runs be told of, and can sensors keep what they must not forget? Nothing is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from util_services.errors import quoted, quoted_name
from util_services.health.checks import NotApplicableError, UnhealthyError

if TYPE_CHECKING:
    from util_services.health.checks import HealthContext


def notification_channels(_context: HealthContext) -> str:
    """Look at the settings of each channel that the environment configures."""
    from util_services.sensors.channels import configured_channels, fault_of

    channels = configured_channels()
    if not channels:
        raise NotApplicableError("No channel is configured (DATA_SERVICES_NOTIFY_…).")
    for name, channel in channels.items():
        if fault := fault_of(channel):
            raise UnhealthyError(
                f"The channel {quoted_name(name)} would deliver nothing: {fault}. Correct the "
                "variables DATA_SERVICES_NOTIFY_… of it."
            )
    return (
        f"The settings of {quoted(list(channels))} are in order; 'data-services notifications "
        "test' sends something."
    )


def sensor_state(context: HealthContext) -> str:
    """Open the database in which sensors keep the outbox and what they have seen."""
    from util_services.sensors.state import outbox_of

    if context.instance is None:
        raise NotApplicableError("There is no Dagster instance whose sensors keep anything.")
    return f"The state of sensors can be kept in {outbox_of(context.instance).place}."
