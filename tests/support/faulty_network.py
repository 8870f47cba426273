"""A network between a client and an S3 server that breaks where a test asks for it."""

from __future__ import annotations

import http.client
import re
import socket
import struct
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator

FAULTS = (
    "busy",
    "cut request",
    "cut answer",
    "hang",
    "lose answer",
    "denied",  # as with credentials that have expired
    "short answer",  # fewer bytes than asked for, and a length that says so
    "other bytes",
    "other etag",
)
HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "expect"}
CUT_BYTES = 100_000  # of a body come through before it is cut


@dataclass(slots=True)
class Fault:
    """What happens to requests whose first line matches; ``times`` counts down to 0."""

    kind: str
    pattern: str
    times: float
    skip: int = 0  # so many matching requests come through before

    def strikes(self, line: str) -> bool:
        """Return whether it is this request's turn."""
        if not re.search(self.pattern, line) or self.times <= 0:
            return False
        if self.skip:
            self.skip -= 1
            return False
        self.times -= 1
        return True


class FaultyNetwork:
    """The network; ``requests`` are the first lines of what was asked, in order."""

    def __init__(self, upstream: str) -> None:
        self.upstream = urlsplit(upstream)
        self.faults: list[Fault] = []
        self.requests: list[str] = []
        self.headers: list[str] = []  # of all requests, in lower case
        self.endpoint_url = ""
        self._lock = threading.Lock()
        self.over = threading.Event()

    def fail(self, kind: str, pattern: str, times: float = 1, skip: int = 0) -> Fault:
        """Let requests fail from now on."""
        assert kind in FAULTS
        fault = Fault(kind, pattern, times, skip)
        self.faults.append(fault)
        return fault

    def fault_for(self, line: str) -> str | None:
        """Note a request and return what is to happen to it."""
        with self._lock:
            self.requests.append(line)
            return next((fault.kind for fault in self.faults if fault.strikes(line)), None)


@contextmanager
def faulty_network(upstream: str, tls: ssl.SSLContext | None = None) -> Iterator[FaultyNetwork]:
    """Stand between clients and a server, over TLS if a context is given."""
    network = FaultyNetwork(upstream)

    class Handler(_Handler):
        pass

    Handler.network = network
    server = _Server(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    network.endpoint_url = f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield network
    finally:
        network.over.set()
        server.shutdown()
        thread.join()
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: broken connections are the point."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    network: FaultyNetwork

    def do_any(self) -> None:
        self.network.headers.extend(name.lower() for name in self.headers)
        fault = self.network.fault_for(f"{self.command} {self.path}")
        length = int(self.headers.get("Content-Length") or 0)
        if fault == "cut request":
            part = self.rfile.read(min(length // 2, CUT_BYTES))
            if part:
                self._forward(part)
            self._break()
            return
        body = self.rfile.read(length)
        if fault == "hang":
            self.network.over.wait(60)
            self._break()
        elif fault == "busy":
            self._answer(503, [], b"<Error><Code>SlowDown</Code></Error>")
        elif fault == "denied":
            self._answer(403, [], b"<Error><Code>ExpiredToken</Code></Error>")
        else:
            connection = self._forward(body)
            answer = connection.getresponse()
            content = answer.read()
            connection.close()
            if fault == "lose answer":
                self._break()
            elif fault == "cut answer":
                self._answer(answer.status, answer.getheaders(), content, cut=True)
                self._break()
            else:
                self._answer(answer.status, *_changed(fault, answer.getheaders(), content))

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = do_any  # noqa: N815 - the library's names

    def _forward(self, body: bytes) -> http.client.HTTPConnection:
        upstream = self.network.upstream
        connection = http.client.HTTPConnection(upstream.hostname or "", upstream.port, timeout=60)
        connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() not in HOP_BY_HOP:
                connection.putheader(name, value)
        connection.endheaders()
        connection.send(body)
        if len(body) < int(self.headers.get("Content-Length") or 0):
            time.sleep(0.05)  # the server has begun to read
            connection.close()
        return connection

    def _answer(
        self, status: int, headers: list[tuple[str, str]], content: bytes, *, cut: bool = False
    ) -> None:
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in HOP_BY_HOP | {"content-length"}:
                self.send_header(name, value)
        declared = {name.lower(): value for name, value in headers}.get("content-length")
        is_head = self.command == "HEAD"
        self.send_header("Content-Length", declared if is_head and declared else str(len(content)))
        self.end_headers()
        self.wfile.write(content[: min(CUT_BYTES, len(content) // 2)] if cut else content)

    def _break(self) -> None:
        """End the connection with a reset."""
        self.close_connection = True
        with suppress(OSError):
            self.wfile.flush()
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _changed(
    fault: str | None, headers: list[tuple[str, str]], content: bytes
) -> tuple[list[tuple[str, str]], bytes]:
    """Return an answer as it arrives after a fault that the client is not told of."""
    if fault == "short answer":
        return headers, content[: len(content) // 2]
    if fault == "other bytes" and content:
        middle = len(content) // 2
        return headers, content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
    if fault == "other etag":
        others = [one for one in headers if one[0].lower() != "etag"]
        return [*others, ("ETag", f'"{"0" * 32}"')], content
    return headers, content
