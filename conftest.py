"""What every test of the workspace shares."""

import contextlib
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

REQUIRE_EVERY_SUITE = "DATA_SERVICES_REQUIRE_EVERY_SUITE"
TEST_DATA = "DATA_SERVICES_TEST_DATA"
# As fixtures and parameters name them, the slowest first; a test that needs several belongs to the
# first of them.
LARGE_SERVERS = ("podman", "spark", "rgw", "postgres")
SLOW_FOLDERS = ("tests/", "packages/workspace-core/")  # which start a program in nearly every test
TEMPORARY = "PYTEST_DEBUG_TEMPROOT"  # where pytest makes temporary folders
MEMORY = Path("/dev/shm")  # noqa: S108 - pytest makes a folder of the user's own in it
HAS_PASSED = pytest.StashKey[bool]()
ROOM_BYTES = 6 << 30  # that of podman's images, and of what failed tests leave, included


# No test is judged by how long it takes: machines differ, and are busy. Where every suite is
# required, all runs try the same examples, so that a change is refused for what it does; elsewhere
# examples are new each time.
hypothesis.settings.register_profile(
    "workspace", deadline=None, derandomize=bool(os.environ.get(REQUIRE_EVERY_SUITE))
)
hypothesis.settings.load_profile("workspace")


def pytest_configure() -> None:
    """Let interrupts through, keep bytecode, and files of tests in memory where there is room.

    Shells start background commands with SIGINT ignored. Tests start thousands of interpreters,
    and one that compiles all it imports takes more than twice as long. What Dagster and we write is
    synced to disk file by file, which tests would wait for longer than they compute.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False
    if _has_room(MEMORY):
        os.environ.setdefault(TEMPORARY, str(MEMORY))


def _has_room(folder: Path) -> bool:
    """Tell whether a folder in memory takes large files and programs."""
    try:
        state = os.statvfs(folder)
    except OSError:
        return False
    known = (line.partition(":") for line in Path("/proc/meminfo").read_text().splitlines())
    kilobytes = int(next(text for name, _, text in known if name == "MemAvailable").split()[0])
    free = min(state.f_bavail * state.f_frsize, kilobytes << 10)
    return free > ROOM_BYTES and not state.f_flag & os.ST_NOEXEC


@pytest.hookimpl(optionalhook=True)  # of pytest-xdist
def pytest_xdist_auto_num_workers() -> int | None:
    """Use a process more than there are processors: tests wait for servers and daemons too."""
    if os.environ.get("PYTEST_XDIST_AUTO_NUM_WORKERS"):
        return None  # pytest-xdist sees to it
    return (os.cpu_count() or 1) + 1


@pytest.hookimpl(tryfirst=True)  # the names of the groups must be there when xdist looks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where several processes share the tests, give each module and each large server to one.

    What starts real programs comes first, the slowest ahead, so that no process is left alone with
    it in the end.
    """
    for item in items:
        item.add_marker(pytest.mark.xdist_group(_group(item)))
    items.sort(key=_rank)


def _rank(item: pytest.Item) -> tuple[int, int]:
    """Return where a test stands: by its large server, then by the folder it is in."""
    servers = (*LARGE_SERVERS, None)
    is_below = [item.nodeid.startswith(folder) for folder in SLOW_FOLDERS]
    return servers.index(_server(item)), (*is_below, True).index(True)


def _group(item: pytest.Item) -> str:
    return _server(item) or item.nodeid.partition("::")[0]


def _server(item: pytest.Item) -> str | None:
    """Return the large server that a test talks to."""
    names = (item.name, *getattr(item, "fixturenames", ()))
    return next((one for one in LARGE_SERVERS if any(one in name for name in names)), None)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Where every suite is required, count a test that was skipped as failed."""
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]
    if call.when == "call":
        item.stash[HAS_PASSED] = report.passed
    if report.skipped and os.environ.get(REQUIRE_EVERY_SUITE) and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, but {REQUIRE_EVERY_SUITE} is set: {report.longrepr[2]}"


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Iterator[None]:
    """Empty the temporary folder of a test that has passed, for it may take memory.

    The folder stays, so that no other test gets one of this path, which the process may know.
    """
    folder = getattr(item, "funcargs", {}).get("tmp_path")
    yield
    if folder is None or not item.stash.get(HAS_PASSED, False):
        return
    with contextlib.suppress(OSError):  # the test may have taken it away
        for path in list(folder.iterdir()):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink()


@pytest.fixture(scope="session", autouse=True)
def _dagster_at_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Give Dagster a home of the tests' own: it writes below HOME otherwise, telemetry on."""
    home = tmp_path_factory.mktemp("dagster_home")
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("DAGSTER_HOME", str(home))
        environment.setenv("XDG_DATA_HOME", str(home / "data"))  # where keysets are kept
        environment.setenv("DAGSTER_DISABLE_TELEMETRY", "yes")
        yield


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder of shared data; the project holds no copy of it."""
    folder = os.environ.get(TEST_DATA)
    if not folder:
        pytest.skip(f"{TEST_DATA} names no folder of test data")
    return Path(folder)


@pytest.fixture(scope="session")
def workspace() -> Path:
    """The root of the checkout."""
    return Path(__file__).parent


@pytest.fixture(scope="session")
def s3_endpoint():
    """The address of a real S3 server (moto) on a free port of this machine."""
    server = pytest.importorskip("moto.server", reason="moto is not installed")
    moto = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    host, port = moto.get_host_and_port()
    yield f"http://{host}:{port}"
    moto.stop()


@pytest.fixture(scope="session")
def moto_server(s3_endpoint):
    """The moto server with keys; it lets everybody in, whatever the keys are."""
    from ceph_rgw import S3Server

    return S3Server(s3_endpoint, "test-access-key", "test-secret-key")


@pytest.fixture(scope="session")
def rgw_server():
    """A real Ceph object gateway, which checks signatures."""
    from ceph_rgw import ceph_rgw, missing_programs

    if missing := missing_programs():
        pytest.skip(
            f"Ceph is not installed ({', '.join(missing)} missing): .gitea/scripts/install-system"
        )
    with ceph_rgw() as server:
        yield server


@pytest.fixture(scope="session")
def rclone_server(tmp_path_factory):
    """`rclone serve s3`, which ignores the conditions of a write."""
    from rclone_s3 import rclone_program, rclone_s3

    if rclone_program() is None:
        pytest.skip("rclone is not installed: it comes with the development group")
    with rclone_s3(tmp_path_factory.mktemp("rclone")) as server:
        yield server


@pytest.fixture(scope="session")
def postgres_server():
    """A real PostgreSQL server."""
    from postgresql import postgresql, programs

    if programs() is None:
        pytest.skip("PostgreSQL is not installed: .gitea/scripts/install-system")
    with postgresql() as server:
        yield server


@pytest.fixture
def postgres_url(postgres_server):
    """The address of a fresh database."""
    with postgres_server.fresh_database() as url:
        yield url


@pytest.fixture(scope="session")
def spark_cluster():
    """A real standalone Spark cluster: a master and two workers."""
    from spark_cluster import missing_parts, spark_cluster

    if missing := missing_parts():
        pytest.skip(f"Spark cannot run here; missing: {', '.join(missing)}")
    with spark_cluster() as cluster:
        yield cluster


@pytest.fixture(scope="session")
def spark_session(spark_cluster, tmp_path_factory):
    """A session of this process on the cluster, which engines use instead of their own."""
    from concurrent.futures import ThreadPoolExecutor

    from util_services.engines.spark_session import open_session

    folder = tmp_path_factory.mktemp("spark-driver")
    with ThreadPoolExecutor(1) as outside_the_main_thread, pytest.MonkeyPatch.context() as patch:
        for name, value in spark_cluster.environment().items():
            patch.setenv(name, value)
        opened = outside_the_main_thread.submit(open_session, spark_cluster.master, folder)
        session, close = opened.result()
        yield session
        outside_the_main_thread.submit(close).result()


@pytest.fixture(scope="session")
def spark_connect_server(spark_cluster, spark_session):
    """A Spark Connect server whose driver works on the cluster.

    The session of this process comes first: to start its driver the process forks, in which it may
    crash once it has talked to a Connect server.
    """
    from spark_cluster import connect_server

    with connect_server(spark_cluster) as server:
        yield server


@pytest.fixture(scope="session")
def spark_connect(spark_connect_server):
    """The address of the Spark Connect server."""
    return spark_connect_server.address


@pytest.fixture
def clean_environment(monkeypatch):
    """An environment in which nobody has configured anything."""
    for name in list(os.environ):
        if name.startswith(("DATA_SERVICES_", "S3_", "AWS_")) or "_S3_" in name:
            monkeypatch.delenv(name)


@pytest.fixture
def s3_bucket(moto_server, clean_environment, monkeypatch):
    """The name of a fresh bucket that the environment of the credential set selfS3 leads to."""
    with fresh_bucket(moto_server, monkeypatch) as name:
        yield name


@pytest.fixture
def rgw_bucket(rgw_server, clean_environment, monkeypatch):
    """As ``s3_bucket``, on the real gateway."""
    with fresh_bucket(rgw_server, monkeypatch) as name:
        yield name


@pytest.fixture
def rclone_bucket(rclone_server, clean_environment, monkeypatch):
    """As ``s3_bucket``, on the store that ignores conditions."""
    with fresh_bucket(rclone_server, monkeypatch) as name:
        yield name


@contextlib.contextmanager
def fresh_bucket(server, monkeypatch):
    """Make a bucket, lead the credential set selfS3 to it, and remove it with all it holds."""
    import boto3

    client = boto3.client(
        "s3",
        endpoint_url=server.endpoint_url,
        region_name="us-east-1",
        aws_access_key_id=server.access_key,
        aws_secret_access_key=server.secret_key,
    )
    name = f"bucket-{os.urandom(6).hex()}"
    client.create_bucket(Bucket=name)
    for setting, value in {
        "ENDPOINT_URL": server.endpoint_url,
        "ACCESS_KEY": server.access_key,
        "SECRET_KEY": server.secret_key,
        "BUCKET": name,
    }.items():
        monkeypatch.setenv(f"SELFS3_S3_{setting}", value)
    yield name
    with contextlib.closing(client):
        empty_bucket(client, name)
        client.delete_bucket(Bucket=name)


def empty_bucket(client, name):
    """Remove the objects of a bucket, and their versions where it has been told to keep them."""
    if client.get_bucket_versioning(Bucket=name).get("Status"):
        found = client.list_object_versions(Bucket=name)
        for item in [*found.get("Versions", []), *found.get("DeleteMarkers", [])]:
            client.delete_object(Bucket=name, Key=item["Key"], VersionId=item["VersionId"])
    while found := client.list_objects_v2(Bucket=name).get("Contents", []):
        keys = [{"Key": item["Key"]} for item in found]
        client.delete_objects(Bucket=name, Delete={"Objects": keys, "Quiet": True})
