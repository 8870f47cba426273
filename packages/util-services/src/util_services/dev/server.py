"""The Dagster UI on this machine: code server, web server and daemon as one thing that ends whole.

`dagster dev` does not reliably end its children on SIGTERM. Here each of the three is the
leader of a session of its own; run workers, being children of the code server, belong to its
session. A guard (see `process_groups`) stops the sessions if this process itself is killed.
The code server listens on a socket in a private folder, so that no other user can reach it.
"""

from __future__ import annotations

import contextlib
import json
import socket
import sys
import time
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from util_services.dev.graphql import DagsterGraphQL
from util_services.dev.home_lock import HomeLock
from util_services.dev.places import choose_port, private_folder, remove_folder_of
from util_services.dev.processes import POLL_SECONDS, Processes
from util_services.dev.stopping import DevRefusedError, DevStoppedError, Stop, StopRequested
from util_services.graphql import UnreachableError
from util_services.runs.home import LOCATION_NAME, prepare_home

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

READY_SECONDS = 180.0  # a cold start on a slow disk; a load error or a dead child ends it sooner
CANCEL_SECONDS = 8.0
ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 - recognised only


@dataclass(frozen=True, slots=True)
class DevOptions:
    """What to serve and where."""

    root: Path
    host: str = "127.0.0.1"
    port: int = 3000  # 0 stands for a free one
    module: str = "data_services.repository"
    verbose: bool = False


@dataclass(frozen=True, slots=True)
class Ready:
    """Where the running UI is found."""

    url: str
    home: Path
    root: Path
    seconds: float  # from the start until it was ready


def serve(options: DevOptions, announce: Callable[[Ready], None]) -> None:
    """Serve the UI until the user stops it with Ctrl-C or SIGTERM; leave no process behind.

    Args:
        options: what to serve and where.
        announce: is told once the UI is ready and the code location loaded.

    Raises:
        DevRefusedError: if it cannot be started, for instance since the port is taken.
        DevStoppedError: if one of its processes ends by itself.
    """
    started = time.monotonic()
    if find_spec("dagster_webserver") is None:
        raise DevRefusedError(
            "The Dagster UI is not installed; install it with 'pip install dagster-webserver'."
        )
    port = choose_port(options.host, options.port)
    home = prepare_home()
    _require_database(home)
    with (
        Stop() as stop,
        HomeLock(home) as lock,
        private_folder() as folder,
        Processes(folder, lock.descriptor, stop, verbose=options.verbose) as processes,
        contextlib.suppress(StopRequested),
    ):
        remove_folder_of(lock.previous_socket)
        server = _DevServer(options, port, folder, processes, stop)
        server.start()
        lock.note(url=server.graphql.url, socket=str(server.socket))
        if lock.previous_socket:
            server.graphql.forget_runs(lock.previous_socket)
        processes.are_heard = True
        announce(Ready(server.graphql.url, home, options.root, time.monotonic() - started))
        server.wait()


def _require_database(home: Path) -> None:
    """Refuse to start on a home whose database does not answer; each part would wait for it."""
    from util_services.runs.instance_database import read_reference, require_database

    require_database(read_reference(home), home)


class _DevServer:
    """The three parts, in the order in which they need each other."""

    def __init__(
        self, options: DevOptions, port: int, folder: Path, processes: Processes, stop: Stop
    ) -> None:
        self.options, self.port, self.folder = options, port, folder
        self.processes, self.stop = processes, stop
        self.socket = folder / "code.sock"
        host = ANY_ADDRESS.get(options.host, options.host)
        shown = f"[{host}]" if ":" in host else host
        self.graphql = DagsterGraphQL(f"http://{shown}:{port}")

    def start(self) -> None:
        """Start all parts and wait until the code location is loaded.

        Raises:
            DevRefusedError: if it does not load.
        """
        level = "info" if self.options.verbose else "warning"
        environment = {
            "DAGSTER_DISABLE_TELEMETRY": "yes",
            "DATA_SERVICES_ROOT": str(self.options.root),
        }
        workspace = self.folder / "workspace.yaml"
        where = {"socket": str(self.socket), "location_name": LOCATION_NAME}
        workspace.write_text(json.dumps({"load_from": [{"grpc_server": where}]}), encoding="utf-8")
        self.processes.start(
            "code server",
            *("dagster", "code-server", "start"),
            *("--socket", str(self.socket), "--module-name", self.options.module),
            *("--location-name", LOCATION_NAME, "--log-level", level),
            "--use-python-environment-entry-point",
            **environment,
        )
        self._wait_for(self._code_server_answers, "code server")
        self.processes.start(
            "web server",
            *("dagster_webserver", "--workspace", str(workspace)),
            *("--host", self.options.host, "--port", str(self.port)),
            *("--uvicorn-log-level", level, "--dagster-log-level", level),
            **environment,
        )
        self._wait_for(self.graphql.is_ready, "web server")
        error = self.graphql.load_error(LOCATION_NAME)
        if error is not None:
            if self.options.verbose:
                sys.stderr.write(error.details)
            raise DevRefusedError(
                f"The code location '{self.options.module}' does not load: {error.sentence}"
            )
        self.processes.start(
            "daemon",
            *("dagster._daemon", "run", "--workspace", str(workspace), "--log-level", level),
            **environment,
        )

    def wait(self) -> None:
        """Watch over the parts; when the user asks to stop, cancel the runs that are at work."""
        try:
            while True:
                self.processes.check()
                time.sleep(POLL_SECONDS)
        except StopRequested:
            self.processes.are_heard = False
            self._cancel_runs()
            raise

    def _cancel_runs(self) -> None:
        """Cancel the runs of this code server, so that they end as cancelled, not as failed."""
        deadline = time.monotonic() + CANCEL_SECONDS
        with contextlib.suppress(UnreachableError):
            runs = self.graphql.runs_at_work(str(self.socket))
            self.graphql.terminate(runs)
            while runs and time.monotonic() < deadline and self.stop.requests < 2:
                time.sleep(POLL_SECONDS)
                runs = self.graphql.runs_at_work(str(self.socket))

    def _code_server_answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as client:
            try:
                client.connect(str(self.socket))
            except OSError:
                return False
        return True

    def _wait_for(self, is_ready: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while not is_ready():
            self.processes.check()
            if time.monotonic() > deadline:
                raise DevStoppedError(
                    f"The {what} did not answer within {READY_SECONDS:.0f} seconds; start again "
                    "with '--verbose' to see why."
                )
            time.sleep(POLL_SECONDS)


def describe(ready: Ready) -> dict[str, Any]:
    """Return where the UI is found as a JSON object."""
    return {
        "schema": 1,
        "url": ready.url,
        "home": str(ready.home),
        "root": str(ready.root),
        "seconds": round(ready.seconds, 1),
    }
