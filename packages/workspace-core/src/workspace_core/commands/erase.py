"""Erase files from all snapshots, here and for all who share the workspace."""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from blake3 import blake3

from util_services.errors import printable
from workspace_core.backends.shared_content import needed, shared_content
from workspace_core.backends.sharing import OUTGOING, roots_of
from workspace_core.commands.gc_there import require_alone
from workspace_core.commands.merging import BY_GIT
from workspace_core.errors import ConfigurationError, DataWorkspacesError, shown
from workspace_core.sharing.erasing import erase_there
from workspace_core.sharing.errors import NoRemoteError
from workspace_core.store.identity import id_text
from workspace_core.trees.tree import Trees, checked_path
from workspace_core.upkeep.erase import erase
from workspace_core.workspace import LocalStateResourceMixin

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from workspace_core.backends.files import FiledWorkspace
    from workspace_core.store.session import Session
    from workspace_core.workspace import SnapshotMetadata

MOST_REASON = 500
NO_CONTROLS = dict.fromkeys((*range(32), 127), " ")
LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a content is that is erased."""

    snapshot: str
    resource: str
    path: bytes

    def to_dict(self) -> dict[str, Any]:
        """Return the place as plain data."""
        return {
            "snapshot": self.snapshot,
            "resource": self.resource,
            "path": os.fsdecode(self.path),
        }


@dataclass(frozen=True, slots=True)
class Erased:
    """What was erased, or would be.

    Args:
        objects: the ids of contents.
        places: all files of snapshots that have one of them.
        remote: where they were erased besides here; None for nowhere else.
        dry_run: whether nothing was changed.
    """

    objects: tuple[str, ...]
    places: tuple[Place, ...]
    remote: str | None
    dry_run: bool

    def to_dict(self) -> dict[str, Any]:
        """Return the record as plain data."""
        return {
            "objects": list(self.objects),
            "places": [one.to_dict() for one in self.places],
            "remote": self.remote,
            "dry_run": self.dry_run,
        }


def erase_path(
    workspace: FiledWorkspace,
    target: str,
    reason: str,
    *,
    only_here: bool = False,
    dry_run: bool = False,
) -> Erased:
    """Erase what a file, or all files of a folder, ever were: from the remote first, then here.

    The snapshots stay, and name what was erased; so does every other file that has the same
    content. Files in the folders of the workspace are not touched.

    Args:
        workspace: the workspace.
        target: a resource and a path in it, such as ``raw/people.csv``.
        reason: why, in words for everybody to read.
        only_here: leave the remote as it is.
        dry_run: only say what would be erased.

    Raises:
        ConfigurationError: if no snapshot has such a file, or the file is still in its folder.
        RemoteError: if the remote fails; nothing was erased here then.
    """
    name, _, path = target.partition("/")
    inside, words = checked_path(path), reason.translate(NO_CONTROLS).strip()
    if not inside:
        raise ConfigurationError("Name the file or folder that is to be erased: RESOURCE/PATH.")
    if not words:
        raise ConfigurationError("Say why it is erased, for those who will miss it: --reason TEXT.")
    with workspace.locked():
        with workspace.store_session() as session:
            snapshots = workspace.list_snapshots()
            ids = _contents(session, snapshots, name, inside)
            if not ids:
                raise ConfigurationError(
                    f"No snapshot that is here has {target[:200]!r}, so nothing was erased."
                )
            places = tuple(_places_of(session, snapshots, ids))
            _require_gone(workspace, places, ids)
            _warn_of_git(workspace, places)
            address = None
            if not only_here:
                address = _erase_remotely(workspace, ids, words, dry_run=dry_run)
        if not dry_run:
            erase(workspace.store(), ids, words[:MOST_REASON], workspace.lock_wait_seconds)
    return Erased(tuple(id_text(one) for one in sorted(ids)), places, address, dry_run)


def erase_as_remote(workspace: FiledWorkspace, *, dry_run: bool = False) -> Erased:
    """Erase here what others have erased on the remote.

    Raises:
        NoRemoteError: if there is no remote.
        ConfigurationError: if such a file is still in its folder.
    """
    with workspace.locked():
        remote = shared_content(workspace)
        with workspace.store().session(workspace.lock_wait_seconds) as session:
            ids = {one for one in remote.erased if session.has(one)}
            places = tuple(_places_of(session, workspace.list_snapshots(), ids))
            _require_gone(workspace, places, ids)
        by_reason: dict[str, list[bytes]] = {}
        for one in sorted(ids):
            by_reason.setdefault(remote.erased[one].reason, []).append(one)
        for reason, some in by_reason.items() if not dry_run else ():
            erase(workspace.store(), some, reason, workspace.lock_wait_seconds)
    objects = tuple(id_text(one) for one in sorted(ids))
    return Erased(objects, places, remote.place.address, dry_run)


def _contents(
    session: Session, snapshots: Iterable[SnapshotMetadata], name: str, inside: bytes
) -> set[bytes]:
    """Return the ids of what a path of a resource has ever been, or of all files below it."""
    trees, found = Trees(session), set[bytes]()
    for root in {root for one in snapshots if (root := roots_of(one).get(name))}:
        with suppress(DataWorkspacesError):  # which is here only in part
            entry = trees.find(root, inside)
            if entry is not None and entry.is_directory:
                found.update(one.id for _, one in trees.walk(entry.id) if one.is_file)
            elif entry is not None and entry.is_file:
                found.add(entry.id)
    return found


def _places_of(
    session: Session, snapshots: Iterable[SnapshotMetadata], ids: set[bytes]
) -> Iterator[Place]:
    """Yield all files of snapshots that have one of some contents."""
    trees, known = Trees(session), dict[bytes, list[bytes]]()
    for one in snapshots:
        for name, root in roots_of(one).items():
            if root not in known:
                known[root] = []
                with suppress(DataWorkspacesError):
                    for path, entry in trees.walk(root):
                        if entry.is_file and entry.id in ids:
                            known[root].append(path)
            yield from (Place(one.hashval, name, path) for path in known[root])


def _require_gone(workspace: FiledWorkspace, places: Iterable[Place], ids: set[bytes]) -> None:
    """Refuse to erase what the next snapshot would keep again.

    Raises:
        ConfigurationError: naming a file.
    """
    for name, path in sorted({(one.resource, one.path) for one in places}):
        if name not in workspace.get_resource_names():
            continue
        resource = workspace.get_resource_wherever(name)
        folder = (
            resource.get_local_path_if_any()
            if isinstance(resource, LocalStateResourceMixin)
            else None
        )
        if folder is None:
            continue
        file = os.path.join(os.fsencode(folder), path)
        with suppress(OSError):
            if not os.path.islink(file) and blake3().update_mmap(os.fsdecode(file)).digest() in ids:
                raise ConfigurationError(
                    f"{shown(file)} is still there, and the next snapshot would keep it again; "
                    "remove or replace it, take a snapshot, and erase it then."
                )


def _warn_of_git(workspace: FiledWorkspace, places: Iterable[Place]) -> None:
    """Say which resources have a history in git, too, which is not touched."""
    for name in sorted({one.resource for one in places} & set(workspace.get_resource_names())):
        if workspace.get_resource_type(name) in BY_GIT:
            LOGGER.warning(
                "The resource '%s' is in git, too, whose history keeps the file; rewrite that "
                "with git.",
                printable(name),
            )


def _erase_remotely(
    workspace: FiledWorkspace, ids: set[bytes], reason: str, *, dry_run: bool
) -> str | None:
    """Erase contents from the remote, if there is one; return its address."""
    try:
        remote = shared_content(workspace)
    except NoRemoteError:
        return None
    require_alone(workspace, remote)
    if not dry_run:
        outgoing, roots = workspace.local / OUTGOING, needed(workspace).roots
        with workspace.store().session(workspace.lock_wait_seconds) as session:
            erase_there(session, remote, ids, reason[:MOST_REASON], roots, outgoing)
    return remote.place.address
