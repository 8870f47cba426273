"""The workspace that the settings name, as runs are recorded in it."""

from __future__ import annotations

import os

from util_services import settings
from util_services.runs.recorders import RecordingError
from workspace_core.backends.files import FiledWorkspace
from workspace_core.errors import DataWorkspacesError
from workspace_core.workspace import find_and_load_workspace

SNAPSHOTS = "WORKSPACE_SNAPSHOTS"
SNAPSHOT_WANTED_TAG = "data_services/take_snapshot"  # of a run, in place of the setting
VARIABLE = f"{settings.PREFIX}WORKSPACE"


def opened(place: str, *, refresh: bool = False) -> FiledWorkspace:
    """Return the workspace at a place.

    Args:
        place: its folder, or its address.
        refresh: take over what others have recorded, too, which takes that it can be reached.

    Raises:
        RecordingError: if it is not there, or keeps no lineage.
    """
    try:
        found = find_and_load_workspace(place, batch=True, refresh=refresh)
    except (DataWorkspacesError, OSError) as error:
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
