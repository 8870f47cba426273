import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

PROGRAM = Path(sys.executable).with_name("dws")
# Runs dws and kills it, as the kernel would, at the nth moment at which it changes something.
KILLED = """
import os, signal, sys
at, sys.argv = int(sys.argv[1]), ["dws", *sys.argv[2:]]
CHANGES = {"os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.link", "os.symlink",
           "shutil.rmtree", "subprocess.Popen"}
seen = 0

def watch(event, arguments):
    global seen
    writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & (
        os.O_WRONLY | os.O_RDWR
    )
    if event in CHANGES or writes:
        seen += 1
        if seen == at:
            os.kill(os.getpid(), signal.SIGKILL)

from workspace_core.cli.main import main
sys.addaudithook(watch)
main()
"""


@dataclass
class Dws:
    """The program dws, run in a folder as a user runs it."""

    folder: Path
    environment: dict[str, str]

    def run(self, *arguments, cwd=None):
        return subprocess.run(
            [PROGRAM, "--batch", *map(os.fspath, arguments)],
            cwd=cwd or self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            errors="surrogateescape",
        )

    def __call__(self, *arguments, cwd=None):
        done = self.run(*arguments, cwd=cwd)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start(self, *arguments):
        return subprocess.Popen(
            [PROGRAM, "--batch", *arguments],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def json(self, *arguments):
        return json.loads(self(*arguments, "--json"))

    def refused(self, *arguments, code=1):
        """Return what a command says that is refused: a single line."""
        done = self.run(*arguments)
        assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
        assert "Traceback" not in done.stderr
        if code == 1:
            assert done.stderr.startswith("error: "), done.stderr
            assert done.stderr.count("\n") == 1, done.stderr
        return done.stderr

    def killed_at(self, moment, *arguments):
        """Kill dws at a moment at which it changes something; return whether it came that far."""
        done = subprocess.run(
            [sys.executable, "-c", KILLED, str(moment), "--batch", *arguments],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode in (0, -signal.SIGKILL), done.stderr
        return done.returncode != 0

    def git(self, *arguments, cwd=None):
        return subprocess.run(
            ["git", *map(os.fspath, arguments)],
            cwd=cwd or self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=True,
        ).stdout


def dws_in(folder, home):
    folder.mkdir(exist_ok=True)
    home.mkdir(exist_ok=True)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    return Dws(folder, environment | {"HOME": str(home), "GIT_CONFIG_NOSYSTEM": "1"})


@pytest.fixture
def dws(tmp_path):
    return dws_in(tmp_path / "work", tmp_path / "home")


@pytest.fixture(scope="session")
def made_workspace(tmp_path_factory):
    """A workspace with a folder of data, a folder of code, and one of results."""
    place = tmp_path_factory.mktemp("made")
    dws = dws_in(place / "work", place / "home")
    dws("init", "study", "--hostname", "lab", "--create-resources", "c,r")
    raw = dws.folder / "raw"
    raw.mkdir()
    (raw / "a.csv").write_text("id\n1\n")
    dws("add", "local-files", "--role", "s", "raw")
    (dws.folder / "code/model.py").write_text("print(1)\n")
    return dws.folder


@pytest.fixture
def workspace(dws, made_workspace):
    """A copy of that workspace, in which dws runs."""
    shutil.copytree(made_workspace, dws.folder, symlinks=True, dirs_exist_ok=True)
    return dws.folder


@pytest.fixture
def write_results(workspace):
    """Write results, as a run of a model does."""

    def write(accuracy, name="plot.bin"):
        folder = workspace / "results"
        (folder / "results.json").write_text(json.dumps({"metrics": {"accuracy": accuracy}}))
        (folder / name).write_bytes(b"\0\xff" * 10)

    return write
