"""The channels of util-services, as the variables ``DATA_SERVICES_NOTIFY_*`` configure them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from util_services import settings
from util_services.errors import ConfigurationError
from util_services.notifications.channel import Notifier

if TYPE_CHECKING:
    from util_services.notifications.channel import Channel

FORMAT = "NOTIFY_WEBHOOK_FORMAT"
OWN_FORMAT, PLATFORM_FORMAT = "notification", "email_notification"


def built_in_notifiers() -> tuple[Notifier, ...]:
    """Return the kinds of channel that util-services brings."""
    return (Notifier("file", _file), Notifier("smtp", _smtp), Notifier("webhook", _webhook))


def _file() -> Channel | None:
    from util_services.notifications.file import FileChannel

    path = settings.text("NOTIFY_FILE")
    return FileChannel(path) if path else None


def _smtp() -> Channel | None:
    from util_services.notifications.smtp import SmtpChannel

    url = settings.text("NOTIFY_SMTP_URL")
    if url is None:
        return None
    sender, recipients = settings.text("NOTIFY_SMTP_FROM"), settings.names("NOTIFY_SMTP_TO")
    return SmtpChannel(url, sender, recipients)


def _webhook() -> Channel | None:
    from util_services.notifications.messages import EmailNotification
    from util_services.notifications.webhook import WebhookChannel

    url = settings.text("NOTIFY_WEBHOOK_URL")
    if url is None:
        return None
    secret = settings.text("NOTIFY_WEBHOOK_SECRET")
    match settings.text(FORMAT) or OWN_FORMAT:
        case "notification":
            return WebhookChannel(url, secret)
        case "email_notification":
            to, cc = settings.text("NOTIFY_EMAIL_TO"), settings.names("NOTIFY_EMAIL_CC")
            return WebhookChannel(url, secret, body_of=EmailNotification(to, cc).body_of)
        case _:
            raise ConfigurationError(
                f"{settings.PREFIX}{FORMAT} must be '{OWN_FORMAT}' or '{PLATFORM_FORMAT}'; correct "
                "the variable."
            )
