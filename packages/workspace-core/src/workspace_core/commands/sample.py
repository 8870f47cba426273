"""A small workspace of the bundled sample data, to try things on."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from util_services.samples import sample_path
from workspace_core.commands.add import add_local_files
from workspace_core.commands.init import init

if TYPE_CHECKING:
    from pathlib import Path

    from workspace_core.backends.files import FiledWorkspace

SAMPLE = "patients.csv"


def make_sample(folder: Path, tag: str) -> FiledWorkspace:
    """Make a workspace in a new folder, with the sample as source data and a snapshot of it."""
    (folder / "raw").mkdir(parents=True)
    shutil.copyfile(sample_path(SAMPLE), folder / "raw" / SAMPLE)
    workspace = init(str(folder))
    add_local_files(workspace, "source-data", str(folder / "raw"))
    workspace.snapshot(tag, "The bundled sample")
    return workspace
