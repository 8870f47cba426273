"""Git repositories, by the program git: a fixed number of processes for whatever is asked.

Commits are made for the user, not by them: hooks and signatures are left out, and where git knows
no identity, one of this machine is used. A lock that a killed git has left behind is removed once
nobody can be using it.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from workspace_core.errors import GitError, NoGitError, shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

LOCK = re.compile(r"Unable to create '(.+\.lock)': File exists")
NO_IDENTITY = re.compile(
    r"tell me who you are|unable to auto-detect|empty ident|unable to look up|no email was given"
)
IGNORED = "paths are ignored by one of your .gitignore files"
OWN_VARIABLES = (
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_PREFIX",
    "GIT_COMMON_DIR",
    "GIT_NAMESPACE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
)
QUIET = ("-c", "core.hooksPath=/dev/null", "-c", "commit.gpgSign=false", "-c", "gc.auto=0")
LOOK_SECONDS = 0.1
WAIT_SECONDS = 60.0
OLD_SECONDS = 60.0  # a lock of this age, which nobody holds, is a dead process's
OLD_SECONDS_ELSEWHERE = 5.0  # one of this age, after a git of ours was killed
MOST_OUTPUT = 500


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository with a working tree.

    Args:
        folder: the working tree.
        marker: a file that is there while git works for us, so that a lock can be told to be ours
            after a crash.
        wait_seconds: how long to wait for a lock of somebody else's.
    """

    folder: Path
    marker: Path
    wait_seconds: float = WAIT_SECONDS

    @property
    def exists(self) -> bool:
        """Whether the folder is the top of a working tree."""
        return os.path.lexists(self.folder / ".git")

    def init(self) -> None:
        """Make a repository."""
        self._git("init", "--quiet")

    def branch(self) -> str | None:
        """Return the branch that is checked out, None for a detached head."""
        return self._line("symbolic-ref", "--quiet", "--short", "HEAD")

    def head(self) -> str | None:
        """Return the commit that is checked out, None before the first one."""
        return self._line("rev-parse", "--quiet", "--verify", "HEAD")

    def origin(self) -> str | None:
        """Return the address of the remote ``origin``, None where there is none."""
        return self._line("config", "--get", "remote.origin.url")

    def ever_added(self, folder: str) -> set[str]:
        """Return the paths below a folder that any branch, tag or reflog has or ever had.

        Raises:
            GitError: if git cannot tell.
        """
        if self.head() is None:
            return set()
        history = ("log", "--all", "--reflog", "-m", "--diff-filter=A", "--format=", "--name-only")
        return set(filter(None, self._git(*history, "-z", "--", folder).split("\0")))

    def commit(self, paths: Sequence[str], message: str) -> bool:
        """Commit all that is new, changed or gone below some paths, and nothing else.

        Three processes, however many files there are. A folder that is no repository yet, or not
        any more, becomes one, so that nothing is committed to one around it.

        Returns:
            whether there was anything to commit.

        Raises:
            GitError: if git refuses.
        """
        if not self.exists:
            self.init()
        present = [path for path in paths if os.path.lexists(self.folder / path)]
        with self._marked() as crashed:
            try:
                self._git("add", "--all", "--", *present, crashed=crashed)
            except GitError as error:
                if IGNORED not in error.said:  # all others are added nevertheless
                    raise
            names = self._git("diff", "--cached", "--name-only", "-z", "--", *present)
            changed = [path for path in present if _touches(names, path)]
            if not changed:
                return False
            commit = ("commit", "--quiet", "--no-verify", "-m", message, "--", *changed)
            self._git(*commit, crashed=crashed)
        return True

    def _line(self, *arguments: str) -> str | None:
        return self._git(*arguments, codes=(0, 1)).strip() or None

    @contextmanager
    def _marked(self, marker: Path | None = None) -> Iterator[bool]:
        """Leave a mark while git changes something; yield whether one was left by a crash."""
        marker = marker or self.marker
        crashed = marker.exists()
        with suppress(OSError):
            marker.parent.mkdir(parents=True, exist_ok=True)
            marker.touch()
        try:
            yield crashed
        finally:
            with suppress(OSError):
                marker.unlink()

    def _git(self, *arguments: str, codes: tuple[int, ...] = (0,), crashed: bool = False) -> str:
        deadline = time.monotonic() + self.wait_seconds
        identity: tuple[str, ...] = ()
        while True:
            done = self._run(*identity, *arguments)
            if done.returncode in codes:
                return done.stdout
            if self._is_freed(done.stderr, deadline, crashed=crashed):
                continue
            if not identity and NO_IDENTITY.search(done.stderr):
                name = socket.gethostname() or "localhost"
                identity = ("-c", f"user.name=dws on {name}", "-c", f"user.email=dws@{name}")
            else:
                said = " ".join((done.stderr or done.stdout).split())[:MOST_OUTPUT]
                raise GitError(str(self.folder), arguments[0], said)

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {k: v for k, v in os.environ.items() if k not in OWN_VARIABLES}
        environment |= {"LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", "GIT_LITERAL_PATHSPECS": "1"}
        try:
            return subprocess.run(  # noqa: S603 - no shell, and what users name follows "--"
                ["git", "-C", self.folder, *QUIET, *arguments],  # noqa: S607 - the user's git
                capture_output=True,
                check=False,
                stdin=subprocess.DEVNULL,
                encoding="utf-8",
                errors="surrogateescape",
                env=environment,
            )
        except FileNotFoundError:
            raise NoGitError(str(self.folder)) from None

    def _is_freed(self, said: str, deadline: float, *, crashed: bool) -> bool:
        """Wait for a lock of git that git tells of; return whether another try is worth it.

        What git tells may be the words of a remote: nothing but locks of git is looked at.

        Raises:
            GitError: if somebody keeps it.
        """
        found = LOCK.search(said)
        if found is None or not _is_of_git(lock := Path(found[1])):
            return False
        if not lock.exists() and time.monotonic() >= deadline:
            return False
        self._free(lock, deadline, crashed=crashed)
        return True

    def _free(self, lock: Path, deadline: float, *, crashed: bool) -> None:
        """Wait until a lock of git is gone, and remove one that a dead process has left.

        Raises:
            GitError: if somebody keeps it.
        """
        while lock.exists():
            if self._is_abandoned(lock, crashed=crashed):
                lock.unlink(missing_ok=True)
                return
            if time.monotonic() >= deadline:
                raise GitError(
                    str(self.folder),
                    "lock",
                    f"{shown(lock)} is held; end the git that works here, or remove that file if "
                    "there is none",
                )
            time.sleep(LOOK_SECONDS)

    def _is_abandoned(self, lock: Path, *, crashed: bool) -> bool:
        """Return whether nobody uses a lock: no git is at work here, and it is ours or old."""
        try:
            age = time.time() - lock.stat().st_mtime
        except FileNotFoundError:
            return True
        old = self._life_of_a_lock(lock) if crashed else OLD_SECONDS
        return not self._git_is_at_work(lock) and age > old

    def _life_of_a_lock(self, lock: Path) -> float:
        """Return for how long a lock may be a living process's, if a git of ours has crashed.

        Other machines may be at work in a repository that others push to.
        """
        home = os.path.realpath(self.folder)
        is_here = os.path.commonpath([home, os.path.realpath(lock)]) == home
        return 0.0 if is_here else OLD_SECONDS_ELSEWHERE

    def _git_is_at_work(self, lock: Path) -> bool:
        """Return whether a git of this machine has the lock open, or works in its repository."""
        held = os.path.realpath(lock)
        homes = {os.path.realpath(self.folder)}
        homes |= {os.path.realpath(one) for one in lock.parents if (one / "HEAD").is_file()}
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                name = (process / "comm").read_text().strip()
                if not name.startswith("git"):
                    continue
                place = os.path.realpath(process / "cwd")
                if any(os.path.commonpath([place, home]) == home for home in homes):
                    return True
                if any(os.path.realpath(one) == held for one in (process / "fd").iterdir()):
                    return True
        return False


def _is_of_git(lock: Path) -> bool:
    """Return whether a file lies in a folder of git's own, where nobody else keeps anything."""
    return any(
        (one / "HEAD").is_file() and ((one / "objects").is_dir() or (one / "commondir").is_file())
        for one in lock.parents
    )


def _touches(names: str, path: str) -> bool:
    """Return whether some of the names, each ended by NUL, are a path or lie below it."""
    below = f"{path}/"
    return any(
        path == "." or name == path or name.startswith(below) for name in names.split("\0") if name
    )
