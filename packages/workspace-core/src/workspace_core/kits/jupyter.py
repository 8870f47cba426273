"""The kit for Jupyter: steps that are notebooks, and magics that show the workspace in them.

``%load_ext workspace_core.kits.jupyter`` brings the magics. None of them needs a browser.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workspace_core.errors import ConfigurationError
from workspace_core.kits.extras import require
from workspace_core.kits.notebook import (
    PATH_VARIABLE,
    get_notebook_directory,
    get_step_name_for_notebook,
    is_notebook,
    note_notebook,
    notebook_path,
)
from workspace_core.lineage import LineageBuilder

require("Jupyter", "jupyter", "IPython", "ipykernel")

if TYPE_CHECKING:
    from workspace_core.lineage import Lineage

__all__ = [
    "NotebookLineageBuilder",
    "get_notebook_directory",
    "get_step_name_for_notebook",
    "is_notebook",
    "load_ipython_extension",
    "notebook_path",
]


class NotebookLineageBuilder(LineageBuilder):
    """Begins a step that is a notebook, which always has results.

    The record names the notebook, and has as code those modules of the workspace that it imports.
    The file of the notebook is no part of the code: it changes whenever it is saved with its
    outputs, and what ran may not be what was saved.

    Args:
        results_dir: where its results go.
        step_name: by default the name of the notebook.
        run_description: what is to be remembered of the run.

    Raises:
        ConfigurationError: if nobody tells the name of the notebook.
    """

    def __init__(
        self, results_dir: str, step_name: str | None = None, run_description: str | None = None
    ) -> None:
        super().__init__()
        name = step_name or get_step_name_for_notebook()
        if name is None:
            raise ConfigurationError(
                "Nobody tells the name of this notebook; give it as step_name, or set "
                f"{PATH_VARIABLE} to its file before."
            )
        self.with_step_name(name).as_results_step(results_dir, run_description).with_loaded_code()

    def eval(self) -> Lineage:
        """Begin the step: inputs that it has been told are hashed now."""
        lineage = super().eval()
        note_notebook(lineage)
        return lineage


def load_ipython_extension(ipython: Any) -> None:
    """Let IPython know the magics; it calls this on ``%load_ext``."""
    from workspace_core.kits.magics import DwsMagics

    ipython.register_magics(DwsMagics)
