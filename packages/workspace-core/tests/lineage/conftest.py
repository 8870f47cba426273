import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from workspace_core import api
from workspace_core.lineage import LineageBuilder
from workspace_core.lineage.questions import questions
from workspace_core.lineage.staleness import judge_present
from workspace_core.workspace import load_workspace

FOLDERS = {
    "raw": ("local-files", "source-data"),
    "clean": ("local-files", "intermediate-data"),
    "code": ("git", "code"),
    "results": ("git", "results"),
}


@dataclass
class Study:
    """A workspace whose files are named as ``raw/a.csv``."""

    folder: Path

    def path(self, path):
        return str(self.folder / path)

    def write(self, path, text):
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def workspace(self):
        return load_workspace(f"git:{self.folder}", batch=True)

    def builder(self, name="step", **parameters):
        builder = LineageBuilder().with_workspace_directory(self.folder)
        return builder.with_step_name(name).with_parameters(parameters)

    def step(self, reads, writes, name="step", **parameters):
        """Run a step that writes what it reads, with its name; return its record."""
        builder = self.builder(name, **parameters)
        builder.with_input_paths(map(self.path, reads)) if reads else builder.with_no_inputs()
        with builder.eval() as lineage:
            text = "".join((self.folder / one).read_text() for one in reads)
            for one in writes:
                lineage.add_output_path(self.path(one))
                self.write(one, f"{name}({text})")
        return lineage.recorded

    def records(self):
        return self.workspace().lineage.all()

    def asked(self, snapshot=None):
        return questions(self.workspace(), snapshot)

    def made(self, path, snapshot=None):
        asked = self.asked(snapshot)
        return asked.made(asked.reference(self.path(path)))

    def makers(self, path, snapshot=None):
        return [one.id for one in self.made(path, snapshot).makers]

    def made_from(self, path):
        asked = self.asked()
        return asked.made_from(asked.reference(self.path(path)))

    def stale(self):
        """Return the paths of files that are out of date, and why."""
        return {
            f"{one.ref.name}/{path}": [why.sentence(one.step.step_name) for why in one.reasons]
            for one in judge_present(self.workspace()).stale
            for path in one.paths
        }


@pytest.fixture(scope="session")
def made_study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lineage") / "study"
    api.init(str(folder), hostname="lab")
    for name, (kind, role) in FOLDERS.items():
        (folder / name).mkdir()
        api.add(kind, role, str(folder / name), str(folder))
    (folder / "raw/a.csv").write_text("a")
    (folder / "raw/b.csv").write_text("b")
    return folder


@pytest.fixture
def study(made_study, tmp_path):
    shutil.copytree(made_study, tmp_path / "study", symlinks=True)
    return Study(tmp_path / "study")
