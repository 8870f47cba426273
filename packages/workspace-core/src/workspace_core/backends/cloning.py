"""A copy of a workspace on another machine: its records, which are checked before all else."""

from __future__ import annotations

import os
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workspace_core.backends.files import INSTANCE, PARAMS, SCHEMA
from workspace_core.backends.git import MARKER, GitWorkspace
from workspace_core.backends.sharing import committed_records
from workspace_core.parameters import HOSTNAME_PARAMETER, SCRATCH, STORE_PARAMETER
from workspace_core.shared_repository import SharedRepository
from workspace_core.sharing.records import check_records
from workspace_core.store.durable import json_bytes, write_whole
from workspace_core.store.store import Store
from workspace_core.workspace import METADATA_FOLDER

if TYPE_CHECKING:
    from util_services.keys.keyset import Keyset


def clone_records(
    address: str,
    folder: Path,
    hostname: str,
    *,
    batch: bool,
    verbose: bool,
    store: str | None = None,
    keyset: Keyset | None = None,
) -> GitWorkspace:
    """Bring the records of a workspace to an empty folder.

    What was begun and not finished there is gone on with.

    Args:
        address: of the git repository.
        folder: where the workspace is to be.
        hostname: what this machine is called.
        batch: nobody is to be asked.
        verbose: tell more.
        store: a store of this machine to share; by default one of its own.
        keyset: with which a new store is encrypted.

    Raises:
        GitError: if the repository cannot be reached.
        ForeignRemoteError: if it holds no workspace, or what no workspace has put there.
    """
    metadata = folder / METADATA_FOLDER
    params = metadata / "local" / PARAMS
    if params.exists():  # which is written last
        return GitWorkspace(folder, batch=batch, verbose=verbose)
    repository = SharedRepository(folder, metadata / "local" / MARKER)
    repository.clone(address)
    head = repository.head()
    check_records(committed_records(repository, head))
    repository.check_out()
    local: dict[str, Any] = {HOSTNAME_PARAMETER: hostname}
    if store is not None:
        local[STORE_PARAMETER] = os.path.abspath(store)
    Store.create(Path(store) if store else metadata / "store", keyset)
    write_whole(params, json_bytes({"schema": SCHEMA, INSTANCE: str(uuid.uuid4()), **local}))
    workspace = GitWorkspace(folder, batch=batch, verbose=verbose)
    if scratch := workspace.get_global_param(SCRATCH):
        (folder / scratch).mkdir(parents=True, exist_ok=True)
    return workspace
