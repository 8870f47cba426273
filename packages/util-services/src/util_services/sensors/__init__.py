"""The sensors that tell of runs."""

from util_services.sensors.outbox import deliver_notifications
from util_services.sensors.run_status import notify_canceled, notify_failure, notify_success

__all__ = ["deliver_notifications", "notify_canceled", "notify_failure", "notify_success"]
