"""One file on a branch of a git remote: read it, look into its past, publish a new one.

Works on a bare copy in a folder of its own that goes afterwards, without a working tree: no hook,
no filter and no link in the repository takes part. Whatever is killed leaves the remote with the
old commit or the new one, since git moves a branch in one step.
"""

from __future__ import annotations

import base64
import os
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from util_services import settings
from util_services.errors import (
    ConfigurationError,
    DataServicesError,
    RefusedError,
    printable,
    quoted_name,
)
from util_services.logs.redaction import redacted
from util_services.web import is_loopback

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

GIT_SECONDS = 300
FILE_MODES = frozenset({"100644", "100755"})
OWN_IDENTITY = {"name": "data-services deployment", "email": "deployment@data-services.invalid"}
MAX_SAID = 300  # characters of what git says
WITHOUT_REASON = ("To ", "error: failed to push some refs", "hint:")
# Set where a hook of another repository runs this; the copy is meant and no other.
OF_ANOTHER_REPOSITORY = frozenset(
    {
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_COMMON_DIR",
        "GIT_DIR",
        "GIT_INDEX_FILE",
        "GIT_NAMESPACE",
        "GIT_OBJECT_DIRECTORY",
        "GIT_WORK_TREE",
    }
)
USER_OF_TOKEN = "token"  # noqa: S105 - Gitea takes any name where the password is a token
ENVIRONMENT = {"GIT_LITERAL_PATHSPECS": "1", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}


class BranchError(RefusedError):
    """Raised when the remote, the branch or the file cannot be read."""


class PushError(DataServicesError):
    """Raised when the remote does not take a commit."""


class GitError(DataServicesError):
    """Raised with what git says where it fails."""

    def __init__(self, verb: str, reason: str) -> None:
        super().__init__(verb, reason)
        self.verb, self.reason = verb, reason

    def __str__(self) -> str:
        return f"git {self.verb} failed: {self.reason}"


class MovedError(Exception):
    """Raised when somebody else has changed the branch in between; look at it anew."""


@dataclass(frozen=True, slots=True)
class Branch:
    """A branch as it was when it was copied.

    Args:
        copy: the bare copy.
        remote: its address.
        name: of the branch.
        head: the commit at its end.
    """

    copy: Path
    remote: str
    name: str
    head: str

    def read(self, file: str, commit: str | None = None) -> str:
        """Return the text of a file.

        Raises:
            BranchError: if it is no file of text in UTF-8.
        """
        return self._file(file, commit or self.head)[1]

    def past(self, file: str) -> Iterator[str]:
        """Yield what the file held, the newest first; where it did not exist it is passed over."""
        commits = _git(self.copy, "log", "--format=%H", "--first-parent", self.head, "--", file)
        for commit in commits.split():
            try:
                yield self.read(file, commit)
            except BranchError:
                continue

    def publish(self, file: str, text: str, message: str) -> str:
        """Commit a new text of a file and push it; return the commit.

        Raises:
            MovedError: if the branch is no longer what was copied.
            PushError: if the remote refuses the commit for another reason.
        """
        mode, _ = self._file(file, self.head)
        index = {"GIT_INDEX_FILE": str(self.copy / "deployment-index")}
        blob = _git(self.copy, "hash-object", "-w", "--stdin", given=text)
        _git(self.copy, "read-tree", self.head, environment=index)
        _git(self.copy, "update-index", "--cacheinfo", f"{mode},{blob},{file}", environment=index)
        tree = _git(self.copy, "write-tree", environment=index)
        commit = _git(
            self.copy, "commit-tree", tree, "-p", self.head, given=message, environment=_identity()
        )
        new_end = f"{commit}:refs/heads/{self.name}"
        try:
            _git(self.copy, "push", "--quiet", "--no-verify", "--", self.remote, new_end)
        except GitError as error:
            end = _end_of(self.remote, self.name)
            if end == commit:
                return commit  # its answer was lost
            if end not in {None, self.head}:
                raise MovedError from None
            raise PushError(
                f"The remote {quoted_name(redacted(self.remote))} does not take the commit: {error}"
            ) from None
        return commit

    def _file(self, file: str, commit: str) -> tuple[str, str]:
        """Return mode and text of a file."""
        listed = _git(self.copy, "ls-tree", commit, "--", file)
        mode = listed.split(" ", 1)[0]
        if "\n" in listed or mode not in FILE_MODES:
            raise BranchError(
                f"The branch {quoted_name(self.name)} has no file {quoted_name(file)}; name the "
                "manifest with '--file'."
            )
        try:
            return mode, _git(self.copy, "cat-file", "blob", f"{commit}:{file}", strip=False)
        except UnicodeDecodeError:
            raise BranchError(f"{quoted_name(file)} is no text in UTF-8.") from None


@contextmanager
def copied(remote: str, name: str) -> Iterator[Branch]:
    """Give a copy of a branch of a remote.

    Raises:
        BranchError: if there is none.
        ConfigurationError: if the name is none of a branch, or a token would be sent in the open.
    """
    if remote.startswith("-") or not remote:
        raise ConfigurationError(f"{quoted_name(remote)} is no address of a git remote.")
    _refuse_open_line(remote)
    try:
        _git(None, "check-ref-format", "--branch", name)
    except GitError:
        raise ConfigurationError(f"{quoted_name(name)} is no name of a branch.") from None
    with tempfile.TemporaryDirectory(prefix="data-services-deployment-") as folder:
        copy = Path(folder) / "copy.git"
        try:
            _git(
                None, "clone", "--quiet", "--bare", "--single-branch", "--no-tags", "--template=",
                "--branch", name, "--", remote, str(copy),
            )  # fmt: skip
        except GitError as error:
            raise BranchError(
                f"The branch {quoted_name(name)} of {quoted_name(redacted(remote))} cannot be "
                f"read: {error}"
            ) from None
        address = str(Path(remote).resolve()) if Path(remote).exists() else remote
        yield Branch(copy, address, name, _git(copy, "rev-parse", f"refs/heads/{name}"))


def checked_path(file: str) -> str:
    """Return the path of a file within a repository.

    Raises:
        ConfigurationError: if it leads out of it.
    """
    path = PurePosixPath(file)
    if path.is_absolute() or ".." in path.parts or not path.parts or not file.isprintable():
        raise ConfigurationError(
            f"{quoted_name(file)} is no path within the repository; name it from its root."
        )
    return str(path)


def _end_of(remote: str, name: str) -> str | None:
    try:
        listed = _git(None, "ls-remote", "--", remote, f"refs/heads/{name}")
    except GitError:
        return None
    return listed.split("\t", 1)[0]


def _identity() -> dict[str, str]:
    """Return who commits: whoever git knows, else this program."""
    try:
        _git(None, "var", "GIT_COMMITTER_IDENT")
    except GitError:
        return {
            f"GIT_{role}_{part.upper()}": text
            for role in ("AUTHOR", "COMMITTER")
            for part, text in OWN_IDENTITY.items()
        }
    return {}


def _git(
    copy: Path | None,
    *arguments: str,
    given: str | None = None,
    environment: Mapping[str, str] | None = None,
    strip: bool = True,
) -> str:
    kept = {k: v for k, v in os.environ.items() if k not in OF_ANOTHER_REPOSITORY}
    try:
        done = subprocess.run(  # noqa: S603 - no shell, and addresses stand behind `--`
            ["git", *(["-C", str(copy)] if copy else []), *arguments],  # noqa: S607 - the user's own git
            input=given.encode() if given is not None else None,
            stdin=subprocess.DEVNULL if given is None else None,
            env=kept | ENVIRONMENT | _credentials() | dict(environment or {}),
            capture_output=True,
            timeout=GIT_SECONDS,
            check=False,
        )
    except FileNotFoundError:
        raise BranchError("git is not installed here; install it.") from None
    except subprocess.TimeoutExpired:
        raise GitError(arguments[0], f"it did not end within {GIT_SECONDS} seconds") from None
    if done.returncode:
        raise GitError(arguments[0], _reason(done.stderr.decode(errors="replace")))
    text = done.stdout.decode()
    return text.strip() if strip else text


def _refuse_open_line(remote: str) -> None:
    try:
        parts = urlsplit(remote)
    except ValueError:
        raise ConfigurationError(f"{quoted_name(remote)} is no address of a git remote.") from None
    is_open = parts.scheme == "http" and not is_loopback(parts.hostname or "")
    if is_open and settings.text("MANIFEST_TOKEN"):
        raise ConfigurationError(
            f"The token would travel to {quoted_name(parts.hostname or '')} in the open; name the "
            "remote by https."
        )


def _credentials() -> dict[str, str]:
    """Return settings with which git shows the token of the remote, where there is one.

    They stand in its environment alone: in no argument, no address and no file.
    """
    token = settings.text("MANIFEST_TOKEN")
    if token is None:
        return {}
    said = base64.b64encode(f"{USER_OF_TOKEN}:{token}".encode()).decode()
    given = {"http.extraHeader": f"Authorization: Basic {said}", "http.followRedirects": "false"}
    count = int(os.environ.get("GIT_CONFIG_COUNT") or 0)
    numbered = enumerate(given.items(), start=count)
    return {"GIT_CONFIG_COUNT": str(count + len(given))} | {
        f"GIT_CONFIG_{part}_{number}": text
        for number, setting in numbered
        for part, text in zip(("KEY", "VALUE"), setting, strict=True)
    }


def _reason(said: str) -> str:
    """Return what git says on one line, without credentials."""
    lines = (printable(line.strip()) for line in said.splitlines())
    reason = "; ".join(line for line in lines if line and not line.startswith(WITHOUT_REASON))
    return str(redacted(reason))[:MAX_SAID] or "it does not say why"
