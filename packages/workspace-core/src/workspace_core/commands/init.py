"""Make a workspace, with a folder for each role if wanted."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING

from workspace_core.commands.add import ROLE_LETTERS, add_git, add_local_files
from workspace_core.errors import (
    ConfigurationError,
    NotSupportedError,
    StoreWriteError,
    shown,
)
from workspace_core.store.durable import cause_of
from workspace_core.workspace import GIT, RESOURCE_ROLE_CHOICES, init_workspace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from util_services.keys.keyset import Keyset
    from workspace_core.backends.files import FiledWorkspace

MOST_NAME_LETTERS = 200


def init(
    folder: str = os.curdir,
    *,
    name: str | None = None,
    hostname: str | None = None,
    create_resources: Sequence[str] = (),
    scratch_directory: str | None = None,
    store: str | None = None,
    keyset: Keyset | None = None,
    backend: str = GIT,
    at: str | None = None,
    resource: str | None = None,
    batch: bool = True,
    verbose: bool = False,
) -> FiledWorkspace:
    """Make a folder a workspace, and return it.

    Args:
        folder: the folder; made if it is missing.
        name: what the workspace is to be called; by default like the folder.
        hostname: what this machine is called in snapshots; by default by its own name.
        create_resources: roles for each of which a folder of that name becomes a resource.
        scratch_directory: a folder for what is in no snapshot.
        store: a store that workspaces of this machine share; made if it is not there.
        keyset: with which a new store is encrypted.
        backend: ``git``, or ``central`` for one that several attach to at the same time.
        at: where a central workspace lives: a folder, or ``s3://BUCKET/PREFIX``.
        resource: the credential set for a place in S3.
        batch: nobody is to be asked.
        verbose: tell more.

    Raises:
        ConfigurationError: if it cannot become one; then nothing is left behind.
        StoreWriteError: if it cannot be written.
    """
    from workspace_core.backends.files import FiledWorkspace

    if name and ("/" in name or not name.isprintable() or len(name) > MOST_NAME_LETTERS):
        raise ConfigurationError(
            f"{shown(name[:MOST_NAME_LETTERS])} cannot name a workspace; use up to "
            f"{MOST_NAME_LETTERS} letters without '/' and without what steers a terminal."
        )
    place = Path(folder).absolute()
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreWriteError(str(place), cause_of(error)) from error
    if backend == GIT and (at or resource):
        raise ConfigurationError("Only a central workspace lives in a place: --backend central.")
    central = {"at": at, "resource": resource} if backend != GIT else {}
    workspace = init_workspace(
        backend,
        name or place.name,
        hostname or socket.gethostname() or "localhost",
        str(place),
        batch=batch,
        verbose=verbose,
        store=store,
        keyset=keyset,
        scratch_directory=scratch_directory,
        **central,
    )
    if not isinstance(workspace, FiledWorkspace):
        raise NotSupportedError(f"Workspaces of the {backend} backend are made from Python.")
    add_folder = add_git if backend == GIT else add_local_files
    for role in create_resources:
        (place / role).mkdir(exist_ok=True)
        add_folder(workspace, role, str(place / role), name=role)
    return workspace


def roles_of(text: str) -> list[str]:
    """Return the roles that a list of roles or their letters names; ``all`` is all of them.

    Raises:
        ConfigurationError: if it names something else.
    """
    if text == "all":
        return list(RESOURCE_ROLE_CHOICES)
    found = [ROLE_LETTERS.get(one, one) for one in text.split(",") if one]
    if unknown := [one for one in found if one not in RESOURCE_ROLE_CHOICES]:
        known = ", ".join(RESOURCE_ROLE_CHOICES)
        raise ConfigurationError(
            f"'{unknown[0][:80]}' is no role; use 'all', or some of {known} or their letters s, i, "
            "c, r."
        )
    return list(dict.fromkeys(found))
