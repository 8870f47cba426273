"""However `data-services dev` ends, nothing of it is left: no process, no folder, no staging."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

JOB, STEP = "compute_for_long_job", "compute_for_long"
MULTIPROCESS = {"execution": {"config": {"multiprocess": {}}}}


@pytest.fixture
def status_of(home):
    """Return a function that reads the status of a run while no UI is running."""

    def read(run):
        with dg.DagsterInstance.from_config(str(home)) as instance:
            return instance.get_run_by_id(run).status.value

    return read


@pytest.fixture
def private_folders(environment):
    """Return a function that tells which folders of the UI are left."""
    return lambda: list(Path(environment["TMPDIR"]).glob("data-services-dev-*"))


@pytest.mark.parametrize(
    ("number", "run_config"), [(signal.SIGINT, MULTIPROCESS), (signal.SIGTERM, {})]
)
def test_a_signal_cancels_runs_at_work_and_leaves_nothing(
    start_dev, family, status_of, private_folders, number, run_config
):
    dev = start_dev()
    run = dev.launch_and_reach(JOB, STEP, run_config)
    assert len(family()) >= 6  # with the guard and the run worker

    dev.process.send_signal(number)
    _, messages = dev.process.communicate(timeout=60)

    # Dagster warns of the tick in which an earlier test has stopped the daemon of this home.
    told = [line for line in messages.splitlines() if "Moving dangling STARTED tick" not in line]
    assert (dev.process.returncode, told) == (0, [])
    assert family() == {}
    assert status_of(run) == "CANCELED"
    assert dev.staged() == []
    assert private_folders() == []


def test_nothing_stays_after_a_kill_either(start_dev, family, wait_until, private_folders):
    """Killed together with its guard, as when the machine goes down, the next one tidies up."""
    before = start_dev()
    run = before.launch_and_reach(JOB, STEP)
    for process in family():
        os.kill(process, signal.SIGKILL)
    before.process.communicate(timeout=60)
    wait_until(lambda: family() == {}, 60)

    dev = start_dev()
    assert dev.status(run) == "CANCELED"
    dev.launch_and_reach(JOB, STEP)  # the first run's staging is swept by now
    dev.process.kill()
    dev.process.communicate(timeout=60)

    wait_until(lambda: family() == {}, 60)
    assert dev.staged() == []
    assert private_folders() == []


def test_a_taken_port_is_refused(data_services):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        answer = data_services("dev", "--port", port)

    assert (answer.returncode, answer.stdout, answer.stderr) == (
        2,
        "",
        f"error: Port {port} on 127.0.0.1 is taken; name another with '--port', or '--port 0' for "
        "a free one.\n",
    )


def test_an_address_of_another_machine_is_refused(data_services):
    answer = data_services("dev", "--host", "192.0.2.1")

    assert answer.returncode == 2
    assert answer.stderr == (
        "error: The host '192.0.2.1' is no address of this machine; use '127.0.0.1'.\n"
    )


def test_a_code_location_that_does_not_load_is_refused_with_its_reason(data_services, family):
    answer = data_services("dev", "--port", "0", "--module", "no_such_module")

    assert (answer.returncode, answer.stdout, answer.stderr) == (
        2,
        "",
        "error: The code location 'no_such_module' does not load: No module named "
        "'no_such_module'\n",
    )
    assert family() == {}


def test_a_missing_web_server_is_refused(environment):
    without = "import sys; sys.modules['dagster_webserver'] = None; sys.argv[1:] = ['dev']; "
    answer = subprocess.run(
        [sys.executable, "-c", without + "from util_services.cli.main import main; main()"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (answer.returncode, answer.stdout, answer.stderr) == (
        2,
        "",
        "error: The Dagster UI is not installed; install it with 'pip install "
        "dagster-webserver'.\n",
    )
