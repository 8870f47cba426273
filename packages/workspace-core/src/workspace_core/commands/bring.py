"""Bring resources to this machine that others have added, each to its place in the workspace."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from util_services.errors import printable
from workspace_core.backends.files import PARAMS
from workspace_core.errors import (
    ConfigurationError,
    DataWorkspacesError,
    LocalChangesError,
    MissingObjectsError,
    shown,
)
from workspace_core.progress import listener
from workspace_core.registry import resource_factory
from workspace_core.resources import git_repository, git_subdirectory
from workspace_core.resources.folder import FolderResource
from workspace_core.resources.placed import PlacedFolder
from workspace_core.shared_repository import SharedRepository
from workspace_core.sharing.history import History
from workspace_core.sharing.partial import note_parts_here
from workspace_core.store.durable import remove_file
from workspace_core.store.identity import parse_id
from workspace_core.trees.prune import prune
from workspace_core.trees.restoring import (
    JOURNAL,
    Folder,
    plan_folders,
    restore_folders,
    tell_erased,
)
from workspace_core.trees.tree import Trees
from workspace_core.workspace import (
    FileResourceMixin,
    LocalStateResourceMixin,
    SnapshotResourceMixin,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from workspace_core.backends.files import FiledWorkspace
    from workspace_core.sharing.partial import Selection
    from workspace_core.snapshots.metadata import SnapshotMetadata
    from workspace_core.store.session import Session

OUTSIDE = (
    "it lies outside of the workspace where it was added; say where it is to be here with "
    "'--place {name}=FOLDER'"
)


def places_of(workspace: FiledWorkspace) -> dict[str, str]:
    """Return where resources are that are on this machine."""
    absent, found = workspace.absent_resources(), {}
    for name in workspace.get_resource_names():
        resource = workspace.get_resource_wherever(name)
        if name not in absent and isinstance(resource, LocalStateResourceMixin):
            found[name] = resource.get_local_path_if_any() or ""
    return found


def keep_places(workspace: FiledWorkspace, before: Mapping[str, str]) -> None:
    """Let resources stay where they are here that others have swapped for data elsewhere.

    What they were swapped for comes with their snapshots. One that lies in the workspace now is to
    be brought there.

    Args:
        workspace: the workspace.
        before: where they were; see `places_of`.
    """
    home = Path(os.path.normpath(workspace.folder))
    for name, place in places_of(workspace).items():
        if before.get(name, place) == place:
            continue
        factory = resource_factory(workspace.get_resource_type(name))
        if not factory.has_local_state():
            continue
        remove_file(workspace.local_state(name) / PARAMS)
        if home not in Path(os.path.normpath(place)).parents:
            local = {factory.place_parameter: os.path.abspath(before[name])}
            workspace._add_local_params_for_resource(name, local)


def require_resources(known: Iterable[str], places: Mapping[str, str]) -> None:
    """Refuse places for resources that there are not.

    Raises:
        ConfigurationError: naming the first.
    """
    names = set(known)
    for name in places:
        if name not in names:
            raise ConfigurationError(
                f"There is no resource '{printable(name)[:80]}' to have a place; 'dws report "
                "status' lists them."
            )


def require_paths(
    session: Session, snapshots: Iterable[SnapshotMetadata], selection: Selection
) -> None:
    """Refuse paths that are asked for and that no snapshot has.

    Raises:
        ConfigurationError: naming the first.
    """
    asked = {name: selection.paths(name) for name in selection.only or ()}
    missing = {(name, path) for name, paths in asked.items() for path in paths}
    trees = Trees(session)
    for one in snapshots if missing else ():
        for name, path in list(missing):
            found = one.restore_hashes.get(name) or one.compare_hashes.get(name)
            with suppress(MissingObjectsError):
                if found and trees.find(parse_id(found), path) is not None:
                    missing.discard((name, path))
    for name, path in sorted(missing):
        raise ConfigurationError(
            f"No snapshot has {shown(f'{name}/{os.fsdecode(path)}')}; 'dws diff A B' and the "
            "folders of others tell which paths there are."
        )


def bring(
    workspace: FiledWorkspace,
    session: Session,
    names: Iterable[str],
    selection: Selection,
    places: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Bring resources here as the newest snapshot has them.

    Nothing outside of the workspace is written, unless `places` says so.

    Args:
        workspace: the workspace.
        session: a session of its store, which has what was received.
        names: the resources.
        selection: the paths of them that are wanted.
        places: folders of this machine for resources, by their names.

    Returns:
        why some of them are not here, by name.
    """
    left = {}
    for name in names:
        if not selection.has(name):
            left[name] = "it was not asked for"
            continue
        try:
            _place(workspace, name, (places or {}).get(name))
            fill(workspace, session, name, selection.paths(name))
            continue
        except LocalChangesError as error:
            left[name] = f"its folder holds something else ({error.paths[0]})"
        except MissingObjectsError:
            left[name] = "its content was not pushed"
        except DataWorkspacesError as error:
            left[name] = str(error)
        _take_back(workspace, name)
    return left


def _take_back(workspace: FiledWorkspace, name: str) -> None:
    """Let a resource be absent whose content could not be brought, so that no snapshot is empty."""
    resource = workspace.get_resource_wherever(name)
    remove_file(workspace.local_state(name) / PARAMS)
    if isinstance(resource, LocalStateResourceMixin):
        with suppress(OSError):  # there is something in it
            os.rmdir(resource.get_local_path_if_any() or "")


def make_folders(workspace: FiledWorkspace) -> None:
    """Make the folders of resources that come with the workspace, where git has left them out."""
    for name in workspace.get_resource_names():
        resource = workspace.get_resource_wherever(name)
        if isinstance(resource, git_subdirectory.GitSubdirectoryResource):
            _refuse_links(workspace, resource.root)
            resource.root.mkdir(parents=True, exist_ok=True)


def fill(
    workspace: FiledWorkspace, session: Session, name: str, paths: tuple[bytes, ...] = ()
) -> None:
    """Make a resource that is here like the newest snapshot that has it.

    Raises:
        LocalChangesError: if its folder holds content that is in no snapshot.
        MissingObjectsError: if the content of the snapshot is not here.
    """
    resource, snapshots = workspace.get_resource(name), workspace.list_snapshots()
    if resource.has_results_role():
        bring_results(workspace, session, name)
    newest = History(name, snapshots).newest()
    if newest is None or not isinstance(resource, SnapshotResourceMixin):
        return
    restore_hash = newest.restore_hashes.get(name) if resource.keeps_folder else None
    if restore_hash is not None:
        folder = resource.snapshot_folder(restore_hash)
        _refuse_links(workspace, folder.root)
        folder.root.mkdir(parents=True, exist_ok=True)
        if paths:
            target = prune(session, Trees(session), folder.target, paths)
            folder = replace(folder, target=target)
            session.flush()
        saved = [parse_id(one) for s in snapshots if (one := s.restore_hashes.get(name))]
        planned = plan_folders(session, [replace(folder, saved=tuple(dict.fromkeys(saved)))])
        tell_erased(planned)
        for done in restore_folders(planned, workspace.local / JOURNAL, listener()):
            resource.note_restored(done)
        note_parts_here(workspace.local_state(name), paths)
    workspace.note_at(name, newest.hashval)


def bring_results(workspace: FiledWorkspace, session: Session, name: str) -> None:
    """Bring results here that snapshots elsewhere have moved to folders of their own."""
    resource = workspace.get_resource(name)
    if not isinstance(resource, FileResourceMixin) or not isinstance(
        resource, LocalStateResourceMixin
    ):
        return
    place = resource.get_local_path_if_any()
    if place is None:
        return
    _refuse_links(workspace, Path(place))
    for one in workspace.list_snapshots():
        root, destination = one.compare_hashes.get(name), one.relative_destination_path
        folder = Path(place, destination)
        if root is None or not destination or os.path.lexists(folder):
            continue
        target = parse_id(root)
        if session.missing([target]):
            continue
        folder.mkdir(parents=True)
        planned = plan_folders(session, [Folder(name, folder, target)])
        restore_folders(planned, workspace.local / JOURNAL)


def _place(workspace: FiledWorkspace, name: str, chosen: str | None) -> None:
    """Say where a resource is on this machine, and make its folder.

    Raises:
        ConfigurationError: if it is to lie nowhere, or outside of the workspace unasked.
    """
    params = workspace._get_resource_params(name)
    kind = params["resource_type"]
    resource = workspace.get_resource_wherever(name)
    if isinstance(resource, PlacedFolder):
        folder = _folder(workspace, name, resource.global_local_path, chosen)
        folder.mkdir(parents=True, exist_ok=True)
        local = {} if chosen is None else {resource.place_parameter: str(folder)}
    elif kind == git_repository.RESOURCE_TYPE:
        folder = _folder(workspace, name, str(params["relative_local_path"]), chosen)
        _clone(workspace, name, folder, params)
        local = {} if chosen is None else {"local_path": str(folder)}
    elif kind == git_subdirectory.RESOURCE_TYPE:
        return
    else:
        resource = resource_factory(kind).clone(params, workspace)
        if not isinstance(resource, LocalStateResourceMixin):
            return
        if isinstance(resource, FolderResource):
            inside = os.path.relpath(resource.root, workspace.folder)
            _folder(workspace, name, inside, None)
        local = resource.get_local_params()
    workspace._add_local_params_for_resource(name, local)


def _folder(workspace: FiledWorkspace, name: str, recorded: str, chosen: str | None) -> Path:
    home = Path(os.path.normpath(workspace.folder))  # it may be '/here/../there'
    if chosen is not None:
        found = Path(os.path.abspath(os.path.expanduser(chosen)))
    else:
        found = Path(os.path.normpath(home / recorded))
        if os.path.isabs(recorded) or home not in found.parents:
            raise ConfigurationError(OUTSIDE.format(name=name))
        _refuse_links(workspace, found)
    workspace.validate_local_path_for_resource(name, str(found))
    return found


def _refuse_links(workspace: FiledWorkspace, folder: Path) -> None:
    """Refuse a folder of the workspace that a link leads out of it.

    Raises:
        ConfigurationError: if one does.
    """
    home = Path(os.path.normpath(workspace.folder))  # it may be '/here/../there'
    if home in Path(os.path.normpath(folder)).parents:
        real = os.path.realpath(folder)
        if os.path.commonpath([real, os.path.realpath(home)]) != os.path.realpath(home):
            raise ConfigurationError(
                f"A link leads {shown(folder)} out of the workspace; remove it, or say where the "
                "folder is to be."
            )


def _clone(
    workspace: FiledWorkspace, name: str, folder: Path, params: Mapping[str, object]
) -> None:
    if git_repository.is_repository(str(folder)):
        return
    if folder.exists() and any(folder.iterdir()):
        raise ConfigurationError(f"{shown(folder)} is not empty, and the repository is to be there")
    folder.parent.mkdir(parents=True, exist_ok=True)
    marker = workspace.local_state(name) / git_repository.MARKER
    repository = SharedRepository(folder, marker)
    repository.clone(str(params["remote_origin_url"]))
    repository.check_out_branch(str(params["branch"]))
