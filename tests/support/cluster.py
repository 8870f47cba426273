"""What a cluster would do with the manifest, done by podman: render the chart, run its container.

Rights, folders, settings and secrets are those that the chart renders. Two things differ: there is
one network, that of this machine, on whose loopback the server listens; and the old container ends
before the new one begins.
"""

from __future__ import annotations

import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from containers import Podman
    from git_remote import Remote

CONTAINER = "data-services-code-server"
START_SECONDS = 120
FOLLOW_SECONDS = 0.5


@dataclass
class Cluster:
    """A cluster that runs the one deployment of a manifest.

    Args:
        engine: what runs containers.
        manifest: the remote with the manifest.
        chart: the folder of the chart.
        secrets: the values of secrets, by the variables as which containers get them.
    """

    engine: Podman
    manifest: Remote
    chart: Path
    secrets: Mapping[str, str]

    def roll_out(self) -> str:
        """Run what the manifest names now, pulled from its registry; return the image."""
        pod = self._rendered()["spec"]["template"]["spec"]
        [container] = pod["containers"]
        command = ["127.0.0.1" if word == "0.0.0.0" else word for word in container["args"]]  # noqa: S104
        user = pod["securityContext"]
        self.stop()
        self.engine("pull", "--quiet", container["image"])
        self._run(
            *("run", "--detach", "--name", CONTAINER, "--network=host"),
            f"--user={user['runAsUser']}:{user['runAsGroup']}",
            *_restricted(container["securityContext"]),
            *(_folder(mount["mountPath"]) for mount in container["volumeMounts"]),
            *(f"--env={one['name']}={one['value']}" for one in container["env"] if "value" in one),
            *(f"--env={name}" for name in self.secrets),
            container["image"],
            *command,
        )
        return str(container["image"])

    @contextmanager
    def following(self) -> Iterator[None]:
        """Meanwhile, roll out whatever the manifest comes to name, as operators in clusters do."""
        ended = threading.Event()

        def follow(seen: str) -> None:
            while not ended.wait(FOLLOW_SECONDS):
                if (head := self.manifest.head()) != seen:
                    self.roll_out()
                    seen = head

        with ThreadPoolExecutor(1) as beside:
            following = beside.submit(follow, self.manifest.head())
            try:
                yield
            finally:
                ended.set()
                following.result()

    def wait_until_healthy(self, port: int) -> None:
        """Wait until the code server answers as the probes of the chart ask it."""
        import grpc
        from grpc_health.v1 import health_pb2, health_pb2_grpc

        question = health_pb2.HealthCheckRequest(service="DagsterApi")
        end = time.monotonic() + START_SECONDS
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            probe = health_pb2_grpc.HealthStub(channel)
            while True:
                try:
                    answer = probe.Check(question, timeout=5, wait_for_ready=True)
                    if answer.status == health_pb2.HealthCheckResponse.SERVING:
                        return
                except grpc.RpcError:
                    pass
                if time.monotonic() > end:
                    raise TimeoutError(self.log())
                time.sleep(0.05)

    def log(self) -> str:
        """Return what the container has written."""
        done = self._run("logs", CONTAINER)
        return done.stdout + done.stderr

    def stop(self) -> None:
        """End the container, as a cluster does after its patience."""
        self._run("rm", "--force", "--time=1", "--ignore", CONTAINER)

    def _rendered(self) -> dict[str, Any]:
        import helm_python

        values = yaml.safe_load(self.manifest.read())
        texts = helm_python.Chart.load(self.chart).render(values, name="platform")
        [deployment] = [
            document
            for document in yaml.safe_load_all(texts["data-services/templates/deployment.yaml"])
            if document
        ]
        return deployment

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["podman", *arguments],
            env=self.engine.environment | dict(self.secrets),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
            check=True,
        )


def _folder(path: str) -> str:
    """Return the option that gives a container an empty folder of its user's own."""
    return f"--mount=type=tmpfs,destination={path},chown=true"


def _restricted(context: Mapping[str, Any]) -> list[str]:
    """Return the options that give a container no more rights than its security context."""
    dropped = [f"--cap-drop={name}" for name in context["capabilities"]["drop"]]
    read_only = ["--read-only", "--read-only-tmpfs=false"]
    return [
        *dropped,
        *(read_only if context["readOnlyRootFilesystem"] else []),
        *([] if context["allowPrivilegeEscalation"] else ["--security-opt=no-new-privileges"]),
    ]
