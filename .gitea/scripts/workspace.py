"""The members of the workspace, and what a change touches; needs nothing but Python.

Read from the workspace's own metadata: `[tool.uv.workspace]` at the root, and each member's
requirements and extras.
"""

from __future__ import annotations

import re
import subprocess
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NAME = re.compile(r"^[A-Za-z0-9._-]+")
PYTHON = re.compile(r"^Programming Language :: Python :: (\d+\.\d+)$")


class DeliveryError(Exception):
    """Raised with one sentence for the person who runs a script."""


@dataclass(frozen=True, slots=True)
class Member:
    """A package of the workspace."""

    name: str
    folder: str  # relative to the root
    version: str
    needs: frozenset[str]  # other members
    requirements: tuple[str, ...] = ()  # as they are written, those of extras too

    @property
    def package(self) -> str:
        """The name under which it is imported."""
        return self.name.replace("-", "_")


def members(root: Path = ROOT) -> dict[str, Member]:
    """Return the members by name.

    Raises:
        DeliveryError: if the root is no workspace, or a member has no project.
    """
    settings = _toml(root / "pyproject.toml")
    patterns = settings.get("tool", {}).get("uv", {}).get("workspace", {}).get("members", [])
    folders = [path for pattern in patterns for path in sorted(root.glob(pattern))]
    projects = {}
    for folder in folders:
        if (folder / "pyproject.toml").is_file():
            projects[folder] = _toml(folder / "pyproject.toml")["project"]
    if not projects:
        raise DeliveryError(f"{root} is no workspace: its pyproject.toml names no members.")
    names = {_normal(project["name"]) for project in projects.values()}
    found = {}
    for folder, project in projects.items():
        name = _normal(project["name"])
        extras = project.get("optional-dependencies", {}).values()
        lines = [*project.get("dependencies", []), *(line for extra in extras for line in extra)]
        needs = {_normal(match[0]) for line in lines if (match := NAME.match(line))}
        found[name] = Member(
            name,
            folder.relative_to(root).as_posix(),
            project["version"],
            (needs & names) - {name},
            tuple(lines),
        )
    return found


def classified_pythons(root: Path = ROOT) -> list[str]:
    """Return the versions of Python that the members' classifiers name, such as 3.12, in order.

    Raises:
        DeliveryError: if members name different ones, none, or not the least that they require.
    """
    named = {}
    for one in members(root).values():
        project = _toml(root / one.folder / "pyproject.toml")["project"]
        found = [
            match[1] for line in project.get("classifiers", ()) if (match := PYTHON.match(line))
        ]
        ordered = sorted(found, key=_number)
        least = project.get("requires-python", "").removeprefix(">=")
        if not ordered or ordered[0] != least:
            raise DeliveryError(
                f"'{one.name}' requires Python '{least}' and up, and its classifiers begin with "
                f"{ordered[0] if ordered else 'none'}; let them agree."
            )
        named[one.name] = ordered
    (name, first), *others = named.items()
    for other, versions in others:
        if versions != first:
            raise DeliveryError(
                f"The classifiers of '{other}' name Python {', '.join(versions)}, those of "
                f"'{name}' {', '.join(first)}; let them agree."
            )
    return first


def member(name: str, root: Path = ROOT) -> Member:
    """Return a member.

    Raises:
        DeliveryError: if there is none of this name.
    """
    known = members(root)
    if name not in known:
        raise DeliveryError(f"There is no member '{name}'; known are {', '.join(sorted(known))}.")
    return known[name]


def changed_files(base: str, root: Path = ROOT) -> list[str]:
    """Return the files that differ from where a branch left ``base``, those not committed too.

    Raises:
        DeliveryError: if the base is unknown, as in a checkout without history.
    """
    fork = git("merge-base", base, "HEAD", root=root)
    listed = git("diff", "--name-only", "--no-renames", "-z", fork, root=root)
    fresh = git("ls-files", "--others", "--exclude-standard", "-z", root=root)
    return sorted({name for name in f"{listed}\0{fresh}".split("\0") if name})


def touched(files: list[str], known: dict[str, Member]) -> set[str]:
    """Return the members that files lie in; a file outside of all members touches all."""
    found = set()
    for file in files:
        owners = [one.name for one in known.values() if file.startswith(f"{one.folder}/")]
        found |= set(owners or known)
    return found


def with_dependants(names: set[str], known: dict[str, Member]) -> list[str]:
    """Return members and all that need them, those that are needed first."""
    reached = set(names)
    while more := {m.name for m in known.values() if m.needs & reached} - reached:
        reached |= more
    ordered: list[str] = []
    while rest := reached - set(ordered):
        ready = {name for name in rest if not known[name].needs & rest}
        ordered += sorted(ready or rest)
    return ordered


def git(*arguments: str, root: Path = ROOT) -> str:
    """Return what git prints, without the last line end.

    Raises:
        DeliveryError: with what git says, if it fails.
    """
    done = subprocess.run(
        ["git", *arguments], cwd=root, capture_output=True, text=True, check=False
    )
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["it says nothing"]
        raise DeliveryError(f"git {arguments[0]} failed: {said[-1]}")
    return done.stdout.rstrip("\n")


def _toml(file: Path) -> dict:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise DeliveryError(f"{file} cannot be read: {error}") from None


def _normal(name: str) -> str:
    """Return the name of a distribution as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _number(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))
