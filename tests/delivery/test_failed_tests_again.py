"""Tests that fail are run once more by themselves: the broken fail, the unsteady are named."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

STEADY = "def test_steady():\n    pass\n"
UNSTEADY = """\
import pathlib
import pytest

@pytest.mark.parametrize("name", ["plain", "with@sign", "two words"])
def test_unsteady(name):
    trace = pathlib.Path(__file__).with_name(name)
    if not trace.exists():
        trace.touch()
        raise AssertionError("not yet")
"""
BROKEN = "def test_broken():\n    assert 1 == 2\n"
MANY = """\
import pytest

@pytest.mark.parametrize("number", range(4))
def test_wrong(number):
    assert number < 0
"""


@pytest.fixture
def check(workspace, tmp_path):
    """Give a function that runs ``check tests`` on some tests, and whatever uv there is."""
    scripts = tmp_path / "checkout/.gitea/scripts"
    scripts.mkdir(parents=True)
    shutil.copy(workspace / ".gitea/scripts/check", scripts)
    uv = tmp_path / "bin/uv"  # the environment is there already
    uv.parent.mkdir()
    uv.write_text('#!/bin/sh\n[ "$1 $2" = "run --locked" ] || exit 2\nshift 2\nexec "$@"\n')
    uv.chmod(0o755)
    path = os.pathsep.join([str(uv.parent), str(Path(sys.executable).parent), os.environ["PATH"]])

    def run(**tests):
        for name, text in tests.items():
            (tmp_path / f"checkout/test_{name}.py").write_text(text)
        return subprocess.run(
            [scripts / "check", "tests"],
            env={k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
            | {"PATH": path},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_what_then_passes_is_named(check):
    done = check(steady=STEADY, unsteady=UNSTEADY)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 failed, 1 passed" in done.stdout
    assert "3 passed" in done.stdout
    assert "== unsteady: failed among all tests and passed by themselves" in done.stderr
    for name in ("plain", "with@sign", "two words"):
        assert f"test_unsteady.py::test_unsteady[{name}]" in done.stderr


def test_what_fails_again_counts(check):
    done = check(steady=STEADY, broken=BROKEN, unsteady=UNSTEADY.replace('"two words"', ""))

    assert done.returncode == 1
    assert "== unsteady" not in done.stderr


def test_more_than_three_are_not_run_again(check):
    done = check(steady=STEADY, wrong=MANY)

    assert done.returncode == 1
    assert done.stdout.count("4 failed") == 1
    assert "by themselves" not in done.stderr


def test_a_file_that_cannot_be_read_counts(check):
    done = check(steady=STEADY, wrong="import a_module_that_nobody_has\n")

    assert done.returncode == 1
    assert "== unsteady" not in done.stderr


def test_tests_that_pass_run_once(check):
    done = check(steady=STEADY)

    assert done.returncode == 0
    assert done.stdout.count("passed") == 1
    assert "== unsteady" not in done.stderr
