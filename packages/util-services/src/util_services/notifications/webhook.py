"""The webhook channel: a signed POST of a JSON body.

The receiver recomputes ``HMAC-SHA256(secret, body)`` and compares it with the signature header.
"""

from __future__ import annotations

import hashlib
import hmac
import http
import http.client
import json
import urllib.error
import urllib.request
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from util_services.notifications.attempts import PAUSES_SECONDS, TIMEOUT_SECONDS, Trouble, attempt
from util_services.notifications.channel import DeliveryError
from util_services.notifications.notification import Notification

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

SIGNATURE_HEADER = "X-Data-Services-Signature"
IDEMPOTENCY_HEADER = "Idempotency-Key"
WORTH_ANOTHER_ATTEMPT = frozenset(
    {http.HTTPStatus.REQUEST_TIMEOUT, http.HTTPStatus.TOO_MANY_REQUESTS}
)
FIRST_SERVER_ERROR = 500


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Refuses redirects: urllib would turn the POST into a GET without its body."""

    def redirect_request(self, *_: object) -> None:
        return None


class WebhookChannel:
    """Posts notifications to an address, with a few attempts where the receiver is out of reach.

    Args:
        url: the address, ``http://`` or ``https://``.
        secret: what bodies are signed with; None leaves them unsigned.
        body_of: makes the body of a notification.
        timeout_seconds: of one attempt.
        pauses_seconds: between attempts.
    """

    name = "webhook"

    def __init__(
        self,
        url: str,
        secret: str | None = None,
        *,
        body_of: Callable[[Notification], Mapping[str, Any]] = Notification.to_dict,
        timeout_seconds: float = TIMEOUT_SECONDS,
        pauses_seconds: Sequence[float] = PAUSES_SECONDS,
    ) -> None:
        self._url = url
        self._secret = secret
        self._body_of = body_of
        self._timeout_seconds = timeout_seconds
        self._pauses_seconds = tuple(pauses_seconds)
        self._opener = urllib.request.build_opener(_NoRedirect)

    def deliver(self, notification: Notification) -> None:
        """Post the notification; any answer of the 2xx range acknowledges it."""
        key = notification.idempotency_key
        if fault := self.fault():
            raise DeliveryError(self.name, key, fault)
        body = json.dumps(self._body_of(notification), sort_keys=True).encode()
        attempt(partial(self._post, key, body), self._pauses_seconds, self.name, key)

    def fault(self) -> str | None:
        """Return what is wrong with the settings, as the part of a sentence."""
        try:
            url = urlsplit(self._url)
            has_place = bool(url.hostname) and url.port != 0
        except ValueError:  # of a port, or of an IPv6 address
            return "its address is no URL"
        if url.scheme not in {"http", "https"}:
            return "its address must start with http:// or https://"
        if url.username is not None:
            return (
                "its address holds a user or a password, which are not sent; sign with "
                "DATA_SERVICES_NOTIFY_WEBHOOK_SECRET instead"
            )
        return None if has_place else "its address names no host"

    def _post(self, key: str, body: bytes) -> Trouble | None:
        headers = {"Content-Type": "application/json", IDEMPOTENCY_HEADER: key}
        if self._secret is not None:
            headers[SIGNATURE_HEADER] = signature(self._secret, body)
        request = urllib.request.Request(self._url, body, headers, method="POST")  # noqa: S310 - checked above
        try:
            with self._opener.open(request, timeout=self._timeout_seconds):
                return None
        except urllib.error.HTTPError as error:
            error.close()
            is_passing = error.code >= FIRST_SERVER_ERROR or error.code in WORTH_ANOTHER_ATTEMPT
            return Trouble(f"the receiver answered {error.code}", is_passing)
        except (OSError, http.client.HTTPException) as error:
            cause = getattr(error, "reason", error)
            return Trouble(f"the receiver is out of reach ({type(cause).__name__})", True)


def signature(secret: str, body: bytes) -> str:
    """Return the value of the signature header for a body."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
