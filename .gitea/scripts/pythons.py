#!/usr/bin/env python3
"""Tests the members with every Python that they are said to run on, as far as it is installed.

    .gitea/scripts/pythons.py --list
    .gitea/scripts/pythons.py
    .gitea/scripts/pythons.py --only 3.13 -- pytest packages/util-services/tests/reports

Which versions those are, the classifiers of the members say; an interpreter is looked for on the
PATH, among those of pyenv and of uv. Each found one is named with its exact version, and so is each
version without one, with which nothing is proven here. For each, an environment of its own is made
from the lock file, with all members, their extras and the group 'test'; in it run the tests of the
members, or the command after '--'. The environments are left in '.pythons'.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from workspace import ROOT, DeliveryError, classified_pythons, member, members

ASK = "import platform, sys; print(platform.python_version(), sys.executable)"
ENVIRONMENTS = ".pythons"


@dataclass(frozen=True)
class Interpreter:
    """A Python on this machine."""

    version: str  # such as 3.12.1
    program: str


def candidates(version: str) -> Iterator[str]:
    """Yield the programs that may be a Python of a version such as 3.12."""
    if on_path := shutil.which(f"python{version}"):
        yield on_path
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from map(str, sorted(pyenv.glob(f"versions/{version}*/bin/python{version}")))
    if uv := shutil.which("uv"):
        found = subprocess.run(
            [uv, "python", "find", "--no-python-downloads", "--no-project", version],
            capture_output=True,
            text=True,
            check=False,
        )
        if found.returncode == 0:
            yield found.stdout.strip()


def interpreter(version: str) -> Interpreter | None:
    """Return a Python of a version, None where there is none that starts.

    It is asked for its version, because a program of its name may be a shim of pyenv without one.
    """
    for program in candidates(version):
        asked = subprocess.run(
            [program, "-I", "-c", ASK], capture_output=True, text=True, check=False
        )
        told, _, place = asked.stdout.strip().partition(" ")
        if asked.returncode == 0 and re.match(rf"{re.escape(version)}\.", told):
            return Interpreter(told, place)
    return None


def tested(found: Interpreter, folders: list[str], command: list[str]) -> bool:
    """Run a command, by default the tests in folders, in an environment of this interpreter."""
    place = ROOT / ENVIRONMENTS / found.version
    environment = {k: v for k, v in os.environ.items() if k not in ("VIRTUAL_ENV", "PYTHONPATH")}
    environment |= {
        "UV_PROJECT_ENVIRONMENT": str(place),
        "PATH": f"{place / 'bin'}{os.pathsep}{os.environ['PATH']}",
    }
    make = [
        *("uv", "sync", "--quiet", "--locked", "--python", found.program),
        *("--all-packages", "--all-extras", "--no-default-groups", "--group", "test"),
    ]
    for one in (make, command or ["pytest", "--numprocesses", "auto", *folders]):
        if subprocess.run(one, cwd=ROOT, env=environment, check=False).returncode:
            return False
    return True


def main() -> int:
    """Name the interpreters, and test with them; return 1 where a test failed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("members", nargs="*", metavar="MEMBER", help="default: all")
    parser.add_argument("--list", action="store_true", help="name the interpreters, test nothing")
    parser.add_argument("--only", action="append", metavar="X.Y", help="may be repeated")
    words, command = sys.argv[1:], []
    if "--" in words:
        place = words.index("--")
        words, command = words[:place], words[place + 1 :]
    given = parser.parse_args(words)
    folders = [member(name).folder for name in given.members or members()]
    wanted = classified_pythons()
    if strange := set(given.only or ()) - set(wanted):
        raise DeliveryError(f"No member is said to run on Python {', '.join(sorted(strange))}.")
    failed = []
    for version in given.only or wanted:
        found = interpreter(version)
        if found is None:
            print(f"{version}: none found; nothing is proven with it here", flush=True)
            continue
        print(f"{version}: {found.version} at {found.program}", flush=True)
        if not given.list:
            passed = tested(found, folders, command)
            print(f"{version}: {'passed' if passed else 'FAILED'} with {found.version}", flush=True)
            failed += [] if passed else [version]
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except DeliveryError as error:
        sys.exit(f"pythons: {error}")
