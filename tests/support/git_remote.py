"""Git repositories of the tests' own: a bare remote, as a server holds it, and a checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

NOBODY = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
PERSON = {
    f"GIT_{role}_{part}": text
    for role in ("AUTHOR", "COMMITTER")
    for part, text in {"NAME": "a person", "EMAIL": "person@example.org"}.items()
}


def git(*arguments: object, folder: Path | None = None) -> str:
    """Run git as a person whose settings are none and return what it prints."""
    done = subprocess.run(
        ["git", *map(str, arguments)],
        cwd=folder,
        env=os.environ | NOBODY | PERSON,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


class Remote:
    """A bare repository with a branch 'main'."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "deployments.git"
        self._checkout = folder / "checkout"
        git("init", "--quiet", "--bare", "--initial-branch=main", self.path)
        git("clone", "--quiet", self.path, self._checkout)
        git("switch", "--quiet", "--create", "main", folder=self._checkout)

    def write(self, text: str, file: str = "values.yaml") -> None:
        """Commit a file through a checkout, as a person does."""
        if git("ls-remote", self.path):
            git("pull", "--quiet", "origin", "main", folder=self._checkout)
        (self._checkout / file).write_text(text)
        self.commit()

    def link(self, file: str, target: str) -> None:
        """Commit a symbolic link."""
        (self._checkout / file).symlink_to(target)
        self.commit()

    def commit(self) -> None:
        """Commit and push what is in the checkout."""
        git("add", "--all", folder=self._checkout)
        git("commit", "--quiet", "--message", "change", folder=self._checkout)
        git("push", "--quiet", "origin", "main", folder=self._checkout)

    def read(self, file: str = "values.yaml") -> str:
        """Return the text of a file on the branch."""
        return self.git("cat-file", "blob", f"main:{file}")

    def head(self) -> str:
        """Return the commit at the end of the branch."""
        return self.git("rev-parse", "main").strip()

    def commits(self) -> int:
        """Return how many commits the branch has."""
        return int(self.git("rev-list", "--count", "main"))

    def git(self, *arguments: object) -> str:
        """Run git in the repository itself."""
        return git(*arguments, folder=self.path)


class Checkout:
    """A repository on its branch 'main'."""

    def __init__(self, folder: Path) -> None:
        self.root = folder
        if not (folder / ".git").exists():
            git("init", "--quiet", "--initial-branch=main", folder)

    def copy_from(self, workspace: Path) -> None:
        """Commit what a workspace holds now, committed there or not."""
        listed = git(
            *("ls-files", "-z", "--cached", "--others", "--exclude-standard"), folder=workspace
        )
        for name in filter(None, listed.split("\0")):
            if (workspace / name).is_file():  # and not deleted without a commit
                (self.root / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(workspace / name, self.root / name)
        self.commit()

    def cloned(self, folder: Path) -> Checkout:
        """Return a clone with the same origin."""
        git("clone", "--quiet", self.root, folder)
        clone = Checkout(folder)
        clone.git("remote", "set-url", "origin", self.git("remote", "get-url", "origin").strip())
        return clone

    def commit(self) -> str:
        """Commit everything and return the commit."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "change")
        return self.head

    @property
    def head(self) -> str:
        """The commit that is checked out."""
        return self.git("rev-parse", "HEAD").strip()

    def git(self, *arguments: object) -> str:
        """Run git in the checkout."""
        return git(*arguments, folder=self.root)
