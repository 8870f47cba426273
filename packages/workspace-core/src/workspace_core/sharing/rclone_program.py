"""The program rclone: a process for each thing that is asked of it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from workspace_core.sharing.errors import RemoteError

# By its own defaults rclone tries ten times, and waits a minute each time for a connection, so that
# people would wait many minutes for a remote that is out of reach. What they have set counts.
PATIENCE = {"RCLONE_LOW_LEVEL_RETRIES": "3", "RCLONE_CONTIMEOUT": "15s"}
ABSENT = (3, 4)  # rclone's exit status for a folder and a file that is not there
MOST_SAID = 300
CREDENTIALS = re.compile(r"://[^/@\s]+@")
LEVEL = re.compile(r"^(\d{4}/\d\d/\d\d \d\d:\d\d:\d\d )?(CRITICAL|ERROR|NOTICE) *: ")


def run_rclone(
    address: str, *words: str, given: bytes = b"", absent_is_empty: bool = False
) -> bytes:
    """Run rclone, and return what it answers.

    Args:
        address: what it is about, for messages.
        words: the command with its options; no shell sees them.
        given: what it reads.
        absent_is_empty: a file or folder that is not there is nothing, and no error.

    Raises:
        RemoteError: with the last line that rclone says, without credentials.
    """
    beside = Path(sys.executable).with_name("rclone")
    program = str(beside) if beside.exists() else shutil.which("rclone")
    if program is None:
        raise RemoteError(address, "the program rclone is not installed")
    done = subprocess.run(  # noqa: S603 - no shell; what users name is no option
        [program, *words], input=given, capture_output=True, check=False, env=PATIENCE | os.environ
    )
    if done.returncode == 0:
        return done.stdout
    if absent_is_empty and done.returncode in ABSENT:
        return b""
    said = done.stderr.decode(errors="replace").strip().splitlines()
    last = LEVEL.sub("", said[-1]) if said else "it gave no reason"
    raise RemoteError(address, CREDENTIALS.sub("://", last)[:MOST_SAID])
