"""Starts the real `data-services dev` and speaks GraphQL with it as the UI does."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import pytest

PROGRAM = Path(sys.executable).with_name("data-services")
SLOW_PLUGIN = Path(__file__).parent / "packages" / "slow-plugin"
OFFLINE = ["--quiet", "--offline", "--no-cache", "--no-deps"]  # uv builds uv_build packages itself
START_SECONDS = 120
LOCAL = urllib.request.build_opener(urllib.request.ProxyHandler({}))

LAUNCH = """
mutation ($parameters: ExecutionParams!) { launchRun(executionParams: $parameters) {
  __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message }
  ... on RunConfigValidationInvalid { errors { message } }
} }
"""
STATUS = "query ($run: ID!) { runOrError(runId: $run) { ... on Run { status } } }"
TERMINATE = """
mutation ($run: String!) { terminateRun(runId: $run, terminatePolicy: SAFE_TERMINATE) {
  __typename ... on PythonError { message }
} }
"""
FAILURES = """
query ($run: ID!) { logsForRun(runId: $run) { ... on EventConnection { events {
  ... on ExecutionStepFailureEvent { stepKey error { message } failureMetadata { description } }
} } } }
"""


@dataclass
class Dev:
    """A running `data-services dev`."""

    process: subprocess.Popen
    url: str
    home: Path
    root: Path

    def ask(self, query, **variables):
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(  # noqa: S310 - http by construction
            f"{self.url}/graphql", body, {"Content-Type": "application/json"}
        )
        with LOCAL.open(request, timeout=60) as response:
            answer = json.load(response)
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    def launch(self, job, run_config=None):
        selector = {
            "repositoryLocationName": "data_services",
            "repositoryName": "__repository__",
            "jobName": job,
        }
        parameters = {"selector": selector, "runConfigData": run_config or {}}
        answer = self.ask(LAUNCH, parameters=parameters)["launchRun"]
        assert answer["__typename"] == "LaunchRunSuccess", answer
        return answer["run"]["runId"]

    def status(self, run):
        return self.ask(STATUS, run=run)["runOrError"]["status"]

    def wait_for(self, run, status, seconds=120.0):
        wait(lambda: self.status(run) in {status, "SUCCESS", "FAILURE", "CANCELED"}, seconds)
        assert self.status(run) == status, self.failures(run)

    def terminate(self, run):
        answer = self.ask(TERMINATE, run=run)["terminateRun"]
        assert answer["__typename"] == "TerminateRunSuccess", answer

    def failures(self, run):
        events = self.ask(FAILURES, run=run)["logsForRun"]["events"]
        return [event for event in events if event]

    def staged(self):
        return sorted((self.root / ".data-services-staging").glob("*"))

    def launch_and_reach(self, job, step, run_config=None):
        """Launch a run and return its id once the body of a step is at work."""
        mark = at_work(self.home)
        mark.unlink(missing_ok=True)
        run = self.launch(job, run_config)
        query = """query ($run: ID!) { runOrError(runId: $run) { ... on Run { status
          stepStats { stepKey status startTime endTime } } } }"""

        def is_at_work():
            found = self.ask(query, run=run)["runOrError"]
            assert found["status"] not in {"SUCCESS", "FAILURE", "CANCELED"}, self.failures(run)
            started = [s["stepKey"] for s in found["stepStats"] or [] if s["startTime"]]
            return step in started and mark.exists()

        wait(is_at_work, 120)
        assert [folder.name for folder in self.staged()] == [run]
        return run


def at_work(home):
    """Return the file that the ops of the slow plugin make when they are at work."""
    return home / "at-work"


def wait(is_true, seconds):
    deadline = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < deadline, f"not within {seconds} seconds"
        time.sleep(0.1)


def living_processes(home):
    """Return the living processes whose environment names a Dagster home: all of its family."""
    mark = f"DAGSTER_HOME={home}\0".encode()
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (folder / "environ").read_bytes() + b"\0":
                found[int(folder.name)] = (folder / "cmdline").read_bytes().decode().split("\0")
        except OSError:
            continue
    return found


@pytest.fixture(scope="session")
def wait_until():
    """Return a function that waits until something is true."""
    return wait


@pytest.fixture
def family(home):
    """Return a function that tells which processes of this home are alive."""
    return lambda: living_processes(home)


@pytest.fixture
def data_services(environment):
    """Return a function that runs `data-services` to its end."""

    def run(*arguments, **variables):
        return subprocess.run(
            [PROGRAM, *map(str, arguments)],
            env=environment | variables,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


@pytest.fixture(scope="session")
def slow_plugin(tmp_path_factory):
    """The folder that the plugin with the slow jobs is installed in."""
    uv = os.environ.get("UV") or shutil.which("uv")
    if uv is None:
        pytest.skip("uv is not on the PATH; run the tests with 'uv run pytest'")
    folder = tmp_path_factory.mktemp("slow-plugin")
    place = ["--python", sys.executable, "--target", str(folder)]
    subprocess.run([uv, "pip", "install", *OFFLINE, *place, str(SLOW_PLUGIN)], check=True)
    return folder


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("dagster-home")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return tmp_path_factory.mktemp("root")


@pytest.fixture(scope="module")
def environment(home, root, slow_plugin):
    kept = {k: v for k, v in os.environ.items() if not k.startswith("DATA_SERVICES_")}
    return kept | {
        "DAGSTER_HOME": str(home),
        "HOME": str(home),
        "PYTHONPATH": str(slow_plugin),
        "TMPDIR": tempfile_of(home),
        "DATA_SERVICES_NOTIFY_FILE": str(root / "notifications.jsonl"),
        "SLOW_PLUGIN_AT_WORK": str(at_work(home)),
    }


def tempfile_of(home):
    folder = home.parent / "tmp"
    folder.mkdir(exist_ok=True)
    return str(folder)


@pytest.fixture(scope="module")
def start_dev(environment, home, root):
    """Return a function that starts `data-services dev`; whatever it started ends with the module.

    The last line of defence kills by process id what the program left behind.
    """
    started = []

    def start(*arguments):
        process = subprocess.Popen(
            [PROGRAM, "dev", "--port", "0", "--root", root, "--json", *arguments],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        line = process.stdout.readline()
        assert line, process.communicate(timeout=START_SECONDS)[1]
        ready = json.loads(line)
        print(f"ready in {ready['seconds']} s")  # noqa: T201 - shown by pytest -s
        return Dev(process, ready["url"], home, root)

    yield start
    for process in started:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    for left_behind in living_processes(home):
        os.kill(left_behind, signal.SIGKILL)
