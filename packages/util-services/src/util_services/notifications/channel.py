"""What a channel is, and what makes one out of the environment.

A package adds channels with the hook ``register_notifiers``; those of util-services come the same
way (``environment.py``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from util_services.errors import DataServicesError

if TYPE_CHECKING:
    from collections.abc import Callable

    from util_services.notifications.notification import Notification


class Channel(Protocol):
    """One way to tell somebody.

    A channel is used by one thread at a time. It may try a few times by itself, within about ten
    seconds; what it does not deliver stays in the outbox and is tried again later.
    """

    @property
    def name(self) -> str:
        """The word for it in logs."""

    def deliver(self, notification: Notification) -> None:
        """Return once the receiver has the notification.

        A notification is given once, unless the process dies or the receiver's answer is lost;
        ``notification.idempotency_key`` is then the same again.

        Raises:
            DeliveryError: if the receiver does not take it.
        """


@dataclass(frozen=True, slots=True)
class Notifier:
    """A kind of channel, as ``register_notifiers`` returns it.

    Args:
        name: the name under which the outbox keeps what waits for the channel; unique over all
            packages.
        open: returns the channel as the environment configures it at the time of the call, None
            where it does not. Faulty settings are for ``deliver`` to complain of, so that what
            happens meanwhile waits for them to be put right.
    """

    name: str
    open: Callable[[], Channel | None]


class DeliveryError(DataServicesError):
    """Raised when a channel could not deliver; the reason holds no address and no content.

    Args:
        channel: the name of the channel.
        key: the notification's idempotency key.
        reason: what went wrong, as the part of a sentence.
        is_passing: whether the receiver is in trouble, so that other notifications have to wait
            too, rather than having refused this one.
    """

    def __init__(self, channel: str, key: str, reason: str, *, is_passing: bool = False) -> None:
        super().__init__(channel, key, reason)
        self.channel, self.key, self.reason = channel, key, reason
        self.is_passing = is_passing

    def __str__(self) -> str:
        return (
            f"Channel '{self.channel}' did not deliver notification {self.key}: {self.reason}. "
            "Check the receiver and the DATA_SERVICES_NOTIFY_* variables."
        )
