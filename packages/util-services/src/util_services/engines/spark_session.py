"""Sessions on Spark: which master, whether it can be reached, how one is opened and ended.

Three kinds of session are used alike. A driver of our own belongs to one operation: everything it
keeps lies in the run's scratch folder, and its process ends with it. A session that this process
already has, as in a notebook, is used and left open. A Spark Connect server has the driver on its
own side.

Sources: the Spark documentation, "Configuration" and "Spark Connect Overview"; pyspark's
``java_gateway.py`` on how a driver is launched and ends with its standard input.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import warnings
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from util_services import settings
from util_services.engines.failures import EngineUnavailableError
from util_services.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

    from pyspark import SparkContext
    from pyspark.sql import Observation, SparkSession

DEFAULT_MASTER = "local[*]"
MASTER_PATTERN = re.compile(r"local(\[[\d*, ]+\])?|(spark|sc)://\S+")
PORTS = {"spark": 7077, "sc": 15002}
REACH_SECONDS = 5.0
WAIT_SECONDS = 120
STOP_SECONDS = 20.0
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
APPLICATION = "data-services"  # all that the user interface of a cluster shows of a run

# What every session is told, whatever a cluster's administrator has set: these decide on values.
SQL_SETTINGS = {
    "spark.sql.ansi.enabled": "true",
    "spark.sql.caseSensitive": "true",  # names are unique anyway; no folding can make two one
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    "spark.sql.files.ignoreCorruptFiles": "false",  # true would lose rows without a word
    "spark.sql.files.ignoreMissingFiles": "false",
    "spark.sql.parquet.binaryAsString": "false",
    "spark.sql.parquet.datetimeRebaseModeInRead": "CORRECTED",  # dates are Gregorian throughout
    "spark.sql.parquet.datetimeRebaseModeInWrite": "CORRECTED",
    # true breaks transform() on lists of floats that are all missing (Spark 4.3)
    "spark.sql.parquet.enableNestedColumnVectorizedReader": "false",
    "spark.sql.parquet.inferTimestampNTZ.enabled": "true",
    "spark.sql.parquet.int96RebaseModeInRead": "CORRECTED",
    "spark.sql.parquet.mergeSchema": "false",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.pyspark.jvmStacktrace.enabled": "false",  # it quotes values
}
DRIVER_SETTINGS = {
    "spark.app.name": APPLICATION,
    "spark.eventLog.enabled": "false",  # plans hold literals
    "spark.executor.syncLogLevel.enabled": "true",
    "spark.log.level": "OFF",  # its messages quote values
    "spark.sql.catalogImplementation": "in-memory",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
}


def master() -> str:
    """Return the master that ``DATA_SERVICES_SPARK_MASTER`` names, by default this machine.

    Raises:
        ConfigurationError: if it is none.
    """
    value = settings.text("SPARK_MASTER") or DEFAULT_MASTER
    if not MASTER_PATTERN.fullmatch(value):
        raise ConfigurationError(
            "DATA_SERVICES_SPARK_MASTER must be 'spark://HOST:PORT', 'sc://HOST:PORT' or "
            "'local[*]'; correct the variable."
        )
    return value


def patience() -> int:
    """Return for how many seconds a cluster may keep a run waiting before it computes for it.

    Raises:
        ConfigurationError: if ``DATA_SERVICES_SPARK_WAIT_SECONDS`` is no whole number above 0.
    """
    value = settings.text("SPARK_WAIT_SECONDS") or str(WAIT_SECONDS)
    if not (value.isdecimal() and int(value)):
        raise ConfigurationError(
            "DATA_SERVICES_SPARK_WAIT_SECONDS must be a whole number above 0; correct the variable."
        )
    return int(value)


def is_connect(address: str) -> bool:
    """Whether a master is a Spark Connect server."""
    return address.startswith("sc://")


def check_available(address: str) -> None:
    """Check, without starting anything, that a session can be opened.

    Raises:
        EngineUnavailableError: if the extra or Java is missing, or nobody listens at the master.
    """
    seconds = min(REACH_SECONDS, patience())
    needed = ["pyspark", *(["grpc_status", "zstandard"] if is_connect(address) else [])]
    if any(find_spec(module) is None for module in needed):
        raise EngineUnavailableError(
            "The engine 'spark' is not installed; install util-services[spark], or set "
            "DATA_SERVICES_ENGINE=local."
        )
    if not is_connect(address) and java_program() is None:
        raise EngineUnavailableError(
            "The engine 'spark' needs Java 17 or newer, and none was found; install it, set "
            "JAVA_HOME, or set DATA_SERVICES_ENGINE=local."
        )
    places = _places(address)
    if places and not any(_answers(*place, seconds) for place in places):
        raise EngineUnavailableError(
            f"Nobody answers at the Spark master '{address}'; start it, correct "
            "DATA_SERVICES_SPARK_MASTER, or set DATA_SERVICES_ENGINE=local."
        )


def open_session(address: str, scratch: Path) -> tuple[SparkSession, Callable[[], None]]:
    """Return a session of its own settings, and what ends it.

    Call it outside the main thread: there, Spark would put a handler of its own on SIGINT.

    Raises:
        EngineUnavailableError: if the driver does not start, the master refuses it, or nothing
            is computed for it in time.
    """
    with ExitStack() as stack, without_pandas_warning():
        _silence_loggers()
        if is_connect(address):
            session = _connect(address)
            stack.callback(session.stop)
            _compute_something(session, address, session.interruptAll)
        else:
            session = _classic(address, scratch, stack)
        for key, value in SQL_SETTINGS.items():
            session.conf.set(key, value)
        return session, stack.pop_all().close
    raise AssertionError("an exit stack swallows no error")


@contextmanager
def without_pandas_warning() -> Iterator[None]:
    """Keep PySpark's warning of pandas 3 from users: only functions of authors meet pandas here.

    Where warnings are errors, PySpark 4.3 takes it for a missing pandas, for the whole process.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "PySpark does not yet", FutureWarning)
        yield


def functions_of(address: str) -> ModuleType:
    """Return the module of functions that belongs to the sessions of a master."""
    return import_module(f"pyspark.sql{'.connect' if is_connect(address) else ''}.functions")


def new_observation(address: str) -> Observation:
    """Return an observation for a frame of a session of a master."""
    connect = ".connect" if is_connect(address) else ""
    made: Observation = import_module(f"pyspark.sql{connect}.observation").Observation()
    return made


def tag_thread(session: SparkSession, address: str, tag: str) -> None:
    """Tag what this thread is about to ask of Spark, so that another one can interrupt it.

    Sessions have tags of their own, but those of a classic one are known to their thread alone.
    """
    if is_connect(address):
        session.addTag(tag)
        return
    context = session.sparkContext
    context.setInterruptOnCancel(interruptOnCancel=True)
    context.addJobTag(tag)


def interrupt(session: SparkSession, address: str, tag: str) -> None:
    """End whatever Spark does under a tag."""
    if is_connect(address):
        session.interruptTag(tag)
    else:
        session.sparkContext.cancelJobsWithTag(tag)


def _silence_loggers() -> None:
    """Silence the loggers of PySpark that write the messages of errors, values included."""
    from pyspark.logger import PySparkLogger

    for name in ("DataFrameQueryContextLogger", "SQLQueryContextLogger"):
        PySparkLogger.getLogger(name).disabled = True


def _connect(address: str) -> SparkSession:
    from grpc import FutureTimeoutError, channel_ready_future
    from pyspark.sql.connect.client import DefaultChannelBuilder
    from pyspark.sql.connect.session import SparkSession as RemoteSession

    # a session would be asked for again and again, for minutes
    channel = DefaultChannelBuilder(address).toChannel()
    try:
        channel_ready_future(channel).result(patience())
    except FutureTimeoutError:
        raise _is_late(address) from None
    finally:
        channel.close()
    return RemoteSession.builder.remote(address).create()  # type: ignore[return-value]


def _classic(address: str, scratch: Path, stack: ExitStack) -> SparkSession:
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

    running = SparkContext._active_spark_context
    if running is not None:
        configured = settings.text("SPARK_MASTER")
        if configured and configured != running.master:
            raise EngineUnavailableError(
                "This process already has a Spark session on another master; stop it, or unset "
                "DATA_SERVICES_SPARK_MASTER."
            )
        stack.enter_context(_checkpoints_in(running, scratch))
        return SparkSession(running).newSession()
    context = _own_context(address, scratch, stack)
    stack.enter_context(_checkpoints_in(context, scratch))
    session = SparkSession(context)
    _compute_something(session, address, context.cancelAllJobs)
    return session


def _compute_something(session: SparkSession, address: str, cancel: Callable[[], object]) -> None:
    """Let a cluster compute one row: one without free workers would keep a run waiting for ever."""
    with _in_time(address, cancel):
        session.range(0, 1, 1, 1).collect()


@contextmanager
def _in_time(address: str, end: Callable[[], object]) -> Iterator[None]:
    """End what takes longer than a cluster may, and say so.

    Raises:
        EngineUnavailableError: if it was ended.
    """
    seconds, is_late = patience(), threading.Event()

    def give_up() -> None:
        is_late.set()
        with suppress(Exception):  # it may have ended by itself
            end()

    timer = threading.Timer(seconds, give_up)
    timer.daemon = True
    timer.start()
    try:
        yield
    except Exception:
        if not is_late.is_set():
            raise
    finally:
        timer.cancel()
    if is_late.is_set():
        raise _is_late(address) from None


def _is_late(address: str) -> EngineUnavailableError:
    return EngineUnavailableError(
        f"The Spark master '{address}' has computed nothing within {patience()} seconds; see that "
        "it has free workers, raise DATA_SERVICES_SPARK_WAIT_SECONDS, or set "
        "DATA_SERVICES_ENGINE=local."
    )


@contextmanager
def _checkpoints_in(context: SparkContext, scratch: Path) -> Iterator[None]:
    """Let a context keep checkpoints in a folder of the run; another's have their place again."""
    scala = context._jsc.sc()
    former = scala.checkpointDir()
    folder = Path(tempfile.mkdtemp(prefix="spark-kept-", dir=scratch.absolute()))
    try:
        context.setCheckpointDir(f"file://{folder}")  # as it is: Hadoop takes no escapes
        yield
    finally:
        with suppress(Exception):  # the context may have ended by itself
            getattr(scala, "checkpointDir_$eq")(former)
        shutil.rmtree(folder, ignore_errors=True)


def _own_context(address: str, scratch: Path, stack: ExitStack) -> Any:
    """Start a driver process and its context; both end with the stack."""
    from pyspark import SparkConf, SparkContext
    from pyspark.errors import PySparkException
    from pyspark.java_gateway import launch_gateway

    folder = Path(tempfile.mkdtemp(prefix="spark-", dir=scratch))
    stack.callback(shutil.rmtree, folder, ignore_errors=True)
    conf = SparkConf(loadDefaults=False).setAll([*_driver_settings(address, folder).items()])
    with _environment(PYSPARK_PYTHON=os.environ.get("PYSPARK_PYTHON", sys.executable)):
        gateway = None
        if SparkContext._gateway is None:
            quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            try:
                gateway = launch_gateway(conf, quiet)  # type: ignore[no-untyped-call]
            except (PySparkException, OSError):
                raise _did_not_start() from None
            stack.callback(_end_driver, gateway)
        try:
            with _in_time(address, partial(_kill_driver, gateway)):
                context = SparkContext(conf=conf, gateway=gateway)
        except EngineUnavailableError:
            raise
        except Exception:  # noqa: BLE001 - of Py4J, Java or Python; the cure is the same
            raise _did_not_start() from None
    stack.callback(context.stop)
    return context


def _driver_settings(address: str, folder: Path) -> dict[str, str]:
    found = DRIVER_SETTINGS | {
        "spark.master": address,
        "spark.local.dir": str(folder),
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.driver.defaultJavaOptions": f'"-Djava.io.tmpdir={folder}"',
    }
    places = _places(address)
    if all(host in LOOPBACK for host, _ in places):
        found |= {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}
    return found


def _did_not_start() -> EngineUnavailableError:
    return EngineUnavailableError(
        "Spark's driver did not start; check Java (17 or newer), the settings in "
        "spark-defaults.conf, and that the master accepts applications."
    )


def _kill_driver(gateway: Any) -> None:
    """End a driver process that waits for a master, and what waits for the process."""
    if gateway is not None:
        gateway.proc.kill()


def _end_driver(gateway: Any) -> None:
    """End a driver process, which goes when its standard input is closed."""
    from pyspark import SparkContext

    SparkContext._gateway = SparkContext._jvm = None
    with suppress(Exception):
        gateway.shutdown()
    process = gateway.proc
    process.stdin.close()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def _environment(**values: str) -> Iterator[None]:
    """Set environment variables for what is started meanwhile, as Spark reads them from there."""
    former = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in former.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def java_program() -> str | None:
    """Return the Java that a driver on this machine would be started with, None without one."""
    home = os.environ.get("JAVA_HOME")
    return shutil.which("java", path=str(Path(home) / "bin") if home else None)


def _places(address: str) -> list[tuple[str, int]]:
    """Return hosts and ports of a master; several may stand by for one another."""
    scheme, separator, rest = address.partition("://")
    if not separator:
        return []
    found = []
    for part in rest.split("/")[0].split(","):
        parts = urlsplit(f"//{part}")
        found.append((parts.hostname or "", parts.port or PORTS[scheme]))
    return found


def _answers(host: str, port: int, seconds: float) -> bool:
    try:
        with socket.create_connection((host, port), seconds):
            return True
    except OSError:
        return False
