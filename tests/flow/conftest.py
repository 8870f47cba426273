"""A machine of one's own for each test: root, Dagster home, HOME and TMPDIR in one folder."""

import os
import subprocess
import sys
import time
from pathlib import Path

import dagster as dg
import pytest

PROGRAM = Path(sys.executable).with_name("data-services")


def is_whole(parquet):
    """Whether a file is written to its end, by which Parquet is known, encrypted or not."""
    return parquet.read_bytes()[-4:] in (b"PAR1", b"PARE")


class Machine:
    """What a user has: a root with files, a Dagster home, and the program."""

    def __init__(self, folder):
        self.folder = folder
        self.root, self.home = folder / "root", folder / "dagster"
        self.variables = {
            "DATA_SERVICES_ROOT": str(self.root),
            "DAGSTER_HOME": str(self.home),
            "HOME": str(folder / "home"),
            "XDG_DATA_HOME": str(folder / "home" / "data"),
            "TMPDIR": str(folder / "tmp"),
            "DAGSTER_DISABLE_TELEMETRY": "yes",
        }
        for place in (self.root, self.home, folder / "home", folder / "tmp"):
            place.mkdir()
        (self.home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")

    def put(self, name, content):
        (self.root / name).parent.mkdir(parents=True, exist_ok=True)
        (self.root / name).write_bytes(content)
        return name

    def get(self, name):
        return (self.root / name).read_bytes()

    def command(self, *arguments):
        return [str(PROGRAM), *map(str, arguments)]

    def run(self, *arguments, **variables):
        return subprocess.run(
            self.command(*arguments),
            env={**os.environ, **self.variables, **variables},
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
        )

    def await_work(self, process):
        """Wait until a run in a process has staged its input, and is at work on it."""
        deadline = time.monotonic() + 120
        while not any(map(is_whole, self.root.glob(".data-services-staging/*/input-*"))):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def files(self, *but):
        """Return all files of this machine but some, by their paths in its folder."""
        found = (path for path in self.folder.rglob("*") if path.is_file())
        return {str(path.relative_to(self.folder)) for path in found} - set(but)

    def outputs(self):
        """Return what is below the root."""
        return sorted(name for name in self.files() if name.startswith("root/"))

    def mentions(self, *words, but=()):
        """Return the files in which one of some words stands."""
        return {
            name
            for name in self.files(*but)
            for word in words
            if word.encode() in (self.folder / name).read_bytes()
        }

    def instance(self):
        return dg.DagsterInstance.from_config(str(self.home))


@pytest.fixture
def machine(tmp_path, clean_environment, monkeypatch):
    made = Machine(tmp_path)
    for name, value in made.variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("tempfile.tempdir", None)  # TMPDIR is read once
    return made


def run_config(source="in.csv", output="out.csv", reading=None, writing=None, **operation):
    """Return the run config of remove_duplicates."""
    return {
        "ops": {
            "read_dataset": {"config": {"path": source, **(reading or {})}},
            "remove_duplicates": {"config": operation},
            "write_dataset": {"config": {"path": output, **(writing or {})}},
        }
    }


@pytest.fixture(name="run_config")
def run_config_fixture():
    return run_config
