"""Bring resources together with what another copy has made of them: planned whole, then done."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from workspace_core.errors import DataWorkspacesError, MissingObjectsError
from workspace_core.progress import listener
from workspace_core.resources import git_repository, git_subdirectory
from workspace_core.shared_repository import SharedRepository
from workspace_core.sharing.following import followed
from workspace_core.sharing.history import History
from workspace_core.sharing.partial import Selection, note_parts_here, parts_here
from workspace_core.store.identity import parse_id
from workspace_core.trees.capture import capture
from workspace_core.trees.merge import BASE, OURS, THEIRS, merge
from workspace_core.trees.prune import prune
from workspace_core.trees.restoring import JOURNAL, plan_folders, restore_folders, tell_erased
from workspace_core.trees.tree import Trees
from workspace_core.workspace import SnapshotResourceMixin

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from workspace_core.backends.files import FiledWorkspace
    from workspace_core.snapshots.deleted import DeletedSnapshot
    from workspace_core.store.session import Session
    from workspace_core.trees.restoring import Folder
    from workspace_core.workspace import SnapshotMetadata

BY_GIT = (git_repository.RESOURCE_TYPE, git_subdirectory.RESOURCE_TYPE)


@dataclass(frozen=True, slots=True)
class Due:
    """A resource that is to go on to what others have made of it.

    Args:
        name: of the resource.
        standing: the snapshots that it has come from here.
        theirs: the snapshot that it is to be brought together with.
        is_forward: whether that has come from all of `standing`.
        folder: what its folder is to become; None where git does that.
        is_changed: whether it has changes that are in no snapshot.
        conflicts: paths that both sides have changed.
        parts: the paths of it that are to be here; none for all of it.
        is_news: whether the others have changed anything.
        history: of the resource, on both sides.
        kind: the type of the resource.
    """

    name: str
    standing: tuple[str, ...]
    theirs: SnapshotMetadata
    is_forward: bool
    folder: Folder | None = None
    is_changed: bool = False
    conflicts: tuple[bytes, ...] = ()
    parts: tuple[bytes, ...] = ()
    is_news: bool = True
    history: History | None = None
    kind: str = ""


@dataclass(slots=True)
class Merging:
    """All resources that are due, and where git has to do it."""

    due: list[Due] = field(default_factory=list)
    repositories: dict[str, tuple[SharedRepository, str]] = field(default_factory=dict)
    conflicts: list[str] = field(default_factory=list)
    waiting: set[str] = field(default_factory=set)  # for content that was never pushed

    @property
    def at_risk(self) -> list[str]:
        """The resources of which something that is in no snapshot would be replaced."""
        return [one.name for one in self.due if one.conflicts and one.is_changed]

    @property
    def diverged(self) -> list[str]:
        """The resources of which both sides have made something that is in no snapshot yet."""
        return [
            one.name for one in self.due if (not one.is_forward or one.conflicts) and not one.parts
        ]


def plan_merging(
    workspace: FiledWorkspace,
    session: Session,
    ours: Sequence[SnapshotMetadata],
    theirs: Sequence[SnapshotMetadata],
    selection: Selection,
    choice: str | None,
    deleted: Sequence[DeletedSnapshot] = (),
) -> Merging:
    """Return what is to happen to the resources that are here; no folder is changed.

    Args:
        workspace: the workspace.
        session: a session of its store, which has what was received.
        ours: the snapshots of both sides.
        theirs: those of the other side.
        selection: resources that are left out stay as they are.
        choice: the side that is taken where both have changed a file, None for neither.
        deleted: the snapshots that either side has deleted.
    """
    merging, absent = Merging(), workspace.absent_resources()
    for name in workspace.get_resource_names():
        if not selection.has(name) or name in absent:
            continue
        resource = workspace.get_resource(name)
        if not isinstance(resource, SnapshotResourceMixin) or resource.has_results_role():
            continue
        if not resource.keeps_folder:  # others have seen another state, which changes nothing here
            continue
        newest = History(name, theirs).newest()
        parts = _parts(workspace, name, selection)
        here = parts_here(workspace.local_state(name))
        is_completed = bool(here) and set(parts) != set(here)  # more of it is asked for
        if newest is None or (newest.hashval in followed(workspace, name) and not is_completed):
            continue
        standing = workspace.standing(name)
        history = History(name, [*ours, *theirs], deleted)
        if newest.hashval in history.ancestors(standing) and not is_completed:
            continue
        is_forward = set(standing) <= history.ancestors([newest.hashval])
        before = {_root(one, name) for one in [*ours, *theirs] if one.hashval in standing}
        is_news = _root(newest, name) not in before
        due = Due(
            name,
            standing,
            newest,
            is_forward,
            parts=parts,
            is_news=is_news,
            history=history,
            kind=resource.resource_type,
        )
        if resource.resource_type == git_repository.RESOURCE_TYPE:
            _plan_repository(merging, workspace, name, choice)
        elif resource.resource_type != git_subdirectory.RESOURCE_TYPE:
            try:
                due = _merged(workspace, session, resource, due, choice)
            except MissingObjectsError:
                merging.waiting.add(name)
                continue
            merging.conflicts += [f"{name}: {os.fsdecode(path)}" for path in due.conflicts]
        merging.due.append(due)
    return merging


def plan_meeting(
    workspace: FiledWorkspace,
    session: Session,
    snapshots: Sequence[SnapshotMetadata],
    selection: Selection,
    choice: str | None,
) -> Merging:
    """Return what is to happen to resources of which all copies have all snapshots.

    What others have made of a resource is there whether this copy has gone on or not; so each
    resource meets the newest snapshot that it has not come from yet. See `plan_merging`.
    """
    whole, deleted = Merging(), workspace.catalogue.deleted_snapshots()
    for name in workspace.get_resource_names():
        if not selection.has(name):
            continue
        here = (*workspace.standing(name), *followed(workspace, name))
        known = History(name, snapshots, deleted).ancestors(here)
        theirs = [one for one in snapshots if one.hashval not in known] or list(snapshots)
        only = Selection({name: selection.paths(name)})
        found = plan_merging(workspace, session, snapshots, theirs, only, choice, deleted)
        whole.due += found.due
        whole.repositories |= found.repositories
        whole.conflicts += found.conflicts
        whole.waiting |= found.waiting
    return whole


def _merged(
    workspace: FiledWorkspace,
    session: Session,
    resource: SnapshotResourceMixin,
    due: Due,
    choice: str | None,
) -> Due:
    restore_hash = due.theirs.restore_hashes.get(due.name)
    if restore_hash is None:
        return due
    folder = resource.snapshot_folder(restore_hash)
    if not folder.root.is_dir():
        return due
    trees, here = Trees(session), parts_here(workspace.local_state(due.name))
    current = capture(session, folder.root, folder.cache, folder.options, progress=listener())
    base = _base(session, trees, due)
    target = folder.target
    if here and base is not None:
        base = prune(session, trees, base, here)
    if due.parts:
        target = prune(session, trees, target, due.parts)
    found = merge(session, trees, base, current.root, target, choice or OURS)
    needed = list(trees.objects(found.root))
    erased = session.erased_among(needed)
    session.require(one for one in needed if one not in erased)
    known = [_root(one, due.name) for one in _known(workspace, due.standing)]
    saved = [root for one in workspace.list_snapshots() if (root := _root(one, due.name))]
    return replace(
        due,
        folder=replace(folder, target=found.root, saved=tuple(dict.fromkeys(saved))),
        is_changed=current.root not in known,
        conflicts=found.conflicts,
    )


def _base(session: Session, trees: Trees, due: Due) -> bytes | None:
    """Return the tree that both sides have come from, None where there is none.

    Where both have merged the same snapshots, each for itself, there are several. What these become
    is the base then, and where they differ what they came from, so that two answers to one conflict
    are a conflict (recursive three-way merge; cf. the documentation of git-merge).
    """
    history = due.history
    if history is None:
        return None

    def is_there(tree: bytes) -> bool:
        try:
            return all(trees.objects(tree))
        except DataWorkspacesError:
            return False

    def base(ours: Sequence[str], theirs: Sequence[str]) -> bytes | None:
        found: bytes | None = None
        taken: list[str] = []
        for one in history.common(ours, theirs, is_there):
            tree = history.tree(one)
            if tree is not None and found is not None:
                found = merge(session, trees, base(taken, [one]), found, tree, BASE).root
            else:
                found = tree
            taken.append(one)
        return found

    return base(due.standing, [due.theirs.hashval])


def _plan_repository(
    merging: Merging, workspace: FiledWorkspace, name: str, choice: str | None
) -> None:
    """See what a repository of its own is to go forward to."""
    resource = workspace.get_resource(name)
    assert isinstance(resource, git_repository.GitResource)  # noqa: S101 - its type says so
    own = resource.repository
    repository = SharedRepository(own.folder, own.marker, own.wait_seconds)
    try:
        theirs, ours = repository.fetch(resource.branch), repository.head()
    except DataWorkspacesError:
        return  # its content comes with the snapshots all the same
    if theirs is None or ours is None or repository.is_ancestor(theirs, ours):
        return
    if not repository.is_ancestor(ours, theirs):
        merged = repository.merged(ours, theirs)
        merging.conflicts += [f"{name}: {path}" for path in merged.conflicts]
        chosen = {
            path: stages.get(3 if choice == THEIRS else 2)
            for path, stages in merged.conflicts.items()
        }
        tree = repository.with_files(merged.tree, chosen)
        theirs = repository.commit_of(tree, [ours, theirs], "Merge what others have done")
    merging.repositories[name] = repository, theirs


def carry_out(workspace: FiledWorkspace, session: Session, merging: Merging) -> None:
    """Make folders what they are to become, all or none, and take note of where they stand.

    Raises:
        LocalChangesError: if content that is in no snapshot would go.
    """
    for repository, commit in merging.repositories.values():
        repository.forward(commit, [])
    folders = [one.folder for one in merging.due if one.folder is not None]
    planned = plan_folders(session, folders)
    tell_erased(planned)
    changing = [one for one in planned if one.plan.changes]
    restored = restore_folders(changing, workspace.local / JOURNAL, listener())
    for done in restored:
        resource = workspace.get_resource(done.folder.name)
        if isinstance(resource, SnapshotResourceMixin):
            resource.note_restored(done)
    for due in merging.due:
        state = workspace.local_state(due.name)
        note_parts_here(state, due.parts)
        if due.is_forward:
            workspace.note_at(due.name, due.theirs.hashval)
        else:
            first, *rest = due.standing
            workspace.note_at(due.name, first, [*rest, due.theirs.hashval])


def complete(workspace: FiledWorkspace, session: Session, merging: Merging) -> None:
    """Bring what git does not keep of the folders that it has merged: ignored files, modes."""
    folders = []
    for due in merging.due:
        resource = workspace.get_resource(due.name)
        if due.kind in BY_GIT and isinstance(resource, SnapshotResourceMixin):
            with suppress(MissingObjectsError):
                merged = _merged(workspace, session, resource, due, OURS)
                folders += [merged.folder] if merged.folder is not None else []
    planned = [one for one in plan_folders(session, folders) if one.plan.changes]
    for done in restore_folders(planned, workspace.local / JOURNAL):
        resource = workspace.get_resource(done.folder.name)
        if isinstance(resource, SnapshotResourceMixin):
            resource.note_restored(done)


def unrecorded(workspace: FiledWorkspace) -> list[str]:
    """Return the resources that were merged, and no snapshot was taken of what they became."""
    return [
        name
        for name in workspace.get_resource_names()
        if workspace.merged_since(name) and not parts_here(workspace.local_state(name))
    ]


def _parts(workspace: FiledWorkspace, name: str, selection: Selection) -> tuple[bytes, ...]:
    """Return the paths of a resource that are to be here from now on; none for all of it."""
    here, asked = parts_here(workspace.local_state(name)), selection.paths(name)
    return tuple(dict.fromkeys([*here, *asked])) if here and asked else ()


def _known(workspace: FiledWorkspace, hashes: Iterable[str]) -> list[SnapshotMetadata]:
    there = set(workspace.catalogue.hashes())
    return [workspace.catalogue.get(one) for one in hashes if one in there]


def _root(snapshot: SnapshotMetadata, name: str) -> bytes | None:
    hashes: Mapping[str, str | None] = snapshot.restore_hashes
    found = hashes.get(name) or snapshot.compare_hashes.get(name)
    return None if found is None else parse_id(found)
