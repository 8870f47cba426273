"""The webhook channel: a signed POST of the payload as JSON.

The receiver recomputes ``HMAC-SHA256(secret, body)`` and compares it with the signature header.
"""

from __future__ import annotations

import hashlib
import hmac
import http
import http.client
import json
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from util_services.notifications.channel import DeliveryError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from util_services.notifications.notification import Notification

SIGNATURE_HEADER = "X-Data-Services-Signature"
IDEMPOTENCY_HEADER = "Idempotency-Key"
# Dagster hands a sensor up to five runs at a time and gives it 60 seconds for all of them.
# Three attempts of 3 seconds and the pauses between them are 10.5 seconds for each run.
TIMEOUT_SECONDS = 3.0
PAUSES_SECONDS = (0.5, 1.0)
WORTH_ANOTHER_ATTEMPT = frozenset(
    {http.HTTPStatus.REQUEST_TIMEOUT, http.HTTPStatus.TOO_MANY_REQUESTS}
)
FIRST_SERVER_ERROR = 500


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Refuses redirects: urllib would turn the POST into a GET without its body."""

    def redirect_request(self, *_: object) -> None:
        return None


class WebhookChannel:
    """Posts notifications to an address, with a few attempts where the receiver is out of reach."""

    name = "webhook"

    def __init__(
        self,
        url: str,
        secret: str | None = None,
        *,
        timeout_seconds: float = TIMEOUT_SECONDS,
        pauses_seconds: Sequence[float] = PAUSES_SECONDS,
    ) -> None:
        self._url = url
        self._secret = secret
        self._timeout_seconds = timeout_seconds
        self._pauses_seconds = tuple(pauses_seconds)
        self._opener = urllib.request.build_opener(_NoRedirect)

    def deliver(self, notification: Notification) -> None:
        """Post the notification; any answer of the 2xx range acknowledges it."""
        if urlsplit(self._url).scheme not in {"http", "https"}:
            raise self._failure(notification, "its address must start with http:// or https://")
        body = json.dumps(notification.to_dict(), sort_keys=True).encode()
        for pause in (0.0, *self._pauses_seconds):
            time.sleep(pause)
            reason, is_final = self._attempt(notification, body)
            if is_final:
                break
        if reason is not None:
            raise self._failure(notification, reason)

    def _attempt(self, notification: Notification, body: bytes) -> tuple[str | None, bool]:
        """Return why the attempt failed (None where it did not) and whether that is final."""
        headers = {
            "Content-Type": "application/json",
            IDEMPOTENCY_HEADER: notification.idempotency_key,
        }
        if self._secret is not None:
            headers[SIGNATURE_HEADER] = signature(self._secret, body)
        request = urllib.request.Request(self._url, body, headers, method="POST")  # noqa: S310 - checked above
        try:
            with self._opener.open(request, timeout=self._timeout_seconds):
                return None, True
        except urllib.error.HTTPError as error:
            error.close()
            retry = error.code >= FIRST_SERVER_ERROR or error.code in WORTH_ANOTHER_ATTEMPT
            return f"the receiver answered {error.code}", not retry
        except (OSError, http.client.HTTPException) as error:
            cause = getattr(error, "reason", error)
            return f"the receiver is out of reach ({type(cause).__name__})", False

    def _failure(self, notification: Notification, reason: str) -> DeliveryError:
        return DeliveryError(self.name, notification.idempotency_key, reason)


def signature(secret: str, body: bytes) -> str:
    """Return the value of the signature header for a body."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
