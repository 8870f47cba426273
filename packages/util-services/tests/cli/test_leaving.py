"""How a command ends: with its status, all that it wrote, and all that was registered done."""

import os
import subprocess
import sys

import pytest

PROGRAM = """
import atexit, sys, tempfile, threading, time
from util_services.cli.leaving import LeavingAtOnce

class Shown:
    def __del__(self):
        print("taken apart")

with LeavingAtOnce():
    kept = Shown()
    folder = tempfile.TemporaryDirectory(dir=sys.argv[2])
    atexit.register(print, "registered")
    threading.Thread(target=lambda: (time.sleep(0.2), print("waited for"))).start()
    print("x" * 100_000)
    {end}
"""


def ended(tmp_path, end):
    return subprocess.run(
        [sys.executable, "-c", PROGRAM.replace("{end}", end), end, tmp_path],
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize(
    ("end", "status"), [("sys.exit(0)", 0), ("sys.exit()", 0), ("sys.exit(2)", 2)]
)
def test_all_is_written_and_done_and_nothing_is_taken_apart(tmp_path, end, status):
    done = ended(tmp_path, end)

    assert done.stdout == f"{'x' * 100_000}\nwaited for\nregistered\n"
    assert (done.returncode, done.stderr) == (status, "")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("end", ["sys.exit('in words')", "raise ValueError('in words')"])
def test_what_ends_without_a_status_is_left_to_python(tmp_path, end):
    done = ended(tmp_path, end)

    assert done.stdout.endswith("registered\ntaken apart\n")
    assert done.returncode == 1
    assert done.stderr.endswith("in words\n")


def test_output_that_nobody_reads_is_no_success():
    read, write = os.pipe()
    os.close(read)
    program = PROGRAM.split("class Shown")[0] + "with LeavingAtOnce():\n    print(1), sys.exit(0)"

    done = subprocess.run(
        [sys.executable, "-c", program],
        env={key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"},
        stdout=write,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(write)

    assert done.returncode == 120  # Python's own
    assert "BrokenPipeError" in done.stderr
