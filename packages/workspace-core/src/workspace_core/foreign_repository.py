"""Git repositories that others have made: only read, and without starting what they configure."""

from __future__ import annotations

import os
import subprocess
import tempfile
from typing import TYPE_CHECKING

from workspace_core.shared_repository import Blob, SharedRepository

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# A partial clone would fetch what it lacks with a program that its own configuration names.
NO_PROGRAMS = ("-c", "protocol.allow=never", "-c", "core.fsmonitor=false")


class ForeignRepository(SharedRepository):
    """A repository of which nothing is taken on trust but that contents fit their ids."""

    def tree(self, commit: str, folder: str) -> str | None:
        """Return the id of a folder in a commit, None where there is none."""
        done = self._done("rev-parse", "--quiet", "--verify", f"{commit}:{folder}")
        return done.stdout.decode().strip() if done.returncode == 0 else None

    def files_of(self, tree: str) -> dict[str, Blob]:
        """Return the files below a tree, by their paths in it."""
        found = {}
        for line in self._bytes("ls-tree", "-r", "-z", "--full-tree", tree).split(b"\0")[:-1]:
            facts, _, path = line.partition(b"\t")
            mode, _, identity = facts.decode().split()
            found[os.fsdecode(path)] = Blob(mode, identity)
        return found

    def streamed(self, blobs: Iterable[Blob]) -> Iterator[tuple[str, bytes]]:
        """Give contents by their ids in git, one at a time; those that git lacks are left out."""
        ids = list(dict.fromkeys(one.id for one in blobs))
        with tempfile.TemporaryFile() as wanted:
            wanted.write("".join(f"{one}\n" for one in ids).encode())
            wanted.seek(0)
            with self._started("cat-file", "--batch", given=wanted.fileno()) as process:
                assert process.stdout is not None  # noqa: S101 - it is a pipe
                for one in ids:
                    facts = process.stdout.readline().split()
                    if len(facts) == 3 and facts[1] == b"blob":
                        content = process.stdout.read(int(facts[2]))
                        process.stdout.read(1)
                        yield one, content

    def _started(self, *arguments: str, given: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603 - no shell
            self._words(*NO_PROGRAMS, *arguments),
            stdin=given,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=self._environment(),
        )

    def _done(
        self, *arguments: str, given: bytes = b"", index: str | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        return super()._done(*NO_PROGRAMS, *arguments, given=given, index=index)


def real_path_below(folder: str, path: str) -> str | None:
    """Return the real path of something below a folder, None where links lead out of it."""
    top, found = os.path.realpath(folder), os.path.realpath(os.path.join(folder, path))
    return found if found != top and os.path.commonpath([top, found]) == top else None
