"""Dagster as it runs in production: code server, daemon and, on request, the web server.

Each is a process of its own session, so that it is ended, or killed, with all its children.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ceph_rgw import free_ports

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

LOCATION = "data_services"
START_SECONDS = 120
STOP_SECONDS = 20
LOCAL = urllib.request.build_opener(urllib.request.ProxyHandler({}))
LAUNCH = """
mutation ($parameters: ExecutionParams!) { launchRun(executionParams: $parameters) {
  __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message }
  ... on RunConfigValidationInvalid { errors { message } }
} }
"""
STATUS = "query ($run: ID!) { runOrError(runId: $run) { ... on Run { status } } }"
TICKS = """
query ($sensor: SensorSelector!) { sensorOrError(sensorSelector: $sensor) { ... on Sensor {
  sensorState { status ticks(limit: 50) { status error { message } } } } } }
"""


class DagsterProcesses:
    """The processes of one Dagster instance.

    Args:
        folder: where their socket, logs and workspace file go; its path must be short.
        environment: what they see, ``DAGSTER_HOME`` among it.
        module: the code location.
    """

    def __init__(
        self,
        folder: Path,
        environment: Mapping[str, str],
        module: str = "data_services.repository",
    ) -> None:
        self.folder, self.environment, self.module = folder, dict(environment), module
        self.socket, self.workspace = folder / "code.sock", folder / "workspace.yaml"
        where = {"socket": str(self.socket), "location_name": LOCATION}
        self.workspace.write_text(json.dumps({"load_from": [{"grpc_server": where}]}))
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self.url = ""

    def start(self, *, web: bool = False) -> None:
        """Start them, and wait until the code location is loaded."""
        self.start_code_server()
        if web:
            (port,) = free_ports(1)
            self.url = f"http://127.0.0.1:{port}"
            self._start(
                "web",
                *("dagster_webserver", "--workspace", str(self.workspace)),
                *("--host", "127.0.0.1", "--port", str(port)),
            )
            self._wait("web", self._web_answers)
        self.start_daemon()

    def start_code_server(self) -> None:
        """Start the process in which sensors are evaluated, and wait for it."""
        self.socket.unlink(missing_ok=True)
        self._start(
            "code",
            *("dagster", "api", "grpc", "--socket", str(self.socket)),
            *("--module-name", self.module, "--location-name", LOCATION),
            "--use-python-environment-entry-point",
        )
        self._wait("code", self._code_answers)

    def start_daemon(self) -> None:
        """Start the process that asks for the evaluation of sensors and launches queued runs."""
        self._start("daemon", "dagster._daemon", "run", "--workspace", str(self.workspace))

    def kill(self, *names: str) -> None:
        """Kill processes with all their children, without a word."""
        for name in names:
            process = self.running.pop(name)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def stop(self) -> None:
        """End all processes, politely and then for good."""
        for process in self.running.values():
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGINT)
        end = time.monotonic() + STOP_SECONDS
        for process in self.running.values():
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(end - time.monotonic(), 0.1))
        self.kill(*list(self.running))

    def log(self, name: str) -> str:
        """Return what a process has written."""
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def ask(self, query: str, **variables: Any) -> Any:
        """Ask the web server."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(  # noqa: S310 - http by construction
            f"{self.url}/graphql", body, {"Content-Type": "application/json"}
        )
        with LOCAL.open(request, timeout=60) as response:
            answer = json.load(response)
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    def launch(self, job: str, run_config: Mapping[str, Any]) -> str:
        """Launch a run through the web server and return its id."""
        selector = {
            "repositoryLocationName": LOCATION,
            "repositoryName": "__repository__",
            "jobName": job,
        }
        parameters = {"selector": selector, "runConfigData": run_config}
        answer = self.ask(LAUNCH, parameters=parameters)["launchRun"]
        assert answer["__typename"] == "LaunchRunSuccess", answer
        return str(answer["run"]["runId"])

    def status(self, run: str) -> str:
        """Return the status of a run."""
        return str(self.ask(STATUS, run=run)["runOrError"]["status"])

    def _start(self, name: str, *command: str) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                [sys.executable, "-P", "-m", *command],
                env=self.environment,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _wait(self, name: str, is_ready: Any) -> None:
        end = time.monotonic() + START_SECONDS
        while not is_ready():
            assert self.running[name].poll() is None, self.log(name)[-3000:]
            assert time.monotonic() < end, self.log(name)[-3000:]
            time.sleep(0.1)

    def _code_answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as client:
            return client.connect_ex(str(self.socket)) == 0

    def _web_answers(self) -> bool:
        try:
            with LOCAL.open(f"{self.url}/server_info", timeout=5) as response:
                return bool(response.status == 200)
        except OSError:
            return False
