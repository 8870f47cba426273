"""The parts of the UI as processes of their own sessions, watched, heard and stopped together."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING

from util_services.dev import process_groups
from util_services.dev.stopping import DevStoppedError, StopRequested

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Self

    from util_services.dev.stopping import Stop

POLL_SECONDS = 0.1
TAIL_LINES = 30
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
WORTH_SHOWING = re.compile(r" - (WARNING|ERROR|CRITICAL) - ")


@dataclass
class Process:
    """A part of the UI, and the last lines that it wrote."""

    name: str
    popen: subprocess.Popen[str]
    tail: deque[str] = field(default_factory=lambda: deque(maxlen=TAIL_LINES))


class Processes:
    """The parts of the UI, and the guard that outlives this process."""

    def __init__(self, folder: Path, lock: int, stop: Stop, *, verbose: bool) -> None:
        self.folder, self.verbose = folder, verbose
        self._lock, self._stop = lock, stop
        self._running: list[Process] = []
        self.are_heard = False  # what they say while starting and stopping is said by us, better

    def __enter__(self) -> Self:
        self._guard = subprocess.Popen(  # noqa: S603 - our own file
            [sys.executable, "-I", "-S", process_groups.__file__],
            stdin=subprocess.PIPE,
            text=True,
            start_new_session=True,
            pass_fds=[self._lock],  # the home stays locked until the guard has tidied up
        )
        self._tell_guard(f"folder {self.folder}")
        return self

    def __exit__(self, *_: object) -> None:
        self.are_heard = False
        requests = self._stop.requests
        process_groups.stop_sessions(
            [process.popen.pid for process in self._running],
            meanwhile=lambda: self._reap() and self._stop.requests <= max(requests, 1),
        )
        self._reap()
        self._tell_guard("done")
        with contextlib.suppress(BrokenPipeError):
            self._guard.communicate()

    def start(self, name: str, *command: str, **environment: str) -> Process:
        """Start a part in a session of its own."""
        popen = subprocess.Popen(  # noqa: S603 - Dagster's own programs
            [sys.executable, "-P", "-m", *command],
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        process = Process(name, popen)
        self._running.append(process)
        self._tell_guard(f"session {popen.pid}")
        if popen.stdout is None:
            raise AssertionError("the output is a pipe")
        threading.Thread(target=self._relay, args=(popen.stdout, process), daemon=True).start()
        return process

    def check(self) -> None:
        """Check that all parts are at work.

        Raises:
            StopRequested: if the user asked to stop.
            DevStoppedError: if one has ended.
        """
        if self._stop.requests:
            raise StopRequested
        for process in self._running:
            status = process.popen.poll()
            if status is not None:
                time.sleep(POLL_SECONDS)  # for its last lines
                if not self.verbose:
                    sys.stderr.writelines(process.tail)
                how = f"signal {-status}" if status < 0 else f"exit status {status}"
                raise DevStoppedError(
                    f"The {process.name} ended unexpectedly ({how}), so the UI was stopped; start "
                    "it again, with '--verbose' to see more."
                )

    def _reap(self) -> bool:
        for process in self._running:
            process.popen.poll()
        return True

    def _tell_guard(self, line: str) -> None:
        if self._guard.stdin is None:
            raise AssertionError("the guard listens")
        with contextlib.suppress(BrokenPipeError):
            self._guard.stdin.write(f"{line}\n")
            self._guard.stdin.flush()

    def _relay(self, stream: IO[str], process: Process) -> None:
        """Show what a part writes: all of it, or the first line of each warning and error."""
        for line in stream:
            process.tail.append(line)
            plain = COLOUR.sub("", line)
            if self.verbose or (self.are_heard and WORTH_SHOWING.search(plain)):
                sys.stderr.write(line if self.verbose else plain)
