"""Whole commands that end by SIGKILL at random moments, git and all."""

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from workspace_core.store.store import Store
from workspace_core.upkeep.verify import verify

DWS = Path(sys.executable).with_name("dws")
KILLS = 6


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """A workspace with the snapshots one and two, and changes that are in neither."""
    home = tmp_path_factory.mktemp("template")
    for name in ("data", "workspace"):
        (home / name).mkdir()
    fill(home / "data", 1)
    dws(home, "init")
    dws(home, "add", "local-files", "../data", "--role", "s")
    dws(home, "snapshot", "one")
    fill(home / "data", 2)
    dws(home, "snapshot", "two")
    return home


def fill(folder, seed):
    numbers = random.Random(seed)
    shutil.rmtree(folder)
    for number in range(60):
        file = folder / f"d{numbers.randint(0, 9)}" / f"f{number}"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(numbers.randbytes(numbers.randint(0, 20_000)))
    (folder / "large").write_bytes(numbers.randbytes(3_000_000))


def dws(home, *arguments):
    done = subprocess.run([DWS, *arguments], cwd=home / "workspace", capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def killed(home, moment, *arguments):
    """Start a command, and end it with all its processes after some seconds."""
    with subprocess.Popen(
        [DWS, *arguments],
        cwd=home / "workspace",
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        time.sleep(moment)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    return process.returncode == -signal.SIGKILL


def moments(home, *arguments):
    """Return random moments within the time that a command takes here and now."""
    began = time.perf_counter()
    dws(home, *arguments)
    lasting = time.perf_counter() - began
    numbers = random.Random(lasting)
    return [numbers.uniform(0.1, 1.0) * lasting for _ in range(KILLS)]


def copied(template, place):
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(template, place, symlinks=True)
    record = place / "workspace/.dataworkspace/resources/data.json"
    record.write_text(record.read_text().replace(str(template), str(place)))
    fill(place / "data", 3)
    return place


def tell_git(home):
    """Commit the path of the copy, so that nothing but the kill is unusual."""
    subprocess.run(["git", "commit", "-qam", "moved"], cwd=home / "workspace", check=True)


def test_a_killed_snapshot_leaves_a_workspace_that_works_on(template, tmp_path, content):
    times = moments(copied(template, tmp_path / "here"), "snapshot", "three")
    (tmp_path / "data").mkdir()
    fill(tmp_path / "data", 1)
    first = content(tmp_path / "data")

    kills = 0
    for moment in times:
        home = copied(template, tmp_path / "here")
        tell_git(home)
        here = content(home / "data")
        kills += killed(home, moment, "snapshot", "three")
        assert content(home / "data") == here
        dws(home, "status")
        dws(home, "snapshot", "four")
        dws(home, "restore", "one", "--force")
        assert content(home / "data") == first
        dws(home, "restore", "four")
        assert content(home / "data") == here
        assert verify(Store.open(home / "workspace/.dataworkspace/store")).findings == []
    assert kills > 0


def test_a_killed_restore_leaves_each_file_old_or_new_and_can_be_repeated(
    template, tmp_path, content
):
    times = moments(copied(template, tmp_path / "here"), "restore", "one", "--force")
    (tmp_path / "data").mkdir()
    fill(tmp_path / "data", 1)
    wanted = content(tmp_path / "data")

    kills = 0
    for moment in times:
        home = copied(template, tmp_path / "here")
        tell_git(home)
        dws(home, "snapshot", "three")
        before = content(home / "data")
        kills += killed(home, moment, "restore", "one", "--force")
        for path, found in content(home / "data").items():
            if not path.startswith(b".dws-restore"):
                assert found in (before.get(path), wanted.get(path)), path
        dws(home, "restore", "one", "--force")
        assert content(home / "data") == wanted
        dws(home, "restore", "three")
        assert content(home / "data") == before
    assert kills > 0
