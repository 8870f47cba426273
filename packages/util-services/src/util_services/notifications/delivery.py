"""How a notification stands on a channel: the records that the outbox speaks in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from util_services.notifications.notification import Notification

State = Literal["waiting", "delivered", "given_up"]
WAITING: State = "waiting"
DELIVERED: State = "delivered"
GIVEN_UP: State = "given_up"


@dataclass(frozen=True, slots=True)
class Delivery:
    """A notification that this process is to deliver over one channel."""

    notification: Notification
    channel: str
    attempts: int  # this one included
    lease: str

    @property
    def key(self) -> str:
        """The idempotency key of the notification."""
        return self.notification.idempotency_key


@dataclass(frozen=True, slots=True)
class Entry:
    """How a notification stands on one channel. Moments are seconds since the epoch."""

    key: str
    channel: str
    job: str
    state: State
    attempts: int
    created: float
    changed: float
    due: float
    reason: str | None


@dataclass(frozen=True, slots=True)
class ChannelState:
    """How a channel stands: how many wait, were delivered lately and given up, and its trouble."""

    channel: str
    waiting: int = 0
    delivered: int = 0
    given_up: int = 0
    forgotten: int = 0  # given up so long ago that the record is gone
    failing_since: float | None = None
    paused_until: float = 0.0
    reason: str | None = None
