"""The file channel: one JSON line for each notification."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from util_services.logs.json_lines import append_record
from util_services.notifications.channel import DeliveryError

if TYPE_CHECKING:
    from util_services.notifications.notification import Notification


class FileChannel:
    """Appends notifications to a file; a delivered one is on disk."""

    name = "file"

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    def fault(self) -> str | None:
        """Return what is wrong with the settings, as the part of a sentence."""
        return None if self.path.parent.is_dir() else "the folder of its file does not exist"

    def deliver(self, notification: Notification) -> None:
        """Append the notification as one whole line."""
        try:
            append_record(self.path, notification.to_dict(), durable=True)
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise DeliveryError(
                self.name, notification.idempotency_key, reason, is_passing=True
            ) from None
