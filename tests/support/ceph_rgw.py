"""A real Ceph object gateway on this machine: one monitor, manager, in-memory disk and gateway.

Needs Debian's `radosgw ceph-mon ceph-osd ceph-mgr`. Everything listens on loopback and lives in one
temporary folder; the processes are ended by their ids. Takes part in tests and benchmarks.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PROGRAMS = (
    "ceph", "ceph-mgr", "ceph-mon", "ceph-osd", "monmaptool", "radosgw", "radosgw-admin",
)  # fmt: skip
START_SECONDS = 180  # of a machine that has other things to do
ATTEMPTS = 3
STOP_SECONDS = 10

CONFIGURATION = """\
[global]
fsid = {fsid}
mon host = v1:127.0.0.1:{monitor_port}
public addr = 127.0.0.1
cluster addr = 127.0.0.1
auth cluster required = none
auth service required = none
auth client required = none
osd pool default size = 1
osd pool default min size = 1
osd crush chooseleaf type = 0
mon allow pool size one = true
osd pool default pg num = 1
osd pool default pg autoscale mode = off
ms bind msgr1 = true
ms bind msgr2 = false
osd objectstore = memstore
memstore device bytes = {bytes}
mon data avail warn = 1
mon data avail crit = 0
run dir = {folder}
admin socket = {folder}/$cluster-$name.$pid.asok
log file = {folder}/$cluster-$name.log
pid file = {folder}/$name.pid
mon data = {folder}/mon
mgr data = {folder}/mgr
osd data = {folder}/osd-$id
mon cluster log file = {folder}/cluster.log
setuser match path =
[client.rgw.a]
rgw frontends = beast endpoint=127.0.0.1:{gateway_port}
rgw dns name = localhost
rgw run sync thread = false
rgw lc debug interval = 10
rgw gc obj min wait = 1
rgw gc processor period = 2
rgw gc processor max time = 2
rgw data = {folder}/rgw
"""


@dataclass(frozen=True, slots=True)
class S3Server:
    """Where a server listens and who may use it; the keys are made at run time."""

    endpoint_url: str
    access_key: str
    secret_key: str


def missing_programs() -> list[str]:
    """Return which programs of Ceph this machine lacks."""
    return [program for program in PROGRAMS if shutil.which(program) is None]


@contextmanager
def ceph_rgw(memory_bytes: int = 2 << 30) -> Iterator[S3Server]:
    """Run a gateway; it answers when this yields, and is gone with its data afterwards.

    Four programs have to find each other: on a busy machine one may give up, and all start anew.

    Raises:
        RuntimeError: nothing answered after several attempts, with what the programs said.
    """
    with ExitStack() as stack:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                server = stack.enter_context(_started(memory_bytes))
                break
            except RuntimeError:
                if attempt == ATTEMPTS:
                    raise
        yield server


@contextmanager
def _started(memory_bytes: int) -> Iterator[S3Server]:
    folder = Path(tempfile.mkdtemp(prefix="rgw-", dir="/tmp"))
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        monitor_port, gateway_port = free_ports(2)
        (folder / "mgr").mkdir()
        (folder / "rgw").mkdir()
        fsid, configuration = str(uuid.uuid4()), folder / "ceph.conf"
        configuration.write_text(
            CONFIGURATION.format(
                fsid=fsid,
                folder=folder,
                monitor_port=monitor_port,
                gateway_port=gateway_port,
                bytes=memory_bytes,
            )
        )

        def run(*command: str) -> str:
            program, *arguments = command
            try:
                return subprocess.run(
                    [program, "-c", str(configuration), *arguments],
                    check=True,
                    capture_output=True,
                    text=True,
                    timeout=START_SECONDS,
                ).stdout
            except subprocess.SubprocessError as error:
                raise RuntimeError(f"{error}\n{error.stderr}\n{_said(folder)}") from error

        def start(*command: str) -> subprocess.Popen[bytes]:
            program, *arguments = command
            log = stack.enter_context((folder / f"{program}.out").open("wb"))
            process = subprocess.Popen(
                [program, "-f", "-c", str(configuration), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
            stack.callback(stop, process)
            return process

        subprocess.run(
            ["monmaptool", "--create", "--addv", "a", f"[v1:127.0.0.1:{monitor_port}]",
             "--fsid", fsid, str(folder / "monmap")],
            check=True,
            capture_output=True,
        )  # fmt: skip
        run("ceph-mon", "--mkfs", "-i", "a", "--monmap", str(folder / "monmap"))
        start("ceph-mon", "-i", "a")
        _wait(folder, "the monitor", lambda: bool(run("ceph", "--connect-timeout", "5", "-s")))
        start("ceph-mgr", "-i", "x")
        disk = run("ceph", "osd", "create").strip()
        (folder / f"osd-{disk}").mkdir()
        run("ceph-osd", "-i", disk, "--mkfs")
        starts: list[subprocess.Popen[bytes]] = []

        def disk_is_up() -> bool:
            if not starts or starts[-1].poll() is not None:
                # On a busy machine it may speak to the monitor before it knows the cluster's id.
                starts.append(start("ceph-osd", "-i", disk))
            return _disks_up(run("ceph", "osd", "stat", "-f", "json")) == 1

        _wait(folder, "the disk", disk_is_up)
        access_key, secret_key = f"test-{secrets.token_hex(8)}", secrets.token_hex(20)
        run(
            "radosgw-admin", "user", "create", "--uid=tester", "--display-name=tester",
            f"--access-key={access_key}", f"--secret-key={secret_key}",
        )  # fmt: skip
        start("radosgw", "-n", "client.rgw.a")
        _wait(folder, "the gateway", lambda: listens(gateway_port))
        server = S3Server(f"http://127.0.0.1:{gateway_port}", access_key, secret_key)
        _warm_up(server)
        yield server


def _warm_up(server: S3Server) -> None:
    """Use the gateway once: it makes its pools at the first request of each kind, slowly."""
    import boto3

    client = boto3.client(
        "s3",
        endpoint_url=server.endpoint_url,
        aws_access_key_id=server.access_key,
        aws_secret_access_key=server.secret_key,
        region_name="us-east-1",
    )
    address = {"Bucket": "warm-up", "Key": "x"}
    client.create_bucket(Bucket="warm-up")
    client.put_object(Body=b"x", **address)
    upload = client.create_multipart_upload(**address)["UploadId"]
    client.upload_part(Body=b"x", PartNumber=1, UploadId=upload, **address)
    client.abort_multipart_upload(UploadId=upload, **address)
    client.delete_object(**address)
    client.delete_bucket(Bucket="warm-up")
    client.close()


def _disks_up(answer: str) -> int:
    return int(json.loads(answer).get("num_up_osds", 0))


def _wait(folder: Path, what: str, is_ready: Callable[[], bool]) -> None:
    """Wait until something is ready.

    Raises:
        RuntimeError: naming it, with the last lines that its programs have written.
    """
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        with suppress(RuntimeError):
            if is_ready():
                return
        time.sleep(0.2)
    raise RuntimeError(
        f"{what} of Ceph did not start within {START_SECONDS} seconds:\n{_said(folder)}"
    )


def _said(folder: Path) -> str:
    return "\n".join(
        f"{log.name}: {line}"
        for log in folder.glob("*.out")
        for line in log.read_text(errors="replace").splitlines()[-5:]
    )


def listens(port: int) -> bool:
    """Tell whether somebody listens on a port of this machine."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on right now."""
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a process by its id, politely and then for good."""
    if process.poll() is None:
        os.kill(process.pid, signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
