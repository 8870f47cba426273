"""The examples of the README run, in order and in one folder."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
PROGRAMS = Path(sys.executable).parent


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", README, flags=re.DOTALL | re.MULTILINE)


def commands():
    lines = "".join(blocks("console")).splitlines()
    return [shlex.split(line.removeprefix("$ ")) for line in lines]


@pytest.fixture
def here(tmp_path, monkeypatch):
    place = tmp_path / "here"  # remotes are made beside it
    place.mkdir()
    monkeypatch.chdir(place)
    for name in ("HOME", "DATA_SERVICES_ROOT", "DAGSTER_HOME"):
        monkeypatch.setenv(name, str(place))
    monkeypatch.setenv("PATH", f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}")
    return place


def test_the_python_examples_run(here):
    for code in blocks("python"):
        exec(compile(code, "README.md", "exec"), {})  # noqa: S102
    assert len(blocks("python")) == 7


def test_the_command_line_examples_run(here):
    (here / "measurements").mkdir()
    (here / "measurements/monday.csv").write_text("ward,beds\nnorth,12\n")

    for words in commands():
        done = subprocess.run(words, capture_output=True, text=True, cwd=here)
        assert done.returncode == 0, (words, done.stderr)

    assert len(commands()) == 42
    assert (here / "measurements/monday.csv").read_text() == "ward,beds\nnorth,12\n"


def test_the_run_config_is_one(here):
    from workspace_core.config import RestoreWorkspaceConfig

    (config,) = [one for one in blocks("yaml") if "restore_workspace" in one]
    given = yaml.safe_load(config)["ops"]["restore_workspace"]["config"]

    assert RestoreWorkspaceConfig(**given).only == ["measurements"]


def test_the_addresses_are_some(here):
    from util_services.resources import local_storage
    from workspace_core import api

    (config,) = [one for one in blocks("yaml") if "read_dataset" in one]
    ops = yaml.safe_load(config)["ops"]
    (here / "measurements").mkdir()
    api.init(str(here), create_resources=["results"])
    api.add("local-files", "s", "measurements", str(here))

    found = [local_storage().resolve(one["config"]["path"]).path for one in ops.values()]

    assert found == [f"{here}/measurements/monday.csv", f"{here}/results/monday.parquet"]


def test_every_command_is_in_the_table():
    from workspace_core.cli.main import COMMANDS

    for name in COMMANDS:
        assert f"`{name}" in README or f" {name} " in README, name
