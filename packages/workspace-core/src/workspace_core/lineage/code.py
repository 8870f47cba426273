"""Which code of the workspace a step runs: what can be seen without being told."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from workspace_core.lineage.references import folders
from workspace_core.workspace import ResourceRoles

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from workspace_core.workspace import Workspace

OF_SCRIPTS = frozenset({".py", ".sh", ".R", ".ipynb"})


def modules_of(workspace: Workspace) -> list[str]:
    """Return the files of this program that lie in resources of code: its script and modules."""
    loaded = [getattr(one, "__file__", None) for one in list(sys.modules.values())]
    return code_among(workspace, [one for one in loaded if isinstance(one, str)])


def code_among(workspace: Workspace, words: Iterable[str]) -> list[str]:
    """Return those words that are files in resources of code."""
    roots = [
        os.path.join(os.path.realpath(one.root), "")
        for one in folders(workspace)
        if one.role == ResourceRoles.CODE
    ]
    if not roots:
        return []
    files = [os.path.realpath(word) for word in words if os.path.isfile(word)]
    return sorted({one for one in files if any(one.startswith(root) for root in roots)})


def step_name_of(words: Sequence[str]) -> str:
    """Return a name for the step that a command is: that of its script, else of its program."""
    scripts = [word for word in words if os.path.splitext(word)[1] in OF_SCRIPTS]
    found = os.path.basename((scripts or list(words))[0])
    return os.path.splitext(found)[0] or found
