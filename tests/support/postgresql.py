"""A real PostgreSQL server on this machine, with its data in one temporary folder.

Needs Debian's `postgresql`. It listens on loopback alone and asks for a password that is made at
run time. PostgreSQL refuses to run as root, so root starts it as an unprivileged user.
"""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ceph_rgw import free_ports

if TYPE_CHECKING:
    from collections.abc import Iterator

DEBIAN_PROGRAMS = Path("/usr/lib/postgresql")  # a folder for each major version
START_SECONDS = 120
STOP_SECONDS = 20
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "off",  # the data go with the test
    "max_connections": "50",
}


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """Where a server listens, and its one user."""

    port: int
    user: str
    password: str

    def url(self, database: str = "postgres") -> str:
        """Return the address of a database, in SQLAlchemy's form and for psycopg2."""
        return f"postgresql+psycopg2://{self.user}:{self.password}@127.0.0.1:{self.port}/{database}"

    @contextmanager
    def fresh_database(self) -> Iterator[str]:
        """Make a database, give its address, and drop it whoever is still connected."""
        name = f"test_{secrets.token_hex(6)}"
        self._run(f'CREATE DATABASE "{name}"')
        try:
            yield self.url(name)
        finally:
            self._run(f'DROP DATABASE "{name}" WITH (FORCE)')

    def _run(self, statement: str) -> None:
        from sqlalchemy import create_engine, text

        engine = create_engine(self.url(), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(statement))
        engine.dispose()


def programs() -> Path | None:
    """Return the folder of the newest server that is installed, None where there is none."""
    versions = [path for path in DEBIAN_PROGRAMS.glob("*/bin") if (path / "initdb").exists()]
    if versions:
        return max(versions, key=lambda path: int(path.parent.name))
    initdb = shutil.which("initdb")
    return Path(initdb).parent if initdb else None


@contextmanager
def postgresql() -> Iterator[PostgresServer]:
    """Run a server; it answers when this yields, and is gone with its data afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="postgresql-", dir="/tmp"))
    try:
        with _server(folder) as server:
            yield server
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _server(folder: Path) -> Iterator[PostgresServer]:
    where = programs()
    if where is None:
        raise FileNotFoundError("PostgreSQL is not installed")
    (port,) = free_ports(1)
    server = PostgresServer(port, "tester", secrets.token_hex(16))
    data, password_file = folder / "data", folder / "password"
    password_file.write_text(server.password)
    unprivileged = _become_unprivileged(folder, password_file)
    common: dict[str, Any] = {"cwd": folder, "stdin": subprocess.DEVNULL, **unprivileged}
    with (folder / "server.log").open("wb") as log:
        subprocess.run(
            [
                *(where / "initdb", "--pgdata", data, "--username", server.user),
                *("--pwfile", password_file, "--auth", "scram-sha-256"),
                *("--no-sync", "--encoding", "UTF8", "--locale", "C"),
            ],
            check=True,
            stdout=log,
            stderr=log,
            **common,
        )
        settings = [f"--{name}={value}" for name, value in SETTINGS.items()]
        process = subprocess.Popen(
            [where / "postgres", "-D", data, "-p", str(port), *settings],
            stdout=log,
            stderr=log,
            **common,
        )
        try:
            _wait_for(process, where, server, folder)
            yield server
        finally:
            stop(process)


def _become_unprivileged(*paths: Path) -> dict[str, Any]:
    """Return how to start a program as somebody else than root, who may use some paths."""
    if os.getuid() != 0:
        return {}
    try:
        account = pwd.getpwnam("postgres")
    except KeyError:
        account = pwd.getpwnam("nobody")
    for path in paths:
        os.chown(path, account.pw_uid, account.pw_gid)
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def _wait_for(
    process: subprocess.Popen[bytes], where: Path, server: PostgresServer, folder: Path
) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        asked = ["--host", "127.0.0.1", "--port", str(server.port), "--quiet"]
        if subprocess.run([where / "pg_isready", *asked], check=False).returncode == 0:
            return
        time.sleep(0.1)
    said = "\n".join((folder / "server.log").read_text(errors="replace").splitlines()[-10:])
    raise TimeoutError(f"PostgreSQL did not start within {START_SECONDS} seconds:\n{said}")


def stop(process: subprocess.Popen[bytes]) -> None:
    """End the server by its id: at once, though clients may be connected, and then for good."""
    with suppress(ProcessLookupError):
        process.send_signal(signal.SIGINT)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
