"""What every channel is, and how one notification goes out over several of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from util_services.errors import DataServicesError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from util_services.notifications.notification import Notification


class Channel(Protocol):
    """One way to tell somebody. Its retries and time limits are its own affair."""

    @property
    def name(self) -> str:
        """The word for it in logs."""

    def deliver(self, notification: Notification) -> None:
        """Return once the receiver has the notification.

        Raises:
            DeliveryError: if the receiver does not take it.
        """


class DeliveryError(DataServicesError):
    """Raised when a channel could not deliver; the reason holds no address and no content."""

    def __init__(self, channel: str, key: str, reason: str) -> None:
        super().__init__(channel, key, reason)
        self.channel, self.key, self.reason = channel, key, reason

    def __str__(self) -> str:
        return (
            f"Channel '{self.channel}' did not deliver notification {self.key}: {self.reason}. "
            "Check the receiver and the DATA_SERVICES_NOTIFY_* variables."
        )


def deliver(notification: Notification, channels: Iterable[Channel]) -> tuple[DeliveryError, ...]:
    """Send a notification over every channel and return what failed; nothing is raised."""
    failures = []
    for channel in channels:
        try:
            channel.deliver(notification)
        except DeliveryError as error:
            failures.append(error)
        except Exception as error:  # noqa: BLE001 - one bad channel must not silence the others
            failures.append(
                DeliveryError(channel.name, notification.idempotency_key, type(error).__name__)
            )
    return tuple(failures)
