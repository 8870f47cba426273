"""What dws does on a terminal and nowhere else: it asks, and shows how far it is."""

import os
import pty
import subprocess
import sys
import time
from pathlib import Path

import pytest

from workspace_core.cli.progress import progress, short
from workspace_core.progress import listener

PROGRAM = Path(sys.executable).with_name("dws")


@pytest.fixture
def terminal():
    """Both ends of a terminal."""
    near, far = pty.openpty()
    yield near, far
    os.close(near)
    os.close(far)


@pytest.fixture
def asked(dws, terminal):
    """Run dws on a terminal, where somebody answers; return its status and what it printed."""

    def run(answers, *arguments):
        near, far = terminal
        os.write(near, answers.encode())
        done = subprocess.run(
            [PROGRAM, *arguments],
            cwd=dws.folder,
            env=dws.environment,
            stdin=far,
            stderr=far,
            stdout=subprocess.PIPE,
            text=True,
            timeout=100,
        )
        return done.returncode, done.stdout

    return run


def test_the_name_of_the_machine_is_asked_for(dws, asked):
    status, _ = asked("desk\n", "init")

    assert status == 0
    assert dws.json("config", "hostname")["value"] == "desk"


def test_the_role_is_asked_for(dws, workspace, asked):
    (workspace / "new").mkdir()

    status, said = asked("intermediate-data\n", "add", "local-files", "new")

    assert (status, said) == (0, "Resource new (intermediate-data, file) added.\n")


def test_a_deletion_wants_to_be_confirmed(dws, workspace, asked):
    dws("snapshot", "first")

    assert asked("n\n", "delete-snapshot", "first")[0] == 1
    assert len(dws.json("log")) == 1
    assert asked("y\n", "delete-snapshot", "first")[0] == 0
    assert dws.json("log") == []


def test_progress_is_shown_on_a_terminal_and_wiped_away(monkeypatch, terminal):
    near, far = terminal
    with os.fdopen(os.dup(far), "w") as stream:
        monkeypatch.setattr(sys, "stderr", stream)
        with progress():
            time.sleep(0.12)
            listener()(1200, 5_000_000)

    shown = os.read(near, 1000).decode()
    assert "1,200 files, 5.0 MB, " in shown
    assert shown.endswith("\r\x1b[K")


def test_nothing_is_shown_where_there_is_no_terminal(capfd):
    with progress():
        assert listener() is None

    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (2.5e9, "2.5 GB")]
)
def test_sizes_are_told_in_units(size, text):
    assert short(size) == text
