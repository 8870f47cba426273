"""A notification as words: subject and text of a mail, and the platform's notification message.

The platform's message is ``EmailNotification`` of its published interface (Simpl-Open architecture
specification, AsyncAPI of the notification service): ``{channel, message, to, cc, subject}``. The
platform knows the recipient as ``providerEmail``; that a run carries it as a tag of that name is an
assumption.
"""

from __future__ import annotations

from dataclasses import dataclass
from email.errors import HeaderParseError
from email.headerregistry import Address
from typing import TYPE_CHECKING, Any

from util_services.notifications.channel import DeliveryError

if TYPE_CHECKING:
    from util_services.notifications.notification import Notification

RECIPIENT_TAGS = ("provider_email", "providerEmail")
ENDINGS = {"SUCCESS": "succeeded", "FAILURE": "failed", "CANCELED": "was cancelled"}
LABEL_WIDTH = 10
SHOWN_OF_RUN = 8  # characters of a run's id, as Dagster's UI shows it


def subject_of(notification: Notification) -> str:
    """Return one line that says how the run ended."""
    ending = ENDINGS.get(notification.status, notification.status)
    return f"{notification.job} {ending} (run {notification.run_id[:SHOWN_OF_RUN]})"


def text_of(notification: Notification) -> str:
    """Return the notification as lines of text, a fact a line; unknown facts are left out."""
    told = notification.to_dict()
    facts = {
        "Job": told["job"],
        "Status": told["status"],
        "Run": told["run_id"],
        "Started": told["start"],
        "Ended": told["end"],
        "Step": told["failed_step"],
        "Error": told["error_class"],
        "Rows": ", ".join(f"{count} {what}" for what, count in told["rows"].items()),
        "Report": told["report"],
        "Code": " ".join(told["code"].values()),
    }
    lines = [f"{label + ':':<{LABEL_WIDTH}}{fact}" for label, fact in facts.items() if fact]
    return "\n".join(lines) + "\n"


@dataclass(frozen=True, slots=True)
class EmailNotification:
    """Makes the platform's notification message.

    Args:
        to: the recipient where no tag of a run names one.
        cc: who gets a copy of each.
    """

    to: str | None = None
    cc: tuple[str, ...] = ()

    def body_of(self, notification: Notification) -> dict[str, Any]:
        """Return the message; its recipient is the run's, named by a tag, else the default one.

        Raises:
            DeliveryError: if there is no recipient, or a recipient is no mail address.
        """
        tagged = (notification.tags.get(tag) for tag in RECIPIENT_TAGS)
        to = next(filter(None, tagged), self.to)
        if to is None:
            raise DeliveryError(
                "webhook",
                notification.idempotency_key,
                "neither a tag 'provider_email' of the run nor DATA_SERVICES_NOTIFY_EMAIL_TO names "
                "a recipient",
            )
        if not all(map(is_address, (to, *self.cc))):
            raise DeliveryError(
                "webhook", notification.idempotency_key, "a recipient is not a mail address"
            )
        return {
            "channel": "email",
            "to": to,
            "cc": list(self.cc),
            "subject": subject_of(notification),
            "message": text_of(notification),
        }


def is_address(text: str) -> bool:
    """Return whether a text is one mail address alone (RFC 5322, addr-spec)."""
    try:
        address = Address(addr_spec=text)
    except (HeaderParseError, ValueError, IndexError):
        return False
    return bool(address.username and address.domain)
