"""A real web server on this machine that keeps what is posted to it."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from ceph_rgw import free_ports

if TYPE_CHECKING:
    from collections.abc import Iterable


class HttpSink:
    """Answers with the given status codes in turn, then with 204; it listens once it is started."""

    def __init__(self, answers: Iterable[int] = ()) -> None:
        self.received: list[tuple[dict[str, str], bytes]] = []  # headers and body
        self.answers_when: threading.Event | None = None  # is waited for before each answer
        self._answers = list(answers)
        (self.port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{self.port}/hook"
        self._server: ThreadingHTTPServer | None = None

    def answer(self) -> int:
        """Return the next status code."""
        return self._answers.pop(0) if self._answers else 204

    def start(self) -> None:
        """Listen from now on."""
        sink = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                sink.received.append((dict(self.headers), body))
                if sink.answers_when is not None:
                    sink.answers_when.wait()
                self.send_response(sink.answer())
                self.send_header("Location", sink.url)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
