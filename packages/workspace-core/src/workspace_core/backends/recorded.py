"""What is recorded of a workspace anywhere: on each branch of its origin, and here."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workspace_core.backends.sharing import (
    committed_records,
    repository_of,
    roots_of,
    snapshots_in,
)
from workspace_core.sharing.records import CONFIG, DELETED, SNAPSHOTS, check_records
from workspace_core.snapshots.catalogue import HASH
from workspace_core.snapshots.metadata import SnapshotMetadata
from workspace_core.workspace import METADATA_FOLDER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workspace_core.backends.git import GitWorkspace
    from workspace_core.shared_repository import SharedRepository


@dataclass(frozen=True, slots=True)
class Recorded:
    """The snapshots of a workspace that are recorded anywhere and not deleted everywhere.

    Args:
        branches: the commits of the origin's branches, by name.
        snapshots: by hash.
    """

    branches: Mapping[str, str]
    snapshots: Mapping[str, SnapshotMetadata]

    def roots(self) -> list[bytes]:
        """Return the trees that they keep."""
        found = (root for one in self.snapshots.values() for root in roots_of(one).values())
        return list(dict.fromkeys(found))


def recorded_anywhere(workspace: GitWorkspace) -> Recorded:
    """Return what is recorded now; all branches of the origin are fetched.

    A snapshot counts if a branch has it, if it is here, or if it was ever recorded in the history
    of a branch and nobody has deleted it: history that was rewritten may come back.

    Raises:
        GitError: if the origin cannot be reached.
        ForeignRemoteError: if a branch holds what no workspace has put there.
    """
    repository = repository_of(workspace)
    branches = repository.fetch_all()
    own_id = json.loads((workspace.metadata / CONFIG).read_bytes()).get("workspace_id")
    found: dict[str, SnapshotMetadata] = {}
    deleted: set[str] = set()
    for commit in dict.fromkeys(branches.values()):
        records = committed_records(repository, commit)
        if CONFIG not in records:
            continue  # a branch of something else
        check_records(records, own_id)
        found |= {one.hashval: one for one in snapshots_in(records)}
        deleted |= {_stem(path) for path in records if path.startswith(f"{DELETED}/")}
    found |= {one.hashval: one for one in workspace.list_snapshots()}
    for one in _ever(repository, branches):
        if one.hashval not in deleted:
            found.setdefault(one.hashval, one)
    return Recorded(branches, found)


def _ever(repository: SharedRepository, branches: Mapping[str, str]) -> list[SnapshotMetadata]:
    files = repository.files_ever(branches.values(), f"{METADATA_FOLDER}/{SNAPSHOTS}")
    records = {path: one for path, one in files.items() if HASH.fullmatch(_stem(path))}
    contents = repository.contents(records.values())
    return [
        SnapshotMetadata.from_json(json.loads(contents[one.id]), file=path)
        for path, one in records.items()
    ]


def _stem(path: str) -> str:
    return path.rpartition("/")[2].removesuffix(".json")
