"""The mail channel: one message a notification over SMTP (RFC 5321).

The scheme of the address says how the connection is protected:

* ``smtps://`` is TLS from the first byte (RFC 8314), port 465;
* ``smtp+starttls://`` is TLS after the command STARTTLS (RFC 3207), which must succeed, port 587;
* ``smtp://`` is no TLS at all, port 25, and refuses to send credentials.

User and password stand in the address, percent-encoded where they hold reserved characters.
"""

from __future__ import annotations

import hashlib
import logging
import smtplib
import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from util_services.notifications.attempts import PAUSES_SECONDS, TIMEOUT_SECONDS, Trouble, attempt
from util_services.notifications.channel import DeliveryError
from util_services.notifications.messages import is_address, subject_of, text_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from util_services.notifications.notification import Notification

KEY_HEADER = "X-Data-Services-Idempotency-Key"
PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}
FIRST_PERMANENT_CODE = 500
POLICY = SMTP.clone(cte_type="7bit")  # which every server takes

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Mail:
    """A message, and the recipients that do not have it yet."""

    message: EmailMessage
    waiting: list[str]


class SmtpChannel:
    """Sends a mail for each notification; repeats carry the same ``Message-ID``.

    Args:
        url: the address of the server, with its scheme; see the module.
        sender: the address that mails come from.
        recipients: the addresses that mails go to.
        timeout_seconds: of each step of an attempt.
        pauses_seconds: between attempts.
    """

    name = "smtp"

    def __init__(
        self,
        url: str,
        sender: str | None,
        recipients: Sequence[str],
        *,
        timeout_seconds: float = TIMEOUT_SECONDS,
        pauses_seconds: Sequence[float] = PAUSES_SECONDS,
    ) -> None:
        self._url = url
        self._sender = sender
        self._recipients = tuple(recipients)
        self._timeout_seconds = timeout_seconds
        self._pauses_seconds = tuple(pauses_seconds)

    def deliver(self, notification: Notification) -> None:
        """Send the mail; it is delivered once the server has taken it.

        Recipients whom the server turns away for the moment are tried again within the attempts.
        A mail that reached one of several is delivered, since nobody shall get it twice; how many
        it did not reach is logged.
        """
        key = notification.idempotency_key
        if fault := self.fault():
            raise DeliveryError(self.name, key, fault)
        mail = _Mail(self._message(notification), list(self._recipients))
        try:
            attempt(partial(self._send, mail), self._pauses_seconds, self.name, key)
        except DeliveryError as error:
            if len(mail.waiting) == len(self._recipients):
                raise
            log.warning(
                "Notification %s did not reach %d of %d mail recipients: %s.",
                *(key, len(mail.waiting), len(self._recipients), error.reason),
            )

    def fault(self) -> str | None:
        """Return what is wrong with the settings, as the part of a sentence."""
        try:
            server = urlsplit(self._url)
            is_known = server.scheme in PORTS and server.hostname and server.port != 0
        except ValueError:  # of a port, or of an IPv6 address
            is_known = False
        if not is_known:
            return "its address must be smtps://, smtp+starttls:// or smtp:// with a host"
        if server.username is not None and server.scheme == "smtp":
            return "credentials are not sent without TLS; use smtps:// or smtp+starttls://"
        if self._sender is None or not self._recipients:
            return "DATA_SERVICES_NOTIFY_SMTP_FROM and _NOTIFY_SMTP_TO do not name both ends"
        if not all(map(is_address, (self._sender, *self._recipients))):
            return "its sender or a recipient is not a mail address"
        return None

    def _message(self, notification: Notification) -> EmailMessage:
        key = notification.idempotency_key
        sender = self._sender or ""
        digest = hashlib.sha256(key.encode()).hexdigest()[:32]
        message = EmailMessage(POLICY)
        message["From"] = sender
        message["To"] = ", ".join(self._recipients)
        message["Subject"] = subject_of(notification)
        message["Date"] = formatdate(notification.end)
        message["Message-ID"] = f"<{digest}@{sender.rpartition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office replies
        message[KEY_HEADER] = key
        message.set_content(text_of(notification))
        return message

    def _send(self, mail: _Mail) -> Trouble | None:
        try:
            server = self._connect()
            try:
                refused = server.send_message(mail.message, to_addrs=mail.waiting)
            finally:
                with suppress(smtplib.SMTPException, OSError):  # what was taken stays taken
                    server.quit()
                server.close()
        except smtplib.SMTPResponseException as error:
            is_passing = error.smtp_code < FIRST_PERMANENT_CODE
            return Trouble(f"the server answered {error.smtp_code}", is_passing)
        except smtplib.SMTPRecipientsRefused as error:
            refused = error.recipients
        except smtplib.SMTPNotSupportedError:
            return Trouble("the server does not offer STARTTLS or a login", False)
        except (smtplib.SMTPException, OSError) as error:
            return Trouble(f"the server is out of reach ({type(error).__name__})", True)
        mail.waiting[:] = refused
        codes = {code for code, _ in refused.values()}
        shown = ", ".join(map(str, sorted(codes)))
        is_passing = any(code < FIRST_PERMANENT_CODE for code in codes)
        return Trouble(f"the server answered {shown} to recipients", is_passing) if codes else None

    def _connect(self) -> smtplib.SMTP:
        url = urlsplit(self._url)
        host, port = url.hostname or "", url.port or PORTS[url.scheme]
        options: dict[str, Any] = {
            "local_hostname": socket.gethostname(),  # the full name would be asked of the DNS
            "timeout": self._timeout_seconds,
        }
        if url.scheme == "smtps":
            context = ssl.create_default_context()
            server: smtplib.SMTP = smtplib.SMTP_SSL(host, port, context=context, **options)
        else:
            server = smtplib.SMTP(host, port, **options)
        try:
            if url.scheme == "smtp+starttls":
                server.starttls(context=ssl.create_default_context())
            if url.username is not None:
                server.login(unquote(url.username), unquote(url.password or ""))
        except BaseException:
            server.close()
            raise
        return server
