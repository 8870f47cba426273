"""A real standalone Spark cluster on this machine: a master and two workers as processes.

Comes with PySpark and needs Java 17 or newer. Everything listens on loopback, or on hosts that are
network namespaces, and lives in one temporary folder; the processes are ended by their ids. Takes
part in tests and benchmarks.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from ceph_rgw import free_ports, stop
from network_namespaces import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from network_namespaces import Host

START_SECONDS = 180
WORKERS = 2
PACKAGE = "org.apache.spark.deploy"
WORKER_MEMORY = "2g"  # may be handed out, so that several applications fit beside one another
WORKER_CORES = 4
DAEMON_MEMORY = "256m"  # of the master and the workers themselves
SERVER_MEMORY = "640m"  # of a Connect server, which Spark starts as one of its daemons
# None lives long enough to earn what thorough compilation and a parallel collector cost.
JAVA_OPTIONS = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"

# The defaults of applications: small executors; small splits, so that small files have many; no
# joins by broadcast, so that rows of small tables lose their order where those of large ones would;
# and no second try of what fails, which fails again seconds later.
DEFAULTS = f"""\
spark.driver.extraJavaOptions {JAVA_OPTIONS}
spark.executor.extraJavaOptions {JAVA_OPTIONS}
spark.driver.memory 512m
spark.executor.memory 512m
spark.executor.cores 1
spark.cores.max 2
spark.sql.shuffle.partitions 4
spark.default.parallelism 2
spark.sql.files.maxPartitionBytes 64k
spark.sql.autoBroadcastJoinThreshold -1
spark.sql.adaptive.autoBroadcastJoinThreshold -1
spark.scheduler.minRegisteredResourcesRatio 1.0
spark.task.maxFailures 1
spark.shuffle.service.enabled false
spark.master.rest.enabled false
"""


@dataclass(frozen=True, slots=True)
class SparkCluster:
    """A running cluster.

    Attributes:
        master: its address.
        folder: holds the workers' folders: logs, shuffled and spilled data of applications.
        configuration: the folder for ``SPARK_CONF_DIR``.
        pids: the processes of master and workers.
        address: where drivers listen.
    """

    master: str
    folder: Path
    configuration: Path
    pids: tuple[int, ...]
    address: str

    def environment(self) -> dict[str, str]:
        """Return what an application needs in its environment."""
        return {
            "SPARK_CONF_DIR": str(self.configuration),
            "SPARK_LOCAL_IP": self.address,
            "DATA_SERVICES_SPARK_MASTER": self.master,
        }

    def kill_worker(self) -> None:
        """Kill a worker with all its executors and their Python, as a machine goes down."""
        worker = self.pids[-1]
        for pid in [worker, *descendants(worker)]:
            with suppress(ProcessLookupError):  # it has ended with the one above it
                os.kill(pid, signal.SIGKILL)


def descendants(pid: int) -> list[int]:
    """Return the processes that a process has begun, and those that these have."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has just ended
            after_name = stat.read_text().rpartition(")")[2].split()
            children.setdefault(int(after_name[1]), []).append(int(stat.parent.name))
    found = [pid]
    for one in found:
        found += children.get(one, [])
    return found[1:]


def missing_parts() -> list[str]:
    """Return what this machine lacks for a cluster."""
    parts = []
    if find_spec("pyspark") is None:
        parts.append("pyspark (the extra util-services[spark])")
    home = os.environ.get("JAVA_HOME")
    if shutil.which("java", path=f"{home}/bin" if home else None) is None:
        parts.append("Java (.gitea/scripts/install-system)")
    return parts


@contextmanager
def spark_cluster(
    hosts: Sequence[Host] = (LOOPBACK,) * (1 + WORKERS), settings: str = ""
) -> Iterator[SparkCluster]:
    """Run a cluster; its workers have registered when this yields, and it is gone afterwards.

    Args:
        hosts: where the master and each worker run; drivers run beside the master.
        settings: more lines for the defaults of applications.
    """
    folder = Path(tempfile.mkdtemp(prefix="spark-cluster-", dir="/tmp"))
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        configuration = folder / "conf"
        configuration.mkdir()
        (configuration / "spark-defaults.conf").write_text(DEFAULTS + settings)
        port, *worker_ports = free_ports(len(hosts))
        address = hosts[0].address
        master = f"spark://{address}:{port}"

        def start(name: str, host: Host, main: str, *arguments: str) -> subprocess.Popen[bytes]:
            home = folder / name
            (home / "local").mkdir(parents=True)
            log = stack.enter_context((folder / f"{name}.log").open("wb"))
            process = subprocess.Popen(
                [
                    *host.prefix,
                    _spark_home() / "bin" / "spark-class",
                    f"{PACKAGE}.{main}",
                    "--host",
                    host.address,
                    *arguments,
                ],
                env=_environment(home, configuration, host.address),
                cwd=home,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
            stack.callback(stop, process)
            return process

        processes = [
            start("master", hosts[0], "master.Master", "--port", str(port), "--webui-port", "0")
        ]
        _wait("the master", processes, lambda: _listens(port, address))
        names = [f"worker-{number}" for number, _ in enumerate(worker_ports)]
        for name, host, worker_port in zip(names, hosts[1:], worker_ports, strict=True):
            processes.append(
                start(name, host, "worker.Worker", "--port", str(worker_port), "--webui-port", "0",
                      "--cores", str(WORKER_CORES), "--memory", WORKER_MEMORY,
                      "--work-dir", str(folder / name / "work"), master)
            )  # fmt: skip
        logs = [folder / f"{name}.log" for name in names]
        registered = b"Successfully registered with master"
        _wait("a worker", processes, lambda: all(registered in log.read_bytes() for log in logs))
        pids = tuple(process.pid for process in processes)
        yield SparkCluster(master, folder, configuration, pids, address)


@dataclass(frozen=True, slots=True)
class ConnectServer:
    """A running Spark Connect server.

    Attributes:
        address: what clients connect to.
        user_interface: where its pages and their REST interface are.
        events: the folder of its event log.
        log: what it writes.
    """

    address: str
    user_interface: str
    events: Path
    log: Path


@contextmanager
def connect_server(cluster: SparkCluster) -> Iterator[ConnectServer]:
    """Run a Spark Connect server whose driver works on a cluster, and which shows all it can."""
    home = cluster.folder / "connect"
    with ExitStack() as stack:
        for name in ("local", "events"):
            (home / name).mkdir(parents=True)
        port, page = free_ports(2)
        log = stack.enter_context((cluster.folder / "connect.log").open("wb"))
        command = [
            _spark_home() / "bin" / "spark-submit",
            "--master", cluster.master,
            "--class", "org.apache.spark.sql.connect.service.SparkConnectServer",
            "--conf", f"spark.connect.grpc.binding.port={port}",
            "--conf", "spark.connect.grpc.binding.address=127.0.0.1",
            "--conf", "spark.driver.host=127.0.0.1",
            "--conf", "spark.driver.bindAddress=127.0.0.1",
            "--conf", "spark.eventLog.enabled=true",
            "--conf", "spark.eventLog.compress=false",
            "--conf", f"spark.eventLog.dir=file://{home}/events",
            "--conf", f"spark.ui.port={page}",
            "--conf", f"spark.driver.defaultJavaOptions=-Djava.io.tmpdir={home}/local",
            "--conf", f"spark.sql.warehouse.dir={home}/warehouse",
            "spark-internal",
        ]  # fmt: skip
        process = subprocess.Popen(
            command,
            env=_environment(home, cluster.configuration, cluster.address, SERVER_MEMORY),
            cwd=home,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        stack.callback(stop, process)
        _wait("the Connect server", [process], lambda: _listens(port))
        yield ConnectServer(
            f"sc://127.0.0.1:{port}",
            f"http://127.0.0.1:{page}",
            home / "events",
            cluster.folder / "connect.log",
        )


def _environment(
    home: Path, configuration: Path, address: str, memory: str = DAEMON_MEMORY
) -> dict[str, str]:
    return os.environ | {
        "SPARK_CONF_DIR": str(configuration),
        "SPARK_DAEMON_JAVA_OPTS": JAVA_OPTIONS,
        "SPARK_DAEMON_MEMORY": memory,
        "SPARK_LOCAL_DIRS": str(home / "local"),
        "SPARK_LOCAL_IP": address,
        "SPARK_LOG_DIR": str(home),
        "SPARK_PID_DIR": str(home),
        "SPARK_NO_DAEMONIZE": "true",
        "PYSPARK_PYTHON": sys.executable,
    }


def _spark_home() -> Path:
    specification = find_spec("pyspark")
    if specification is None or specification.origin is None:
        raise FileNotFoundError("pyspark is not installed")
    return Path(specification.origin).parent


def _wait(
    what: str, processes: Sequence[subprocess.Popen[bytes]], is_ready: Callable[[], bool]
) -> None:
    """Wait until something is ready.

    Raises:
        TimeoutError: naming it.
    """
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        if any(process.poll() is not None for process in processes):
            raise TimeoutError(f"{what} of Spark ended while it was starting")
        if is_ready():
            return
        time.sleep(0.1)
    raise TimeoutError(f"{what} of Spark did not start within {START_SECONDS} seconds")


def _listens(port: int, address: str = "127.0.0.1") -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((address, port)) == 0
