"""A few attempts within seconds, before a notification goes back to the outbox."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from util_services.notifications.channel import DeliveryError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# Dagster gives a sensor 60 seconds for a tick. Three attempts of 3 seconds and the pauses between
# them are 10.5 seconds.
TIMEOUT_SECONDS = 3.0
PAUSES_SECONDS = (0.5, 1.0)


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why an attempt failed, as the part of a sentence, and whether that may pass."""

    reason: str
    is_passing: bool


def attempt(
    once: Callable[[], Trouble | None], pauses_seconds: Sequence[float], channel: str, key: str
) -> None:
    """Try until it succeeds, fails for good, or the pauses are used up.

    Args:
        once: makes one attempt; returns None if it succeeded.
        pauses_seconds: how long to wait between attempts.
        channel: the name of the channel.
        key: the notification's idempotency key.

    Raises:
        DeliveryError: if the last attempt failed.
    """
    trouble = once()
    for pause in pauses_seconds:
        if trouble is None or not trouble.is_passing:
            break
        time.sleep(pause)
        trouble = once()
    if trouble is not None:
        raise DeliveryError(channel, key, trouble.reason, is_passing=trouble.is_passing)
