"""A platform on this machine: Dagster's web server, and code servers that are no children of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ceph_rgw import listens, stop

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

START_SECONDS = 120
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass
class CodeServer:
    """A code server as a process of this machine's own environment."""

    port: int
    folder: Path
    module: str
    variables: Mapping[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; it may take seconds until it answers."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith("DATA_SERVICES_")}
        own = {"DATA_SERVICES_ROOT": str(self.folder), "DAGSTER_HOME": str(self.folder / "home")}
        (self.folder / "home").mkdir(parents=True, exist_ok=True)
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-P", "-m", "dagster", "code-server", "start"),
                    *("-h", "127.0.0.1", "-p", str(self.port), "-m", self.module),
                ],
                env=kept | own | dict(self.variables),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # with the server that it starts for the code
            )

    def wait(self) -> None:
        """Wait until it listens."""
        end = time.monotonic() + START_SECONDS
        while not listens(self.port):
            if time.monotonic() > end:
                raise TimeoutError((self.folder / "log").read_text(errors="replace")[-2000:])
            time.sleep(0.1)

    def stop(self) -> None:
        """End it with all that it started, at once: politely it takes ten seconds and more."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


@contextmanager
def web_server(
    home: Path, port: int, ports: Mapping[str, int], variables: Mapping[str, str] | None = None
) -> Iterator[str]:
    """Run a web server whose workspace names code servers on this machine by their ports."""
    servers = [
        {"grpc_server": {"host": "127.0.0.1", "port": number, "location_name": name}}
        for name, number in ports.items()
    ]
    (home / "workspace.yaml").write_text(json.dumps({"load_from": servers}))
    where = ("--host", "127.0.0.1", "--port", str(port))
    with _serving(home, "web-server.log", variables, "dagster_webserver", *where) as process:
        url = f"http://127.0.0.1:{port}"
        end = time.monotonic() + START_SECONDS
        while not _answers(f"{url}/server_info"):
            if time.monotonic() > end or process.poll() is not None:
                log = home / "web-server.log"
                raise TimeoutError(log.read_text(errors="replace")[-2000:])
            time.sleep(0.1)
        yield url


@contextmanager
def daemon(home: Path, variables: Mapping[str, str] | None = None) -> Iterator[Path]:
    """Run the daemon beside a web server, and give its log; it launches what is queued."""
    with _serving(home, "daemon.log", variables, "dagster._daemon", "run"):
        yield home / "daemon.log"


@contextmanager
def _serving(
    home: Path, log: str, variables: Mapping[str, str] | None, module: str, *arguments: str
) -> Iterator[subprocess.Popen[bytes]]:
    own = {"DAGSTER_HOME": str(home), "DAGSTER_DISABLE_TELEMETRY": "yes"}
    with (home / log).open("wb") as output:
        process = subprocess.Popen(
            [
                *(sys.executable, "-P", "-m", module, *arguments),
                *("--workspace", str(home / "workspace.yaml")),
            ],
            env=os.environ | own | dict(variables or {}),
            cwd=home,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        yield process
    finally:
        stop(process)


def ask(url: str, query: str, **variables: object) -> dict:
    """Return the data with which a web server answers a question."""
    body = json.dumps({"query": query, "variables": variables}).encode()
    kind = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{url}/graphql", body, kind)  # noqa: S310 - http on loopback
    with OPENER.open(request, timeout=60) as response:
        answer = json.load(response)
    assert "errors" not in answer, answer["errors"]
    return answer["data"]


def _answers(url: str) -> bool:
    try:
        OPENER.open(url, timeout=5).close()
    except OSError:
        return False
    return True
