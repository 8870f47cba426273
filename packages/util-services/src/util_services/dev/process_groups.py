"""Stop sessions of processes for certain, also when the process that started them was killed.

Run as a script, this file is a guard: it reads lines on its standard input, ``session ID``,
``folder PATH`` and ``done``. If the input ends before ``done``, whoever wrote it is dead: the guard
then stops the sessions and removes the folders. It needs the standard library only, so that it is
small and starts at once.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

PATIENCE_SECONDS = 10.0  # Dagster forces a run that does not answer a termination after ten
KILL_SECONDS = 5.0
POLL_SECONDS = 0.05
PROCESSES = Path("/proc")
DEAD_STATES = {b"Z", b"X"}  # a zombie holds nothing; whoever is its parent reaps it


def stop_sessions(
    sessions: Iterable[int],
    patience_seconds: float = PATIENCE_SECONDS,
    meanwhile: Callable[[], bool] = lambda: True,
) -> None:
    """Ask sessions to end, and kill what remains.

    Args:
        sessions: ids of sessions, each that of the process group it started with.
        patience_seconds: how long a session may take to end by itself.
        meanwhile: is called while waiting; False ends the patience.
    """
    remaining = [session for session in sessions if _lives(session)]
    for session in remaining:
        _signal(session, signal.SIGTERM)
    deadline = time.monotonic() + patience_seconds
    while meanwhile() and remaining and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
        remaining = [session for session in remaining if _lives(session)]
    deadline = time.monotonic() + KILL_SECONDS
    while remaining and time.monotonic() < deadline:
        for session in remaining:
            _signal(session, signal.SIGKILL)
        time.sleep(POLL_SECONDS)
        meanwhile()
        remaining = [session for session in remaining if _lives(session)]


def members(session: int) -> list[int]:
    """Return the living processes of a session, as far as the system tells (Linux)."""
    found = []
    for entry in PROCESSES.glob("[0-9]*/stat"):
        try:
            # the name in brackets may hold anything; behind it come state, parent, group, session
            state, _, _, in_session = entry.read_bytes().rpartition(b")")[2].split()[:4]
        except (OSError, ValueError):
            continue  # it ended meanwhile
        if int(in_session) == session and state not in DEAD_STATES:
            found.append(int(entry.parent.name))
    return found


def _lives(session: int) -> bool:
    if (PROCESSES / "self" / "stat").exists():
        return bool(members(session))
    try:
        os.killpg(session, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _signal(session: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(session, number)
    if number is signal.SIGKILL:  # a member may have made a group of its own
        for process in members(session):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(process, number)


def guard(lines: Iterable[str]) -> None:
    """Stop what the lines name, unless they end in ``done``."""
    sessions: list[int] = []
    folders: list[str] = []
    for line in lines:
        word, _, rest = line.rstrip("\n").partition(" ")
        if word == "session":
            sessions.append(int(rest))
        elif word == "folder":
            folders.append(rest)
        elif word == "done":
            return
    stop_sessions(sessions)
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    guard(sys.stdin)
