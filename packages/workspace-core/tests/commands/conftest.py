import json
import shutil

import pytest
from dws_program import Dws, environment_at


def dws_in(folder, home):
    folder.mkdir(exist_ok=True)
    return Dws(folder, environment_at(home))


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
