import fcntl
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from util_services.errors import StorageError
from util_services.flow.staging import (
    FORGOTTEN_SECONDS,
    Staging,
    StagingGoneError,
    check_usable,
    remove_all_of,
    sweep,
)

RUN = "0e6c1f7a-54a5-4f0e-9d1d-3f1a86f0c0de"
HOLDER = """
import sys, time
from pathlib import Path
from util_services.flow.staging import Staging
staging = Staging.create(Path(sys.argv[1]), sys.argv[2])
staging.file("rows").write_text("Jane Roe")
print("held", flush=True)
time.sleep(60)
"""


@pytest.fixture
def base(tmp_path):
    return tmp_path / ".data-services-staging"


@pytest.fixture
def held_elsewhere(base):
    """Return a function that makes another process hold the staging of a run."""
    processes = []

    def hold(run_id):
        process = subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(base), run_id], stdout=subprocess.PIPE
        )
        processes.append(process)
        assert process.stdout.readline() == b"held\n"
        return process

    yield hold
    for process in processes:
        process.kill()
        process.wait()
        process.stdout.close()


def test_only_the_user_can_enter_staging(base):
    os.umask(0)
    staging = Staging.create(base, "run")

    assert stat.S_IMODE(staging.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(base.stat().st_mode) == 0o700
    staging.remove()


def test_nothing_is_left_of_staging_that_was_removed(base):
    staging = Staging.create(base, "run")
    (staging.scratch() / "spill").write_text("x")

    staging.remove()
    staging.remove()

    assert not base.exists()


def test_a_configured_base_stays(tmp_path):
    Staging.create(tmp_path, "run").remove()
    sweep(tmp_path, lambda _: True)

    assert tmp_path.is_dir()


def test_a_step_that_is_run_again_begins_with_an_empty_folder(base):
    Staging.create(base, "run").file("old").write_text("x")

    staging = Staging.create(base, "run")

    assert [path.name for path in staging.folder.iterdir()] == ["lease"]
    staging.remove()


def test_a_later_step_finds_the_staging_of_its_run(base):
    first = Staging.create(base, "run")
    first.file("rows").write_text("x")

    assert Staging.reopen(base, "run").file("rows").read_text() == "x"
    first.remove()
    with pytest.raises(StagingGoneError) as gone:
        Staging.reopen(base, "run")
    assert str(gone.value) == (
        "The staging of this run is gone, so it cannot be continued from a failed step; start the "
        "run from the beginning."
    )


def test_a_run_that_ended_in_this_process_is_abandoned_alone(base):
    Staging.create(base, "ended")
    other = Staging.create(base, "other")

    remove_all_of("ended", ())

    assert [path.name for path in base.iterdir()] == ["other"]
    other.remove()


def test_a_base_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("x")

    with pytest.raises(StorageError, match=r"^The staging folder '.*' cannot be used \(.*\); set"):
        Staging.create(tmp_path / "file" / "staging", "run")


def test_a_sweep_spares_what_a_living_process_holds(base, held_elsewhere):
    process = held_elsewhere(RUN)

    sweep(base, lambda _: True)
    assert (base / RUN / "rows").exists()

    process.send_signal(signal.SIGKILL)
    process.wait()
    sweep(base, lambda _: False)
    assert (base / RUN / "rows").exists()
    sweep(base, lambda _: None)
    assert (base / RUN / "rows").exists()

    sweep(base, lambda _: True)
    assert not base.exists()


def test_a_sweep_removes_a_run_that_nobody_knows_once_it_was_left_alone(base, held_elsewhere):
    process = held_elsewhere(RUN)
    old = time.time() - FORGOTTEN_SECONDS - 10
    os.utime(base / RUN, (old, old))

    sweep(base, lambda _: None)
    assert (base / RUN).exists()

    process.kill()
    process.wait()
    os.utime(base / RUN, (old, old))
    sweep(base, lambda _: None)
    assert not base.exists()


def test_a_sweep_spares_the_runs_of_this_process_and_files(base):
    staging = Staging.create(base, RUN)
    (base / "copy.partial").write_text("x")

    sweep(base, lambda _: True)

    assert staging.folder.exists()
    assert (base / "copy.partial").exists()
    staging.remove()


def test_a_step_does_not_wait_for_another_step_of_its_run(base, held_elsewhere):
    held_elsewhere(RUN)

    staging = Staging.reopen(base, RUN)

    with (staging.folder / "lease").open() as lease, pytest.raises(BlockingIOError):
        fcntl.flock(lease, fcntl.LOCK_EX | fcntl.LOCK_NB)
    staging.remove()


def test_there_may_be_nothing_to_sweep(tmp_path):
    sweep(tmp_path / "absent", lambda _: True)


def test_a_sweep_leaves_alone_what_no_run_has_made(base):
    """A folder of somebody else's stands beside, however old and whatever it is called."""
    theirs = [base / "archive" / "2025", base / RUN, base / "run"]
    for folder in theirs:
        folder.mkdir(parents=True)
        (folder / "precious").write_text("x")
        os.utime(folder, (0, 0))
    (base / "run" / "lease").write_text("")

    sweep(base, lambda _: None)
    sweep(base, lambda _: True)

    assert all((folder / "precious").exists() for folder in theirs)


def test_a_place_where_nothing_can_be_made_is_told_before_a_run(tmp_path):
    (tmp_path / "file").write_text("x")

    check_usable(tmp_path / "new" / "staging")
    with pytest.raises(StorageError, match=r"^The staging folder '.*' cannot be used \(.*\); set"):
        check_usable(tmp_path / "file" / "staging")


def test_a_base_that_never_comes_to_be_is_told():
    with pytest.raises(StorageError, match="cannot be used"):
        Staging.create(Path("/proc/data-services-staging"), RUN)
