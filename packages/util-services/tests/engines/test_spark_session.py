"""Which Spark master is used, and what is refused before a row is read."""

import os
import shutil
import socket
import subprocess
import threading

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from util_services.engines.choice import open_engine
from util_services.engines.failures import EngineError, EngineResourceError, EngineUnavailableError
from util_services.engines.local import LocalEngine
from util_services.engines.spark import SparkEngine, refuse_missing_rows
from util_services.engines.spark_batches import told_by_worker
from util_services.engines.spark_failures import spark_failure
from util_services.errors import CancelledError, ConfigurationError

CANARY = "canary-Jane-Roe"
MARK = "0123456789abcdef"
OPEN = """
import pathlib, sys
from util_services.engines.spark import SparkEngine
try:
    SparkEngine(pathlib.Path(sys.argv[1])).__enter__()
except Exception as error:
    print(type(error).__name__, error)
"""


def late(address, seconds):
    """Return what a process tells of a cluster that kept it waiting."""
    return (
        f"EngineUnavailableError The Spark master '{address}' has computed nothing within "
        f"{seconds} seconds; see that it has free workers, raise DATA_SERVICES_SPARK_WAIT_SECONDS, "
        "or set DATA_SERVICES_ENGINE=local.\n"
    )


@pytest.fixture(autouse=True)
def _nothing_configured(clean_environment):
    """Nobody has configured anything."""


@pytest.mark.parametrize(
    ("engine", "master", "kind"),
    [
        (None, None, LocalEngine),
        ("local", "local[1]", LocalEngine),
        ("auto", None, LocalEngine),
        ("auto", "local[1]", SparkEngine),
        ("spark", None, SparkEngine),
    ],
)
def test_the_environment_chooses_the_engine(tmp_path, monkeypatch, engine, master, kind):
    for name, value in {"ENGINE": engine, "SPARK_MASTER": master}.items():
        if value:
            monkeypatch.setenv(f"DATA_SERVICES_{name}", value)

    assert type(open_engine(tmp_path)) is kind


@pytest.mark.parametrize(
    "master", ["yarn", "spark://", "http://x:1", "local[", "sc:/x", "spark://a b"]
)
def test_a_master_that_is_none_is_refused(tmp_path, monkeypatch, master):
    monkeypatch.setenv("DATA_SERVICES_SPARK_MASTER", master)

    with pytest.raises(ConfigurationError) as refused:
        SparkEngine(tmp_path)

    assert str(refused.value) == (
        "DATA_SERVICES_SPARK_MASTER must be 'spark://HOST:PORT', 'sc://HOST:PORT' or 'local[*]'; "
        "correct the variable."
    )


@pytest.mark.parametrize("scheme", ["spark", "sc"])
def test_a_master_that_does_not_answer_is_refused(tmp_path, monkeypatch, scheme):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))  # and does not listen
        address = f"{scheme}://127.0.0.1:{probe.getsockname()[1]}"
        monkeypatch.setenv("DATA_SERVICES_SPARK_MASTER", address)

        with pytest.raises(EngineUnavailableError) as refused:
            SparkEngine(tmp_path)

    assert str(refused.value) == (
        f"Nobody answers at the Spark master '{address}'; start it, correct "
        "DATA_SERVICES_SPARK_MASTER, or set DATA_SERVICES_ENGINE=local."
    )


@pytest.fixture
def silent_server():
    """The address of somebody who takes connections, and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize("scheme", ["spark", "sc"])
def test_a_master_that_says_nothing_is_given_up_in_time(
    tmp_path, monkeypatch, silent_server, scheme
):
    address = f"{scheme}://{silent_server}"
    monkeypatch.setenv("DATA_SERVICES_SPARK_MASTER", address)
    monkeypatch.setenv("DATA_SERVICES_SPARK_WAIT_SECONDS", "3")

    answer = subprocess.run(
        [shutil.which("python"), "-c", OPEN, tmp_path], capture_output=True, text=True, check=True
    )

    assert (answer.stdout, answer.stderr) == (late(address, 3), "")
    assert list(tmp_path.iterdir()) == []


def test_a_cluster_without_free_workers_is_given_up_in_time(tmp_path, monkeypatch, spark_cluster):
    folder = tmp_path / "conf"
    folder.mkdir()
    ask = "spark.executor.memory 64g\n"  # more than any worker has
    (folder / "spark-defaults.conf").write_text(
        (spark_cluster.configuration / "spark-defaults.conf").read_text() + ask
    )
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    environment = os.environ | spark_cluster.environment()
    environment |= {"SPARK_CONF_DIR": str(folder), "DATA_SERVICES_SPARK_WAIT_SECONDS": "3"}
    answer = subprocess.run(
        [shutil.which("python"), "-c", OPEN, scratch],
        env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip

    assert (answer.stdout, answer.stderr) == (late(spark_cluster.master, 3), "")
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize("value", ["0", "-1", "soon", "1.5"])
def test_a_time_that_is_none_is_refused(tmp_path, monkeypatch, value):
    monkeypatch.setenv("DATA_SERVICES_SPARK_WAIT_SECONDS", value)

    with pytest.raises(ConfigurationError) as refused:
        SparkEngine(tmp_path)

    assert str(refused.value) == (
        "DATA_SERVICES_SPARK_WAIT_SECONDS must be a whole number above 0; correct the variable."
    )


def test_one_of_several_masters_is_enough(tmp_path, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        ports = [probe.getsockname()[1], server.getsockname()[1]]
        places = ",".join(f"127.0.0.1:{port}" for port in ports)
        monkeypatch.setenv("DATA_SERVICES_SPARK_MASTER", f"spark://{places}")

        assert SparkEngine(tmp_path).master == f"spark://{places}"


@pytest.mark.parametrize("variable", ["PATH", "JAVA_HOME"])
def test_a_machine_without_java_is_refused(tmp_path, monkeypatch, variable):
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv(variable, str(tmp_path))

    with pytest.raises(EngineUnavailableError) as refused:
        SparkEngine(tmp_path)

    assert str(refused.value) == (
        "The engine 'spark' needs Java 17 or newer, and none was found; install it, set JAVA_HOME, "
        "or set DATA_SERVICES_ENGINE=local."
    )


def test_an_installation_without_the_extra_is_refused(tmp_path, monkeypatch):
    without = (
        "import importlib.util as u, pathlib, sys\n"
        "find = u.find_spec\n"
        "u.find_spec = lambda name, *rest: None if name == 'pyspark' else find(name, *rest)\n"
        "from util_services.engines.choice import open_engine\n"
        "try:\n    open_engine(pathlib.Path())\n"
        "except Exception as error:\n    print(type(error).__name__, error)\n"
        "assert 'pyspark' not in sys.modules\n"
    )
    program = [shutil.which("python"), "-c", without]
    environment = os.environ | {"DATA_SERVICES_ENGINE": "spark"}

    answer = subprocess.run(program, env=environment, capture_output=True, text=True, check=True)

    assert answer.stdout == (
        "EngineUnavailableError The engine 'spark' is not installed; install "
        "util-services[spark], or set DATA_SERVICES_ENGINE=local.\n"
    )


def test_a_session_on_another_master_is_not_taken_for_the_one_asked_for(
    tmp_path, monkeypatch, spark_session
):
    monkeypatch.setenv("DATA_SERVICES_SPARK_MASTER", "local[1]")

    with pytest.raises(EngineUnavailableError) as refused, SparkEngine(tmp_path):
        pass

    assert str(refused.value) == (
        "This process already has a Spark session on another master; stop it, or unset "
        "DATA_SERVICES_SPARK_MASTER."
    )


def test_settings_that_decide_on_values_are_the_engine_s_own(tmp_path, spark_session):
    spark_session.conf.set("spark.sql.session.timeZone", "Asia/Tokyo")
    try:
        with SparkEngine(tmp_path) as engine:
            assert engine.session.conf.get("spark.sql.session.timeZone") == "UTC"
        assert spark_session.conf.get("spark.sql.session.timeZone") == "Asia/Tokyo"
    finally:
        spark_session.conf.set("spark.sql.session.timeZone", "UTC")


def test_nothing_of_spark_keeps_a_thread_of_the_engine(tmp_path, spark_session):
    with SparkEngine(tmp_path):
        pass

    assert [t.name for t in threading.enumerate() if t.name == "data-services-engine"] == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "kind", "words"),
    [
        ("[SPARK_JOB_CANCELLED] Job 1 cancelled", CancelledError, "cancelled"),
        (f"java.lang.OutOfMemoryError {CANARY}", EngineResourceError, "lacks memory"),
        (f"{CANARY}: No space left on device", EngineResourceError, "No space is left"),
        (f"[PYTHON_VERSION_MISMATCH] {CANARY}", EngineResourceError, "PYSPARK_PYTHON"),
        (f"No module named '{CANARY}'", EngineResourceError, "lack a Python package"),
        ("FAILED_READ_FILE.FILE_NOT_EXIST", EngineResourceError, "shared"),
        (f"ExecutorLostFailure {CANARY}", EngineResourceError, "lost an executor"),
        ("Cannot call methods on a stopped SparkContext", EngineResourceError, "ended"),
        (f"[CAST_INVALID_INPUT] {CANARY}", EngineError, "PySparkException"),
    ],
)
def test_each_kind_of_failure_has_its_sentence(text, kind, words):
    from pyspark.errors import PySparkException

    failure = spark_failure(PySparkException(text), MARK)

    assert type(failure) is kind
    assert words in str(failure)
    assert CANARY not in str(failure)


@pytest.mark.parametrize("found", [[], [2], [2, 2]])
def test_rows_that_workers_wrote_elsewhere_are_missed(tmp_path, found):
    parts = [tmp_path / f"part-{n:05}.parquet" for n, _ in enumerate(found)]
    for part, rows in zip(parts, found, strict=True):
        pq.write_table(pa.table({"a": range(rows)}), part)

    with pytest.raises(EngineResourceError) as refused:
        refuse_missing_rows(parts, 3)

    assert str(refused.value) == (
        "The Spark workers cannot reach the staging or the source; put both on a folder that is "
        "shared under one path, and let the workers run as this user."
    )


def test_a_cell_cannot_pass_for_a_message_of_a_worker():
    forged = '{"class": "DatasetError", "text": "' + CANARY + '"}'

    assert told_by_worker(f"value {forged} of a cell", MARK) is None
    assert str(told_by_worker(f"{MARK}{forged}{MARK}", MARK)) == CANARY
