"""Deliver what is due in the outbox, each channel by itself and within a bounded time."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from util_services.errors import StateError
from util_services.notifications.channel import DeliveryError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from util_services.notifications.channel import Channel
    from util_services.notifications.delivery import Delivery
    from util_services.notifications.notification import Notification
    from util_services.notifications.outbox import Outbox

RECORD_PAUSES_SECONDS = (0.5, 2.0, 5.0)

log = logging.getLogger(__name__)
_at_work: set[tuple[str, str]] = set()  # outbox and channel; one thread each in this process
_lock = threading.Lock()


def drain(
    outbox: Outbox, channels: Mapping[str, Channel], budget_seconds: float
) -> tuple[DeliveryError, ...]:
    """Deliver what is due on all channels at once, and return what failed; nothing is raised.

    A channel that takes longer than the budget goes on behind the scenes with the delivery that it
    is at, and holds up neither the other channels nor the caller.
    """
    failures: list[DeliveryError] = []
    deadline = time.monotonic() + budget_seconds
    workers = []
    for name, channel in channels.items():
        place = (outbox.place, name)
        with _lock:
            if place in _at_work:
                continue
            _at_work.add(place)
        worker = threading.Thread(
            target=_work,
            args=(place, outbox, name, channel, deadline, failures),
            name=f"notify-{name}",
            daemon=True,
        )
        worker.start()
        workers.append(worker)
    for worker in workers:
        worker.join(max(deadline - time.monotonic(), 0.0))
    return tuple(failures)


def try_to_deliver(name: str, channel: Channel, notification: Notification) -> DeliveryError | None:
    """Deliver a notification over a channel; return why it failed, None where it did not."""
    try:
        channel.deliver(notification)
    except DeliveryError as error:
        return error
    except Exception as error:  # noqa: BLE001 - a bad channel of a plugin must not end the rest
        return DeliveryError(name, notification.idempotency_key, type(error).__name__)
    return None


def _work(
    place: tuple[str, str],
    outbox: Outbox,
    name: str,
    channel: Channel,
    deadline: float,
    failures: list[DeliveryError],
) -> None:
    try:
        while time.monotonic() < deadline and (delivery := outbox.lease(name)) is not None:
            error = try_to_deliver(name, channel, delivery.notification)
            if error is None:
                _acknowledge(outbox, delivery)
                continue
            failures.append(error)
            if time.monotonic() > deadline:  # nobody looks at the failures any more
                log.warning("%s", error)
            outbox.postpone(delivery, error)
    except StateError as error:
        log.error("%s", error)
    finally:
        with _lock:
            _at_work.discard(place)


def _acknowledge(outbox: Outbox, delivery: Delivery) -> None:
    """Record a delivery; a database that is out of reach is waited for, or it would be repeated."""
    for pause in (*RECORD_PAUSES_SECONDS, None):
        try:
            outbox.acknowledge(delivery)
        except StateError:
            if pause is None:
                raise
            time.sleep(pause)
        else:
            return
