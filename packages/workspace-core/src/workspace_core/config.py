"""The run configs of the jobs; every default runs as it is, on a workspace of the sample."""

import dagster as dg
from pydantic import Field

SAMPLE = "sample:"
SAMPLE_TAG = "sample"


class WorkspaceConfig(dg.Config):
    """Which workspace."""

    workspace: str = Field(
        default=SAMPLE,
        description=(
            "The folder of the workspace, below the storage root or in the allow-list; 'sample:' "
            "makes a small one below _test_runs/<run id>/."
        ),
    )


class SnapshotWorkspaceConfig(WorkspaceConfig):
    """A snapshot of all resources."""

    tag: str | None = Field(
        default=None, description="What the snapshot is to be called, beside its hash."
    )
    message: str = Field(default="", description="What is to be remembered of it.")
    skip_special: bool = Field(
        default=False,
        description="Leave out FIFOs, sockets and devices, which are an error otherwise.",
    )


class RestoreWorkspaceConfig(WorkspaceConfig):
    """Which resources come back, and as of when."""

    snapshot: str = Field(
        default=SAMPLE_TAG, description="A tag, or the beginning of a hash of four digits or more."
    )
    only: list[str] = Field(
        default=[], description="Only these resources; all that can be restored if none is named."
    )
    leave: list[str] = Field(default=[], description="All resources but these.")
    path: str | None = Field(
        default=None,
        description="Only this file or folder, relative to the folder of the workspace.",
    )
    strict: bool = Field(
        default=False,
        description=(
            "Refuse unless the snapshot and the workspace have the same resources, and nothing of "
            "them was erased."
        ),
    )
    force: bool = Field(
        default=False,
        description="Also replace changes that are in no snapshot; a rescue snapshot keeps them.",
    )
    dry_run: bool = Field(default=False, description="Only say what would be done.")


class VerifyWorkspaceConfig(WorkspaceConfig):
    """What is verified."""
