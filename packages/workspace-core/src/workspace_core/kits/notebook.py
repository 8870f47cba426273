"""What can be known of the notebook that this program is; nothing here needs Jupyter installed."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from workspace_core.lineage.step import relative_to_workspace

PATH_VARIABLE = "DWS_JUPYTER_NOTEBOOK"  # of the notebook, where nothing else tells
OF_SESSIONS = "JPY_SESSION_NAME"  # of the environment: Jupyter Server's name of the session
OF_VS_CODE = "__vsc_ipynb_file__"  # of the notebook
ENDING = ".ipynb"


def shell() -> Any:
    """Return the shell of IPython that this program runs in, None if it runs in none."""
    found = sys.modules.get("IPython")
    return None if found is None else found.get_ipython()


def is_notebook() -> bool:
    """Return whether this is the kernel of a notebook."""
    return getattr(shell(), "kernel", None) is not None


def notebook_path() -> str | None:
    """Return the file of the notebook, None where nobody tells.

    Jupyter Server and VS Code tell; for others, such as ``jupyter execute``, a notebook says it by
    its variable ``DWS_JUPYTER_NOTEBOOK``.
    """
    if not is_notebook():
        return None
    names = shell().user_ns
    told = (names.get(PATH_VARIABLE), os.environ.get(OF_SESSIONS), names.get(OF_VS_CODE))
    for one in told:
        if not isinstance(one, str | os.PathLike) or not os.fspath(one):
            continue
        for path in (Path(one), Path.cwd() / Path(one).name):  # a session has it from its root
            if path.suffix == ENDING and path.is_file():
                return str(path.absolute())
    return None


def get_step_name_for_notebook() -> str | None:
    """Return the name of the notebook without its ending, None where nobody tells."""
    path = notebook_path()
    return None if path is None else Path(path).stem


def get_notebook_directory() -> str:
    """Return the folder of the notebook, where nobody tells the present one."""
    path = notebook_path()
    return os.curdir if path is None else os.path.dirname(path)


def note_notebook(lineage: Any) -> None:
    """Let the record of a step name the notebook that it runs in."""
    if (path := notebook_path()) is not None:
        lineage.add_note("notebook", relative_to_workspace(lineage.workspace, path))
