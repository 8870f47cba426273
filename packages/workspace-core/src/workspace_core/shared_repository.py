"""Git repositories that have copies elsewhere: fetch, merge in memory, go forward, push.

A merge is made as objects of git first and changes nothing; the working tree then goes forward to
it in one step, or not at all.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from workspace_core.errors import (
    ConfigurationError,
    GitError,
    NoGitError,
    StoreWriteError,
    shown,
)
from workspace_core.repository import LOCK, MOST_OUTPUT, OWN_VARIABLES, QUIET, Repository
from workspace_core.sharing.errors import CheckedOutError, LostRaceError
from workspace_core.store.durable import cause_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

ORIGIN = "origin"
REJECTED = re.compile(
    r"\[rejected\]|non-fast-forward|fetch first|incorrect old value|but expected|"
    r"is at [0-9a-f]+ but|failed to update ref|reference already exists"
)
CHECKED_OUT = re.compile(r"refusing to update checked out branch|branch is currently checked out")
NO_BRANCH = re.compile(r"couldn't find remote ref", re.IGNORECASE)
CREDENTIALS = re.compile(r"://[^/@\s]+@")
REMOTE_HELPER = re.compile(r"[A-Za-z0-9+.-]+::")
ADDRESS_OF_ANOTHER_MACHINE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://|[^/]+:")
GONE = "0" * 40
PUSHING = "git-push-at-work"  # a mark of its own: what comes before a push succeeds without it


@dataclass(frozen=True, slots=True)
class Blob:
    """A file as git has it."""

    mode: str
    id: str


@dataclass(frozen=True, slots=True)
class MergedCommits:
    """The tree that two commits become, and paths that both have changed, with each side's file."""

    tree: str
    conflicts: Mapping[str, Mapping[int, Blob]]  # by path and stage: 1 base, 2 ours, 3 theirs


class SharedRepository(Repository):
    """A repository with the remote ``origin``."""

    def set_origin(self, address: str) -> None:
        """Say where others get it from."""
        self._git("config", "remote.origin.url", checked_address(address))
        self._git(
            "config", "--replace-all", "remote.origin.fetch", "+refs/heads/*:refs/remotes/origin/*"
        )

    def take_origin(self, address: str | None) -> None:
        """Go back to an origin that there was, or to none."""
        if address is None:
            self._git("remote", "remove", ORIGIN)
        else:
            self._git("config", "remote.origin.url", address)

    def fetch(self, branch: str) -> str | None:
        """Fetch a branch of the origin; return its commit, None where there is no such branch.

        Raises:
            GitError: if the origin cannot be reached.
        """
        reference = f"refs/remotes/{ORIGIN}/{branch}"
        with self._marked() as crashed:
            try:
                wanted = f"+refs/heads/{branch}:{reference}"
                fetch = ("fetch", "--quiet", "--no-tags", "--no-recurse-submodules")
                self._git(*fetch, ORIGIN, wanted, crashed=crashed)
            except GitError as error:
                if NO_BRANCH.search(error.said):
                    return None
                raise _without_credentials(error) from None
        return self._line("rev-parse", "--quiet", "--verify", f"{reference}^{{commit}}")

    def fetch_all(self) -> dict[str, str]:
        """Fetch all branches of the origin; return their commits, by their names.

        Raises:
            GitError: if the origin cannot be reached.
        """
        below = f"refs/remotes/{ORIGIN}/"
        with self._marked() as crashed:
            try:
                fetch = ("fetch", "--quiet", "--prune", "--no-tags", "--no-recurse-submodules")
                self._git(*fetch, ORIGIN, f"+refs/heads/*:{below}*", crashed=crashed)
            except GitError as error:
                raise _without_credentials(error) from None
        facts = "--format=%(objectname) %(symref) %(refname)"
        listed = self._bytes("for-each-ref", facts, below).decode(errors="surrogateescape")
        found = {}
        for line in listed.splitlines():
            commit, leads_to, name = line.split(" ", 2)
            if not leads_to:
                found[name.removeprefix(below)] = commit
        return found

    def files_ever(self, commits: Iterable[str], folder: str) -> dict[str, Blob]:
        """Return all files that were ever below a folder in the history of commits.

        Of a file that was changed one of its states is returned; those of records never are.
        """
        given = [*dict.fromkeys(commits)]
        if not given:
            return {}
        listed = self._bytes("rev-list", "--objects", *given, "--", folder)
        found = {}
        for line in listed.decode(errors="surrogateescape").splitlines():
            identity, _, path = line.partition(" ")
            if path.startswith(f"{folder}/"):
                found[path.removeprefix(f"{folder}/")] = Blob("100644", identity)
        return found

    def push(self, branch: str) -> None:
        """Make the present commit that of a branch of the origin, if that has all it has.

        Raises:
            LostRaceError: if somebody else has pushed meanwhile.
            CheckedOutError: if somebody works on that branch in the origin itself.
            GitError: if the origin cannot be reached, or refuses.
        """
        wanted = f"HEAD:refs/heads/{branch}"
        deadline = time.monotonic() + self.wait_seconds
        with self._marked(self.marker.with_name(PUSHING)) as crashed:
            while True:
                done = self._done("push", "--quiet", "--no-recurse-submodules", ORIGIN, wanted)
                if done.returncode == 0:
                    return
                said = done.stderr.decode(errors="surrogateescape")
                origin = self.origin() or ORIGIN
                if os.path.isdir(origin) and self._is_freed(said, deadline, crashed=crashed):
                    continue
                if CHECKED_OUT.search(said):
                    raise CheckedOutError(CREDENTIALS.sub("://", origin), branch)
                if REJECTED.search(said) and not LOCK.search(said):
                    raise LostRaceError(CREDENTIALS.sub("://", origin))
                raise self._refusal("push", said)

    def clone(self, address: str) -> None:
        """Bring a repository to the folder, without any of its files as yet.

        Raises:
            GitError: if it cannot be reached.
        """
        words = ("clone", "--quiet", "--no-checkout", "--no-tags", "--template=")
        try:
            self._run_beside(*words, "--", checked_address(address), str(self.folder))
        except GitError as error:
            raise _without_credentials(error) from None

    def check_out(self) -> None:
        """Write the files of the present commit."""
        self._git("reset", "--quiet", "--hard")

    def check_out_branch(self, branch: str) -> None:
        """Write the files of a branch of the origin, and let that be the present one."""
        self._git("checkout", "--quiet", "-B", branch, f"refs/remotes/{ORIGIN}/{branch}")

    # Looking

    def is_ancestor(self, one: str, other: str) -> bool:
        """Return whether a commit comes before another one, or is it."""
        return self.merge_base(one, other) == one

    def merge_base(self, one: str, other: str) -> str | None:
        """Return the commit that two come from, None where there is none."""
        return self._line("merge-base", one, other)

    def files(self, commit: str, folder: str) -> dict[str, Blob]:
        """Return the files below a folder in a commit, by their paths in that folder."""
        found = {}
        listed = self._bytes("ls-tree", "-r", "-z", "--full-tree", commit, "--", f"{folder}/")
        for line in listed.split(b"\0")[:-1]:
            facts, _, path = line.partition(b"\t")
            mode, _, identity = facts.decode().split()
            found[os.fsdecode(path).removeprefix(f"{folder}/")] = Blob(mode, identity)
        return found

    def contents(self, blobs: Iterable[Blob]) -> dict[str, bytes]:
        """Return the contents of files, by their ids in git; one process for all of them."""
        ids = list(dict.fromkeys(one.id for one in blobs))
        answer = self._bytes("cat-file", "--batch", given="".join(f"{i}\n" for i in ids).encode())
        found, at = {}, 0
        for one in ids:
            end = answer.index(b"\n", at)
            size = int(answer[at:end].split()[2])
            found[one] = answer[end + 1 : end + 1 + size]
            at = end + 1 + size + 1
        return found

    def content(self, commit: str, path: str) -> bytes:
        """Return one file of a commit, empty where there is none."""
        done = self._done("cat-file", "blob", f"{commit}:{path}")
        return done.stdout if done.returncode == 0 else b""

    def changed(self, before: str, after: str) -> list[str]:
        """Return the paths that differ between two commits."""
        found = self._bytes("diff-tree", "-r", "-z", "--name-only", "--no-renames", before, after)
        return [os.fsdecode(one) for one in found.split(b"\0") if one]

    # Merging

    def merged(self, ours: str, theirs: str) -> MergedCommits:
        """Merge two commits in memory; nothing but objects is written."""
        done = self._done("merge-tree", "--write-tree", "-z", "--no-messages", ours, theirs)
        if done.returncode not in (0, 1):
            raise self._refusal("merge-tree", done.stderr.decode(errors="surrogateescape"))
        tree, *lines = done.stdout.split(b"\0")
        conflicts: dict[str, dict[int, Blob]] = {}
        for line in lines:
            facts, tab, path = line.partition(b"\t")
            if tab:
                mode, identity, stage = facts.decode().split()
                conflicts.setdefault(os.fsdecode(path), {})[int(stage)] = Blob(mode, identity)
        return MergedCommits(tree.decode(), conflicts)

    def with_files(self, tree: str, files: Mapping[str, bytes | Blob | None]) -> str:
        """Return a tree of git that is another one with some files changed, or gone (None)."""
        if not files:
            return tree
        lines = []
        for path, content in files.items():
            if content is None:
                lines.append(f"0 {GONE}\t{path}")
                continue
            blob = content if isinstance(content, Blob) else self._written(content)
            lines.append(f"{blob.mode} {blob.id}\t{path}")
        given = b"".join(os.fsencode(line) + b"\0" for line in lines)
        with tempfile.TemporaryDirectory(prefix="dws-index-") as place:
            index = str(Path(place, "index"))
            self._bytes("read-tree", tree, index=index)
            self._bytes("update-index", "-z", "--index-info", given=given, index=index)
            return self._bytes("write-tree", index=index).decode().strip()

    def commit_of(self, tree: str, parents: Sequence[str], message: str) -> str:
        """Make a commit of a tree; nothing points to it yet."""
        words = [word for parent in parents for word in ("-p", parent)]
        return self._git("commit-tree", tree, *words, "-m", message).strip()

    def check_forward(self, commit: str) -> None:
        """Refuse to go forward to a commit if changes of the user are in the way.

        Raises:
            GitError: naming them; nothing was changed.
        """
        self._git("read-tree", "--dry-run", "-m", "-u", "HEAD", commit)

    def forward(self, commit: str, known: Sequence[str]) -> None:
        """Let branch and working tree go forward to a commit that comes after the present one.

        Args:
            commit: the commit.
            known: paths that are in the working tree as the commit has them already.

        Raises:
            GitError: if changes of the user are in the way; nothing of theirs is touched.
        """
        with self._marked() as crashed:
            if known:
                self._git("add", "--all", "--force", "--", *known, crashed=crashed)
            self._git("merge", "--ff-only", "--quiet", commit, crashed=crashed)

    def _written(self, content: bytes) -> Blob:
        found = self._bytes("hash-object", "-w", "--stdin", given=content)
        return Blob("100644", found.decode().strip())

    # Processes

    def _bytes(self, *arguments: str, given: bytes = b"", index: str | None = None) -> bytes:
        done = self._done(*arguments, given=given, index=index)
        if done.returncode:
            raise self._refusal(arguments[0], done.stderr.decode(errors="surrogateescape"))
        return done.stdout

    def _done(
        self, *arguments: str, given: bytes = b"", index: str | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        environment = self._environment()
        if index is not None:
            environment["GIT_INDEX_FILE"] = index
        try:
            return subprocess.run(  # noqa: S603 - no shell, and addresses are checked
                self._words(*arguments),
                input=given,
                capture_output=True,
                check=False,
                env=environment,
            )
        except FileNotFoundError:
            raise NoGitError(str(self.folder)) from None

    def _words(self, *arguments: str) -> list[str]:
        return ["git", "-C", str(self.folder), *QUIET, *arguments]

    @staticmethod
    def _environment() -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if k not in OWN_VARIABLES}
        return kept | {"LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", "GIT_LITERAL_PATHSPECS": "1"}

    def _run_beside(self, *arguments: str) -> None:
        """Run git where there is no repository yet."""
        beside = SharedRepository(self.folder.parent, self.marker)
        beside._bytes(*arguments)

    def _refusal(self, command: str, said: str) -> GitError:
        text = CREDENTIALS.sub("://", " ".join(said.split()))
        return GitError(str(self.folder), command, text[:MOST_OUTPUT])


def checked_address(address: str) -> str:
    """Return the address of a repository; that of one on this machine is absolute then.

    Raises:
        ConfigurationError: if git would take it for an option, or start a program of its choice.
    """
    if not address or address.startswith("-") or REMOTE_HELPER.match(address) or "\0" in address:
        raise ConfigurationError(
            f"{shown(CREDENTIALS.sub('://', address)[:200])} is no address of a git repository; "
            "give a URL, HOST:PATH, or the path of a folder."
        )
    path = os.path.expanduser(address)
    return os.path.abspath(path) if os.path.isdir(path) else address


def make_bare(folder: Path, branch: str) -> bool:
    """Make a repository for others to push to; nothing is changed where there is one.

    Returns:
        whether it was made.

    Raises:
        GitError: if it cannot be made.
        StoreWriteError: if its folder cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            return False
    except OSError as error:
        raise StoreWriteError(str(folder), cause_of(error)) from error
    SharedRepository(folder, folder / "at-work")._bytes(
        "init", "--quiet", "--bare", f"--initial-branch={branch}"
    )
    return True


def _without_credentials(error: GitError) -> GitError:
    return GitError(error.folder, error.command, CREDENTIALS.sub("://", error.said))
