"""A stand-in for Kubernetes: an API that takes jobs, and runs what they hold on this machine.

Each gets the environment that its pod would have beside what all share, and a folder of its own for
temporary files, so that steps find no file of one another on a disk.
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import yaml


class KubernetesApi:
    """An API server on this machine; use it as a context manager.

    Args:
        folder: where folders of pods and logs go.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.jobs: dict[str, dict] = {}
        self.processes: dict[str, subprocess.Popen] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())

    @property
    def kubeconfig(self) -> Path:
        """A file by which clients find the server."""
        url = f"http://127.0.0.1:{self._server.server_port}"
        file = self.folder / "kubeconfig"
        file.write_text(
            yaml.safe_dump(
                {
                    "apiVersion": "v1",
                    "kind": "Config",
                    "current-context": "here",
                    "clusters": [{"name": "here", "cluster": {"server": url}}],
                    "users": [{"name": "me", "user": {}}],
                    "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me"}}],
                }
            )
        )
        return file

    def __enter__(self) -> "KubernetesApi":
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        for process in self.processes.values():
            process.kill()
            process.wait()

    def start(self, job: dict) -> dict:
        """Run a job's container."""
        name = job["metadata"]["name"]
        [container] = job["spec"]["template"]["spec"]["containers"]
        given = {one["name"]: one["value"] for one in container["env"] if "value" in one}
        given.pop("DAGSTER_HOME", None)  # which lies elsewhere here
        pod = Path(tempfile.mkdtemp(prefix="pod-", dir=self.folder))
        program = [sys.executable, "-m", *container["args"]]
        with (self.folder / f"{name}.log").open("wb") as log:
            self.processes[name] = subprocess.Popen(
                program,
                env={**os.environ, **given, "TMPDIR": str(pod)},
                cwd=pod,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self.jobs[name] = job
        return job

    def state(self, name: str) -> dict | None:
        """Return a job with its status."""
        if name not in self.jobs:
            return None
        code = self.processes[name].poll()
        status = {"active": int(code is None), "succeeded": int(code == 0)}
        return {**self.jobs[name], "status": {**status, "failed": int(bool(code))}}

    def _handler(api) -> type[BaseHTTPRequestHandler]:  # noqa: N805 - `self` is the request's
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers["Content-Length"]))
                self.answer(api.start(json.loads(content)), 201)

            def do_GET(self) -> None:
                found = api.state(self.path.removesuffix("/status").rpartition("/")[2])
                self.answer(found or {"kind": "Status", "code": 404}, 200 if found else 404)

            def answer(self, what: dict, code: int) -> None:
                body = json.dumps(what).encode()
                self.send_response(code)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        return Handler
