"""Local files: a folder that is under nobody else's control."""

from __future__ import annotations

from typing import ClassVar

from workspace_core.parameters import BOOLEAN, Parameter
from workspace_core.resources.placed import PLACE, PlacedFolder

RESOURCE_TYPE = "file"
COMPUTE_HASH = Parameter(
    "compute_hash",
    BOOLEAN,
    default=False,
    is_global=True,
    help="Kept for compatibility: content is always compared by its hash.",
)
EXPORT = Parameter(
    "export",
    BOOLEAN,
    default=False,
    is_global=True,
    help="Write lineage beside the content, for workspaces that import it.",
)
IMPORTED = Parameter(
    "imported",
    BOOLEAN,
    default=False,
    is_global=True,
    help="The content comes from another workspace, with its lineage.",
)


class LocalFilesResource(PlacedFolder):
    """A folder of this machine."""

    parameters: ClassVar[tuple[Parameter, ...]] = (*PLACE, COMPUTE_HASH, EXPORT, IMPORTED)
