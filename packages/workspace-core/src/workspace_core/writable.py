"""What of a workspace programs may write to."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workspace_core.workspace import Resource

SOURCE, RESULTS, SNAPSHOTS = "source-data", "results", "snapshots"


def rule_against_writing(resource: Resource, path: str) -> str | None:
    """Return why no program may write to a path of a resource, None if one may.

    Source data are never written, nor is what is imported, read-only, or moved by a snapshot.
    """
    if resource.role == SOURCE:
        return "it holds source data, which are never written"
    if getattr(resource, "imported", False):
        return "it comes from another workspace"
    if getattr(resource, "read_only", False):
        return "it is read-only"
    if resource.role == RESULTS and path.split("/")[0] == SNAPSHOTS:
        return f"what lies in '{SNAPSHOTS}' belongs to snapshots"
    return None
