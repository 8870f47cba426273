"""The channels that the environment variables ``DATA_SERVICES_NOTIFY_*`` configure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from util_services import settings
from util_services.notifications.file import FileChannel
from util_services.notifications.webhook import WebhookChannel

if TYPE_CHECKING:
    from util_services.notifications.channel import Channel


def configured_channels() -> tuple[Channel, ...]:
    """Return one channel for each configured receiver, read at the time of the call."""
    channels: list[Channel] = []
    if path := settings.text("NOTIFY_FILE"):
        channels.append(FileChannel(path))
    if url := settings.text("NOTIFY_WEBHOOK_URL"):
        channels.append(WebhookChannel(url, settings.text("NOTIFY_WEBHOOK_SECRET")))
    return tuple(channels)
