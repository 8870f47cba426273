"""Which code of the workspace a step runs: what can be seen without being told."""

from __future__ import annotations

import logging
import os
import struct
import sys
from typing import TYPE_CHECKING

from workspace_core.errors import shown
from workspace_core.lineage.references import folders
from workspace_core.workspace import ResourceRoles

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from types import ModuleType

    from workspace_core.workspace import Workspace

HEADER_BYTES, WORD = 16, 0xFFFFFFFF  # of compiled modules, see PEP 552
OF_SCRIPTS = frozenset({".py", ".sh", ".R", ".ipynb"})

_reports = logging.getLogger(__name__)


def modules_of(workspace: Workspace) -> list[str]:
    """Return the files of this program that lie in resources of code: its script and modules.

    A module that was edited since it was imported, as happens to the kernel of a notebook, is not
    what runs: it is left out, with a warning. The compiled form tells, where Python writes one.
    """
    loaded = {
        one.__file__: one
        for one in list(sys.modules.values())
        if isinstance(getattr(one, "__file__", None), str)
    }
    edited = {os.path.realpath(str(path)) for path, one in loaded.items() if _is_edited(one)}
    found = code_among(workspace, [str(path) for path in loaded])
    for path in sorted(edited.intersection(found)):
        _reports.warning(
            "%s was edited since it was imported, and the record leaves it out; import it anew.",
            shown(path),
        )
    return [path for path in found if path not in edited]


def _is_edited(module: ModuleType) -> bool:
    """Return whether a module's file is another one than its compiled form was made of."""
    compiled, source = getattr(module, "__cached__", None), getattr(module, "__file__", None)
    if not isinstance(compiled, str) or not isinstance(source, str) or sys.dont_write_bytecode:
        return False
    try:
        with open(compiled, "rb") as file:
            _, flags, mtime, size = struct.unpack("<4I", file.read(HEADER_BYTES))
        now = os.stat(source)
    except (OSError, struct.error):
        return False
    if flags or not os.access(os.path.dirname(compiled), os.W_OK):  # it may be of any time
        return False
    return (mtime, size) != (int(now.st_mtime) & WORD, now.st_size & WORD)


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
