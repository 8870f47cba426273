"""Bring what others have pushed here, and merge it with what was done here."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from workspace_core.backends.central import CentralWorkspace
from workspace_core.backends.git import GitWorkspace
from workspace_core.backends.sharing import (
    branch_of,
    committed_records,
    deleted_in,
    open_remote,
    own_records,
    receive_snapshots,
    repository_of,
    require_origin,
    resource_names_now,
    resource_records,
    snapshots_in,
    write_records,
)
from workspace_core.commands.bring import (
    bring,
    bring_results,
    keep_places,
    make_folders,
    places_of,
    require_paths,
    require_resources,
)
from workspace_core.commands.exchange import pull_resources, pulling
from workspace_core.commands.merging import (
    carry_out,
    complete,
    plan_meeting,
    plan_merging,
    unrecorded,
)
from workspace_core.errors import ConfigurationError
from workspace_core.resources.git_subdirectory import GitSubdirectoryResource
from workspace_core.sharing.errors import UNRELATED, ForeignRemoteError, MergeConflictError
from workspace_core.sharing.following import note_followed
from workspace_core.sharing.merging import MergedRecords, merge_lines, merge_records
from workspace_core.sharing.partial import Selection
from workspace_core.sharing.receive import Received
from workspace_core.sharing.records import CONFIG, check_records
from workspace_core.trees.merge import OURS, THEIRS
from workspace_core.workspace import METADATA_FOLDER, LocalStateResourceMixin, ResourceRoles

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from workspace_core.backends.files import FiledWorkspace
    from workspace_core.commands.merging import Merging
    from workspace_core.shared_repository import Blob, SharedRepository
    from workspace_core.workspace import SnapshotMetadata

GITIGNORE = ".gitignore"


@dataclass(frozen=True, slots=True)
class Pulled:
    """What a pull has done.

    Args:
        snapshots: those that are new here, the first taken first.
        resources: those that were brought together with what others have made of them.
        brought: those that are new here.
        left: why some resources are not here, by name.
        merge: the snapshot of what both sides have made, if both had gone on.
        received: what was transferred.
        from_elsewhere: resources that have been brought what a place of their own has.
        rescues: the snapshots that keep what that has replaced, if it was in no other one.
        removed: resources that others have removed; their folders are as they were.
    """

    snapshots: tuple[SnapshotMetadata, ...] = ()
    resources: tuple[str, ...] = ()
    brought: tuple[str, ...] = ()
    left: Mapping[str, str] = field(default_factory=dict)
    merge: SnapshotMetadata | None = None
    received: Received = field(default_factory=Received)
    from_elsewhere: tuple[str, ...] = ()
    rescues: tuple[SnapshotMetadata, ...] = ()
    removed: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the record as plain data."""
        return {
            "snapshots": [one.hashval for one in self.snapshots],
            "resources": list(self.resources),
            "brought": list(self.brought),
            "left": dict(self.left),
            "merge": None if self.merge is None else self.merge.hashval,
            "received": self.received.to_dict(),
            "from_elsewhere": list(self.from_elsewhere),
            "rescues": [one.hashval for one in self.rescues],
            "removed": list(self.removed),
        }


@dataclass(frozen=True, slots=True)
class _Sides:
    """What both sides have."""

    ours: str
    theirs: str | None
    base: str | None
    records: MergedRecords
    theirs_records: Mapping[str, bytes]

    @property
    def is_new(self) -> bool:
        """Whether the other side has something that is not here."""
        return self.theirs is not None and self.base != self.theirs


def pull(
    workspace: FiledWorkspace,
    *,
    only: Sequence[str] | None = None,
    skip: Sequence[str] = (),
    only_workspace: bool = False,
    choice: str | None = None,
    places: Mapping[str, str] | None = None,
    force: bool = False,
) -> Pulled:
    """Bring what others have pushed here, and merge it; all that is merged is in a snapshot.

    Args:
        workspace: the workspace.
        only: only these resources, or paths in them such as ``raw/2024``.
        skip: all resources but these.
        only_workspace: only records, and no content.
        choice: ``ours`` or ``theirs``, for what both sides have changed.
        places: folders of this machine for resources that lie outside of the workspace, by name.
        force: what a resource has elsewhere is brought also where content that is in no snapshot
            would go; a rescue snapshot keeps it.

    Raises:
        LocalChangesError: if such content would go, unless it is forced.
        MergeConflictError: if both sides have changed something, and no side is chosen; names all
            of it, and nothing is changed.
        NoRemoteError: if the workspace has no remote.
        RemoteError: if a remote fails; the next pull goes on from there.
        ForeignRemoteError: if a remote holds what no workspace has put there.
    """
    if choice not in (None, OURS, THEIRS):
        raise ConfigurationError(f"'{choice}' is no side; choose 'ours' or 'theirs'.")
    selection = Selection.of(only, skip, only_workspace=only_workspace)
    with workspace.locked():
        elsewhere = pulling(workspace, selection)
        if isinstance(workspace, CentralWorkspace):
            done = _pull_content(workspace, selection, choice, places or {})
        else:
            assert isinstance(workspace, GitWorkspace)  # noqa: S101 - the only other backend of ours
            if elsewhere and workspace.repository.origin() is None:
                done = Pulled()
            else:
                done = _pull(workspace, selection, choice, places or {})
        rescues = pull_resources(workspace, selection, force=force)
        return replace(done, from_elsewhere=tuple(elsewhere), rescues=rescues)


def _pull(
    workspace: GitWorkspace, selection: Selection, choice: str | None, places: Mapping[str, str]
) -> Pulled:
    require_origin(workspace)
    repository, branch = repository_of(workspace), branch_of(workspace)
    workspace.save("Record what was done before a pull")
    sides = _look(workspace, repository, branch, choice)
    if workspace.follow_renames(resource_records(sides.theirs_records)):
        workspace.save("Rename resources as others have done")
        sides = _look(workspace, repository, branch, choice)
    merged = snapshots_in(sides.records.files)
    names = _resource_names(sides.records.files)
    selection.require(names)
    require_resources(names, places)
    fresh = {one.hashval for one in merged} - {*workspace.catalogue.hashes()}
    with workspace.store_session() as session:
        remote = None
        if not selection.is_nothing and merged:
            remote = open_remote(workspace, config=json.loads(sides.records.files[CONFIG]))
        receiving = receive_snapshots(workspace, remote, merged, selection)
        require_paths(session, merged, selection)
        now = resource_names_now(sides.records.files)
        theirs = snapshots_in(sides.theirs_records, now)
        own = workspace.list_snapshots()  # also those that the others have deleted
        gone = deleted_in(sides.records.files)
        plan = plan_merging(workspace, session, own, theirs, selection, choice, gone)
        commit, conflicts = _merged_commit(workspace, repository, sides, choice)
        conflicts = [*sides.records.conflicts, *plan.conflicts, *conflicts]
        if conflicts and choice is None:
            raise MergeConflictError(conflicts)
        if choice == THEIRS and plan.at_risk:
            workspace.keep_aside(plan.at_risk, "What a pull has replaced")
            return _pull(workspace, selection, choice, places)
        if commit is not None:
            repository.check_forward(commit)
        carry_out(workspace, session, plan)
        places_before, names_before = places_of(workspace), [*workspace.get_resource_names()]
        changed = write_records(workspace, sides.records.files)
        workspace.read_again()
        workspace.finish_renames()
        keep_places(workspace, places_before)
        if commit is not None:
            repository.forward(commit, changed)
        make_folders(workspace)
        complete(workspace, session, plan)
        absent = workspace.absent_resources()
        left = bring(workspace, session, absent, selection, places)
        for name in workspace.get_resource_names():
            is_results = workspace.get_resource_role(name) == ResourceRoles.RESULTS
            if is_results and name not in absent and selection.has(name):
                bring_results(workspace, session, name)
        merge = _record(workspace, plan)
        done = {*workspace.get_resource_names()} - left.keys() - plan.waiting
        note_followed(workspace, [one for one in done if selection.has(one)], theirs)
    return Pulled(
        tuple(one for one in workspace.list_snapshots(reverse=False) if one.hashval in fresh),
        tuple(one.name for one in plan.due if one.is_news),
        tuple(one for one in absent if one not in left),
        left,
        merge,
        receiving.received,
        removed=tuple(one for one in names_before if now.get(one, one) not in names),
    )


def _pull_content(
    workspace: CentralWorkspace,
    selection: Selection,
    choice: str | None,
    places: Mapping[str, str],
) -> Pulled:
    """Bring resources together with what others have made of them; records are here already.

    As many may have gone on as there are people, so that each resource meets one after the other.
    """
    selection.require(list(workspace.get_resource_names()))
    require_resources(workspace.get_resource_names(), places)
    with workspace.store_session() as session:
        require_paths(session, workspace.list_snapshots(), selection)
    done, goes_on = Pulled(), True
    while goes_on:
        try:
            found, goes_on = _meet(workspace, selection, choice, places)
        except MergeConflictError as error:
            raise MergeConflictError(error.conflicts, done.resources) from error
        done = Pulled(
            resources=tuple(dict.fromkeys((*done.resources, *found.resources))),
            brought=(*done.brought, *found.brought),
            left=found.left,
            merge=found.merge or done.merge,
            received=workspace.received,
        )
    here = [workspace.get_resource_wherever(one) for one in workspace.get_resource_names()]
    local = [one for one in here if isinstance(one, LocalStateResourceMixin)]
    due = [one for one in local if selection.has(one.name) and one.name not in done.left]
    workspace.pull_resources([one for one in due if not one.pulls()])  # the others come next
    return done


def _meet(
    workspace: CentralWorkspace,
    selection: Selection,
    choice: str | None,
    places: Mapping[str, str],
) -> tuple[Pulled, bool]:
    """Let each resource meet the newest snapshot that it has not; return whether any had to."""
    names, snapshots = list(workspace.get_resource_names()), workspace.list_snapshots()
    with workspace.store_session() as session:
        plan = plan_meeting(workspace, session, snapshots, selection, choice)
        if plan.conflicts and choice is None:
            raise MergeConflictError(plan.conflicts)
        if choice == THEIRS and plan.at_risk:
            workspace.keep_aside(plan.at_risk, "What a pull has replaced")
            return _meet(workspace, selection, choice, places)
        carry_out(workspace, session, plan)
        complete(workspace, session, plan)
        absent = workspace.absent_resources()
        left = bring(workspace, session, absent, selection, places)
        for name in names:
            is_results = workspace.get_resource_role(name) == ResourceRoles.RESULTS
            if is_results and name not in absent and selection.has(name):
                bring_results(workspace, session, name)
        merge = _record(workspace, plan)
        done = {*names} - left.keys() - plan.waiting
        seen = snapshots if merge is None else [merge, *snapshots]  # and none that came meanwhile
        note_followed(workspace, [one for one in done if selection.has(one)], seen)
    found = Pulled(
        resources=tuple(one.name for one in plan.due if one.is_news),
        brought=tuple(one for one in absent if one not in left),
        left=left,
        merge=merge,
    )
    return found, bool(plan.due)


def _look(
    workspace: GitWorkspace, repository: SharedRepository, branch: str, choice: str | None
) -> _Sides:
    """Fetch what the others have, and merge the records of both; nothing is changed."""
    theirs, ours = repository.fetch(branch), repository.head()
    own = own_records(workspace)
    if ours is None or theirs is None:
        return _Sides(ours or "", None, None, MergedRecords(own), own)
    found = committed_records(repository, theirs)
    check_records(found, json.loads(own[CONFIG]).get("workspace_id"))
    base = repository.merge_base(ours, theirs)
    if base is None:
        raise ForeignRemoteError(*UNRELATED)
    if base != theirs and _has_changed(workspace, repository, base, theirs):
        workspace.save_contents("Record what was done before a pull")
        ours = repository.head() or ours
        base = repository.merge_base(ours, theirs)
    records = merge_records(committed_records(repository, base), own, found, choice or OURS)
    return _Sides(ours, theirs, base, records, found)


def _has_changed(
    workspace: GitWorkspace, repository: SharedRepository, before: str, after: str
) -> bool:
    """Return whether folders that are committed with the workspace differ in two commits."""
    folders = _committed_folders(workspace).values()
    paths = repository.changed(before, after)
    return any(path.startswith(f"{folder}/") for path in paths for folder in folders)


def _committed_folders(workspace: GitWorkspace) -> dict[str, str]:
    found = {}
    for name in workspace.get_resource_names():
        resource = workspace.get_resource_wherever(name)
        if isinstance(resource, GitSubdirectoryResource):
            found[name] = resource.relative_path
    return found


def _merged_commit(
    workspace: GitWorkspace, repository: SharedRepository, sides: _Sides, choice: str | None
) -> tuple[str | None, list[str]]:
    """Return the commit to go forward to, None for none, and what both sides have changed."""
    if not sides.is_new or sides.theirs is None:
        return None, []
    if sides.base == sides.ours and sides.records.files == sides.theirs_records:
        return sides.theirs, []
    merged = repository.merged(sides.ours, sides.theirs)
    changes: dict[str, bytes | Blob | None] = {}
    conflicts = []
    for path, stages in merged.conflicts.items():
        if path.startswith(f"{METADATA_FOLDER}/"):
            continue
        if path == GITIGNORE:
            versions = [
                b"" if one is None else repository.content(one, GITIGNORE)
                for one in (sides.base, sides.ours, sides.theirs)
            ]
            changes[path] = merge_lines(*versions)
            continue
        conflicts.append(_named(workspace, path))
        changes[path] = stages.get(3 if choice == THEIRS else 2)
    changes |= _differing(repository, merged.tree, sides.records.files)
    tree = repository.with_files(merged.tree, changes)
    message = f"Merge what others have done with the workspace {workspace.name}"
    return repository.commit_of(tree, [sides.ours, sides.theirs], message), conflicts


def _differing(
    repository: SharedRepository, tree: str, records: Mapping[str, bytes]
) -> dict[str, bytes | None]:
    """Return the records that are not so in a tree of git; those that are to go are None."""
    files = repository.files(tree, METADATA_FOLDER)
    contents = repository.contents(files.values())
    found: dict[str, bytes | None] = {}
    for path in files.keys() | records.keys():
        there = contents[files[path].id] if path in files else None
        if there != records.get(path):
            found[f"{METADATA_FOLDER}/{path}"] = records.get(path)
    return found


def _named(workspace: GitWorkspace, path: str) -> str:
    """Return what a file is called in a sentence: by its resource, if it belongs to one."""
    for name, folder in _committed_folders(workspace).items():
        if path.startswith(f"{folder}/"):
            return f"{name}: {os.path.relpath(path, folder)}"
    return path


def _record(workspace: FiledWorkspace, plan: Merging) -> SnapshotMetadata | None:
    """Take a snapshot of what both sides have made, if both had gone on."""
    absent = workspace.absent_resources()
    # also what one that was killed has merged
    names = dict.fromkeys([*plan.diverged, *unrecorded(workspace)])
    if here := [one for one in names if one not in absent]:
        return workspace.record_merge(here, "Merge of what others have done")
    workspace.save_contents("Record what a pull has changed")
    return None


def _resource_names(records: Mapping[str, bytes]) -> list[str]:
    return [
        path.partition("/")[2].removesuffix(".json")
        for path in records
        if path.startswith("resources/")
    ]
