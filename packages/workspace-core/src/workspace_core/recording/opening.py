"""The workspace that the settings name, as runs are recorded in it."""

from __future__ import annotations

import hashlib
import os
import socket
from pathlib import Path

from util_services import settings
from util_services.errors import DataServicesError
from util_services.runs.home import data_home
from util_services.runs.recorders import RecordingError
from workspace_core.backends.files import FiledWorkspace
from workspace_core.store.locks import exclusive
from workspace_core.workspace import METADATA_FOLDER, find_and_load_workspace

CENTRAL = "central:"
SHORT = 16
VARIABLE = f"{settings.PREFIX}WORKSPACE"


def opened(place: str) -> FiledWorkspace:
    """Return the workspace at a place, as it is known on this machine.

    Args:
        place: its folder; or ``central:PLACE`` for one that lives in a place, to which a copy of
            this machine is attached when it is opened first.

    Raises:
        RecordingError: if it is not there, or keeps no lineage.
    """
    try:
        folder = _attached(place.removeprefix(CENTRAL)) if _is_central(place) else place
        found = find_and_load_workspace(str(folder), batch=True, refresh=False)
    except (DataServicesError, OSError) as error:
        raise RecordingError(
            f"Runs cannot be recorded in the workspace that {VARIABLE} names. {error}"
        ) from error
    if not isinstance(found, FiledWorkspace) or not found.supports_lineage():
        raise RecordingError(
            f"The workspace that {VARIABLE} names keeps no lineage, so that runs cannot be "
            "recorded in it; name one of the git or the central backend."
        )
    return found


def check_writable(workspace: FiledWorkspace) -> None:
    """Refuse a workspace in which nothing can be recorded.

    Raises:
        RecordingError: if its folder is read-only.
    """
    if not os.access(workspace.metadata, os.W_OK | os.X_OK):
        raise RecordingError(
            f"Runs cannot be recorded in the workspace that {VARIABLE} names: its folder cannot be "
            "written; let the user of the runs write to it."
        )


def _is_central(place: str) -> bool:
    """Return whether a setting names where a workspace lives, and not a copy of it."""
    where = place.removeprefix(CENTRAL)
    return place.startswith(CENTRAL) and not (Path(where) / METADATA_FOLDER).is_dir()


def _attached(place: str) -> Path:
    """Return the folder of this machine that is attached to a workspace, made if it is not there.

    It has the records, and no files of resources.
    """
    from workspace_core.backends.central import CentralWorkspaceFactory, is_attached

    name = hashlib.sha256(place.encode()).hexdigest()[:SHORT]
    folder = data_home() / "workspaces" / name
    if is_attached(folder, place):
        return folder
    lock = folder.with_name(f"{name}.lock")
    with exclusive(lock, f"copy of the workspace that {VARIABLE} names"):
        CentralWorkspaceFactory().clone_workspace(
            socket.gethostname() or "unknown", place, str(folder), batch=True, verbose=False
        )
    return folder
