"""The channels that are configured now, those of plugins among them."""

from util_services.errors import DataServicesError
from util_services.notifications.channel import Channel, DeliveryError, Notifier
from util_services.notifications.notification import Notification
from util_services.plugins.manager import plugin_manager


class FaultyChannel:
    """Stands for a channel that cannot be opened, so that what it should carry waits for it."""

    def __init__(self, name: str, error: Exception) -> None:
        self.name = name
        told = f": {str(error).rstrip('.')}" if isinstance(error, DataServicesError) else None
        self._reason = f"it cannot be opened{told or f' ({type(error).__name__})'}"

    def fault(self) -> str:
        """Return what is wrong with it, as the part of a sentence."""
        return self._reason

    def deliver(self, notification: Notification) -> None:
        """Deliver nothing, and say why."""
        key = notification.idempotency_key
        raise DeliveryError(self.name, key, self._reason, is_passing=True)


def configured_channels() -> dict[str, Channel]:
    """Return the channels that the environment configures at the time of the call, by name."""
    registered = plugin_manager().named("register_notifiers")
    opened = {name: _open(one.value) for name, one in registered.items()}
    return {name: channel for name, channel in opened.items() if channel is not None}


def fault_of(channel: Channel) -> str | None:
    """Return what is wrong with the settings of a channel, as the part of a sentence.

    None where nothing is, or where the channel has no method ``fault`` that would say so.
    """
    fault = getattr(channel, "fault", None)
    return fault() if callable(fault) else None


def _open(notifier: Notifier) -> Channel | None:
    try:
        return notifier.open()
    except Exception as error:  # noqa: BLE001 - code of a plugin; the others must go on
        return FaultyChannel(notifier.name, error)
