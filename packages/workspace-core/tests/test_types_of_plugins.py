"""A resource type that another distribution brings by its hook."""

import os
import subprocess
import sys

PLUGIN = """
from pathlib import Path

from util_services.plugins import hookimpl


@hookimpl
def register_resource_types():
    from shelf.shelf import ShelfFactory

    return {"shelf": ShelfFactory}
"""
TYPE = """
from pathlib import Path

from workspace_core.resources.folder import FolderFactory, FolderResource


class Shelf(FolderResource):
    def __init__(self, name, role, workspace, place):
        super().__init__("shelf", name, role, workspace)
        self.place = place

    @property
    def root(self):
        return Path(self.place)

    def get_params(self):
        return {
            "resource_type": "shelf", "name": self.name, "role": self.role, "place": self.place
        }

    def get_local_params(self):
        return {}


class ShelfFactory(FolderFactory):
    def from_command_line(self, role, name, workspace, *args, **kwargs):
        return Shelf(name, role, workspace, args[0], **kwargs)

    def from_json(self, params, local_params, workspace):
        return Shelf(params["name"], params["role"], workspace, params["place"])
"""
USE = """
import sys
from pathlib import Path

from workspace_core import api

work, place = sys.argv[1:]
api.init(work)
api.add("shelf", "source-data", place, work, name="books")
api.take_snapshot(work, "first")
Path(place, "book").write_text("other")
api.take_snapshot(work, "second")
api.restore("first", work)
print(Path(place, "book").read_text(), api.get_resource_info(work)[0].resource_type)
"""


ONE_CLASS = """
from util_services.plugins import hookimpl
from workspace_core.parameters import TEXT, Parameter
from workspace_core.resources.placed import PlacedFolder
from workspace_core.resources.pointed import READS, PointedResource


class Sensor(PointedResource):
    parameters = (READS, Parameter("file", TEXT, default=None, is_global=True, help="Where."))
    positional = ("file",)

    def state(self):
        with open(self.file, "rb") as reading:
            return {"reading": reading.read()}


class Shelf(PlacedFolder):
    pass


@hookimpl
def register_resource_types():
    return {"sensor": Sensor, "shelf": Shelf}
"""
USE_ONE_CLASS = """
import sys
from pathlib import Path

from workspace_core import api

work, place = sys.argv[1:]
api.init(work)
api.add("shelf", "source-data", place, work, name="books")
api.add("sensor", "source-data", place + "/../reading", work)
api.take_snapshot(work, "first")
Path(place, "book").write_text("other")
Path(place, "../reading").write_text("7")
assert [one.state for one in api.status(work)] == ["changed", "changed"]
api.take_snapshot(work, "second")
assert api.restore("first", work) == 2
assert [one.state for one in api.status(work)] == ["unchanged", "unchanged"]
assert api.config(work, resource_name="reading")["file"] == place + "/../reading"
print(Path(place, "book").read_text(), Path(place, "../reading").read_text())
"""


def test_a_type_of_a_plugin_is_kept_and_restored_like_the_built_in_ones(tmp_path):
    install(tmp_path, {"plugin.py": PLUGIN, "shelf.py": TYPE})
    place = tmp_path / "place"
    place.mkdir()
    (place / "book").write_text("mine")

    assert run(tmp_path, USE, place) == "mine shelf\n"


def test_a_type_of_a_plugin_is_one_class_and_one_hook(tmp_path):
    install(tmp_path, {"plugin.py": ONE_CLASS})
    place = tmp_path / "place"
    place.mkdir()
    (place / "book").write_text("mine")
    (tmp_path / "reading").write_text("3")

    assert run(tmp_path, USE_ONE_CLASS, place) == "mine 7\n"


def install(folder, modules):
    """Install a distribution with an entry point."""
    package, metadata = folder / "shelf", folder / "shelf-1.0.dist-info"
    package.mkdir()
    metadata.mkdir()
    for name, text in {"__init__.py": "", **modules}.items():
        (package / name).write_text(text)
    (metadata / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: shelf\nVersion: 1.0\n"
        "Requires-Dist: workspace-core>=0.1,<0.2\n"
    )
    (metadata / "entry_points.txt").write_text("[data_services]\nshelf = shelf.plugin\n")


def run(folder, program, place):
    done = subprocess.run(
        [sys.executable, "-c", program, folder / "work", place],
        env=os.environ | {"PYTHONPATH": str(folder), "HOME": str(folder)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
