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


def test_a_type_of_a_plugin_is_kept_and_restored_like_the_built_in_ones(tmp_path):
    package, metadata = tmp_path / "shelf", tmp_path / "shelf-1.0.dist-info"
    package.mkdir()
    metadata.mkdir()
    (package / "__init__.py").touch()
    (package / "plugin.py").write_text(PLUGIN)
    (package / "shelf.py").write_text(TYPE)
    (metadata / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: shelf\nVersion: 1.0\n"
        "Requires-Dist: workspace-core>=0.1,<0.2\n"
    )
    (metadata / "entry_points.txt").write_text("[data_services]\nshelf = shelf.plugin\n")
    place = tmp_path / "place"
    place.mkdir()
    (place / "book").write_text("mine")

    done = subprocess.run(
        [sys.executable, "-c", USE, tmp_path / "work", place],
        env=os.environ | {"PYTHONPATH": str(tmp_path), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
    )

    assert done.stdout == "mine shelf\n", done.stderr
