"""The sensors that tell of runs, and the factory of those that start runs for new objects."""

from util_services.sensors.new_objects import NewObject, new_object_sensor
from util_services.sensors.outbox import deliver_notifications
from util_services.sensors.run_status import notify_canceled, notify_failure, notify_success

__all__ = [
    "NewObject",
    "deliver_notifications",
    "new_object_sensor",
    "notify_canceled",
    "notify_failure",
    "notify_success",
]
