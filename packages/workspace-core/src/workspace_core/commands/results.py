"""The results that a snapshot keeps, or those that are there now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workspace_core.errors import ConfigurationError
from workspace_core.snapshots.metrics import RESULTS_FILE, results_in
from workspace_core.workspace import FileResourceMixin, ResourceRoles

if TYPE_CHECKING:
    from workspace_core.backends.snapshots import LocalSnapshots
    from workspace_core.workspace import SnapshotMetadata


@dataclass(frozen=True, slots=True)
class Results:
    """A file of results, and where it is."""

    resource: str
    path: str
    content: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Return the results as plain data."""
        return {"resource": self.resource, "path": self.path, "results": self.content}


def results(
    workspace: LocalSnapshots, tag_or_hash: str | None = None, resource_name: str | None = None
) -> Results | None:
    """Return the results of a snapshot, or those that are in none yet; None if there are none.

    Args:
        workspace: the workspace.
        tag_or_hash: the snapshot.
        resource_name: the resource that holds them; by default the first that does.

    Raises:
        ConfigurationError: if there is no such snapshot or no such resource with results.
    """
    names = [
        name
        for name in workspace.get_resource_names()
        if workspace.get_resource_role(name) == ResourceRoles.RESULTS
    ]
    if resource_name is not None:
        if resource_name not in names:
            raise ConfigurationError(
                f"There is no resource '{resource_name[:80]}' with results; 'dws report status' "
                "lists the resources."
            )
        names = [resource_name]
    if tag_or_hash is None:
        return next((one for name in names if (one := _present(workspace, name))), None)
    snapshot = workspace.get_snapshot_by_tag_or_hash(tag_or_hash)
    return next((one for name in names if (one := _kept(workspace, snapshot, name))), None)


def _present(workspace: LocalSnapshots, name: str) -> Results | None:
    resource = workspace.get_resource(name)
    if not isinstance(resource, FileResourceMixin) or not resource.does_subpath_exist(
        RESULTS_FILE, must_be_file=True
    ):
        return None
    content = resource.read_results_file(RESULTS_FILE)
    return Results(name, RESULTS_FILE, content) if isinstance(content, dict) else None


def _kept(workspace: LocalSnapshots, snapshot: SnapshotMetadata, name: str) -> Results | None:
    """Return results as the store has them, whatever has become of the files."""
    root = snapshot.compare_hashes.get(name)
    if root is None:
        return None
    with workspace.store_session() as session:
        try:
            content = results_in(session, root)
        except ValueError:
            return None
    place = snapshot.relative_destination_path
    path = f"{place}/{RESULTS_FILE}" if place else RESULTS_FILE
    return None if content is None else Results(name, path, content)
