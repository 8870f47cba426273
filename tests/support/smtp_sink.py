"""A real SMTP server on this machine that keeps what it is given (aiosmtpd)."""

from __future__ import annotations

import asyncio
import email
import email.policy
import ssl
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from ceph_rgw import free_ports

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator
    from email.message import EmailMessage
    from pathlib import Path

HOST = "127.0.0.1"
TAKEN = "250 OK"


@dataclass
class SmtpSink:
    """What a server was given, and how it answers.

    Args:
        port: where it listens, or will.
        answers: what it answers to messages in turn; then it takes them.
        turned_away: answers to recipients by their address.
        answers_when: an event that it waits for before it answers to a message.
        login: the one user and password that it lets in; None lets in everybody.
    """

    port: int = field(default_factory=lambda: free_ports(1)[0])
    answers: list[str] = field(default_factory=list)
    turned_away: dict[str, list[str]] = field(default_factory=dict)
    answers_when: threading.Event | None = None
    login: tuple[str, str] | None = None
    received: list[tuple[list[str], EmailMessage]] = field(default_factory=list)
    was_encrypted: list[bool] = field(default_factory=list)

    @contextmanager
    def serve(
        self, *, tls: ssl.SSLContext | None = None, starttls: ssl.SSLContext | None = None
    ) -> Iterator[None]:
        """Serve until this ends, with TLS from the first byte or after STARTTLS."""
        controller = Controller(
            self,
            hostname=HOST,
            port=self.port,
            ssl_context=tls,
            tls_context=starttls,
            require_starttls=starttls is not None,
            auth_required=self.login is not None,
            auth_require_tls=tls is None,  # aiosmtpd does not count its own TLS
            authenticator=self._authenticate if self.login else None,
        )
        controller.start()
        try:
            yield
        finally:
            controller.stop()

    def _authenticate(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _kind: str, data: Any
    ) -> AuthResult:
        given = isinstance(data, LoginPassword) and (data.login.decode(), data.password.decode())
        return AuthResult(success=given == self.login, handled=False)

    async def handle_RCPT(  # noqa: N802 - the name that aiosmtpd calls
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: Any
    ) -> str:
        answers = self.turned_away.get(address)
        if answers:
            return answers.pop(0)
        envelope.rcpt_tos.append(address)
        return TAKEN

    async def handle_DATA(  # noqa: N802 - the name that aiosmtpd calls
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        answer = self.answers.pop(0) if self.answers else TAKEN
        content = envelope.original_content or b""
        message = email.message_from_bytes(content, policy=email.policy.default)
        if answer == TAKEN:
            self.received.append((list(envelope.rcpt_tos), message))
            transport = server.transport
            is_encrypted = transport is not None and transport.get_extra_info("sslcontext")
            self.was_encrypted.append(bool(is_encrypted or session.ssl))
        if self.answers_when is not None:
            await asyncio.get_running_loop().run_in_executor(None, self.answers_when.wait)
        return answer


def certificate(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """Make a certificate for this machine; return the server's side and the file to trust."""
    import ipaddress

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "tests")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=12))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(HOST))]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    public, private = folder / "certificate.pem", folder / "key.pem"
    public.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(public, private)
    return context, public
