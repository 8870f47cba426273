import os
from dataclasses import dataclass
from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from workspace_core import api
from workspace_core.workspace import load_workspace

FOLDERS = {
    "raw": "source-data",
    "clean": "intermediate-data",
    "code": "code",
    "results": "results",
}


@dataclass
class Study:
    """A workspace, in whose folder the test is."""

    folder: Path

    def records(self):
        return load_workspace(f"git:{self.folder}", batch=True).lineage.all()

    def newest(self):
        return max(self.records(), key=lambda one: one.order)

    def stale(self):
        """Return what is out of date, and why, by resource and path."""
        return {
            f"{late.name}:/{late.path}": late.why
            for one in api.status(str(self.folder))
            for late in one.stale
        }

    def dataset(self, bunch, name="raw"):
        """Write a dataset of scikit-learn's own as files of a resource."""
        folder = self.folder / name
        np.savetxt(folder / "data.csv", bunch.data, delimiter=",", fmt="%.17g")
        np.savetxt(folder / "target.csv", bunch.target, fmt="%.17g")
        (folder / "DESCR.rst").write_text(bunch.DESCR, encoding="utf-8")
        (folder / "notes.md").write_text("not of the dataset")

    def run(self, *cells, name="train.ipynb"):
        """Run a notebook in a kernel of its own; return it with what its cells have shown."""
        made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(one) for one in cells])
        made.metadata["kernelspec"] = {"name": "python3", "display_name": "", "language": "python"}
        nbformat.write(made, self.folder / name)
        client = NotebookClient(made, resources={"metadata": {"path": str(self.folder)}})
        client.execute()
        return made

    def refused(self, *cells):
        """Run a notebook whose last cell fails; return what is shown of that."""
        with pytest.raises(CellExecutionError) as failed:
            self.run(*cells)
        return str(failed.value)


@pytest.fixture
def study(tmp_path, monkeypatch):
    api.init(str(tmp_path / "study"), hostname="lab")
    for name, role in FOLDERS.items():
        (tmp_path / "study" / name).mkdir()
        api.add("local-files", role, str(tmp_path / "study" / name), str(tmp_path / "study"))
    monkeypatch.chdir(tmp_path / "study")
    for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_DATA_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setenv("PYTHONWARNINGS", os.environ.get("PYTHONWARNINGS", ""))
    return Study(tmp_path / "study")


@pytest.fixture
def shown():
    """Return what a cell of a notebook shows, as texts by kind."""
    return shown_by


def shown_by(cell):
    found = {}
    for one in cell.outputs:
        if one.output_type == "stream":
            found[one.name] = found.get(one.name, "") + one.text
        elif one.output_type in ("display_data", "execute_result"):
            found |= dict(one.data)
    return found
