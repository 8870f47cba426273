"""A server on this machine that gives the same answer to whatever it is asked."""

from __future__ import annotations

import socketserver
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

DRIPS = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"  # and then a byte at a time


def answer(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    """Return an answer of HTTP in full."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "".join(f"{line}\r\n" for line in [*lines, ""]).encode() + body


class Nonsense(socketserver.ThreadingTCPServer):
    """The server; ``heard`` are the requests that came, with their headers."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, said: bytes) -> None:
        super().__init__(("127.0.0.1", 0), _Talker)
        self.said, self.heard = said, []
        self.host = f"127.0.0.1:{self.server_address[1]}"
        self.is_over = threading.Event()


class _Talker(socketserver.BaseRequestHandler):
    server: Nonsense

    def handle(self) -> None:
        self.server.heard.append(self.request.recv(1 << 16).decode(errors="replace"))
        try:
            self.request.sendall(self.server.said)
            while self.server.said == DRIPS and not self.server.is_over.is_set():
                self.request.sendall(b" ")
                time.sleep(0.1)
        except OSError:  # nobody listens any more
            return


@contextmanager
def saying(said: bytes) -> Iterator[Nonsense]:
    """Run a server that says these bytes."""
    with Nonsense(said) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.is_over.set()
        server.shutdown()
